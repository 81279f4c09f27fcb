package engine_test

import (
	"testing"

	"meibo/shared/profile"
	"meibo/shared/record"
	"meibo/shared/state"
	"meibo/shared/tenancy"
)

func address(s string) record.Fields {
	if s == "" {
		return record.Fields{record.Email: {}}
	}
	return record.Fields{record.Email: {{Text: s, Label: "work"}}}
}

// A connection that wants valid addresses leaves a record alone that loses its own, and takes it up again (HD7).
func TestEmailLostAndFound(t *testing.T) {
	for _, keeps := range []bool{true, false} {
		for _, bad := range []string{"", "tanaka", "tanaka@@example.com"} {
			for _, side := range []profile.Side{profile.CRM, profile.Book} {
				t.Run(string(side)+" has "+bad+map[bool]string{true: ", empty removes", false: ", empty removes nothing"}[keeps], func(t *testing.T) {
					w := newWorld(t)
					w.conn.Settings.Rules.RequireEmail, w.conn.Settings.Rules.EmptyRemoves = true, keeps
					a := w.crm.put("", mail("a"))
					for i := range 8 {
						w.crm.put("", mail("p"+name(i)))
					}
					w.ask(state.ReasonStart)
					w.rest()
					b := w.link(a).Book
					f, id, o, other := w.crm, a, w.book, b
					if side == profile.Book {
						f, id, o, other = w.book, b, w.crm, a
					}
					f.put(id, address(bad))
					w.ask(state.ReasonSchedule)
					w.rest()
					l := w.link(a)
					if l.State != state.LinkParked || l.Code != state.CodeNoEmail || l.Book != b {
						t.Fatalf("link %+v", l)
					}
					if got := o.recs[other].fields.First(record.Email); got != "a@example.com" {
						t.Errorf("the other side has %q", got)
					}
					f.put(id, note("from here"))
					o.put(other, record.Fields{record.NameGiven: {{Text: "From There"}}})
					w.ask(state.ReasonSchedule)
					w.rest()
					if o.recs[other].fields.First(record.Note) != "" || f.recs[id].fields.First(record.NameGiven) != "Given" || w.link(a).Code != state.CodeNoEmail {
						t.Errorf("what was left out was written: %v, %v", f.recs[id].fields, o.recs[other].fields)
					}
					f.put(id, address("new@example.com"))
					w.ask(state.ReasonSchedule)
					w.rest()
					if l := w.link(a); l.State != state.LinkActive || l.Book != b {
						t.Errorf("link %+v", l)
					}
					if got := o.recs[other].fields; got.First(record.Note) != "from here" || got.First(record.Email) != "new@example.com" {
						t.Errorf("the other side has %v", got)
					}
					if got := f.recs[id].fields.First(record.NameGiven); got != "From There" {
						t.Errorf("this side has %q", got)
					}
					if len(w.crm.recs) != 9 || len(w.book.recs) != 9 || len(w.crm.deaths)+len(w.book.deaths) > 0 {
						t.Errorf("%d and %d records", len(w.crm.recs), len(w.book.recs))
					}
				})
			}
		}
	}
}

