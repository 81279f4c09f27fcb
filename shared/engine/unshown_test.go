package engine_test

import (
	"fmt"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// vague is a world whose CRM neither tells deletions nor tells them from what it no longer shows: n synced people, scanned every six
// hours, and believed after one.
func vague(t *testing.T, n int) (*world, []string) {
	w := newWorld(t)
	w.crm.able, w.crm.mute, w.crm.vague = true, true, true
	w.crm.scanEvery, w.crm.goneAfter = 6*time.Hour, time.Hour
	var ids []string
	for i := range n {
		ids = append(ids, w.crm.put("", mail(name(i))))
	}
	w.ask(state.ReasonStart)
	w.rest()
	w.ahead = 10 * time.Minute
	return w, ids
}

// scan has the next scan of ids take place.
func (w *world) scan() {
	w.t.Helper()
	before := w.crm.scans
	w.clk.Advance(6*time.Hour + time.Minute)
	w.ask(state.ReasonSchedule)
	if w.crm.scans == before {
		w.t.Fatal("no scan took place")
	}
}

// relist has the CRM listed as a whole after a while.
func (w *world) relist(after time.Duration) {
	w.t.Helper()
	w.clk.Advance(after)
	w.crm.expire()
	began := w.clk.Now()
	w.ask(state.ReasonSchedule)
	if w.control().Sides[0].Listed.Before(began) && w.conn.State != tenancy.NeedsApproval {
		w.t.Fatalf("no full listing: %+v", w.lastRun())
	}
}

// want checks how many records the book has, and what became of the link of a CRM record.
func (w *world) want(people int, id string, st state.LinkState) {
	w.t.Helper()
	if len(w.book.recs) != people {
		w.t.Errorf("the book has %d records, want %d", len(w.book.recs), people)
	}
	for _, l := range w.links() {
		if l.CRM == id && l.State != st {
			w.t.Errorf("link %+v, want %q", l, st)
		}
		if l.CRM == id && st == "" {
			w.t.Errorf("link %+v, want none", l)
		}
	}
}

func TestGoneAfter(t *testing.T) {
	t.Run("gone after two scans, and not after one", func(t *testing.T) {
		w, ids := vague(t, 30)
		w.crm.remove(ids[4])
		w.scan()
		w.want(30, ids[4], state.LinkMissing)
		w.scan()
		w.want(29, ids[4], "")
		w.rest()
	})
	t.Run("gone after two full listings far enough apart", func(t *testing.T) {
		w, ids := vague(t, 30)
		w.crm.scanEvery = 0
		w.crm.remove(ids[4])
		w.relist(time.Minute)
		w.want(30, ids[4], state.LinkMissing)
		w.relist(30 * time.Minute)
		w.want(30, ids[4], state.LinkMissing)
		w.relist(31 * time.Minute)
		w.want(29, ids[4], "")
		w.rest()
	})
	t.Run("a scan and a listing are as good as two of a kind", func(t *testing.T) {
		w, ids := vague(t, 30)
		w.crm.remove(ids[4])
		w.scan()
		w.relist(2 * time.Hour)
		w.want(29, ids[4], "")
	})
	t.Run("never, where the vendor does not say after how long", func(t *testing.T) {
		w, ids := vague(t, 30)
		w.crm.goneAfter = 0
		w.relist(time.Minute) // which reads the catalogue
		w.crm.remove(ids[4])
		for range 3 {
			w.scan()
			w.relist(7 * time.Hour)
		}
		w.want(30, ids[4], state.LinkMissing)
		if l := w.link(ids[4]); l.Unshown != [2]time.Time{} {
			t.Errorf("a time was kept: %v", l.Unshown)
		}
	})
	t.Run("read by id often, and never missed in a listing, it is not gone", func(t *testing.T) {
		w, ids := vague(t, 30)
		w.crm.scanEvery = 0
		w.relist(time.Minute)
		w.crm.hidden = map[string]bool{}
		w.post(profile.CRM, connector.NoticeDeleted, ids[4])
		w.crm.remove(ids[4])
		w.ask(state.ReasonHook)
		for range 5 {
			w.clk.Advance(5 * time.Hour)
			w.ask(state.ReasonSchedule)
		}
		w.want(30, ids[4], state.LinkMissing)
	})
	for how, show := range map[string]func(w *world, id string){
		"by a change":       func(w *world, id string) { w.crm.put(id, note("back")); w.ask(state.ReasonSchedule) },
		"by a scan":         func(w *world, _ string) { w.scan() },
		"by a full listing": func(w *world, _ string) { w.relist(time.Minute) },
		"by a look at it": func(w *world, _ string) {
			w.clk.Advance(26 * time.Hour)
			w.crm.scanEvery = 0
			w.ask(state.ReasonSchedule)
		},
		"by a notification": func(w *world, id string) { w.post(profile.CRM, connector.NoticeChanged, id); w.ask(state.ReasonHook) },
		"by a listing whose run a vendor broke off": func(w *world, _ string) {
			w.crm.expire()
			w.book.fail = func(when string) error {
				if when == "book before changes" {
					return &connector.ForbiddenError{System: "book", What: "list"}
				}
				return nil
			}
			w.ask(state.ReasonSchedule)
			w.book.fail, w.conn.State = nil, tenancy.Active
		},
	} {
		t.Run("shown in between "+how+", all is forgotten", func(t *testing.T) {
			w, ids := vague(t, 30)
			w.crm.hidden = map[string]bool{ids[4]: true}
			w.scan()
			w.want(30, ids[4], state.LinkMissing)
			if w.link(ids[4]).Unshown[0].IsZero() {
				t.Fatal("no time was kept")
			}
			w.crm.hidden = nil
			show(w, ids[4])
			if l := w.link(ids[4]); !l.Unshown[0].IsZero() {
				t.Fatalf("still remembered as not shown since %s", l.Unshown[0])
			}
			w.crm.hidden = map[string]bool{ids[4]: true}
			w.relist(2 * time.Hour)
			w.want(30, ids[4], state.LinkMissing)
			w.relist(2 * time.Hour)
			w.want(29, ids[4], "")
		})
	}
	// Where the last look by id was so long ago that none is due, only what the scan says of the record can make it forgotten.
	for how, show := range map[string]func(w *world, ids []string){
		"named by the scan": func(*world, []string) {},
		"not named, and read by id": func(w *world, ids []string) {
			w.crm.owned = map[string]bool{}
			for _, id := range ids {
				w.crm.owned[id] = id != ids[4]
			}
		},
	} {
		t.Run("shown to a scan alone, "+how+", all is forgotten", func(t *testing.T) {
			w, ids := vague(t, 30)
			w.crm.goneAfter = 1000 * time.Hour
			w.relist(time.Minute)
			w.crm.hidden = map[string]bool{ids[4]: true}
			for w.control().Retry == nil || w.control().Retry[0].At.Sub(w.clk.Now()) < 7*time.Hour {
				w.scan()
			}
			w.crm.hidden = nil
			show(w, ids)
			w.scan()
			if l := w.link(ids[4]); l.State != state.LinkMissing || !l.Unshown[0].IsZero() {
				t.Errorf("not shown since %s, link %s", l.Unshown[0], l.State)
			}
		})
	}
	t.Run("shown again while its partner is not, all is forgotten of it alone", func(t *testing.T) {
		for _, full := range []bool{false, true} {
			w, ids := vague(t, 30)
			book := w.link(ids[4]).Book
			w.crm.hidden = map[string]bool{ids[4]: true}
			w.scan()
			w.crm.hidden, w.book.hidden = nil, map[string]bool{book: true}
			w.crm.put(ids[4], note("back"))
			if full {
				w.relist(time.Minute)
			} else {
				w.ask(state.ReasonSchedule)
			}
			if l := w.link(ids[4]); l.State != state.LinkMissing || !l.Unshown[0].IsZero() {
				t.Errorf("full %v: not shown since %s, link %s", full, l.Unshown[0], l.State)
			}
		}
	})
	t.Run("shown by id alone while its partner is not, all is forgotten of it alone", func(t *testing.T) {
		w, ids := vague(t, 30)
		book := w.link(ids[4]).Book
		w.crm.hidden = map[string]bool{ids[4]: true}
		w.scan()
		w.crm.scanEvery = 0
		w.book.hidden = map[string]bool{book: true}
		w.crm.fail = func(when string) error {
			if when == "crm before get" {
				w.crm.hidden = nil
			}
			return nil
		}
		w.relist(time.Minute)
		if l := w.link(ids[4]); l.State != state.LinkMissing || !l.Unshown[0].IsZero() {
			t.Errorf("not shown since %s, link %s", l.Unshown[0], l.State)
		}
	})
	for how, err := range map[string]error{
		"throttled":          &connector.ThrottledError{System: "crm", After: time.Minute},
		"authorisation lost": &connector.AuthLostError{System: "crm", Cure: "connect it again"},
	} {
		for _, at := range []string{"first", "second"} {
			t.Run("not in a run with an answer that keeps something back: "+how+", the "+at, func(t *testing.T) {
				w, ids := vague(t, 30)
				w.crm.remove(ids[4])
				relist := func(refused bool) {
					n := 1
					if refused {
						w.crm.fail = func(when string) error {
							if when == "crm before changes" {
								if n++; n == 3 { // the first is the cursor that died
									return err
								}
							}
							return nil
						}
					}
					w.clk.Advance(2 * time.Hour)
					w.crm.expire()
					w.ask(state.ReasonSchedule)
					w.conn.State = tenancy.Active
					w.ask(state.ReasonUpdate)
					w.crm.fail = nil
					if refused && n < 3 {
						t.Fatalf("nothing was refused: %d", n)
					}
				}
				w.crm.scanEvery = 0
				if at == "first" {
					relist(true)
					w.want(30, ids[4], w.link(ids[4]).State)
				}
				relist(false)
				w.want(30, ids[4], state.LinkMissing)
				if at == "second" {
					relist(true)
					w.want(30, ids[4], state.LinkMissing)
				}
				relist(false)
				w.want(29, ids[4], "")
			})
		}
	}
	t.Run("not in a run in which a single record was refused", func(t *testing.T) {
		w, ids := vague(t, 30)
		w.crm.remove(ids[4])
		w.scan()
		w.crm.denied = map[string]bool{ids[5]: true}
		w.crm.hidden = map[string]bool{ids[5]: true}
		w.scan()
		w.want(30, ids[4], state.LinkMissing)
		w.crm.denied, w.crm.hidden = nil, nil
		w.scan()
		w.want(29, ids[4], "")
	})
	t.Run("a listing that broke off is no listing", func(t *testing.T) {
		w, ids := vague(t, 30)
		w.crm.remove(ids[4])
		n := 0
		w.crm.fail = func(when string) error {
			if when == "crm before members" {
				if n++; n%2 == 0 { // of two pages
					return connector.ErrTransient
				}
			}
			return nil
		}
		w.scan()
		for range 3 {
			w.clk.Advance(2 * time.Hour)
			w.ask(state.ReasonSchedule)
		}
		w.want(30, ids[4], state.LinkActive)
		w.crm.fail = nil
		w.scan()
		w.want(30, ids[4], state.LinkMissing)
	})
	t.Run("too many ask first, whether listed or scanned", func(t *testing.T) {
		for _, listed := range []bool{false, true} {
			w, ids := vague(t, 40)
			for _, id := range ids[:25] {
				w.crm.remove(id)
			}
			next := w.scan
			if listed {
				next = func() { w.relist(2 * time.Hour) }
			}
			next()
			if w.conn.State != tenancy.Active || len(w.book.recs) != 40 {
				t.Fatalf("listed %v: state %s, the book has %d", listed, w.conn.State, len(w.book.recs))
			}
			next()
			if w.conn.State != tenancy.NeedsApproval || len(w.book.recs) != 40 {
				t.Fatalf("listed %v: state %s, the book has %d", listed, w.conn.State, len(w.book.recs))
			}
			if a := w.lastRun().Approval; a == nil || a.Deletes != 25 || a.Side != profile.Book {
				t.Errorf("listed %v: asked for %+v", listed, a)
			}
			w.answer(state.AnswerOnce)
			w.rest()
			if w.conn.State != tenancy.Active || len(w.book.recs) != 15 {
				t.Errorf("listed %v: state %s, the book has %d", listed, w.conn.State, len(w.book.recs))
			}
		}
	})
	t.Run("what a person edited in the book stays", func(t *testing.T) {
		w, ids := vague(t, 10)
		w.conn.Settings.Rules.Direction = profile.CRMToBook
		w.ask(state.ReasonUpdate)
		w.book.put(w.link(ids[4]).Book, note("mine"))
		w.crm.remove(ids[4])
		w.scan()
		w.scan()
		w.want(10, ids[4], state.LinkDetached)
	})
	t.Run("steady and quiet runs cost the same", func(t *testing.T) {
		w, ids := vague(t, 30)
		w.crm.remove(ids[4])
		w.scan()
		w.quiet()
	})
}

// Killed at any request to the table, the two listings and what they lead to are done again, with the same end.
func TestGoneAfterKilled(t *testing.T) {
	for _, listed := range []bool{false, true} {
		for at := 1; at < 60; at += 6 {
			t.Run(fmt.Sprintf("listed %v, request %d", listed, at), func(t *testing.T) {
				w, ids := vague(t, 12)
				w.crm.remove(ids[4])
				w.restart(dying{w.table, w})
				w.killed(at)
				defer func() { killAt = nil }()
				for range 3 {
					w.clk.Advance(6*time.Hour + time.Minute)
					if listed {
						w.crm.expire()
					}
					w.ask(state.ReasonSchedule)
				}
				killAt = nil
				w.clk.Advance(6*time.Hour + time.Minute)
				w.ask(state.ReasonSchedule)
				w.want(11, ids[4], "")
				w.rest()
				check(t, w, 11)
			})
		}
	}
}
