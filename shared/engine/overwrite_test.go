package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

// overwriting is a world of n synced people whose CRM's changes overwrite the book (SM7).
func overwriting(t *testing.T, n int) (*world, []string) {
	w := newWorld(t)
	w.conn.Settings.Rules.Direction, w.conn.Settings.Rules.Overwrite = profile.CRMToBook, true
	w.crm.readOnly = true
	var ids []string
	for i := range n {
		f := person("P"+name(i), "Given", "email", name(i)+"@example.com", "phone", fmt.Sprintf("03-1111-%04d", i))
		f[record.Note] = []record.Value{{Text: "card " + name(i)}}
		ids = append(ids, w.crm.put("", f))
	}
	w.ask(state.ReasonStart)
	w.rest()
	return w, ids
}

func TestOverwrite(t *testing.T) {
	t.Run("an edit in the book stays, until the CRM's record changes; then all of it is as there", func(t *testing.T) {
		w, ids := overwriting(t, 10)
		l := w.link(ids[3])
		w.book.put(l.Book, record.Fields{record.Note: {{Text: "mine"}}, record.NameGiven: {{Text: "Mine"}}, record.OrgName: {{Text: "Mine Ltd"}},
			record.Phone: {{Text: "090-9999-8888", Label: "home"}}, record.NameMiddle: {{Text: "unmapped"}}})
		version := w.book.recs[l.Book].version
		w.ask(state.ReasonUpdate)
		w.rest()
		if r := w.book.recs[l.Book]; r.version != version || r.fields.First(record.Note) != "mine" {
			t.Fatalf("the edit was taken back: %v", r.fields)
		}
		w.crm.put(ids[3], record.Fields{record.NameGiven: {{Text: "Changed"}}})
		w.ask(state.ReasonUpdate)
		c, b := w.crm.recs[ids[3]].fields, w.book.recs[l.Book].fields
		for _, k := range []record.Key{record.NameGiven, record.NameFamily, record.Note, record.OrgName, record.Phone, record.Email} {
			if len(c[k]) != len(b[k]) || c.First(k) != b.First(k) {
				t.Errorf("%s: the CRM has %v, the book %v", k, c[k], b[k])
			}
		}
		if got := b.First(record.NameMiddle); got != "unmapped" {
			t.Errorf("a field that is not mapped is %q", got)
		}
		w.rest()
		if before := w.dump(state.JournalPartition("t1", "conn")); !strings.Contains(before, `"note"`) {
			t.Error("the journal has no before-image")
		}
		found := false
		changes, _, err := w.repo.Changes(context.Background(), "t1", "conn", 1, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, ch := range changes {
			found = found || ch.Record == l.Book && ch.Op == "update" && len(ch.Fields) == 4
		}
		if !found {
			t.Errorf("the journal's last lines are %+v", changes)
		}
	})
	t.Run("what it emptied is emptied, unless empty removes nothing", func(t *testing.T) {
		for _, removes := range []bool{true, false} {
			w, ids := overwriting(t, 10)
			w.conn.Settings.Rules.EmptyRemoves = removes
			w.ask(state.ReasonUpdate)
			l := w.link(ids[3])
			w.book.put(l.Book, note("mine"))
			w.crm.put(ids[3], record.Fields{record.Note: {}, record.NameGiven: {{Text: "New"}}})
			w.ask(state.ReasonUpdate)
			want := map[bool]string{true: "", false: "mine"}[removes]
			if b := w.book.recs[l.Book].fields; b.First(record.Note) != want || b.First(record.NameGiven) != "New" {
				t.Errorf("empty removes %v: %v", removes, b)
			}
			w.rest()
		}
	})
	t.Run("emptying what many people filled in the book asks first", func(t *testing.T) {
		w, ids := overwriting(t, 60)
		for _, id := range ids {
			w.book.put(w.link(id).Book, record.Fields{record.OrgName: {{Text: "Mine Ltd"}}})
		}
		w.ask(state.ReasonUpdate)
		for _, id := range ids {
			w.crm.put(id, record.Fields{record.NameGiven: {{Text: "New"}}})
		}
		w.ask(state.ReasonUpdate)
		emptied := func() (n int) {
			for _, id := range ids {
				if w.book.recs[w.link(id).Book].fields.First(record.OrgName) == "" {
					n++
				}
			}
			return n
		}
		if n := emptied(); w.conn.State != tenancy.NeedsApproval || n > 20 {
			t.Fatalf("state %s, %d were emptied", w.conn.State, n)
		}
		w.answer(state.AnswerOnce)
		w.rest()
		if n := emptied(); w.conn.State != tenancy.Active || n != 60 {
			t.Errorf("state %s (%s), %d were emptied", w.conn.State, w.conn.Reason, n)
		}
	})
	t.Run("an edit while it is written is overwritten as well", func(t *testing.T) {
		w, ids := overwriting(t, 10)
		l := w.link(ids[3])
		first := true
		w.book.fail = func(when string) error {
			if when == "book before apply" && first {
				first = false
				w.book.put(l.Book, note("meanwhile"))
			}
			return nil
		}
		w.crm.put(ids[3], record.Fields{record.NameGiven: {{Text: "New"}}})
		w.ask(state.ReasonUpdate)
		w.rest()
		if b := w.book.recs[l.Book].fields; b.First(record.Note) != "card "+name(3) || b.First(record.NameGiven) != "New" {
			t.Errorf("the book has %v", b)
		}
	})
}
