package plan_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"meibo/shared/plan"
	"meibo/shared/profile"
	"meibo/shared/record"
)

// SM7, for one field of one value: as the table of DESIGN section 6, while the CRM's record is as it was (still) and after something
// else in it has changed (moved). kept is what the latter gives in a profile where empty removes nothing.
var overwriteRows = []struct {
	name               string
	base, crm, book    string
	still, moved, kept string
}{
	{"same, same", "a", "a", "a", "a a", "a a", "a a"},
	{"same, changed", "a", "a", "b", "a b", "a a", "a a"},
	{"same, changed in spelling", "a", "a", "A", "a A", "a a", "a a"},
	{"same, emptied", "a", "a", "-", "a -", "a a", "a a"},
	{"changed, same", "a", "b", "a", "b b", "b b", "b b"},
	{"changed in spelling, same", "a", "A", "a", "A A", "A A", "A A"},
	{"changed, changed", "a", "b", "c", "b b", "b b", "b b"},
	{"changed, emptied", "a", "b", "-", "b b", "b b", "b b"},
	{"changed on both to the same", "a", "b", "b", "b b", "b b", "b b"},
	{"emptied, same", "a", "-", "a", "- -", "- -", "- a"},
	{"emptied, changed", "a", "-", "b", "- -", "- -", "- b"},
	{"emptied, emptied", "a", "-", "-", "- -", "- -", "- -"},
	{"never had one, filled in the book", "-", "-", "b", "- b", "- -", "- b"},
	{"filled, filled in the book", "-", "a", "b", "a a", "a a", "a a"},
	{"unknown, changed", "a", "?", "b", "? b", "? b", "? b"},
	{"changed, unknown", "a", "b", "?", "b ?", "b ?", "b ?"},
	{"first match, differ", "!", "a", "b", "a a*", "a a*", "a a*"},
	{"first match, only in the book", "!", "-", "b", "- b", "- b", "- b"},
}

func TestOverwriteTable(t *testing.T) {
	for _, r := range overwriteRows {
		for _, c := range []struct {
			name           string
			removes, moved bool
			want           string
		}{{"still", true, false, r.still}, {"moved", true, true, r.moved}, {"moved, empty removes nothing", false, true, r.kept}} {
			t.Run(r.name+", "+c.name, func(t *testing.T) {
				rules := rulesFor(profile.CRMToBook, profile.CRM)
				rules.Overwrite, rules.EmptyRemoves = true, c.removes
				p := planner(rules)
				named := func(note, name string) record.Fields {
					f := one(note)
					f[record.NameFamily] = []record.Value{{Text: name}}
					return f
				}
				l := &link{}
				if r.base != "!" {
					l.now = [2]record.Fields{named(r.base, "x"), named(r.base, "x")}
					l.sync(p)
				}
				l.now = [2]record.Fields{named(r.crm, "x"), named(r.book, "x")}
				if c.moved {
					l.now[0][record.NameFamily][0].Text = "y"
				}
				out := l.sync(p)
				got := shown(l.now[0]) + " " + shown(l.now[1])
				if len(out.Conflicts) > 0 && r.base == "!" && slices.Contains(out.Conflicts, record.Note) {
					got += "*"
				}
				if got != c.want || out.Write[0] != nil || r.base != "!" && len(out.Conflicts) > 0 {
					t.Errorf("got %q, conflicts %v, CRM writes %v; want %q", got, out.Conflicts, out.Write[0], c.want)
				}
				if again := l.sync(p); again.Write[0] != nil || again.Write[1] != nil {
					t.Errorf("merging again writes %v", again.Write)
				}
			})
		}
	}
	t.Run("in another direction the rule says nothing", func(t *testing.T) {
		for _, d := range []profile.Direction{profile.TwoWay, profile.BookToCRM} {
			rules := rulesFor(d, profile.CRM)
			rules.Overwrite = true
			p := planner(rules)
			l := &link{now: [2]record.Fields{one("a"), one("a")}}
			l.sync(p)
			l.now = [2]record.Fields{one("a"), one("b")}
			l.now[0][record.URL] = []record.Value{{Text: "https://new.example"}}
			l.sync(p)
			if got := shown(l.now[0]) + " " + shown(l.now[1]); got != "b b" {
				t.Errorf("%s: %q", d, got)
			}
		}
	})
}

// overwriting is a link that was synced one way, and what both sides were then.
func overwriting(t *rapid.T, p *plan.Planner) (*link, [2]record.Fields) {
	l := &link{now: [2]record.Fields{drawSide(t, crmFields()), nil}}
	if rapid.Bool().Draw(t, "matched") {
		l.now[1] = drawSide(t, bookFields())
	}
	l.sync(p)
	return l, [2]record.Fields{l.now[0].Clone(), l.now[1].Clone()}
}

func TestOverwriteProperties(t *testing.T) {
	prove := func(name string, f func(t *rapid.T)) { t.Run(name, func(t *testing.T) { rapid.Check(t, f) }) }
	rules := rulesFor(profile.CRMToBook, profile.CRM)
	rules.Overwrite = true
	p := planner(rules)

	prove("once the CRM's record has changed, the book says what the CRM says, whatever it said before", func(t *rapid.T) {
		l, _ := overwriting(t, p)
		l.now[0], _ = perturb(t, crmFields(), l.now[0], 2)
		l.now[1], _ = perturb(t, bookFields(), l.now[1], 1)
		if changed, _ := p.Changed(profile.CRM, l.base[0], l.now[0]); !changed {
			t.Skip("nothing changed")
		}
		crm := l.now[0].Clone()
		out := l.sync(p)
		if out.Write[0] != nil || len(out.Conflicts) > 0 {
			t.Fatalf("CRM writes %v, conflicts %v", out.Write[0], out.Conflicts)
		}
		for _, f := range crmFields() {
			b := field(bookFields(), f.Key)
			if heldOf(out, f.Key) > 0 {
				continue
			}
			if got, want := forms(b, l.now[1][f.Key]), forms(f, crm[f.Key]); !slices.Equal(got, want) {
				t.Fatalf("%s: the book says %v, the CRM %v", f.Key, got, want)
			}
		}
		if again := l.sync(p); again.Write[0] != nil || again.Write[1] != nil {
			t.Fatalf("merging again writes %v", again.Write)
		}
	})

	prove("an edit of the book alone is neither carried nor taken back, however often it is looked at", func(t *rapid.T) {
		l, _ := overwriting(t, p)
		l.now[1], _ = perturb(t, bookFields(), l.now[1], 1)
		for range 3 {
			if out := l.sync(p); out.Write[0] != nil || out.Write[1] != nil {
				t.Fatalf("it writes %v", out.Write)
			}
		}
	})

	prove("what of an address only the book has a place for stays", func(t *rapid.T) {
		l := &link{now: [2]record.Fields{{record.Note: {}, record.Address: {adr("work", "street", pick(t, streets, "street"), "city", "東京", "postal", "100-0001")}}, nil}}
		l.sync(p)
		l.now[1][record.Address][0].Parts[record.PartPOBox] = "私書箱9"
		l.now[1][record.Address][0].Parts[record.PartCity] = "大阪"
		l.now[0][record.Note] = []record.Value{{Text: "changed"}}
		l.sync(p)
		if got := l.now[1][record.Address][0].Parts; got[record.PartPOBox] != "私書箱9" || got[record.PartCity] != "東京" {
			t.Fatalf("the book has %v", got)
		}
	})
}
