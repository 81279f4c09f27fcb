package plan_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"meibo/shared/plan"
	"meibo/shared/profile"
	"meibo/shared/record"
)

// The rows of DESIGN section 6, first table, for a field of one value. "-" is no value, "?" an unknown field; base is what both
// sides had, or "!" for a first match. The wanted pairs are CRM and book afterwards, with a "*" where the conflict rule decided.
var fieldRows = []struct {
	name            string
	base, crm, book string
	two, out, in    string // two_way, crm_to_book, book_to_crm; the CRM wins
	bookWins        string // two_way, the book wins
}{
	{"same, same", "a", "a", "a", "a a", "a a", "a a", "a a"},
	{"changed, same", "a", "b", "a", "b b", "b b", "b a", "b b"},
	{"same, changed", "a", "a", "b", "b b", "a b", "b b", "b b"},
	{"only the spelling changed", "tanaka", "Tanaka", "tanaka", "Tanaka Tanaka", "Tanaka Tanaka", "Tanaka tanaka", "Tanaka Tanaka"},
	{"only the spelling changed in the book", "tanaka", "tanaka", "Tanaka", "Tanaka Tanaka", "tanaka Tanaka", "Tanaka Tanaka", "Tanaka Tanaka"},
	{"both changed to the same", "a", "b", "b", "b b", "b b", "b b", "b b"},
	{"both changed to the same, spelt otherwise", "a", "ﾔﾏﾀﾞ", "やまだ", "ﾔﾏﾀﾞ やまだ", "ﾔﾏﾀﾞ やまだ", "ﾔﾏﾀﾞ やまだ", "ﾔﾏﾀﾞ やまだ"},
	{"both changed, differ", "a", "b", "c", "b b*", "b b*", "b c*", "c c*"},
	{"emptied, same", "a", "-", "a", "- -", "- -", "- a", "- -"},
	{"same, emptied", "a", "a", "-", "- -", "a -", "- -", "- -"},
	{"emptied, changed", "a", "-", "b", "b b", "- b", "b b", "b b"},
	{"changed, emptied", "a", "b", "-", "b b", "b b", "b -", "b b"},
	{"emptied on both", "a", "-", "-", "- -", "- -", "- -", "- -"},
	{"unknown, same", "a", "?", "a", "? a", "? a", "? a", "? a"},
	{"unknown, changed", "a", "?", "b", "? b", "? b", "? b", "? b"},
	{"changed, unknown", "a", "b", "?", "b ?", "b ?", "b ?", "b ?"},
	{"unknown, emptied", "a", "?", "-", "? -", "? -", "? -", "? -"},
	{"first match, the same", "!", "a", "a", "a a", "a a", "a a", "a a"},
	{"first match, spelt otherwise", "!", "A", "a", "A a", "A a", "A a", "A a"},
	{"first match, only in the CRM", "!", "a", "-", "a a", "a a", "a -", "a a"},
	{"first match, only in the book", "!", "-", "a", "a a", "- a", "a a", "a a"},
	{"first match, differ", "!", "a", "b", "a a*", "a a*", "a b*", "b b*"},
	{"first match, nothing", "!", "-", "-", "- -", "- -", "- -", "- -"},
	{"first match, unknown", "!", "?", "a", "? a", "? a", "? a", "? a"},
	{"set on an empty field", "-", "a", "-", "a a", "a a", "a -", "a a"},
	{"set in the book on an empty field", "-", "-", "a", "a a", "- a", "a a", "a a"},
	{"white space is nothing", "-", "  ", "-", "   -", "   -", "   -", "   -"},
}

func one(s string) record.Fields {
	switch s {
	case "?":
		return record.Fields{}
	case "-":
		return record.Fields{record.Note: {}}
	}
	return record.Fields{record.Note: {{Text: s}}}
}

func shown(f record.Fields) string {
	vs, known := f[record.Note]
	switch {
	case !known:
		return "?"
	case len(vs) == 0:
		return "-"
	}
	return vs[0].Text
}

