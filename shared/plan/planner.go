package plan

import (
	"slices"
	"strings"

	"meibo/shared/profile"
	"meibo/shared/record"
)

// sides in the order of every [2] in this package.
var sides = [2]profile.Side{profile.CRM, profile.Book}

// Index returns the place of side s in every [2] of this package.
func Index(s profile.Side) int {
	if s == profile.CRM {
		return 0
	}
	return 1
}

// Planner merges records of one connection. It is safe for concurrent use.
type Planner struct {
	rules profile.Rules
	pairs []pair
	cmp   record.Comparer
	dig   *record.Digester
}

// pair is one mapped pair of fields as both accounts have them.
type pair struct {
	field [2]record.Field
	typ   record.Type   // as which values of both fields are compared
	parts []record.Part // that both fields hold; nil where the type has none
}

// New returns a planner for the rules' mapping over both catalogues. Pairs of fields that an account no longer has are left
// out: their values are unknown, and unknown never travels.
func New(rules profile.Rules, crm, book []record.Field, cmp record.Comparer, dig *record.Digester) *Planner {
	p := &Planner{rules: rules, cmp: cmp, dig: dig}
	for _, m := range rules.Mapping {
		c := slices.IndexFunc(crm, func(f record.Field) bool { return f.Key == m.CRM })
		b := slices.IndexFunc(book, func(f record.Field) bool { return f.Key == m.Book })
		if c >= 0 && b >= 0 {
			p.pairs = append(p.pairs, pair{field: [2]record.Field{crm[c], book[b]}, typ: commonType(crm[c], book[b]), parts: commonParts(crm[c], book[b])})
		}
	}
	return p
}

// commonType is the type itself where both fields have one, and else text: a web address in a text field must compare equal to
// itself.
func commonType(a, b record.Field) record.Type {
	if a.Type == b.Type {
		return a.Type
	}
	return record.TypeText
}

var addressParts = []record.Part{record.PartPOBox, record.PartExtended, record.PartStreet, record.PartCity, record.PartRegion,
	record.PartPostal, record.PartCountry, record.PartCountryCode}

func commonParts(a, b record.Field) []record.Part {
	if a.Type != record.TypeAddress {
		return nil
	}
	var out []record.Part
	for _, p := range addressParts {
		if (len(a.Parts) == 0 || slices.Contains(a.Parts, p)) && (len(b.Parts) == 0 || slices.Contains(b.Parts, p)) {
			out = append(out, p)
		}
	}
	return out
}

// Keys returns the mapped field keys of side s.
func (p *Planner) Keys(s profile.Side) []record.Key {
	out := make([]record.Key, len(p.pairs))
	for i, f := range p.pairs {
		out[i] = f.field[Index(s)].Key
	}
	return out
}

// element digests one value.
func (p *Planner) element(f *pair, v record.Value) Element {
	return p.elementOf(f, v, p.dig.Exact(v))
}

func (p *Planner) elementOf(f *pair, v record.Value, exact uint64) Element {
	e := Element{Exact: exact, Form: p.form(f, v), Label: p.dig.Label(v.Label)}
	if len(f.parts) > 0 {
		e.Parts = make([]uint64, len(f.parts))
		for i, part := range f.parts {
			e.Parts[i] = p.dig.Part(v, part)
		}
	}
	return e
}

func (p *Planner) form(f *pair, v record.Value) uint64 {
	return p.dig.Form(p.cmp.Form(f.typ, v, f.parts))
}

// filled returns vs without values that hold nothing but a label and white space: they are nothing to a person, vendors drop
// them, and so they neither travel nor count.
func filled(vs []record.Value) []record.Value {
	for i := range vs {
		if !blank(vs[i]) {
			continue
		}
		out := slices.Clone(vs[:i])
		for _, v := range vs[i+1:] {
			if !blank(v) {
				out = append(out, v)
			}
		}
		return out
	}
	return vs
}

func blank(v record.Value) bool {
	if v.Text != "" && strings.TrimSpace(v.Text) != "" {
		return false
	}
	for p, s := range v.Parts {
		if p != record.PartService && strings.TrimSpace(s) != "" {
			return false
		}
	}
	return true
}

// Base returns the base of fields as side s holds them.
func (p *Planner) Base(s profile.Side, fields record.Fields) Base {
	side := Index(s)
	b := make(Base, 0, len(p.pairs))
	for i := range p.pairs {
		f := &p.pairs[i]
		vs, known := fields[f.field[side].Key]
		if !known {
			continue
		}
		vs = filled(vs)
		fb := FieldBase{Key: f.field[side].Key, Elements: make([]Element, len(vs))}
		for j, v := range vs {
			fb.Elements[j] = p.element(f, v)
		}
		b = append(b, fb)
	}
	return b
}

// Changed reports whether fields differ from the base of side s in any mapped field, and how many fields that had values have
// none now. The order of values is no difference: vendors shuffle it.
func (p *Planner) Changed(s profile.Side, base Base, fields record.Fields) (changed bool, emptied int) {
	side := Index(s)
	for i := range p.pairs {
		k := p.pairs[i].field[side].Key
		vs, known := fields[k]
		if !known {
			continue
		}
		vs = filled(vs)
		old, had := base.Find(k)
		if !had {
			changed = changed || len(vs) > 0
			continue
		}
		if !p.same(old, vs) {
			changed = true
			if len(vs) == 0 {
				emptied++
			}
		}
	}
	return changed, emptied
}

// same reports whether now is what old was, in any order.
func (p *Planner) same(old []Element, now []record.Value) bool {
	if len(old) != len(now) {
		return false
	}
	for i := range now {
		if p.dig.Exact(now[i]) != old[i].Exact {
			return p.shuffled(old, now)
		}
	}
	return true
}

func (p *Planner) shuffled(old []Element, now []record.Value) bool {
	if len(old) < 2 {
		return false
	}
	was, is := make([]uint64, len(old)), make([]uint64, len(now))
	for i := range old {
		was[i], is[i] = old[i].Exact, p.dig.Exact(now[i])
	}
	slices.Sort(was)
	slices.Sort(is)
	return slices.Equal(was, is)
}
