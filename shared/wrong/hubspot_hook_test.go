package wrong_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"time"

	"meibo/shared/local"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/hubspot"
	"meibo/shared/system"
	"meibo/shared/webhook"
)

// hubHook is where HubSpot's notifications of all portals go.
const hubHook = webhook.Prefix + system.HubSpot

// signedBy makes a delivery of HubSpot's as somebody with a secret would.
func (w *world) signedBy(secret string, at time.Time, body []byte) delivery {
	h := http.Header{"Content-Type": {"application/json"}}
	h.Set("X-HubSpot-Signature-v3", hubspot.Signature(secret, http.MethodPost, w.public+hubHook, body, at.UnixMilli()))
	h.Set("X-HubSpot-Request-Timestamp", strconv.FormatInt(at.UnixMilli(), 10))
	return delivery{http.MethodPost, hubHook, "", h, body}
}

// TestWhatHubSpotDidNotSignNowTellsNothing: forged, old, changed, of another portal; and what is genuine is taken once.
func TestWhatHubSpotDidNotSignNowTellsNothing(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: hubSpotMicrosoft, push: true})
	c := w.company("alpha", hourly())
	c.fillCRM(people(0, 10))
	c.first()
	w.soon()
	c.listening()
	crm, _ := c.ids(3)
	c.editCRM(crm, record.OrgTitle, "Told")
	w.soon()
	w.pass(2 * time.Minute)
	var real []delivery
	w.mu.Lock()
	for _, d := range w.came {
		if d.path == hubHook {
			real = append(real, d)
		}
	}
	w.mu.Unlock()
	if len(real) == 0 {
		t.Fatal("HubSpot told nothing")
	}
	w.nothing("before anything was forged", c)
	last := real[len(real)-1]
	refuse := func(what string, d delivery) {
		t.Helper()
		if status, _ := w.send(d); status != http.StatusForbidden {
			t.Errorf("%s: got %d, want %d", what, status, http.StatusForbidden)
		}
		w.nothing("after "+what, c)
	}
	tampered := last
	tampered.body = bytes.Replace(last.body, []byte(`"objectId":`), []byte(`"objectId":1`), 1)
	refuse("a body that was changed", tampered)
	elsewhere := last
	elsewhere.query = "portal=1"
	refuse("another address than the signed one", elsewhere)
	plain := last
	plain.header = last.header.Clone()
	plain.header.Del("X-HubSpot-Signature-v3")
	refuse("only the signature of an older version", plain)
	later := last
	later.header = last.header.Clone()
	later.header.Set("X-HubSpot-Request-Timestamp", strconv.FormatInt(w.clk.Now().UnixMilli(), 10))
	refuse("an old one with a new time", later)
	refuse("somebody else's secret", w.signedBy("guess", w.clk.Now(), last.body))
	refuse("no secret", w.signedBy("", w.clk.Now(), last.body))
	if status, _ := w.send(last); status != http.StatusAccepted {
		t.Errorf("a replay within five minutes: got %d, want %d", status, http.StatusAccepted)
	}
	w.nothing("after a replay", c)
	w.clk.Advance(6 * time.Minute)
	refuse("one that is six minutes old", last)

	// Signed by HubSpot, of a portal that is nobody's.
	secret := local.SandboxClients()[system.HubSpot].Secret
	var events []map[string]any
	w.must(json.Unmarshal(last.body, &events))
	for i := range events {
		events[i]["portalId"], events[i]["occurredAt"] = 999, w.clk.Now().UnixMilli()
	}
	other, err := json.Marshal(events)
	w.must(err)
	if status, _ := w.send(w.signedBy(secret, w.clk.Now(), other)); status != http.StatusAccepted {
		t.Errorf("of a portal that is nobody's: got %d, want %d", status, http.StatusAccepted)
	}
	w.nothing("after one of another portal", c)
	for _, body := range []string{"[]", "null", "{", "[1]", `[{"portalId":"x"}]`, "\x00"} {
		if status, _ := w.send(w.signedBy(secret, w.clk.Now(), []byte(body))); status == http.StatusForbidden || status >= 500 {
			t.Errorf("%q: got %d", body, status)
		}
	}
	w.nothing("after nonsense", c)

	// What is genuine still arrives.
	crm, book := c.ids(5)
	c.editCRM(crm, record.OrgTitle, "Afterwards")
	w.soon()
	c.wantBook(book, record.OrgTitle, "Afterwards")
}

// TestHubSpotsNotificationsTwiceOrInAnotherOrderOrDuringARunChangeNothing: each says only where to look.
func TestHubSpotsNotificationsTwiceOrInAnotherOrderOrDuringARunChangeNothing(t *testing.T) {
	how := map[string]func(*sandbox.Pusher){
		"doubled":   func(p *sandbox.Pusher) { p.Double(1 << 20) },
		"reordered": func(p *sandbox.Pusher) { p.Reorder(true) },
	}
	for name, disturb := range how {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := pushed(t, hubSpotMicrosoft)
			w := c.w
			for _, p := range w.pushers() {
				disturb(p)
			}
			crm, book := c.ids(3)
			gone, _ := c.ids(5)
			for i := range 5 {
				c.editCRM(crm, record.OrgTitle, "Edit "+strconv.Itoa(i))
			}
			c.removeCRM(gone)
			made := c.fillCRM(people(30, 3))
			c.editCRM(made[0], record.OrgTitle, "Soon after")
			winner, winnerBook := c.ids(6)
			loser, _ := c.ids(7)
			now, err := w.boxes.HubSpot.Merge(c.crm, winner, loser)
			w.must(err)
			w.soon()
			c.wantBook(book, record.OrgTitle, "Edit 4")
			c.oneEach("after notifications")
			w.live(26 * time.Hour)
			c.agree(20 - 1 + 3 - 1)
			if s := c.byID(now); s.Book != winnerBook {
				t.Errorf("got %+v, want the survivor with %s", s, winnerBook)
			}
			c.quiet()
		})
	}
	t.Run("during a run", func(t *testing.T) {
		t.Parallel()
		c := pushed(t, hubSpotMicrosoft)
		w := c.w
		crm, book := c.ids(3)
		gone, goneBook := c.ids(4)
		c.editCRM(crm, record.OrgTitle, "First")
		done := false
		w.before(system.Microsoft, "POST/v1.0/$batch", func() {
			done = true
			c.editCRM(crm, record.OrgTitle, "While it was written")
			c.removeCRM(gone)
			w.told()
		})
		w.soon()
		w.soon()
		if !done {
			t.Fatal("nothing was written: nothing was tried")
		}
		c.wantBook(book, record.OrgTitle, "While it was written")
		if c.bookBook()[goneBook] != nil {
			t.Error("the deletion that was told during a run did not arrive")
		}
		c.agree(19)
		c.quiet()
	})
	t.Run("lost for a day", func(t *testing.T) {
		t.Parallel()
		c := pushed(t, hubSpotMicrosoft)
		w := c.w
		w.boxes.HubSpot.Pusher().Lose(1 << 20)
		crm, book := c.ids(3)
		gone, goneBook := c.ids(4)
		c.editCRM(crm, record.OrgTitle, "Untold")
		c.removeCRM(gone)
		w.live(70 * time.Minute)
		c.wantBook(book, record.OrgTitle, "Untold")
		w.live(26 * time.Hour)
		if c.bookBook()[goneBook] != nil {
			t.Error("a deletion that nobody told was not found within a day")
		}
		c.agree(19)
	})
}
