package hubspot

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"meibo/shared/sandbox"
)

// hook is the app's one address for webhooks, and what it subscribed to.
type hook struct {
	URL        string   `json:"url"`
	Properties []string `json:"properties"`
	// Collect keeps events back until it ends, so that those of several portals share arrays.
	Collect bool `json:"collect"`
}

// event is one change that webhooks tell about.
type event struct {
	Kind     string // creation, propertyChange, deletion, privacyDeletion, merge or restore
	Object   int64
	Property string
	Value    string
	Flag     string
	Merged   []int64
	New      int64
	Moved    int

	portal int64
	at     int64
	source string
	by     string
}

const (
	eventsMost        = 100
	deliverWithin     = 5 * time.Second
	firstEvent        = 3181526809
	firstSubscription = 3127501
	firstPropertySub  = 3127601
)

// deliverRetries are ten within a day.
var deliverRetries = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 9 * time.Hour}

var eventKinds = []string{"creation", "deletion", "merge", "privacyDeletion", "restore"}

// subscription is the number of the subscription that an event is for; 0 is none.
func (h *hook) subscription(e event) int {
	if e.Kind != "propertyChange" {
		return firstSubscription + slices.Index(eventKinds, e.Kind)
	}
	if i := slices.Index(h.Properties, e.Property); i >= 0 {
		return firstPropertySub + i
	}
	return 0
}

// emit notes an event, which goes out once the change is kept. Only portals that have the app installed are told of.
func (c *call) emit(t *table, e event) {
	s := c.s
	if t.kind != &contactKind || s.hook.URL == "" || s.hook.subscription(e) == 0 || !s.inUse(t.p) {
		return
	}
	e.portal, e.at, e.source = t.p.ID, s.now(), c.source
	switch c.source {
	case sourceAPI:
		e.by = num(s.cfg.AppID)
	case sourceUI:
		e.by = "userId:" + num(c.m.UserID)
	}
	s.events = append(s.events, e)
}

// inUse reports whether somebody in the portal installed the app.
func (s *Sandbox) inUse(p *portal) bool {
	for _, in := range s.installs {
		if slices.ContainsFunc(p.members, func(m *member) bool { return m.Email == in.User }) {
			return true
		}
	}
	return false
}

// flush sends what is to be told, up to 100 events at a time.
func (s *Sandbox) flush() {
	events := s.events
	s.events = nil
	for part := range slices.Chunk(events, eventsMost) {
		s.send(part)
	}
}

func (s *Sandbox) send(events []event) {
	url, secret, list := s.hook.URL, s.cfg.Client.Secret, make([]object, len(events))
	if url == "" {
		return
	}
	for i, e := range events {
		list[i] = s.told(e)
	}
	s.pusher.Send(sandbox.Push{Key: "app", URL: url}, sandbox.Policy{
		Timeout: deliverWithin, Retries: deliverRetries,
		Prepare: func(p sandbox.Push, attempt int) sandbox.Push {
			out := make([]object, len(list))
			for i, e := range list {
				o := object{"attemptNumber": attempt - 1}
				for k, v := range e {
					o[k] = v
				}
				out[i] = o
			}
			b, err := json.Marshal(out)
			if err != nil { // numbers and text marshal
				return p
			}
			p.Body = b
			p.Header = signed(secret, http.MethodPost, url, b, s.cfg.Clock.Now())
			return p
		},
	})
}

// told is an event as it is sent. Ids are numbers here.
func (s *Sandbox) told(e event) object {
	s.sent++
	name := "subscriptionType"
	if s.cfg.Quirks.EventType {
		name = "eventType"
	}
	out := object{"eventId": firstEvent + s.sent, "subscriptionId": s.hook.subscription(e), "portalId": e.portal, "appId": s.cfg.AppID, "occurredAt": e.at,
		name: "contact." + e.Kind}
	if e.Kind == "merge" {
		out["primaryObjectId"], out["mergedObjectIds"], out["newObjectId"], out["numberOfPropertiesMoved"] = e.Object, e.Merged, e.New, e.Moved
		return out
	}
	out["objectId"], out["changeSource"] = e.Object, e.source
	if e.by != "" {
		out["sourceId"] = e.by
	}
	if e.Flag != "" {
		out["changeFlag"] = e.Flag
	}
	if e.Kind == "propertyChange" {
		out["propertyName"], out["propertyValue"] = e.Property, e.Value
	}
	return out
}

// unescaped decodes the few escapes that signatures are made without.
var unescaped = strings.NewReplacer("%3A", ":", "%2F", "/", "%3F", "?", "%40", "@", "%21", "!", "%24", "$", "%27", "'", "%28", "(", "%29", ")",
	"%2A", "*", "%2C", ",", "%3B", ";")

// Signature is version 3 of HubSpot's signature of a request; at is in milliseconds.
func Signature(secret, method, uri string, body []byte, at int64) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(method + unescaped.Replace(uri)))
	h.Write(body)
	h.Write([]byte(strconv.FormatInt(at, 10)))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// signed are the headers of a delivery: version 3, and version 1 beside it as the vendor sends it.
func signed(secret, method, uri string, body []byte, now time.Time) http.Header {
	old := sha256.Sum256(append([]byte(secret), body...))
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "HubSpot Connect 2.0 (http://dev.hubspot.com/) - WebhooksExecutorDaemon-executor")
	h.Set("X-HubSpot-Signature", hex.EncodeToString(old[:]))
	h.Set("X-HubSpot-Signature-Version", "v1")
	h.Set("X-HubSpot-Signature-v3", Signature(secret, method, uri, body, now.UnixMilli()))
	h.Set("X-HubSpot-Request-Timestamp", strconv.FormatInt(now.UnixMilli(), 10))
	return h
}

// SetHook makes an address the app's one for webhooks; "" ends them. Properties are those whose changes are told; none leaves them as
// they are.
func (s *Sandbox) SetHook(url string, properties ...string) error {
	if url != "" {
		if err := sandbox.CheckPushURL(url); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook.URL = url
	if len(properties) > 0 {
		s.hook.Properties = properties
	}
	s.draft.PutJSON("hook", s.hook)
	return s.save()
}

// CollectEvents keeps events back until it is called with false; they then go out together, those of all portals in shared arrays.
func (s *Sandbox) CollectEvents(on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook.Collect = on
	s.draft.PutJSON("hook", s.hook)
	return s.save()
}
