package engine_test

import (
	"context"
	"testing"

	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
)

// doubtful is a world whose first run put one CRM record with two candidates, and one with a phone only, on the review list.
func doubtful(t *testing.T) (w *world, crm, b1, b2, phone, bphone string) {
	w = newWorld(t)
	crm = w.crm.put("", person("Sato", "Ken", "email", "same@example.com"))
	b1 = w.book.put("", person("Sato", "Ken", "email", "same@example.com"))
	b2 = w.book.put("", person("Sato", "Ken", "email", "same@example.com"))
	phone = w.crm.put("", person("Mori", "Yui", "phone", "03-1234-5678"))
	bphone = w.book.put("", person("Reception", "Desk", "phone", "+81 3 1234 5678"))
	for i := 0; i < 8; i++ {
		w.crm.put("", mail(name(i)))
	}
	w.ask(state.ReasonStart)
	w.rest()
	if rs := w.reviews(); len(rs) != 2 || len(w.crm.recs) != 10 || len(w.book.recs) != 11 {
		t.Fatalf("reviews %+v, crm %d, book %d", rs, len(w.crm.recs), len(w.book.recs))
	}
	return w, crm, b1, b2, phone, bphone
}

func (w *world) decide(record string, a state.Action, other string) {
	w.t.Helper()
	for _, r := range w.reviews() {
		if r.Record == record {
			w.send(state.Ask{Reason: state.ReasonReview, Review: &state.Decision{ID: r.ID, Action: a, Other: other}})
			return
		}
	}
	w.t.Fatalf("%s is not on the review list", record)
}

func TestReviewDecisions(t *testing.T) {
	t.Run("link joins the chosen two and frees the other", func(t *testing.T) {
		w, crm, b1, b2, _, _ := doubtful(t)
		w.decide(crm, state.ActionLink, b2)
		w.rest()
		if l := w.link(crm); l.Book != b2 || l.State != state.LinkActive {
			t.Errorf("link %+v", l)
		}
		if l := w.link(b1); l.CRM == "" && l.Code == state.CodeReview && len(w.reviews()) < 2 {
			t.Errorf("the other candidate waits for a decision that nobody can take: %+v", l)
		}
	})
	t.Run("separate sends each by itself", func(t *testing.T) {
		w, crm, b1, b2, phone, bphone := doubtful(t)
		w.decide(crm, state.ActionSeparate, "")
		w.decide(phone, state.ActionSeparate, "")
		w.rest()
		for _, id := range []string{crm, b1, b2, phone, bphone} {
			if l := w.link(id); l.State != state.LinkActive {
				t.Errorf("%s: %+v", id, l)
			}
		}
		if len(w.crm.recs) != 13 || len(w.book.recs) != 13 || len(w.reviews()) != 0 {
			t.Errorf("crm %d, book %d, want 13 each; reviews %v", len(w.crm.recs), len(w.book.recs), w.reviews())
		}
	})
	t.Run("separate in one direction leaves nothing stuck", func(t *testing.T) {
		w, _, _, _, phone, bphone := doubtful(t)
		w.conn.Settings.Rules.Direction = profile.CRMToBook
		w.ask(state.ReasonSchedule)
		w.decide(phone, state.ActionSeparate, "")
		w.rest()
		if l := w.link(phone); l.State != state.LinkActive {
			t.Errorf("%+v", l)
		}
		for _, l := range w.links() {
			if l.Book == bphone && l.Code == state.CodeReview {
				t.Errorf("waits for a decision that was taken: %+v", l)
			}
		}
	})
	t.Run("ignore leaves both alone until one changes", func(t *testing.T) {
		w, _, _, _, phone, bphone := doubtful(t)
		w.decide(phone, state.ActionIgnore, "")
		w.rest()
		if l := w.link(phone); l.Code != state.CodeIgnored {
			t.Errorf("%+v", l)
		}
		if l := w.link(bphone); l.Code != state.CodeIgnored {
			t.Errorf("%+v", l)
		}
	})
	t.Run("a decision that was taken, or names nobody, changes nothing", func(t *testing.T) {
		w, crm, _, b2, _, _ := doubtful(t)
		w.decide(crm, state.ActionLink, "nobody")
		if len(w.reviews()) != 2 {
			t.Fatalf("reviews %v", w.reviews())
		}
		d := &state.Decision{Action: state.ActionLink, Other: b2}
		for _, r := range w.reviews() {
			if r.Record == crm {
				d.ID = r.ID
			}
		}
		w.send(state.Ask{Reason: state.ReasonReview, Review: d})
		w.send(state.Ask{Reason: state.ReasonReview, Review: d})
		w.send(state.Ask{Reason: state.ReasonReview, Review: &state.Decision{ID: "gone", Action: state.ActionIgnore}})
		w.rest()
	})
	t.Run("a decision during a wait or a full run is carried out after it", func(t *testing.T) {
		w, crm, _, b2, _, _ := doubtful(t)
		w.conn.Settings.Rules.RequireEmail = true // the next run lists everything
		w.decide(crm, state.ActionLink, b2)
		w.rest()
		if l := w.link(crm); l.Book != b2 || l.State != state.LinkActive {
			t.Errorf("link %+v", l)
		}
	})
}

