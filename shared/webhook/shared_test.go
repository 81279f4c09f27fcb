package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/watch"
)

// readShared takes a delivery that is signed with method, address and secret, at most five minutes ago.
func readShared(d connector.Delivery, secret string, now time.Time) (connector.Reading, error) {
	if d.Header.Get("Signature") != signature(d.Method, d.URL, secret) || now.Sub(start) > 5*time.Minute {
		return connector.Reading{}, connector.ErrForged
	}
	return read(d)
}

func signature(method, url, secret string) string { return method + " " + url + " " + secret }

// Shared implements webhook.Watches.
func (w *world) Shared(_ context.Context, system, subscription string, each func([]watch.Watch) error) error {
	var found []watch.Watch
	for _, x := range w.watches {
		if x.System == system && x.Subscription.ID == subscription && x.Subscription.Shared {
			found = append(found, x)
		}
	}
	if w.findErr != nil || len(found) == 0 {
		return w.findErr
	}
	return each(found)
}

// broad is a world in which two tenants' connections hear of organisation 77, and one of 78.
func broad(t *testing.T) *world {
	w := newWorld(t)
	for i, org := range []string{"77", "77", "78"} {
		id := fmt.Sprintf("5234567890123456%02d", i)
		w.watches[id] = watch.Watch{ID: id, Tenant: fmt.Sprintf("t%d", i+1), Connection: fmt.Sprintf("c%d", i+1), System: "broad", Side: profile.CRM,
			State: watch.Active, Subscription: connector.Subscription{ID: org, Shared: true}}
	}
	return w
}

func (w *world) tell(path, secret string, notices ...connector.Notice) int {
	w.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(encode(notices...)))
	r.Header.Set("Signature", signature("POST", "https://meibo.example"+path, secret))
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	return rec.Code
}

func about(org string, ids ...string) connector.Notice {
	return connector.Notice{Subscription: org, Kind: connector.NoticeChanged, IDs: ids, At: start}
}

func (w *world) asked() map[string]bool {
	out := map[string]bool{}
	for _, a := range w.asks {
		if a.Reason != state.ReasonHook {
			w.Errorf("got the ask %+v", a)
		}
		out[a.Tenant+"/"+a.Connection] = true
	}
	return out
}

func TestOneAddressForAllAccounts(t *testing.T) {
	t.Run("every connection of the organisation is told, and no other", func(t *testing.T) {
		w := broad(t)
		if got := w.tell("/hooks/broad?src=app%2F1", w.secret, about("77", "1"), about("79", "5")); got != 202 {
			t.Fatalf("got %d", got)
		}
		if got := w.asked(); len(got) != 2 || !got["t1/c1"] || !got["t2/c2"] {
			t.Errorf("asked for %v, want both connections of 77", got)
		}
		if in := w.inbox(); len(in.Hints) != 1 || in.Hints[0].ID != "1" || in.Hints[0].Side != profile.CRM {
			t.Errorf("got the hints %+v", in.Hints)
		}
	})
	t.Run("who is connected is not told", func(t *testing.T) {
		w := broad(t)
		if got := w.tell("/hooks/broad", w.secret, about("79", "5"), connector.Notice{Kind: connector.NoticeChanged}); got != 202 {
			t.Errorf("got %d, want the same as for one that is", got)
		}
		w.untouched()
	})
	t.Run("what comes again asks once", func(t *testing.T) {
		w := broad(t)
		n := about("78", "1")
		n.Event = "e1"
		for range 3 {
			if got := w.tell("/hooks/broad", w.secret, n); got != 202 {
				t.Errorf("got %d", got)
			}
		}
		if len(w.asks) != 1 {
			t.Errorf("got %d asks", len(w.asks))
		}
	})
	for name, c := range map[string]struct {
		do   func(w *world) int
		want int
	}{
		"another secret": {func(w *world) int { return w.tell("/hooks/broad", "theirs", about("77", "1")) }, 403},
		"a signature that is old": {func(w *world) int {
			w.clk.Advance(time.Hour)
			return w.tell("/hooks/broad", w.secret, about("77", "1"))
		}, 403},
		"no such system":             {func(w *world) int { return w.tell("/hooks/quick", w.secret, about("77", "1")) }, 404},
		"a subscription's own place": {func(w *world) int { return w.tell("/hooks/broad/"+id, w.secret, about("77", "1")) }, 404},
		"too many notices":           {func(w *world) int { return w.tell("/hooks/broad", w.secret, make([]connector.Notice, 2001)...) }, 400},
		"too large":                  {func(w *world) int { return w.tell("/hooks/broad", w.secret, about(strings.Repeat("7", 300<<10))) }, 413},
		"no registration of our own": {func(w *world) int {
			w.secretErr = errors.New("gone")
			return w.tell("/hooks/broad", w.secret, about("77", "1"))
		}, 503},
		"a registration without a secret proves nothing": {func(w *world) int { w.secret = ""; return w.tell("/hooks/broad", "", about("77", "1")) }, 503},
		"long ago": {func(w *world) int {
			n := about("77", "1")
			n.At = start.Add(-25 * time.Hour)
			return w.tell("/hooks/broad", w.secret, n)
		}, 202},
	} {
		t.Run(name+" changes nothing", func(t *testing.T) {
			w := broad(t)
			if got := c.do(w); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
			w.untouched()
			if logs := w.logs.String(); strings.Contains(logs, "our-own") || strings.Contains(logs, "theirs") {
				t.Errorf("the log has a secret: %s", logs)
			}
		})
	}
	t.Run("what could not be stored for one comes again, and the others have it", func(t *testing.T) {
		w := broad(t)
		w.askErr = errors.New("no queue")
		if got := w.tell("/hooks/broad", w.secret, about("77", "1")); got != 503 {
			t.Errorf("got %d, want 503 so that it comes again", got)
		}
		if got := w.asked(); len(got) != 2 {
			t.Errorf("asked for %v, want both to have been tried", got)
		}
	})
}