func TestEmailRequired(t *testing.T) {
	required := func(t *testing.T) *world {
		w := newWorld(t)
		w.conn.Settings.Rules.RequireEmail = true
		return w
	}
	t.Run("an address mended on the other side cures it", func(t *testing.T) {
		w := required(t)
		a := w.crm.put("", mail("a"))
		w.ask(state.ReasonStart)
		w.rest()
		w.crm.put(a, address("a(at)example.com"))
		w.ask(state.ReasonSchedule)
		w.book.put(w.link(a).Book, address("mended@example.com"))
		w.conn.Settings.Rules.Winner = profile.Book
		w.ask(state.ReasonSchedule)
		w.rest()
		if l := w.link(a); l.State != state.LinkActive || w.crm.recs[a].fields.First(record.Email) != "mended@example.com" {
			t.Errorf("link %+v, address %q", l, w.crm.recs[a].fields.First(record.Email))
		}
	})
	t.Run("a preview does not count those that are left out", func(t *testing.T) {
		w := required(t)
		w.crm.put("", mail("a"))
		w.crm.put("", person("No", "Address", "phone", "03-1111-2222"))
		w.crm.put("", person("Bad", "Address", "email", "taro@localhost"))
		w.conn.State = tenancy.Ready
		w.ask(state.ReasonPreview)
		run := w.lastRun()
		if run.Book.Created != 1 || run.Skipped[state.CodeNoEmail] != 2 {
			t.Errorf("%+v, %v", run.Book, run.Skipped)
		}
		w.conn.State = tenancy.Active
		w.ask(state.ReasonStart)
		run = w.lastRun()
		if run.Book.Created != 1 || run.Skipped[state.CodeNoEmail] != 2 {
			t.Errorf("the run itself: %+v, %v", run.Book, run.Skipped)
		}
	})
	t.Run("one of several is enough", func(t *testing.T) {
		w := required(t)
		a := w.crm.put("", mail("a"))
		w.ask(state.ReasonStart)
		w.rest()
		w.crm.put(a, record.Fields{record.Email: {{Text: "broken", Label: "work"}, {Text: "fine@example.com", Label: "other"}}})
		w.ask(state.ReasonSchedule)
		w.rest()
		if l := w.link(a); l.State != state.LinkActive {
			t.Errorf("link %+v", l)
		}
	})
	t.Run("two who match by name and have none are left alone", func(t *testing.T) {
		w := required(t)
		f := person("Tanaka", "Aiko")
		f.Set(record.OrgName, "Kitano")
		a := w.crm.put("", f)
		f[record.Note] = []record.Value{{Text: "only here"}}
		w.book.put("", f)
		w.ask(state.ReasonStart)
		w.rest()
		if l := w.link(a); l.State != state.LinkParked || l.Code != state.CodeNoEmail || w.crm.recs[a].fields.First(record.Note) != "" {
			t.Fatalf("link %+v", l)
		}
		w.crm.put(a, address("aiko@example.jp"))
		w.ask(state.ReasonSchedule)
		w.rest()
		check(t, w, 1)
	})
	t.Run("switched off, all go on", func(t *testing.T) {
		w := required(t)
		a := w.crm.put("", mail("a"))
		lone := w.crm.put("", person("No", "Address", "phone", "03-1111-2222"))
		w.ask(state.ReasonStart)
		w.crm.put(a, address(""))
		w.ask(state.ReasonSchedule)
		if w.link(a).Code != state.CodeNoEmail || w.link(lone).Code != state.CodeNoEmail {
			t.Fatalf("%+v, %+v", w.link(a), w.link(lone))
		}
		w.conn.Settings.Rules.RequireEmail = false
		w.ask(state.ReasonSchedule)
		w.rest()
		check(t, w, 2)
	})
	t.Run("deleted while it is left out, it takes nobody with it", func(t *testing.T) {
		for _, full := range []bool{false, true} {
			w := required(t)
			var ids []string
			for i := range 8 {
				ids = append(ids, w.crm.put("", mail(name(i))))
			}
			w.ask(state.ReasonStart)
			w.rest()
			w.crm.put(ids[2], address(""))
			w.ask(state.ReasonSchedule)
			w.crm.remove(ids[2])
			if full {
				w.crm.expire()
			}
			w.ask(state.ReasonSchedule)
			if l := w.link(ids[2]); l.State != state.LinkDetached || len(w.book.recs) != 8 {
				t.Errorf("full %v: link %+v, the book has %d", full, l, len(w.book.recs))
			}
		}
	})
	t.Run("one way, an edit of the book's copy leaves nobody out", func(t *testing.T) {
		w := required(t)
		w.conn.Settings.Rules.Direction = profile.CRMToBook
		a := w.crm.put("", mail("a"))
		w.ask(state.ReasonStart)
		w.rest()
		w.book.put(w.link(a).Book, address(""))
		w.ask(state.ReasonSchedule)
		w.crm.put(a, note("x"))
		w.ask(state.ReasonSchedule)
		if l := w.link(a); l.State != state.LinkActive || w.book.recs[l.Book].fields.First(record.Note) != "x" {
			t.Errorf("link %+v", l)
		}
	})
}
