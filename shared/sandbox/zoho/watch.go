package zoho

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"meibo/shared/sandbox"
)

// channel is a subscription of one user to changes of records.
type channel struct {
	ID     int64    `json:"id"`
	User   int64    `json:"user"`
	Events []string `json:"events"`
	Expiry int64    `json:"expiry"`
	URL    string   `json:"url"`
	Token  string   `json:"token,omitempty"`
	Values bool     `json:"values,omitempty"`
}

// The rules of channels. A life that is absent or too long silently becomes channelShort.
const (
	channelLong  = 7 * 24 * time.Hour
	channelShort = time.Hour
	channelsMost = 50 // of one call
	tokenMost    = 50
	urlMost      = 255
)

func channelKey(o *org, ch *channel) string { return fmt.Sprintf("channel/%04d/%d", o.Index, ch.ID) }

func (s *Sandbox) keepChannel(o *org, ch *channel) { s.draft.PutJSON(channelKey(o, ch), ch) }

func (s *Sandbox) dropChannel(o *org, ch *channel) {
	o.channels = slices.DeleteFunc(o.channels, func(x *channel) bool { return x == ch })
	s.draft.Drop(channelKey(o, ch))
}

// sweepChannels forgets the channels whose time is over: the vendor does not say so to anybody.
func (s *Sandbox) sweepChannels(o *org) {
	for _, ch := range slices.Clone(o.channels) {
		if ch.Expiry <= s.now() {
			s.dropChannel(o, ch)
		}
	}
}

// channel finds a channel of the calling user.
func (c *call) channel(id int64) *channel {
	return first(c.o.channels, func(ch *channel) bool { return ch.ID == id && ch.User == c.m.ID })
}

// watchVerb is what a call does to the channels that its body names.
type watchVerb int

const (
	watchAdd watchVerb = iota
	watchReplace
	watchChange
)

func addChannels(c *call) (*reply, error)     { return c.watch(watchAdd) }
func replaceChannels(c *call) (*reply, error) { return c.watch(watchReplace) }
func changeChannels(c *call) (*reply, error)  { return c.watch(watchChange) }

// watch is POST, PUT and PATCH /actions/watch.
func (c *call) watch(verb watchVerb) (*reply, error) {
	m, err := c.decode("watch")
	if err != nil {
		return nil, err
	}
	var list []map[string]json.RawMessage
	if m["watch"] == nil {
		return nil, refuse(http.StatusBadRequest, "MANDATORY_NOT_FOUND", "required field not found", object{"api_name": "watch", "json_path": "$.watch"})
	}
	if json.Unmarshal(m["watch"], &list) != nil || len(list) == 0 || len(list) > channelsMost {
		return nil, refuse(http.StatusBadRequest, "INVALID_DATA", "invalid data", object{"api_name": "watch", "json_path": "$.watch", "expected_data_type": "jsonarray"})
	}
	c.s.sweepChannels(c.o)
	out := make([]object, len(list))
	failed := 0
	for i, in := range list {
		b, bad := c.watchOne(verb, in, i)
		if bad != nil {
			failed++
			b = bad.body()
		}
		out[i] = b
	}
	good := http.StatusOK
	if verb == watchAdd {
		good = http.StatusCreated
	}
	return watchReply(good, out, failed), nil
}

func watchReply(good int, out []object, failed int) *reply {
	switch failed {
	case 0:
	case len(out):
		good = http.StatusBadRequest
	default:
		good = http.StatusMultiStatus
	}
	return &reply{status: good, body: object{"watch": out}}
}

var channelMembers = []string{"channel_id", "events", "channel_expiry", "token", "notify_url", "return_affected_field_values", "notify_on_related_action"}

// watchOne makes, replaces or changes one channel. Conditions on fields are of no use to a sync and are refused here.
func (c *call) watchOne(verb watchVerb, in map[string]json.RawMessage, index int) (object, *fault) {
	bad := func(code, name string) *fault {
		return refuse(http.StatusBadRequest, code, "invalid data", object{"api_name": name, "json_path": fmt.Sprintf("$.watch[%d].%s", index, name)})
	}
	for k := range in {
		if !slices.Contains(channelMembers, k) {
			return nil, bad("INVALID_DATA", k)
		}
	}
	for _, k := range []string{"channel_id", "notify_url", "events"} {
		if in[k] == nil {
			return nil, bad("MANDATORY_NOT_FOUND", k)
		}
	}
	id := channelID(in["channel_id"])
	if id == 0 {
		return nil, bad("INVALID_DATA", "channel_id")
	}
	have := c.channel(id)
	switch {
	case verb == watchAdd && have != nil:
		return nil, bad("INVALID_DATA", "channel_id")
	case verb != watchAdd && have == nil:
		return nil, refuse(http.StatusBadRequest, "NOT_SUBSCRIBED", "the channel is not subscribed", object{"api_name": "channel_id", "json_path": fmt.Sprintf("$.watch[%d].channel_id", index)})
	}
	ch := &channel{ID: id, User: c.m.ID}
	if verb == watchChange {
		copied := *have
		ch = &copied
	}
	ch.URL = textOf(in["notify_url"])
	if len(ch.URL) > urlMost || sandbox.CheckPushURL(ch.URL) != nil {
		return nil, bad("INVALID_DATA", "notify_url")
	}
	if json.Unmarshal(in["events"], &ch.Events) != nil || len(ch.Events) == 0 {
		return nil, bad("INVALID_DATA", "events")
	}
	for _, e := range ch.Events {
		module, what, _ := strings.Cut(e, ".")
		if !moduleNames[module] || !slices.Contains([]string{"create", "edit", "delete", "all"}, what) {
			return nil, bad("INVALID_DATA", "events")
		}
		if !c.hasScope(strings.ToLower(module), moduleRead) || c.may("View", module) != nil {
			return nil, bad("NO_PERMISSION", "events")
		}
	}
	if raw := in["token"]; raw != nil {
		if ch.Token = textOf(raw); ch.Token == "" || len(ch.Token) > tokenMost {
			return nil, bad("INVALID_DATA", "token")
		}
	}
	for k, to := range map[string]*bool{"return_affected_field_values": &ch.Values, "notify_on_related_action": new(bool)} {
		if in[k] != nil && json.Unmarshal(in[k], to) != nil {
			return nil, bad("INVALID_DATA", k)
		}
	}
	if expiry, ok := c.channelExpiry(in["channel_expiry"]); !ok {
		return nil, bad("INVALID_DATA", "channel_expiry")
	} else if in["channel_expiry"] != nil || verb != watchChange {
		ch.Expiry = expiry
	}
	if have != nil {
		*have = *ch
		ch = have
	} else {
		c.o.channels = append(c.o.channels, ch)
	}
	c.s.keepChannel(c.o, ch)
	message := "Successfully subscribed for actions-watch of the given module"
	return object{"code": "SUCCESS", "status": "success", "message": message, "details": object{"events": c.channelEvents(ch)}}, nil
}

