package pipedrive

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"meibo/shared/sandbox"
)

// hook is one webhook. Times are in seconds, 0 is never.
type hook struct {
	ID     int64
	User   int64 // whose records are told about
	Maker  int64
	Action string
	Object string
	URL    string
	Name   string
	Basic  string // user name, with Secret; "" means none
	Secret string
	Added  int64

	Failures   int   // failed first attempts since the last ban
	Banned     int64 // until when
	Failing    int64 // since when nothing succeeded
	Removed    int64
	Why        string
	Delivered  int64 // last attempt
	LastStatus int
	Lost       int // events of bans
}

const (
	hooksMost     = 40
	banAfter      = 10
	banFor        = 30 * 60
	failingMost   = 3 * day
	deliverWithin = 10 * time.Second
)

var (
	deliverRetries = []time.Duration{3 * time.Second, 30 * time.Second, 150 * time.Second}
	hookObjects    = []string{"activity", "deal", "lead", "note", "organization", "person", "pipeline", "product", "stage", "user", "*"}
	hookActions    = []string{"create", "change", "delete", "*"}
)

func (h *hook) render(o *company) object {
	active := 1
	if h.Removed != 0 {
		active = 0
	}
	moment := func(at int64) any {
		if at == 0 {
			return nil
		}
		return time.Unix(at, 0).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	out := object{
		"id": h.ID, "company_id": o.ID, "owner_id": h.Maker, "user_id": h.User, "event_action": h.Action, "event_object": h.Object, "subscription_url": h.URL,
		"version": "2.0", "is_active": active, "add_time": moment(h.Added), "remove_time": moment(h.Removed), "type": "application",
		"http_auth_user": orNull(h.Basic), "http_auth_password": orNull(h.Secret), "remove_reason": orNull(h.Why), "last_delivery_time": moment(h.Delivered),
		"last_http_status": idOrNull(int64(h.LastStatus)), "admin_id": h.Maker, "name": h.Name,
	}
	return out
}

func hookAnswer(status int, data any) *reply {
	out := object{"status": "ok", "success": true}
	if data != nil {
		out["data"] = data
	}
	return &reply{status, out}
}

func hookErrors(status int, member, text string) *refusal {
	return &refusal{status: status, body: object{"status": "error", "success": false, "errors": object{member: []string{text}}}}
}

// listHooks lists the app's webhooks in the company, those that the vendor switched off too.
func listHooks(c *call) (*reply, error) {
	out := []object{}
	for _, h := range c.o.hooks {
		out = append(out, h.render(c.o))
	}
	return hookAnswer(http.StatusOK, out), nil
}

// hookOf reads the body of a new webhook.
func (c *call) hookOf() (*hook, error) {
	in, err := c.object("subscription_url", "event_action", "event_object", "name", "user_id", "http_auth_user", "http_auth_password", "version")
	if err != nil {
		return nil, err
	}
	h := &hook{Maker: c.m.ID, User: c.m.ID}
	for name, to := range map[string]*string{"subscription_url": &h.URL, "event_action": &h.Action, "event_object": &h.Object, "name": &h.Name} {
		if !strict(in[name], to) || *to == "" {
			return nil, hookErrors(http.StatusBadRequest, name, "is required")
		}
	}
	version := "2.0"
	for name, to := range map[string]*string{"http_auth_user": &h.Basic, "http_auth_password": &h.Secret, "version": &version} {
		if raw, given := in[name]; given && !isNull(raw) && !strict(raw, to) {
			return nil, hookErrors(http.StatusBadRequest, name, "must be a text")
		}
	}
	if raw, given := in["user_id"]; given && !strict(raw, &h.User) {
		return nil, hookErrors(http.StatusBadRequest, "user_id", "must be an integer")
	}
	switch {
	case !slices.Contains(hookActions, h.Action):
		return nil, hookErrors(http.StatusBadRequest, "event_action", "is not a known action")
	case !slices.Contains(hookObjects, h.Object):
		return nil, hookErrors(http.StatusBadRequest, "event_object", "is not a known object")
	case len(h.Name) > textMost:
		return nil, hookErrors(http.StatusBadRequest, "name", "is too long")
	case version != "2.0":
		return nil, hookErrors(http.StatusBadRequest, "version", "the sandbox sends version 2.0 only")
	case (h.Basic == "") != (h.Secret == "") || strings.Contains(h.Basic, ":"):
		return nil, hookErrors(http.StatusBadRequest, "http_auth_user", "user and password go together, and the user has no colon")
	}
	return h, nil
}

// probeHook tries the address before the webhook is made, as the vendor does: anything that answers without a redirect and without
// a failure of its own counts as reachable. It runs without the lock, because the answer may take its time.
func probeHook(c *call) error {
	h, err := c.hookOf()
	if err != nil {
		return err
	}
	unreachable := hookErrors(http.StatusBadRequest, "subscription_url", "invalid or non-reachable URL")
	if sandbox.CheckPushURL(h.URL) != nil {
		return unreachable
	}
	status, _, _, err := c.s.pusher.Call(context.WithoutCancel(c.r.Context()), sandbox.Push{URL: h.URL, Method: http.MethodGet}, deliverWithin)
	if err != nil || status >= 300 && status < 400 || status >= 500 {
		return unreachable
	}
	return nil
}

func createHook(c *call) (*reply, error) {
	h, err := c.hookOf()
	if err != nil {
		return nil, err
	}
	if m := c.o.member(h.User); m == nil || m != c.m && !c.m.Admin {
		return nil, hookErrors(http.StatusBadRequest, "user_id", "must be the user itself, or any for an administrator")
	}
	mine := 0
	for _, o := range c.o.hooks {
		if o.Maker == c.m.ID && o.Removed == 0 {
			mine++
		}
	}
	if mine >= limit(c.s.cfg.Limits.Webhooks, hooksMost) {
		return nil, hookErrors(http.StatusUnprocessableEntity, "webhooks", "the limit of webhooks of this user is reached")
	}
	h.ID, h.Added = c.o.newID(), c.s.now()
	c.o.hooks = append(c.o.hooks, h)
	c.s.keepHook(c.o, h)
	c.s.keepCompany(c.o)
	return hookAnswer(http.StatusCreated, h.render(c.o)), nil
}

func (o *company) hook(id int64) *hook {
	for _, h := range o.hooks {
		if h.ID == id {
			return h
		}
	}
	return nil
}

func deleteHook(c *call) (*reply, error) {
	h := c.o.hook(c.id(0))
	if h == nil {
		return nil, &refusal{status: http.StatusNotFound, body: object{"status": "error", "success": false, "errors": object{"id": []string{"webhook not found"}}}}
	}
	if h.Maker != c.m.ID && !c.m.Admin {
		return nil, &refusal{status: http.StatusForbidden, body: object{"success": false, "message": "You do not have permission to delete this webhook"}}
	}
	c.s.removeHook(c.o, h)
	return hookAnswer(http.StatusOK, nil), nil
}

func (s *Sandbox) removeHook(o *company, h *hook) {
	o.hooks = slices.DeleteFunc(o.hooks, func(x *hook) bool { return x == h })
	s.draft.Drop(hookKey(o, h.ID))
}

// switchOff is the vendor's own deletion: the webhook stays in the list, inactive and with the reason.
func (s *Sandbox) switchOff(o *company, h *hook, why string) {
	h.Removed, h.Why = s.now(), why
	s.keepHook(o, h)
}