func TestFieldTable(t *testing.T) {
	for _, r := range fieldRows {
		for _, c := range []struct {
			name   string
			d      profile.Direction
			winner profile.Side
			want   string
		}{{"two way", profile.TwoWay, profile.CRM, r.two}, {"crm to book", profile.CRMToBook, profile.CRM, r.out},
			{"book to crm", profile.BookToCRM, profile.CRM, r.in}, {"the book wins", profile.TwoWay, profile.Book, r.bookWins}} {
			t.Run(r.name+", "+c.name, func(t *testing.T) {
				p := planner(rulesFor(c.d, c.winner))
				l := &link{}
				if r.base != "!" {
					l.now = [2]record.Fields{one(r.base), one(r.base)}
					l.sync(planner(rulesFor(profile.TwoWay, profile.CRM)))
				}
				l.now = [2]record.Fields{one(r.crm), one(r.book)}
				out := l.sync(p)
				got := shown(l.now[0]) + " " + shown(l.now[1])
				if len(out.Conflicts) > 0 {
					got += "*"
				}
				if got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
				if again := l.sync(p); again.Write[0] != nil || again.Write[1] != nil {
					t.Errorf("merging again writes %v", again.Write)
				}
			})
		}
	}
}

// The same for elements of a field of several values: e-mail addresses by their first letter, capitals for another spelling.
var elementRows = []struct {
	name            string
	base, crm, book string
	two, out, in    string
}{
	{"nothing changed", "ab", "ab", "ab", "ab ab", "ab ab", "ab ab"},
	{"another order is no change", "ab", "ba", "ab", "ba ab", "ba ab", "ba ab"},
	{"added in the CRM", "a", "ab", "a", "ab ab", "ab ab", "ab a"},
	{"added in the book", "a", "a", "ab", "ab ab", "a ab", "ab ab"},
	{"each added one", "a", "ab", "ac", "abc acb", "ab acb", "abc ac"},
	{"both added the same", "a", "ab", "aB", "ab aB", "ab aB", "ab aB"},
	{"removed in the CRM", "ab", "a", "ab", "a a", "a a", "a ab"},
	{"removed in the book", "ab", "ab", "b", "b b", "ab b", "b b"},
	{"each removed one", "abc", "ab", "bc", "b b", "ab b", "b bc"},
	{"one removed, the other added", "ab", "a", "abc", "ac ac", "a ac", "ac abc"},
	{"both removed the same", "ab", "a", "a", "a a", "a a", "a a"},
	{"first match: union", "!", "ab", "Bc", "abc Bca", "ab Bca", "abc Bc"},
	{"emptied, added", "a", "", "ab", "b b", " b", "b ab"},
}

func mails(s string) record.Fields {
	vs := []record.Value{}
	for _, r := range s {
		vs = append(vs, record.Value{Text: string(r) + "@x.jp"})
	}
	return record.Fields{record.Email: vs}
}

func letters(f record.Fields) string {
	var b strings.Builder
	for _, v := range f[record.Email] {
		b.WriteString(v.Text[:1])
	}
	return b.String()
}

func TestElementTable(t *testing.T) {
	fs := []record.Field{{Key: record.Email, Type: record.TypeEmail, Name: "E-mail", Labelled: true}}
	for _, r := range elementRows {
		for d, want := range map[profile.Direction]string{profile.TwoWay: r.two, profile.CRMToBook: r.out, profile.BookToCRM: r.in} {
			t.Run(r.name+", "+string(d), func(t *testing.T) {
				rules := rulesFor(d, profile.CRM)
				rules.Mapping = []profile.Pair{{CRM: record.Email, Book: record.Email}}
				p := plan.New(rules, fs, fs, cmp, record.NewDigester([32]byte{}))
				l := &link{}
				if r.base != "!" {
					l.now = [2]record.Fields{mails(r.base), mails(r.base)}
					l.base = [2]plan.Base{p.Base(profile.CRM, l.now[0]), p.Base(profile.Book, l.now[1])}
				}
				l.now = [2]record.Fields{mails(r.crm), mails(r.book)}
				out := l.sync(p)
				// "emptied, added" one way: the CRM's removal travels, the book's own addition stays.
				if got := letters(l.now[0]) + " " + letters(l.now[1]); got != want || len(out.Conflicts) > 0 {
					t.Errorf("got %q, conflicts %v, want %q", got, out.Conflicts, want)
				}
				if again := l.sync(p); again.Write[0] != nil || again.Write[1] != nil {
					t.Errorf("merging again writes %v", again.Write)
				}
			})
		}
	}
}

