package graph_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/graph"
	"meibo/shared/record"
	graphbox "meibo/shared/sandbox/graph"
)

// hook is an address that answers the handshake and keeps what comes.
type hook struct {
	url string
	mu  sync.Mutex
	got []connector.Notice
}

func newHook(t *testing.T) *hook {
	h := &hook{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		reading, err := graph.ReadHook(connector.Delivery{Header: r.Header, Query: r.URL.Query(), Body: body})
		if err != nil {
			t.Errorf("the delivery was not understood: %s", body)
		}
		h.mu.Lock()
		h.got = append(h.got, reading.Notices...)
		h.mu.Unlock()
		w.Header().Set("Content-Type", "text/plain")
		if reading.Echo == "" {
			w.WriteHeader(http.StatusAccepted)
		}
		io.WriteString(w, reading.Echo)
	}))
	t.Cleanup(srv.Close)
	h.url = srv.URL + "/hooks/microsoft/123"
	return h
}

func (h *hook) notices() []connector.Notice {
	h.mu.Lock()
	defer h.mu.Unlock()
	got := h.got
	h.got = nil
	return got
}

func watch(target, address string) connector.Watch {
	return connector.Watch{ID: "123", Target: target, URL: address, Secret: "abcDEF0123456789abcDEF0123456789", Until: start.Add(100 * 24 * time.Hour)}
}

func TestWatching(t *testing.T) {
	b, h := newBox(t, nil, graphbox.User{}), newHook(t)
	c := b.connector()
	folder, err := b.sb.AddFolder(user, "CRM", false)
	b.must(err)
	targets, err := c.Targets(ctx, connector.Scope{Groups: []string{"folder:" + folder}})
	if err != nil || !reflect.DeepEqual(targets, []string{folder}) {
		t.Fatalf("targets of a folder: %q, %v", targets, err)
	}
	if all, err := c.Targets(ctx, connector.Scope{}); err != nil || !reflect.DeepEqual(all, []string{"contacts", folder}) {
		t.Errorf("targets of everything: %q, %v", all, err)
	}
	own, err := c.Watch(ctx, watch("contacts", newHook(t).url))
	b.must(err)
	b.must(c.Unwatch(ctx, own))
	w := watch(folder, h.url)
	sub, err := c.Watch(ctx, w)
	b.must(err)
	if left := sub.Expires.Sub(b.clock.Now()); sub.ID == "" || sub.Target != folder || left < 6*24*time.Hour || left > 7*24*time.Hour {
		t.Errorf("subscribed %+v, which leaves %s", sub, left)
	}

	t.Run("a change is told with its id and the proof", func(t *testing.T) {
		id := b.put("CRM", named("A"))[0]
		b.must(b.sb.Pusher().Wait(ctx))
		got := h.notices()
		if len(got) != 1 || got[0].Subscription != sub.ID || got[0].Proof != w.Secret || got[0].Kind != connector.NoticeChanged || !reflect.DeepEqual(got[0].IDs, []string{id}) {
			t.Fatalf("got %+v", got)
		}
		b.must(b.sb.Edit(user, id, record.Fields{record.NameGiven: text("B")}))
		b.must(b.sb.Remove(user, id))
		b.must(b.sb.Pusher().Wait(ctx))
		if got = h.notices(); len(got) != 2 || got[1].Kind != connector.NoticeDeleted {
			t.Errorf("an edit and a deletion: %+v", got)
		}
	})
	t.Run("what Graph says of the subscription is told", func(t *testing.T) {
		for event, want := range map[string]connector.NoticeKind{"reauthorizationRequired": connector.NoticeRenew, "missed": connector.NoticeMissed} {
			b.must(b.sb.Lifecycle(user, event))
			b.must(b.sb.Pusher().Wait(ctx))
			if got := h.notices(); len(got) != 1 || got[0].Kind != want || got[0].Subscription != sub.ID || got[0].Proof != w.Secret {
				t.Errorf("%s: got %+v", event, got)
			}
		}
	})
	t.Run("renewing moves the end", func(t *testing.T) {
		b.clock.Advance(30 * time.Minute)
		again, err := c.Renew(ctx, sub, w)
		if err != nil || again.ID != sub.ID || again.Target != folder || again.Expires.Sub(sub.Expires) != 30*time.Minute {
			t.Errorf("got %+v, %v", again, err)
		}
	})
	t.Run("the same watch once more takes the place of the first", func(t *testing.T) {
		again, err := c.Watch(ctx, w)
		subs, _ := b.sb.Subscriptions(user)
		if err != nil || len(subs) != 1 || subs[0].ID != again.ID {
			t.Fatalf("got %+v, %v with %d subscriptions", again, err, len(subs))
		}
		sub = again
	})
	t.Run("another connection's watch is left alone", func(t *testing.T) {
		var forbid *connector.ForbiddenError
		other := newHook(t)
		if _, err := c.Watch(ctx, watch(folder, other.url)); !errors.As(err, &forbid) {
			t.Errorf("got error %v, want a ForbiddenError", err)
		}
	})
	t.Run("a lost one is missed at renewal", func(t *testing.T) {
		b.must(b.sb.Lifecycle(user, graphbox.LifecycleRemoved))
		b.must(b.sb.Pusher().Wait(ctx))
		if got := h.notices(); len(got) != 1 || got[0].Kind != connector.NoticeRemoved {
			t.Errorf("got %+v, want it told as removed", got)
		}
		if _, err := c.Renew(ctx, sub, w); !errors.Is(err, connector.ErrNotFound) {
			t.Errorf("got error %v, want ErrNotFound", err)
		}
		b.must(c.Unwatch(ctx, sub))
	})
	t.Run("an end that suits nobody is the vendor's", func(t *testing.T) {
		b.must(b.sb.SetQuirks(graphbox.Quirks{ShortExpiry: 1440}))
		sub, err := c.Watch(ctx, w)
		b.must(err)
		if left := sub.Expires.Sub(b.clock.Now()); left != 24*time.Hour {
			t.Errorf("it leaves %s, want a day", left)
		}
		b.must(c.Unwatch(ctx, sub))
		if subs, _ := b.sb.Subscriptions(user); len(subs) != 0 {
			t.Errorf("%d subscriptions are left", len(subs))
		}
	})
	t.Run("an address that does not answer makes the connection poll", func(t *testing.T) {
		silent := httptest.NewServer(http.NotFoundHandler())
		defer silent.Close()
		var forbid *connector.ForbiddenError
		if _, err := c.Watch(ctx, watch(folder, silent.URL)); !errors.As(err, &forbid) || forbid.Cure == "" {
			t.Errorf("got error %v, want a ForbiddenError with a cure", err)
		}
	})
	t.Run("a folder that is gone", func(t *testing.T) {
		b.must(b.sb.RemoveFolder(user, folder))
		if _, err := c.Watch(ctx, w); !errors.Is(err, connector.ErrNotFound) {
			t.Errorf("got error %v, want ErrNotFound", err)
		}
	})
}

