package plan

import (
	"slices"

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
			p.pairs = append(p.pairs, pair{field: [2]record.Field{crm[c], book[b]}, parts: commonParts(crm[c], book[b])})
		}
	}
	return p
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
func (p *Planner) element(f *pair, side int, v record.Value) Element {
	e := Element{
		Exact: p.dig.Exact(v),
		Form:  p.form(f, side, v),
		Label: p.dig.Label(v.Label),
	}
	for _, part := range f.parts {
		e.Parts = append(e.Parts, p.dig.Part(v, part))
	}
	return e
}

func (p *Planner) form(f *pair, side int, v record.Value) uint64 {
	return p.dig.Form(p.cmp.Form(f.field[side].Type, v, f.parts))
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
		fb := FieldBase{Key: f.field[side].Key, Elements: make([]Element, len(vs))}
		for j, v := range vs {
			fb.Elements[j] = p.element(f, side, v)
		}
		b = append(b, fb)
	}
	return b
}

// Changed reports whether fields differ from the base of side s in any mapped field, and how many fields that had values have
// none now.
func (p *Planner) Changed(s profile.Side, base Base, fields record.Fields) (changed bool, emptied int) {
	side := Index(s)
	for i := range p.pairs {
		k := p.pairs[i].field[side].Key
		vs, known := fields[k]
		if !known {
			continue
		}
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

func (p *Planner) same(old []Element, now []record.Value) bool {
	if len(old) != len(now) {
		return false
	}
	for i := range now {
		if p.dig.Exact(now[i]) != old[i].Exact {
			return false
		}
	}
	return true
}