// The second table, whole: presence and edits of both sides in each direction.
func TestDecide(t *testing.T) {
	presence := []plan.Presence{plan.Here, plan.Left, plan.Gone, plan.Absent}
	for _, d := range []profile.Direction{profile.TwoWay, profile.CRMToBook, profile.BookToCRM} {
		for _, deletes := range []profile.Deletes{{}, {ToCRM: true}, {ToBook: true}, {ToCRM: true, ToBook: true}} {
			for _, c := range presence {
				for _, b := range presence {
					for e := 0; e < 4; e++ {
						edited := [2]bool{e&1 != 0, e&2 != 0}
						rules := profile.Rules{Direction: d, Deletes: deletes}
						got, side := plan.Decide(rules, [2]plan.Presence{c, b}, edited)
						want, wantSide := decided(d, deletes, c, b, edited)
						if got != want || side != wantSide {
							t.Errorf("%s %+v, crm %d, book %d, edited %v: %d %s, want %d %s", d, deletes, c, b, edited, got, side, want, wantSide)
						}
					}
				}
			}
		}
	}
}

// decided is the table as a person reads it, row by row.
func decided(d profile.Direction, del profile.Deletes, c, b plan.Presence, edited [2]bool) (plan.Action, profile.Side) {
	toBook, toCRM := d != profile.BookToCRM, d != profile.CRMToBook
	switch {
	case c == plan.Gone && b == plan.Gone:
		return plan.Drop, ""
	case c == plan.Absent:
		return plan.Miss, profile.CRM
	case b == plan.Absent:
		return plan.Miss, profile.Book
	case c == plan.Gone && b == plan.Left:
		return plan.Detach, profile.Book
	case b == plan.Gone && c == plan.Left:
		return plan.Detach, profile.CRM
	case c == plan.Gone && edited[1] && toCRM:
		return plan.Recreate, profile.CRM
	case b == plan.Gone && edited[0] && toBook:
		return plan.Recreate, profile.Book
	case c == plan.Gone && !edited[1] && toBook && del.ToBook:
		return plan.DeleteOther, profile.Book
	case b == plan.Gone && !edited[0] && toCRM && del.ToCRM:
		return plan.DeleteOther, profile.CRM
	case c == plan.Gone:
		return plan.Detach, profile.Book
	case b == plan.Gone:
		return plan.Detach, profile.CRM
	case c == plan.Left:
		return plan.Park, profile.CRM
	case b == plan.Left:
		return plan.Park, profile.Book
	}
	return plan.Merge, ""
}

func val(text, label string) record.Value { return record.Value{Text: text, Label: label} }

func adr(label string, kv ...string) record.Value {
	v := record.Value{Label: label, Parts: map[record.Part]string{}}
	for i := 0; i < len(kv); i += 2 {
		v.Parts[record.Part(kv[i])] = kv[i+1]
	}
	return v
}

func texts(vs []record.Value) []string {
	out := []string{}
	for _, v := range vs {
		out = append(out, v.Text)
	}
	return out
}

// synced is a link with the given values, after its first sync.
func synced(t *testing.T, p *plan.Planner, k record.Key, crm, book []record.Value) *link {
	t.Helper()
	l := &link{now: [2]record.Fields{{k: crm}, {k: book}}}
	l.sync(p)
	if out := l.merge(p); out.Write[0] != nil || out.Write[1] != nil {
		t.Fatalf("not at rest: %v", out.Write)
	}
	return l
}

