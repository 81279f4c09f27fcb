package pipedrive

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"meibo/shared/sandbox"
)

// event is one change that webhooks tell about.
type event struct {
	o                    *company
	t                    *table
	action               string
	before, after        *row
	by                   int64
	source               string // api or app
	bulk                 bool
	seers                []int64 // who sees the record
	mergedTo, mergedFrom int64
}

// emit notes an event, which goes out once the change is kept.
func (c *call) emit(t *table, e event) {
	if len(c.o.hooks) == 0 {
		return
	}
	e.o, e.t, e.by, e.bulk, e.source = c.o, t, c.m.ID, c.bulk, "api"
	if c.ui {
		e.source = "app"
	}
	c.s.events = append(c.s.events, e)
}

// notify sends an event to the webhooks that want it. It needs the lock.
func (s *Sandbox) notify(e event) {
	for _, h := range e.o.hooks {
		if h.Removed != 0 || h.Object != "*" && h.Object != e.t.kind.entity || h.Action != "*" && h.Action != e.action || !slices.Contains(e.seers, h.User) {
			continue
		}
		if s.now() < h.Banned { // events of a ban are lost, not queued
			h.Lost++
			continue
		}
		s.send(e, h)
	}
}

func (s *Sandbox) send(e event, h *hook) {
	body := s.payload(e, h)
	header := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"Pipedrive Webhooks"}}
	if h.Basic != "" {
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(h.Basic+":"+h.Secret)))
	}
	o, id := e.o, h.ID
	s.pusher.Send(sandbox.Push{Key: num(o.ID) + "/" + num(id), URL: h.URL, Header: header}, sandbox.Policy{
		Timeout: deliverWithin, Retries: deliverRetries,
		Prepare: func(p sandbox.Push, attempt int) sandbox.Push {
			meta := maps.Clone(body.Meta)
			meta["attempt"] = attempt
			p.Body = raw(payload{meta, body.Data, body.Previous})
			return p
		},
		OnResult: func(_ sandbox.Push, attempt int, status int, err error) { s.delivered(o, id, attempt, status, err) },
	})
}

// delivered keeps the counts by which the vendor bans and deletes.
func (s *Sandbox) delivered(o *company, id int64, attempt, status int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := o.hook(id)
	if h == nil || h.Removed != 0 {
		return
	}
	h.Delivered, h.LastStatus = s.now(), status
	switch {
	case err == nil && status >= 200 && status < 300:
		h.Failing = 0
	default:
		if h.Failing == 0 {
			h.Failing = s.now()
		}
		if attempt == 1 {
			h.Failures++
		}
		if h.Failures >= banAfter {
			h.Failures, h.Banned = 0, s.now()+banFor
		}
		if s.now()-h.Failing >= failingMost {
			s.switchOff(o, h, "no successful delivery for three days")
		}
	}
	s.keepHook(o, h)
	_ = s.save() // the counts are written again with the next delivery
}

// payload is the body of a delivery.
type payload struct {
	Meta     object `json:"meta"`
	Data     any    `json:"data"`
	Previous any    `json:"previous"`
}

func (s *Sandbox) payload(e event, h *hook) payload {
	who := e.after
	if who == nil {
		who = e.before
	}
	seers := []string{}
	for _, id := range e.seers {
		seers = append(seers, num(id))
	}
	// All ids of meta are text.
	p := payload{Meta: object{
		"action": e.action, "entity": e.t.kind.entity, "entity_id": num(who.ID), "company_id": num(e.o.ID), "correlation_id": sandbox.UUID(s.random), "id": sandbox.UUID(s.random),
		"is_bulk_edit": e.bulk, "timestamp": s.cfg.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z"), "type": "application", "user_id": num(e.by),
		"version": "2.0", "webhook_id": num(h.ID), "webhook_owner_id": num(h.Maker), "change_source": e.source, "host": e.o.Domain + ".pipedrive.com",
		"permitted_user_ids": seers,
	}}
	if e.mergedTo != 0 {
		p.Meta["merged_to_id"] = num(e.mergedTo)
	}
	if e.mergedFrom != 0 {
		p.Meta["merged_from_id"] = num(e.mergedFrom)
	}
	switch e.action {
	case "create":
		p.Data = e.o.told(e.t, e.after)
	case "delete":
		p.Previous = e.o.told(e.t, e.before)
	default:
		now, was, previous := e.o.told(e.t, e.after), e.o.told(e.t, e.before), object{}
		for k, v := range was {
			if !reflect.DeepEqual(v, now[k]) {
				previous[k] = v
			}
		}
		p.Data, p.Previous = now, previous
	}
	return p
}

// told is a record as webhooks have it: visible_to is text and custom fields are typed. Members beyond these are not documented,
// so none are sent.
func (o *company) told(t *table, r *row) object {
	custom := object{}
	for _, f := range o.fields(t.kind) {
		if v := r.Custom[f.Code]; v != nil {
			custom[f.Code] = f.typed(v)
		}
	}
	out := object{"id": r.ID, "name": r.Name, "owner_id": r.Owner, "add_time": stamp(r.Added), "update_time": stamp(r.Updated),
		"visible_to": strconv.Itoa(r.Visible), "label": nil, "custom_fields": custom}
	if len(r.Labels) > 0 {
		out["label"] = r.Labels[0]
	}
	if t.kind == &personKind {
		out["first_name"], out["last_name"], out["org_id"] = orNull(r.First), orNull(r.Last), idOrNull(r.Org)
		out["emails"], out["phones"] = list(r.Emails), list(r.Phones)
	}
	return out
}

// Uninstall is a user's removal of the app on Pipedrive's pages: authorisations and webhooks go, and the app is told at its
// callback address.
func (s *Sandbox) Uninstall(user string) error {
	s.mu.Lock()
	m := s.userByEmail(user)
	s.mu.Unlock()
	if m == nil {
		return noUser(user)
	}
	if err := s.forget(user); err != nil || len(s.cfg.RedirectURIs) == 0 {
		return err
	}
	ids := [2]any{m.o.ID, m.ID}
	if s.quirks().TextIDs {
		ids = [2]any{num(m.o.ID), num(m.ID)}
	}
	body, err := json.Marshal(object{"client_id": s.cfg.Client.ID, "company_id": ids[0], "user_id": ids[1],
		"timestamp": s.cfg.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z")})
	if err != nil { // numbers and text marshal
		return err
	}
	basic := base64.StdEncoding.EncodeToString([]byte(s.cfg.Client.ID + ":" + s.cfg.Client.Secret))
	s.pusher.Send(sandbox.Push{Key: "uninstall", URL: s.cfg.RedirectURIs[0], Method: http.MethodDelete, Body: body,
		Header: http.Header{"Content-Type": {"application/json"}, "Authorization": {"Basic " + basic}}}, sandbox.Policy{Timeout: deliverWithin})
	return nil
}
