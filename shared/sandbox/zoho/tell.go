package zoho

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"meibo/shared/sandbox"
)

// happening is a change of a record that channels may want to hear of.
type happening struct {
	org       *org
	table     *table
	row       *row
	operation string // insert, update or delete
	set       map[string]json.RawMessage
}

// happened notes a change; save tells it once it is kept.
func (s *Sandbox) happened(o *org, t *table, r *row, operation string, set map[string]json.RawMessage) {
	if len(o.channels) > 0 {
		s.news = append(s.news, happening{o, t, r, operation, set})
	}
}

// wants reports whether a channel is about an operation. Notifications call operations otherwise than subscriptions do.
func (ch *channel) wants(module, operation string) bool {
	event := map[string]string{"insert": "create", "update": "edit", "delete": "delete"}[operation]
	return slices.Contains(ch.Events, module+".all") || slices.Contains(ch.Events, module+"."+event)
}

// toldMost is how many records one notification names.
const toldMost = 100

// tell sends what happened to the channels whose users may see it: what one call did to one module, as one notification.
func (s *Sandbox) tell() {
	news := s.news
	s.news = nil
	for len(news) > 0 {
		head := news[0]
		n := 1
		for n < len(news) && n < toldMost && news[n].org == head.org && news[n].table == head.table && news[n].operation == head.operation {
			n++
		}
		s.sweepChannels(head.org)
		for _, ch := range head.org.channels {
			if ch.wants(head.table.module, head.operation) {
				s.push(ch, news[:n])
			}
		}
		news = news[n:]
	}
}

// push sends one notification. Whether Zoho tries again is not known, so a failed one is lost.
func (s *Sandbox) push(ch *channel, what []happening) {
	o, module := what[0].org, what[0].table.module
	m := o.member(ch.User)
	if m == nil || m.Status != "active" || !m.may("Crm_Implied_View_"+module) {
		return
	}
	ids, affected, values := []string{}, []object{}, []object{}
	for _, h := range what {
		id := num(h.row.ID)
		if !m.sees(h.table, h.row) || slices.Contains(ids, id) {
			continue
		}
		ids = append(ids, id)
		if h.operation == "delete" {
			continue
		}
		names, set := []string{}, object{}
		for k, v := range h.set {
			names, set[k] = append(names, k), v
		}
		slices.Sort(names)
		affected = append(affected, object{id: names})
		values = append(values, object{"record_id": id, "values": set})
	}
	if len(ids) == 0 {
		return
	}
	// No two notifications of an organisation bear the same time, so that they can be told apart.
	o.told = max(o.told+1, s.cfg.Clock.Now().UnixMilli())
	api := "https://www.zohoapis.com"
	for _, d := range s.cfg.DCs {
		if d.Location == o.DC && d.API != "" {
			api = d.API
		}
	}
	body := object{"server_time": o.told, "query_params": object{}, "module": module, "resource_uri": api + apiPrefix + module, "ids": ids,
		"affected_fields": affected, "operation": what[0].operation, "channel_id": num(ch.ID), "token": nil}
	if ch.Token != "" {
		body["token"] = ch.Token
	}
	if ch.Values {
		body["affected_values"] = values
	}
	b := marshal(body)
	head := http.Header{"Content-Type": {"application/json;charset=UTF-8"}}
	s.pusher.Send(sandbox.Push{Key: channelKey(o, ch), URL: ch.URL, Header: head, Body: b}, sandbox.Policy{Timeout: 10 * time.Second})
}

// Pusher delivers the notifications.
func (s *Sandbox) Pusher() *sandbox.Pusher { return s.pusher }

// Close gives up the notifications that are not delivered.
func (s *Sandbox) Close() { s.pusher.Close() }

// EndChannels ends a user's channels without telling anybody, as an outage or an administrator does.
func (s *Sandbox) EndChannels(user string) error {
	return s.onOrg(user, func(c *call) error {
		for _, ch := range slices.Clone(c.o.channels) {
			if ch.User == c.m.ID {
				s.dropChannel(c.o, ch)
			}
		}
		return nil
	})
}