func TestAddresses(t *testing.T) {
	p := planner(rulesFor(profile.TwoWay, profile.CRM))
	start := func(t *testing.T) *link {
		return synced(t, p, record.Address, []record.Value{adr("work", "street", "1-2-3", "city", "東京", "postal", "100")},
			[]record.Value{adr("work", "street", "1-2-3", "city", "東京", "postal", "100", "po_box", "私書箱9", "country_code", "JP")})
	}
	get := func(l *link, s int) map[record.Part]string { return l.now[s][record.Address][0].Parts }
	t.Run("parts edited on both sides both survive", func(t *testing.T) {
		l := start(t)
		get(l, 0)[record.PartStreet] = "4-5-6"
		get(l, 1)[record.PartPostal] = "200"
		out := l.sync(p)
		for s := range l.now {
			if got := get(l, s); got["street"] != "4-5-6" || got["postal"] != "200" || got["city"] != "東京" {
				t.Errorf("side %d: %v", s, got)
			}
		}
		if len(out.Conflicts) > 0 || get(l, 1)[record.PartPOBox] != "私書箱9" {
			t.Errorf("conflicts %v, book %v", out.Conflicts, get(l, 1))
		}
	})
	t.Run("the same part edited on both sides asks the rule, the others merge", func(t *testing.T) {
		l := start(t)
		get(l, 0)[record.PartStreet] = "4-5-6"
		get(l, 1)[record.PartStreet] = "7-8-9"
		get(l, 1)[record.PartPostal] = "200"
		out := l.sync(p)
		if get(l, 0)["street"] != "4-5-6" || get(l, 1)["street"] != "4-5-6" || get(l, 0)["postal"] != "200" || !slices.Equal(out.Conflicts, []record.Key{record.Address}) {
			t.Errorf("%v %v, conflicts %v", get(l, 0), get(l, 1), out.Conflicts)
		}
	})
	t.Run("what only one side has room for stays, and is named each time", func(t *testing.T) {
		l := start(t)
		for i := 0; i < 3; i++ {
			if out := l.sync(p); !reflect.DeepEqual(out.Held, []plan.Held{{Side: profile.Book, Key: record.Address, Count: 1}}) {
				t.Errorf("held %v", out.Held)
			}
			get(l, 0)[record.PartCity] = []string{"大阪", "京都", "奈良"}[i]
		}
		if get(l, 1)[record.PartPOBox] != "私書箱9" {
			t.Errorf("book %v", get(l, 1))
		}
	})
	t.Run("a wholly different address does not take over the old one's box", func(t *testing.T) {
		l := start(t)
		l.now[0][record.Address] = []record.Value{adr("work", "street", "9 Rue X", "city", "Paris", "postal", "75001")}
		l.sync(p)
		if got := get(l, 1); got["street"] != "9 Rue X" || got[record.PartPOBox] != "" || len(l.now[1][record.Address]) != 1 {
			t.Errorf("book %v", l.now[1][record.Address])
		}
	})
	t.Run("a new country takes its old code away", func(t *testing.T) {
		l := start(t)
		get(l, 0)[record.PartCountry] = "USA"
		l.sync(p)
		if got := get(l, 1); got[record.PartCountry] != "USA" || got[record.PartCountryCode] != "" {
			t.Errorf("book %v", got)
		}
	})
	t.Run("one address told in two degrees of detail is one address", func(t *testing.T) {
		l := synced(t, p, record.Address, []record.Value{adr("work", "street", "１－２－３", "city", "東京")}, []record.Value{adr("home", "street", "1-2-3", "postal", "100", "country", "日本")})
		for s := range l.now {
			if got := get(l, s); len(l.now[s][record.Address]) != 1 || got["city"] != "東京" || got["postal"] != "100" || got["country"] != "日本" {
				t.Errorf("side %d: %v", s, l.now[s][record.Address])
			}
		}
	})
	t.Run("an address of one line is held, not lost", func(t *testing.T) {
		l := synced(t, p, record.Address, nil, []record.Value{val("東京都千代田区1-2-3", "home")})
		out := l.sync(p)
		if len(l.now[0][record.Address]) != 0 || len(l.now[1][record.Address]) != 1 || heldOf(out, record.Address) != 1 {
			t.Errorf("crm %v, book %v, held %v", l.now[0], l.now[1], out.Held)
		}
	})
}

