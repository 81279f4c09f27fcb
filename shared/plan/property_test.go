package plan_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"meibo/shared/plan"
	"meibo/shared/profile"
	"meibo/shared/record"
)

var cmp = record.Comparer{Region: "JP"}

func crmFields() []record.Field {
	return []record.Field{
		{Key: record.NameFamily, Type: record.TypeText, Name: "Last name", Max: 1, Length: 12},
		{Key: record.Email, Type: record.TypeEmail, Name: "Email", Slots: []record.Slot{{Label: "work", Accepts: []string{"*"}}, {Label: "other", Accepts: []string{"*"}}}},
		{Key: record.Phone, Type: record.TypePhone, Name: "Phone", Slots: []record.Slot{{Label: "work"}, {Label: "mobile"}, {Label: "other", Accepts: []string{"*"}}}},
		{Key: record.Address, Type: record.TypeAddress, Name: "Address", Parts: []record.Part{record.PartStreet, record.PartCity, record.PartPostal, record.PartCountry},
			Slots: []record.Slot{{Label: "work", Accepts: []string{"*"}}, {Label: "other", Accepts: []string{"*"}}}},
		{Key: record.Birthday, Type: record.TypeDate, Name: "Birthday", Max: 1, WholeDate: true},
		{Key: "custom:rank", Type: record.TypeChoice, Name: "Rank", Max: 1, Choices: []string{"VIP", "Standard"}},
		{Key: record.Note, Type: record.TypeLongText, Name: "Note", Max: 1},
		{Key: record.URL, Type: record.TypeURL, Name: "Site", Max: 1},
		{Key: record.IM, Type: record.TypeIM, Name: "Chat", Max: 1, Parts: []record.Part{record.PartService}},
	}
}

func bookFields() []record.Field {
	return []record.Field{
		{Key: record.NameFamily, Type: record.TypeText, Name: "Family", Max: 1},
		{Key: record.Email, Type: record.TypeEmail, Name: "E-mail", Labelled: true},
		{Key: record.Phone, Type: record.TypePhone, Name: "Phone", Labelled: true},
		{Key: record.Address, Type: record.TypeAddress, Name: "Address", Labelled: true},
		{Key: record.Birthday, Type: record.TypeDate, Name: "Birthday", Max: 1},
		{Key: "custom:rank", Type: record.TypeText, Name: "Rank", Max: 1},
		{Key: record.Note, Type: record.TypeLongText, Name: "Note", Max: 1},
		{Key: record.URL, Type: record.TypeURL, Name: "Site", Labelled: true},
		{Key: record.IM, Type: record.TypeIM, Name: "Chat", Labelled: true, Parts: []record.Part{record.PartService}},
	}
}

func rulesFor(d profile.Direction, winner profile.Side) profile.Rules {
	r := profile.Default("crm", "book").Rules
	r.Direction, r.Winner = d, winner
	for _, f := range crmFields() {
		r.Mapping = append(r.Mapping, profile.Pair{CRM: f.Key, Book: f.Key})
	}
	return r
}

func planner(r profile.Rules) *plan.Planner {
	return plan.New(r, crmFields(), bookFields(), cmp, record.NewDigester([32]byte{1, 2, 3}))
}

func field(fs []record.Field, k record.Key) record.Field {
	return fs[slices.IndexFunc(fs, func(f record.Field) bool { return f.Key == k })]
}

// link is both sides of one link and what is remembered of it, with vendors that store what they are sent.
type link struct {
	now  [2]record.Fields
	base [2]plan.Base
}

func (l *link) merge(p *plan.Planner) plan.Outcome {
	return p.Merge(plan.Input{Base: l.base, Now: l.now})
}

// sync merges, writes and rebases.
func (l *link) sync(p *plan.Planner) plan.Outcome {
	out := l.merge(p)
	l.apply(p, out)
	return out
}

func (l *link) apply(p *plan.Planner, out plan.Outcome) {
	for s, side := range []profile.Side{profile.CRM, profile.Book} {
		next := l.now[s].Clone()
		if next == nil {
			next = record.Fields{}
			for _, k := range p.Keys(side) {
				next[k] = []record.Value{}
			}
		}
		for k, vs := range out.Write[s] {
			next[k] = record.CloneValues(vs)
		}
		l.now[s] = next
		base := p.Rebase(side, out, l.base[s], next)
		decoded, err := plan.DecodeBase(base.Encode())
		if err != nil {
			panic(err)
		}
		l.base[s] = decoded
	}
}