// channelExpiry is when a channel ends that asked for raw.
func (c *call) channelExpiry(raw json.RawMessage) (int64, bool) {
	now := c.s.now()
	short := now + int64(channelShort/time.Second)
	if raw == nil {
		return short, true
	}
	text := textOf(raw)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || strings.Contains(text, ".") || t.Unix() <= now {
		return 0, false
	}
	if t.Unix() > now+int64(channelLong/time.Second) {
		return short, true
	}
	return t.Unix(), true
}

// channelID reads the number that a client chose, written as a number or as text; 0 means that it is none.
func channelID(raw json.RawMessage) int64 {
	if len(raw) > 0 && raw[0] == '"' {
		return parseID(textOf(raw))
	}
	return parseID(string(raw))
}

// modules are the modules that a channel watches, each once.
func (ch *channel) modules() []string {
	var out []string
	for _, e := range ch.Events {
		if m, _, _ := strings.Cut(e, "."); !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

func (c *call) resource(module string) object {
	_, api := c.s.origins(c.r, c.o.DC)
	return object{"resource_uri": api + strings.TrimSuffix(apiPrefix, "/") + "/" + module, "resource_id": num(c.o.moduleID(module))}
}

func (c *call) channelEvents(ch *channel) []object {
	var out []object
	for _, m := range ch.modules() {
		o := c.resource(m)
		o["resource_name"], o["channel_id"], o["channel_expiry"] = m, num(ch.ID), c.m.stamp(ch.Expiry)
		out = append(out, o)
	}
	return out
}

// listChannels is GET /actions/watch: the calling user's channels that are alive.
func listChannels(c *call) (*reply, error) {
	c.s.sweepChannels(c.o)
	var out []object
	for _, ch := range c.o.channels {
		if ch.User != c.m.ID || c.query.Has("channel_id") && c.query.Get("channel_id") != num(ch.ID) {
			continue
		}
		for _, m := range ch.modules() {
			if c.query.Has("module") && c.query.Get("module") != m {
				continue
			}
			o := c.resource(m)
			o["resource_name"], o["channel_id"], o["channel_expiry"] = m, num(ch.ID), c.m.stamp(ch.Expiry)
			o["notify_url"], o["events"], o["token"], o["fields"] = ch.URL, ch.Events, nil, nil
			if ch.Token != "" {
				o["token"] = ch.Token
			}
			o["return_affected_field_values"], o["notify_on_related_action"], o["notification_condition"] = ch.Values, true, nil
			out = append(out, o)
		}
	}
	switch {
	case len(out) == 0 && c.query.Has("channel_id"):
		return nil, refuse(http.StatusBadRequest, "NOT_SUBSCRIBED", "the channel is not subscribed", nil)
	case len(out) == 0:
		return &reply{status: http.StatusNoContent}, nil
	}
	return &reply{status: http.StatusOK, body: object{"watch": out, "info": object{"per_page": 200, "count": len(out), "page": 1, "more_records": false}}}, nil
}

// removeChannels is DELETE /actions/watch?channel_ids=.
func removeChannels(c *call) (*reply, error) {
	if !c.query.Has("channel_ids") {
		return nil, missingParam("channel_ids")
	}
	c.s.sweepChannels(c.o)
	var out []object
	failed := 0
	for _, text := range strings.Split(c.query.Get("channel_ids"), ",") {
		ch := c.channel(parseID(text))
		if ch == nil {
			failed++
			out = append(out, refuse(http.StatusBadRequest, "NOT_SUBSCRIBED", "the channel is not subscribed", object{"api_name": "channel_ids", "json_path": "$.channel_ids"}).body())
			continue
		}
		details := c.resource(ch.modules()[0])
		details["channel_id"] = num(ch.ID)
		c.s.dropChannel(c.o, ch)
		out = append(out, object{"code": "SUCCESS", "status": "success", "message": "Successfully un-subscribed for actions-watch of the given module", "details": details})
	}
	return watchReply(http.StatusOK, out, failed), nil
}