func TestOverflow(t *testing.T) {
	p := planner(rulesFor(profile.TwoWay, profile.CRM))
	five := []record.Value{val("a@x.jp", "home"), val("b@x.jp", "work"), val("c@x.jp", "home"), val("d@x.jp", ""), val("e@x.jp", "別荘")}
	start := func(t *testing.T) *link {
		return synced(t, p, record.Email, []record.Value{}, record.CloneValues(five))
	}
	check := func(t *testing.T, l *link, crm, book string, held int) {
		t.Helper()
		for i := 0; i < 2; i++ {
			out := l.sync(p)
			if got := sorted(letters(l.now[0])) + " " + sorted(letters(l.now[1])); got != crm+" "+book || heldOf(out, record.Email) != held {
				t.Errorf("sync %d: got %q, held %v, want %q %q, %d held", i, got, out.Held, crm, book, held)
			}
		}
	}
	set := func(l *link, s, i int, text string) { l.now[s][record.Email][i].Text = text }
	t.Run("stays and is named", func(t *testing.T) { check(t, start(t), "ab", "abcde", 3) })
	t.Run("survives another edit in the CRM", func(t *testing.T) {
		l := start(t)
		set(l, 0, slices.IndexFunc(l.now[0][record.Email], func(v record.Value) bool { return v.Text == "a@x.jp" }), "z@x.jp")
		check(t, l, "bz", "bcdez", 3)
	})
	t.Run("its own edit stays in the book", func(t *testing.T) {
		l := start(t)
		set(l, 1, 2, "y@x.jp")
		check(t, l, "ab", "abdey", 3)
	})
	t.Run("an edit of a shared one travels", func(t *testing.T) {
		l := start(t)
		set(l, 1, 0, "y@x.jp")
		check(t, l, "by", "bcdey", 3)
	})
	t.Run("its removal is a removal", func(t *testing.T) {
		l := start(t)
		l.now[1][record.Email] = slices.Delete(l.now[1][record.Email], 3, 4)
		check(t, l, "ab", "abce", 2)
	})
	t.Run("the choice is stable when a place comes free", func(t *testing.T) {
		l := start(t)
		l.now[0][record.Email] = l.now[0][record.Email][:1]
		got := letters(l.now[0])
		l.sync(p)
		if letters(l.now[0]) != got || len(l.now[1][record.Email]) != 4 {
			t.Errorf("crm %s, book %s", letters(l.now[0]), letters(l.now[1]))
		}
	})
	t.Run("a text that does not fit keeps its partner", func(t *testing.T) {
		l := synced(t, p, record.NameFamily, []record.Value{val("short", "")}, []record.Value{val("short", "")})
		l.now[1][record.NameFamily] = []record.Value{val("longer than twelve", "")}
		for i := 0; i < 2; i++ {
			if out := l.sync(p); l.now[0].First(record.NameFamily) != "short" || l.now[1].First(record.NameFamily) != "longer than twelve" || heldOf(out, record.NameFamily) != 1 {
				t.Fatalf("%v, held %v", l.now, out.Held)
			}
		}
		l.now[0][record.NameFamily] = []record.Value{}
		if l.sync(p); l.now[1].First(record.NameFamily) != "longer than twelve" {
			t.Error("a removal took what the other side could not hold")
		}
	})
	t.Run("what a vendor stores otherwise than it was sent stays the same element", func(t *testing.T) {
		l := &link{now: [2]record.Fields{{record.Phone: []record.Value{val("03-1234-5678", "work")}}, {record.Phone: []record.Value{}}}}
		out := l.merge(p)
		l.apply(p, out)
		l.now[1][record.Phone] = []record.Value{val("1234-5678", "work")} // the vendor cut it
		l.base[1] = p.Rebase(profile.Book, out, nil, l.now[1])
		if again := l.merge(p); again.Write[0] != nil || again.Write[1] != nil {
			t.Fatalf("writes %v", again.Write)
		}
		l.now[0][record.Phone][0].Text = "03-9999-0000"
		if l.sync(p); !slices.Equal(texts(l.now[1][record.Phone]), []string{"03-9999-0000"}) {
			t.Errorf("book %v", l.now[1][record.Phone])
		}
	})
}

func sorted(s string) string {
	b := []byte(s)
	slices.Sort(b)
	return string(b)
}