func TestAnOlderMaximumIsObeyed(t *testing.T) {
	far := func(part) reply {
		return reply{status: 400, body: `{"error":{"code":"ExtensionError","message":"Operation: Create; Exception: [Status Code: BadRequest; Reason: Subscription expiration can only be 4230 minutes in the future.]"}}`}
	}
	good := ok(`{"id":"S","expirationDateTime":"2026-11-25T00:00:00Z"}`)
	s := newServer(t, map[string]func(part) reply{"POST /subscriptions": then(far, good), "PATCH /subscriptions/S": then(far, good)})
	sub, err := s.connector().Watch(ctx, watch("F", "https://meibo.example/h"))
	if err != nil || sub.ID != "S" {
		t.Fatalf("got %+v, %v", sub, err)
	}
	if sub, err = s.connector().Renew(ctx, sub, watch("F", "https://meibo.example/h")); err != nil || sub.Target != "F" {
		t.Errorf("renewed: %+v, %v", sub, err)
	}
}

func TestReadHook(t *testing.T) {
	const sample = `{"value":[{"id":"ls","subscriptionId":"S1","clientState":"p1","changeType":"updated","resourceData":{"@odata.etag":"W/\"k\"","id":"A="}},
		{"subscriptionId":"S2","clientState":"p2","changeType":"deleted","resourceData":{"@odata.etag":"W/\"k\"","id":"../x"}},
		{"subscriptionId":"S3","clientState":"p3","lifecycleEvent":"subscriptionRemoved"},{"subscriptionId":"S4","lifecycleEvent":"somethingNew"}]}`
	r, err := graph.ReadHook(connector.Delivery{Body: []byte(sample)})
	if err != nil || len(r.Notices) != 4 || r.Echo != "" {
		t.Fatalf("got %+v, %v", r, err)
	}
	r.Notices[1].Event = ""
	want := []connector.Notice{
		{Subscription: "S1", Proof: "p1", Event: "ls", Kind: connector.NoticeChanged, IDs: []string{"A="}},
		{Subscription: "S2", Proof: "p2", Kind: connector.NoticeDeleted},
		{Subscription: "S3", Proof: "p3", Kind: connector.NoticeRemoved},
		{Subscription: "S4", Kind: connector.NoticeMissed},
	}
	if !reflect.DeepEqual(r.Notices, want) {
		t.Errorf("got  %+v\nwant %+v", r.Notices, want)
	}
	if r, err := graph.ReadHook(connector.Delivery{Query: url.Values{"validationToken": {"Validation: <b>"}}, Body: []byte(sample)}); err != nil || r.Echo != "Validation: <b>" || r.Notices != nil {
		t.Errorf("a handshake: got %+v, %v", r, err)
	}
	for name, d := range map[string]connector.Delivery{
		"no JSON":          {Body: []byte("hello")},
		"nothing in it":    {Body: []byte(`{"value":[]}`)},
		"no subscription":  {Body: []byte(`{"value":[{"clientState":"p","changeType":"updated"}]}`)},
		"no kind":          {Body: []byte(`{"value":[{"subscriptionId":"S","clientState":"p"}]}`)},
		"too many":         {Body: []byte(`{"value":[` + strings.Repeat(`{"subscriptionId":"S","changeType":"updated"},`, 1000) + `{"subscriptionId":"S","changeType":"updated"}]}`)},
		"too large":        {Body: []byte(`{"value":[{"subscriptionId":"S","changeType":"updated","x":"` + strings.Repeat("x", 1<<20) + `"}]}`)},
		"a token too long": {Query: url.Values{"validationToken": {strings.Repeat("x", 5000)}}},
	} {
		if r, err := graph.ReadHook(d); !errors.Is(err, connector.ErrMalformed) || r.Notices != nil || r.Echo != "" {
			t.Errorf("%s: got %+v, %v; want ErrMalformed", name, r, err)
		}
	}
}
