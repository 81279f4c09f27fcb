package engine_test

import (
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
)

// Merges of which the vendor says nothing: the survivor keeps its id, and what it says may be what the absorbed one said.
func TestMergedIntoOneThatSaysWhatTheOtherSaid(t *testing.T) {
	for _, full := range []bool{false, true} {
		name := map[bool]string{false: "a change listing", true: "a full listing"}[full]
		t.Run("the absorbed one leaves in the run that changes the survivor, in "+name, func(t *testing.T) {
			w, ids := moving(t, 12)
			said, kept, creates := w.crm.recs[ids[4]].fields.Clone(), w.link(ids[3]).Book, w.book.creates
			w.crm.remove(ids[4])
			w.crm.put(ids[3], said)
			w.listed(full)
			if l := w.link(ids[3]); l.Book != kept || len(w.book.recs) != 11 || w.book.creates != creates {
				t.Errorf("link %+v, the book has %d and %d more were created", l, len(w.book.recs), w.book.creates-creates)
			}
			w.rest()
			check(t, w, 11)
		})
		t.Run("one that still stands is somebody else, in "+name, func(t *testing.T) {
			w, ids := moving(t, 12)
			w.crm.put(ids[3], w.crm.recs[ids[4]].fields.Clone())
			w.listed(full)
			w.rest()
			check(t, w, 12)
		})
		t.Run("nor is one taken for merged that the vendor keeps from the account, in "+name, func(t *testing.T) {
			w, ids := moving(t, 12)
			said := w.crm.recs[ids[4]].fields.Clone()
			w.crm.put(ids[5], said)
			w.listed(false)
			w.crm.remove(ids[4])
			w.crm.put(ids[3], said)
			w.crm.denied, w.crm.hidden = map[string]bool{ids[5]: true}, map[string]bool{ids[5]: true}
			w.listed(full)
			if len(w.book.recs) != 12 {
				t.Errorf("the book has %d, want 12", len(w.book.recs))
			}
			w.crm.denied, w.crm.hidden = nil, nil
			w.relist(2 * time.Hour)
			w.relist(2 * time.Hour)
			w.rest()
			check(t, w, 11)
		})
	}
	t.Run("what is not shown a second time takes a full listing with it, which tells who it was merged into", func(t *testing.T) {
		w, ids := moving(t, 12)
		w.crm.scanEvery = 6 * time.Hour
		w.relist(time.Minute)
		said := w.crm.recs[ids[4]].fields.Clone()
		w.crm.remove(ids[4])
		w.crm.recs[ids[3]].fields = said // without a word
		w.scan()
		if len(w.book.recs) != 12 {
			t.Fatalf("the book has %d after the first look", len(w.book.recs))
		}
		w.scan()
		if b := w.book.recs[w.link(ids[3]).Book]; len(w.book.recs) != 11 || b.fields.First(record.Email) != said.First(record.Email) {
			t.Errorf("the book has %d, and of the survivor %v", len(w.book.recs), b.fields)
		}
		w.rest()
		check(t, w, 11)
	})
}

// In a folder of the connection's own, into which one direction leads, the vendor's word for who is one and who is two is enough.
func TestSplitOff(t *testing.T) {
	for _, full := range []bool{false, true} {
		for _, managed := range []bool{false, true} {
			name := map[bool]string{false: "a change listing", true: "a full listing"}[full]
			into := map[bool]string{false: "a book that people fill", true: "a folder of Meibo's"}[managed]
			t.Run(into+", in "+name, func(t *testing.T) {
				w, ids := moving(t, 12)
				w.conn.Settings.Rules.Direction = profile.CRMToBook
				if managed {
					w.conn.Folder = "folder"
					for id := range w.book.recs {
						w.book.set(id, "folder")
					}
					w.book.groups = []connector.Group{{ID: "folder", Name: "Folder"}}
				}
				w.relist(time.Minute)
				w.rest()
				twin := w.crm.put("", w.crm.recs[ids[3]].fields.Clone())
				w.listed(full)
				want := map[bool]int{false: 12, true: 13}[managed]
				if len(w.book.recs) != want {
					t.Errorf("the book has %d, want %d", len(w.book.recs), want)
				}
				if l := w.link(twin); (l.State == state.LinkActive) != managed {
					t.Errorf("link %+v", l)
				}
			})
		}
	}
}

// A record that is there and, as the vendor says, somebody else's by now is parked, though the scope leaves nothing out.
func TestOutOfScopeByTheVendorsWord(t *testing.T) {
	w, ids := moving(t, 12)
	w.crm.scanEvery = 6 * time.Hour
	w.relist(time.Minute)
	w.crm.others = map[string]bool{ids[3]: true}
	w.scan()
	if l := w.link(ids[3]); l.State != state.LinkParked || l.Code != state.CodeLeftScope || len(w.book.recs) != 12 {
		t.Errorf("link %+v, the book has %d", l, len(w.book.recs))
	}
	w.relist(time.Hour)
	w.relist(25 * time.Hour)
	if l := w.link(ids[3]); l.State != state.LinkParked || len(w.book.recs) != 12 {
		t.Errorf("after full listings: link %+v, the book has %d", l, len(w.book.recs))
	}
	w.crm.others = nil
	w.relist(time.Hour)
	w.rest()
	check(t, w, 12)
}