// texts, with what people and vendors do to them.
var (
	names   = []string{"山田", "やまだ", "ﾔﾏﾀﾞ", "O'Brien", "Müller", "👩‍👩‍👧", "שלום", "a very long family name", "x"}
	emails  = []string{"a@x.jp", "A@X.jp", "b@x.jp", "c@x.jp", "d@x.jp", "ｅ@x.jp", "f@x.jp"}
	phones  = []string{"03-1234-5678", "+81 3 1234 5678", "０３（１２３４）５６７８", "090-1111-2222", "090-3333-4444", "06-6666-7777", "内線 12", "+1 650 253 0000"}
	labels  = []string{"work", "home", "mobile", "other", "別荘", ""}
	streets = []string{"1-2-3", "4-5 青山ビル", "１－２－３", "Main St 1"}
	cities  = []string{"東京", "大阪", "Nara", ""}
	zips    = []string{"100-0001", "５４０", ""}
	lands   = []string{"日本", "Japan", ""}
	dates   = []string{"1980-01-02", "--04-05", "1999-12-31"}
	ranks   = []string{"VIP", "vip", "ＶＩＰ", "Standard", "gold"}
	notes   = []string{"hello", "two\nlines", "こんにちは", "  spaced  "}
	urls    = []string{"https://a.example", "https://a.example/", "https://b.example"}
)

func pick(t *rapid.T, from []string, what string) string {
	return rapid.SampledFrom(from).Draw(t, what)
}

func drawValue(t *rapid.T, f record.Field) record.Value {
	v := record.Value{}
	switch f.Type {
	case record.TypeEmail:
		v.Text = pick(t, emails, "email")
	case record.TypePhone:
		v.Text = pick(t, phones, "phone")
	case record.TypeAddress:
		v.Parts = map[record.Part]string{record.PartStreet: pick(t, streets, "street")}
		for p, from := range map[record.Part][]string{record.PartCity: cities, record.PartPostal: zips, record.PartCountry: lands} {
			if s := from[int(v.Parts[record.PartStreet][0])%len(from)]; s != "" && rapid.Bool().Draw(t, "part") {
				v.Parts[p] = s
			}
		}
		if len(f.Parts) == 0 && rapid.IntRange(0, 5).Draw(t, "pobox") == 0 {
			v.Parts[record.PartPOBox] = "私書箱1"
		}
	case record.TypeDate:
		v.Text = pick(t, dates, "date")
		if f.WholeDate {
			v.Text = "1980-01-02"
		}
	case record.TypeURL:
		v.Text = pick(t, urls, "url")
	case record.TypeIM:
		v.Text = pick(t, names[3:], "handle")
		v.Parts = map[record.Part]string{record.PartService: pick(t, []string{"skype", "line"}, "service")}
	case record.TypeChoice:
		v.Text = pick(t, f.Choices, "choice")
	case record.TypeLongText:
		v.Text = pick(t, notes, "note")
	default:
		v.Text = pick(t, names, "name")
		if f.Key == "custom:rank" {
			v.Text = pick(t, ranks, "rank")
		}
	}
	if f.Labelled {
		v.Label = pick(t, labels, "label")
	}
	return v
}

// drawInto gives a side a list of values that its vendor could hold.
func drawInto(t *rapid.T, f record.Field, keep []record.Value, n int) []record.Value {
	for ; n > 0; n-- {
		keep, _, _ = record.Fit(f, keep, []record.Value{drawValue(t, f)})
	}
	return keep
}

func drawSide(t *rapid.T, fs []record.Field) record.Fields {
	out := record.Fields{}
	for _, f := range fs {
		out[f.Key] = drawInto(t, f, []record.Value{}, rapid.IntRange(0, 4).Draw(t, "n"))
	}
	return out
}