func TestReviewedRecordsDeleted(t *testing.T) {
	t.Run("the record", func(t *testing.T) {
		w, _, _, _, phone, bphone := doubtful(t)
		w.crm.remove(phone)
		w.ask(state.ReasonUpdate)
		w.rest()
		if l := w.link(bphone); l.State != state.LinkActive {
			t.Errorf("its candidate is stuck: %+v", l)
		}
	})
	t.Run("its only candidate", func(t *testing.T) {
		w, _, _, _, phone, bphone := doubtful(t)
		w.book.remove(bphone)
		w.ask(state.ReasonUpdate)
		w.rest()
		if l := w.link(phone); l.State != state.LinkActive || len(w.reviews()) != 1 {
			t.Errorf("it is stuck: %+v", l)
		}
	})
	t.Run("one of two candidates", func(t *testing.T) {
		w, crm, b1, b2, _, _ := doubtful(t)
		w.book.remove(b1)
		w.ask(state.ReasonUpdate)
		w.rest()
		for _, r := range w.reviews() {
			if r.Record == crm && (len(r.Candidates) != 1 || r.Candidates[0] != b2) {
				t.Errorf("%+v", r)
			}
		}
	})
}

func TestReviewSurvivesKill(t *testing.T) {
	for at := 1; at < 40; at += 2 {
		w, crm, _, b2, _, _ := doubtful(t)
		n, dead := at, false
		killAt = func() error {
			if n--; n == 0 {
				dead = true
			}
			if dead {
				return errKilled
			}
			return nil
		}
		w.crm.fail, w.book.fail = func(string) error { return killAt() }, func(string) error { return killAt() }
		w.restart(dying{w.table, w})
		w.revive = func() { dead = false; w.restart(dying{w.table, w}) }
		w.decide(crm, state.ActionLink, b2)
		killAt = nil
		w.crm.fail, w.book.fail = nil, nil
		w.rest()
		if l := w.link(crm); l.Book != b2 || l.State != state.LinkActive {
			t.Fatalf("killed at %d: %+v", at, l)
		}
	}
}

func TestNamesDiffer(t *testing.T) {
	w := newWorld(t)
	c := w.crm.put("", person("Sato", "Ken", "email", "info@example.com"))
	b := w.book.put("", person("Mori", "Yui", "email", "info@example.com"))
	w.ask(state.ReasonStart)
	w.rest()
	if rs := w.reviews(); len(rs) != 1 || rs[0].Record != c || rs[0].Candidates[0] != b {
		t.Fatalf("%+v", rs)
	}
	w.book.put(b, record.Fields{record.Note: {{Text: "x"}}})
	w.ask(state.ReasonUpdate)
	w.rest()
	if rs := w.reviews(); len(rs) != 1 || len(w.crm.recs) != 1 || len(w.book.recs) != 1 {
		t.Fatalf("%+v %d %d", rs, len(w.crm.recs), len(w.book.recs))
	}
	if _, err := w.repo.Review(context.Background(), "t1", "conn", w.reviews()[0].ID); err != nil {
		t.Error(err)
	}
}