func TestEmptyRemovesNothing(t *testing.T) {
	r := rulesFor(profile.TwoWay, profile.CRM)
	r.EmptyRemoves = false
	p := planner(r)
	l := synced(t, p, record.Note, []record.Value{val("a", "")}, []record.Value{val("a", "")})
	l.now[0][record.Note] = []record.Value{}
	for i := 0; i < 2; i++ {
		if out := l.sync(p); l.now[1].First(record.Note) != "a" || len(out.Held) > 0 || out.Emptied != [2]int{} {
			t.Errorf("book %v, held %v, emptied %v", l.now[1], out.Held, out.Emptied)
		}
	}
	l.now[1][record.Note] = []record.Value{val("b", "")}
	if l.sync(p); l.now[0].First(record.Note) != "b" {
		t.Error("a later edit does not come back")
	}
}

func TestRefusedFieldsAreLeftAlone(t *testing.T) {
	p := planner(rulesFor(profile.TwoWay, profile.CRM))
	l := synced(t, p, record.Note, []record.Value{val("a", "")}, []record.Value{val("a", "")})
	l.now[0][record.Note] = []record.Value{val("b", "")}
	out := p.Merge(plan.Input{Base: l.base, Now: l.now, Refused: [2]map[record.Key]bool{nil, {record.Note: true}}})
	if out.Write[0] != nil || out.Write[1] != nil || heldOf(out, record.Note) != 1 {
		t.Fatalf("writes %v, held %v", out.Write, out.Held)
	}
	l.apply(p, out)
	l.now[0][record.Note] = []record.Value{val("c", "")}
	if l.sync(p); l.now[1].First(record.Note) != "c" {
		t.Error("the next edit is not tried")
	}
}

func TestLabels(t *testing.T) {
	p := planner(rulesFor(profile.TwoWay, profile.CRM))
	t.Run("a label of one side and a number of the other both survive", func(t *testing.T) {
		l := synced(t, p, record.Phone, []record.Value{val("03-1234-5678", "work")}, []record.Value{val("03-1234-5678", "work")})
		l.now[0][record.Phone] = []record.Value{val("03-1234-9999", "work")}
		l.now[1][record.Phone] = []record.Value{val("03-1234-5678", "mobile")}
		out := l.sync(p)
		want := []record.Value{val("03-1234-9999", "mobile")}
		if !reflect.DeepEqual(l.now[0][record.Phone], want) || !reflect.DeepEqual(l.now[1][record.Phone], want) || len(out.Conflicts) > 0 {
			t.Errorf("%v %v, conflicts %v", l.now[0], l.now[1], out.Conflicts)
		}
	})
	t.Run("two numbers never move to one place", func(t *testing.T) {
		l := synced(t, p, record.Phone, []record.Value{}, []record.Value{val("03-1", "work"), val("03-2222-3333", "別荘")})
		l.now[1][record.Phone][0].Label, l.now[1][record.Phone][1].Label = "mobile", "mobile"
		l.sync(p)
		if got := l.now[0][record.Phone]; len(got) != 2 || got[0].Label == got[1].Label {
			t.Errorf("crm %v", got)
		}
	})
	t.Run("another spelling stays where only the label changed", func(t *testing.T) {
		l := synced(t, p, record.Phone, []record.Value{val("03-1234-5678", "work")}, []record.Value{val("+81 3 1234 5678", "work")})
		l.now[1][record.Phone][0].Label = "mobile"
		if l.sync(p); !reflect.DeepEqual(l.now[0][record.Phone], []record.Value{val("03-1234-5678", "mobile")}) {
			t.Errorf("crm %v", l.now[0])
		}
	})
}

func FuzzDecodeBase(f *testing.F) {
	p := planner(rulesFor(profile.TwoWay, profile.CRM))
	f.Add(p.Base(profile.Book, record.Fields{record.Address: {adr("home", "street", "1")}, record.Email: {val("a@x.jp", "work")}}).Encode())
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		b, err := plan.DecodeBase(in)
		if err != nil {
			return
		}
		again, err := plan.DecodeBase(b.Encode())
		if err != nil || len(b) != len(again) || len(b) > 0 && !reflect.DeepEqual(b, again) {
			t.Fatalf("%v, %v: %v", b, again, err)
		}
	})
}