// perturb edits a side as a person would: adds, removes, changes, relabels.
func perturb(t *rapid.T, fs []record.Field, now record.Fields, often int) (record.Fields, map[record.Key]bool) {
	out, touched := now.Clone(), map[record.Key]bool{}
	for _, f := range fs {
		if rapid.IntRange(0, often).Draw(t, "touch") != 0 {
			continue
		}
		touched[f.Key] = true
		vs := out[f.Key]
		switch rapid.IntRange(0, 4).Draw(t, "op") {
		case 0:
			vs = drawInto(t, f, vs, 1)
		case 1:
			if len(vs) > 0 {
				i := rapid.IntRange(0, len(vs)-1).Draw(t, "which")
				vs = slices.Delete(vs, i, i+1)
			}
		case 2, 3:
			if len(vs) > 0 {
				i := rapid.IntRange(0, len(vs)-1).Draw(t, "which")
				v := drawValue(t, f)
				if w, held, _ := record.Fit(f, nil, []record.Value{v}); len(held) == 0 {
					w[0].Label = vs[i].Label
					vs[i] = w[0]
				}
			}
		default:
			if len(vs) > 0 && f.Labelled {
				vs[rapid.IntRange(0, len(vs)-1).Draw(t, "which")].Label = pick(t, labels, "relabel")
			}
		}
		out[f.Key] = vs
	}
	return out, touched
}

func drawRules(t *rapid.T) profile.Rules {
	r := rulesFor(rapid.SampledFrom([]profile.Direction{profile.TwoWay, profile.TwoWay, profile.CRMToBook, profile.BookToCRM}).Draw(t, "direction"),
		rapid.SampledFrom([]profile.Side{profile.CRM, profile.Book}).Draw(t, "winner"))
	r.EmptyRemoves = rapid.IntRange(0, 3).Draw(t, "empty removes") > 0
	r.Overwrite = r.Direction == profile.CRMToBook && rapid.Bool().Draw(t, "overwrite")
	return r
}

// drawLink is a link that was synced at least once, and then edited on both sides.
func drawLink(t *rapid.T, p *plan.Planner) (*link, [2]map[record.Key]bool, [2]record.Fields) {
	l := &link{now: [2]record.Fields{drawSide(t, crmFields()), drawSide(t, bookFields())}}
	if rapid.Bool().Draw(t, "derived") {
		l.now[1] = nil
	}
	for n := rapid.IntRange(1, 2).Draw(t, "rounds"); n > 0; n-- {
		l.sync(p)
		if n > 1 {
			l.now[0], _ = perturb(t, crmFields(), l.now[0], 2)
			l.now[1], _ = perturb(t, bookFields(), l.now[1], 2)
		}
	}
	before := [2]record.Fields{l.now[0].Clone(), l.now[1].Clone()}
	t.Logf("synced  %v\n        %v", before[0], before[1])
	var touched [2]map[record.Key]bool
	l.now[0], touched[0] = perturb(t, crmFields(), l.now[0], 2)
	l.now[1], touched[1] = perturb(t, bookFields(), l.now[1], 2)
	t.Logf("edited  %v\n        %v", l.now[0], l.now[1])
	return l, touched, before
}

func forms(f record.Field, vs []record.Value) []string {
	parts := field(crmFields(), record.Address).Parts
	if f.Type != record.TypeAddress {
		parts = nil
	}
	out := []string{}
	for _, v := range vs {
		typ := f.Type
		if f.Key == "custom:rank" {
			typ = record.TypeText
		}
		if form := cmp.Form(typ, v, parts); form != "" {
			out = append(out, form)
		}
	}
	slices.Sort(out)
	return out
}

func heldOf(out plan.Outcome, k record.Key) int {
	n := 0
	for _, h := range out.Held {
		if h.Key == k {
			n += h.Count
		}
	}
	return n
}

func TestProperties(t *testing.T) {
	prove := func(name string, f func(t *rapid.T)) { t.Run(name, func(t *testing.T) { rapid.Check(t, f) }) }

	prove("a merge that was carried out plans nothing more", func(t *rapid.T) {
		p := planner(drawRules(t))
		l, _, _ := drawLink(t, p)
		first := l.sync(p)
		for i := 0; i < 2; i++ {
			if out := l.sync(p); out.Write[0] != nil || out.Write[1] != nil || len(out.Conflicts) > 0 {
				t.Fatalf("merge %d after\n%v\nwrites %v, conflicts %v\nnow  %v\n     %v", i+2, first.Write, out.Write, out.Conflicts, l.now[0], l.now[1])
			}
		}
	})

	prove("both sides agree but for what is held", func(t *rapid.T) {
		r := drawRules(t)
		r.Direction, r.EmptyRemoves = profile.TwoWay, true
		p := planner(r)
		l, _, _ := drawLink(t, p)
		l.sync(p)
		out := l.merge(p)
		for _, f := range crmFields() {
			c, b := forms(f, l.now[0][f.Key]), forms(field(bookFields(), f.Key), l.now[1][f.Key])
			if !slices.Equal(c, b) && heldOf(out, f.Key) == 0 {
				t.Fatalf("%s differs and is not held:\ncrm  %v\nbook %v", f.Key, c, b)
			}
		}
	})

	prove("what is held does not change by itself", func(t *rapid.T) {
		p := planner(drawRules(t))
		l, _, _ := drawLink(t, p)
		l.sync(p)
		a := l.sync(p)
		b := l.sync(p)
		if !reflect.DeepEqual(a.Held, b.Held) {
			t.Fatalf("held %v, then %v", a.Held, b.Held)
		}
	})

	prove("every written text came from one of the sides", func(t *rapid.T) {
		p := planner(drawRules(t))
		l, _, _ := drawLink(t, p)
		known := map[string]bool{"VIP": true, "Standard": true}
		for s := range l.now {
			for k, vs := range l.now[s] {
				for _, v := range vs {
					known[string(k)+v.Text] = true
					for part, text := range v.Parts {
						known[string(k)+string(part)+text] = true
					}
				}
			}
		}
		out := l.merge(p)
		for s := range out.Write {
			for k, vs := range out.Write[s] {
				for _, v := range vs {
					if !known[string(k)+v.Text] && !known[v.Text] {
						t.Fatalf("%s invented %q", k, v.Text)
					}
					for part, text := range v.Parts {
						if !known[string(k)+string(part)+text] {
							t.Fatalf("%s invented %s %q", k, part, text)
						}
					}
				}
			}
		}
	})

	prove("an edit of one side only is on both sides, or held", func(t *rapid.T) {
		r := drawRules(t)
		r.Direction = profile.TwoWay
		p := planner(r)
		l, touched, before := drawLink(t, p)
		want := [2]record.Fields{l.now[0].Clone(), l.now[1].Clone()}
		out := l.sync(p)
		catalogues := [2][]record.Field{crmFields(), bookFields()}
		for s := range want {
			for k := range touched[s] {
				if touched[1-s][k] {
					continue
				}
				was := forms(field(catalogues[s], k), before[s][k])
				here, there := forms(field(catalogues[s], k), l.now[s][k]), forms(field(catalogues[1-s], k), l.now[1-s][k])
				for _, form := range forms(field(catalogues[s], k), want[s][k]) {
					if !slices.Contains(here, form) {
						t.Fatalf("%s lost %q on its own side %d: %v", k, form, s, here)
					}
					if !slices.Contains(was, form) && !slices.Contains(there, form) && heldOf(out, k) == 0 {
						t.Fatalf("%s: %q did not reach side %d: %v", k, form, 1-s, there)
					}
				}
			}
		}
	})

	prove("nothing is lost where only one side was touched at all", func(t *rapid.T) {
		r := drawRules(t)
		r.Direction = profile.TwoWay
		p := planner(r)
		l, _, before := drawLink(t, p)
		s := rapid.IntRange(0, 1).Draw(t, "side")
		l.now[1-s] = before[1-s]
		want := l.now[s].Clone()
		out := l.sync(p)
		for k := range want {
			if len(out.Write[s][k]) > 0 && !reflect.DeepEqual(l.now[s][k], want[k]) && r.EmptyRemoves {
				t.Fatalf("%s of the only edited side %d was rewritten: %v to %v", k, s, want[k], l.now[s][k])
			}
		}
		if len(out.Conflicts) > 0 {
			t.Fatalf("conflicts %v with one side edited", out.Conflicts)
		}
	})

	prove("a read-only side is never written", func(t *rapid.T) {
		r := drawRules(t)
		p := planner(r)
		l, _, _ := drawLink(t, p)
		out := l.merge(p)
		if !r.Direction.Writes(profile.CRM) && out.Write[0] != nil || !r.Direction.Writes(profile.Book) && out.Write[1] != nil {
			t.Fatalf("%s wrote %v", r.Direction, out.Write)
		}
	})

	prove("what is written fits the field", func(t *rapid.T) {
		p := planner(drawRules(t))
		l, _, _ := drawLink(t, p)
		out := l.merge(p)
		for s, fs := range [2][]record.Field{crmFields(), bookFields()} {
			for k, vs := range out.Write[s] {
				f := field(fs, k)
				if f.Capacity() > 0 && len(vs) > f.Capacity() {
					t.Fatalf("%s holds %d values, got %v", k, f.Capacity(), vs)
				}
				slots := map[string]bool{}
				for _, v := range vs {
					if len(f.Slots) > 0 && (slots[v.Label] || !slices.ContainsFunc(f.Slots, func(s record.Slot) bool { return s.Label == v.Label })) {
						t.Fatalf("%s: no slot of its own for %v in %v", k, v, vs)
					}
					slots[v.Label] = true
					if _, held, partly := record.Fit(f, nil, []record.Value{v}); len(held)+len(partly) > 0 {
						t.Fatalf("%s cannot hold %v", k, v)
					}
				}
			}
		}
	})

	prove("the same input gives the same plan", func(t *rapid.T) {
		p := planner(drawRules(t))
		l, _, _ := drawLink(t, p)
		a, b := l.merge(p), l.merge(p)
		if fmt.Sprintf("%v", a) != fmt.Sprintf("%v", b) {
			t.Fatalf("two plans:\n%v\n%v", a, b)
		}
	})

	prove("the order of values does not matter", func(t *rapid.T) {
		r := drawRules(t)
		p := planner(r)
		l, _, _ := drawLink(t, p)
		other := &link{now: [2]record.Fields{l.now[0].Clone(), l.now[1].Clone()}, base: l.base}
		for s := range other.now {
			for k := range other.now[s] {
				slices.Reverse(other.now[s][k])
			}
		}
		for s, side := range []profile.Side{profile.CRM, profile.Book} {
			a, _ := p.Changed(side, l.base[s], l.now[s])
			b, _ := p.Changed(side, l.base[s], other.now[s])
			if a != b {
				t.Fatalf("changed is %v, and %v in another order", a, b)
			}
		}
		free := []record.Key{record.NameFamily, record.Birthday, "custom:rank", record.Note}
		a, b := l.merge(p), other.merge(p)
		for s := range a.Write {
			for _, k := range free {
				if !reflect.DeepEqual(a.Write[s][k], b.Write[s][k]) {
					t.Fatalf("%s: %v, and in another order %v", k, a.Write[s][k], b.Write[s][k])
				}
			}
		}
	})

	prove("a drift of a one-way connection goes with the switch to both ways", func(t *rapid.T) {
		oneWay, twoWay := planner(rulesFor(profile.CRMToBook, profile.CRM)), planner(rulesFor(profile.TwoWay, profile.CRM))
		l := &link{now: [2]record.Fields{drawSide(t, crmFields()), nil}}
		l.sync(oneWay)
		before := l.now[1].Clone()
		var touched map[record.Key]bool
		l.now[1], touched = perturb(t, bookFields(), l.now[1], 1)
		l.sync(oneWay)
		l.base[1] = oneWay.Settle(profile.Book, l.base[1], l.now[1])
		want := l.now[1].Clone()
		out := l.sync(twoWay)
		for k := range touched {
			f := field(bookFields(), k)
			if slices.Equal(forms(f, before[k]), forms(f, want[k])) {
				continue
			}
			c, b := forms(field(crmFields(), k), l.now[0][k]), forms(f, l.now[1][k])
			if !slices.Equal(b, forms(f, want[k])) {
				t.Fatalf("%s: the book had %v, and has %v", k, forms(f, want[k]), b)
			}
			if !slices.Equal(c, b) && heldOf(out, k) == 0 {
				t.Fatalf("%s: crm %v, book %v, nothing held", k, c, b)
			}
		}
	})
}
