package plan

import (
	"slices"

	"meibo/shared/profile"
	"meibo/shared/record"
)

// Rebase returns the base of side s after out was carried out, from old, what the side's base was, and stored, what the side
// holds now.
func (p *Planner) Rebase(s profile.Side, out Outcome, old Base, stored record.Fields) Base {
	side := Index(s)
	b := make(Base, 0, len(out.fields))
	for i := range out.fields {
		fo := &out.fields[i]
		f := &p.pairs[fo.pair]
		k := f.field[side].Key
		vs, known := stored[k]
		els, had := old.Find(k)
		if !fo.known[0] || !fo.known[1] || !known {
			// Nothing was decided about this field: what was known of it stays known.
			if had {
				b = append(b, FieldBase{Key: k, Elements: els})
			}
			continue
		}
		now, own := p.settled(f, els, filled(vs))
		if w := out.Write[side][k]; w != nil {
			p.knowBySent(f, now, own, w)
		}
		b = append(b, FieldBase{Key: k, Elements: append(noted(now, own, fo.notes[side]), fo.gone[side]...)})
	}
	return b
}

// settled returns the elements of vs and the comparison form of each. Those that are exactly as they were keep the form that
// they are known by, which also saves making it again.
func (p *Planner) settled(f *pair, old []Element, vs []record.Value) (now []Element, own []uint64) {
	now, own = make([]Element, len(vs), len(vs)+1), make([]uint64, len(vs))
	taken := make([]bool, len(old))
	for i, v := range vs {
		exact := p.dig.Exact(v)
		from := -1
		for j := range old {
			if !taken[j] && old[j].Exact == exact && len(old[j].Parts) == len(f.parts) {
				from = j
				break
			}
		}
		switch {
		case from < 0:
			now[i] = p.elementOf(f, v, exact)
			own[i] = now[i].Form
		default:
			taken[from] = true
			now[i] = old[from]
			if own[i] = now[i].Form; now[i].Apart {
				own[i] = p.form(f, v)
			}
		}
	}
	return now, own
}

// knowBySent sees to it that a value which the vendor stored otherwise than it was sent is still known as what was sent.
func (p *Planner) knowBySent(f *pair, now []Element, own []uint64, sent []record.Value) {
	forms := make([]uint64, len(sent))
	for i, v := range sent {
		forms[i] = p.form(f, v)
	}
	var odd []int
	for i := range now {
		if j := slices.Index(forms, own[i]); j >= 0 {
			forms = slices.Delete(forms, j, j+1)
		} else {
			odd = append(odd, i)
		}
	}
	if len(odd) != len(forms) {
		return
	}
	for n, i := range odd {
		now[i].Form, now[i].Apart = forms[n], true
	}
}

// noted applies the notes to the elements of one side.
func noted(now []Element, own []uint64, notes []note) []Element {
	for _, n := range notes {
		i := slices.Index(own, n.form)
		if i < 0 {
			if n.how == noteAs {
				now, own = append(now, n.el), append(own, 0)
			}
			continue
		}
		switch n.how {
		case noteOmit:
			now, own = slices.Delete(now, i, i+1), slices.Delete(own, i, i+1)
		case noteAs:
			now[i], own[i] = n.el, 0
		case noteKnown:
			now[i].Form, now[i].Apart, own[i] = n.by, n.by != n.form, 0
		}
	}
	return now
}

// Settle returns the base of side s once the vendor has shown what it stored of Meibo's own write: old is the base that was made
// from what was sent, stored what the side holds, still at the version that the write left. What had not travelled before
// still has not. A value that says something else than what was sent is a person's edit and none of the vendor's spelling, made
// before the version moved on: some vendors' versions are times in whole seconds.
func (p *Planner) Settle(s profile.Side, old Base, stored record.Fields) Base {
	side := Index(s)
	b := make(Base, 0, len(p.pairs))
	for i := range p.pairs {
		f := &p.pairs[i]
		k := f.field[side].Key
		els, had := old.Find(k)
		vs, known := stored[k]
		vs = filled(vs)
		switch {
		case !had && (!known || len(vs) > 0):
			continue // never merged: it is yet to be
		case known:
			els = p.settle(f, side, els, vs)
		}
		b = append(b, FieldBase{Key: k, Elements: els})
	}
	return b
}

func (p *Planner) settle(f *pair, side int, old []Element, vs []record.Value) []Element {
	now, _ := p.settled(f, old, vs)
	left := slices.Clone(old)
	drop := func(ok func(Element) bool) bool {
		i := slices.IndexFunc(left, ok)
		if i >= 0 {
			left = slices.Delete(left, i, i+1)
		}
		return i >= 0
	}
	var odd []int
	for i := range now {
		if !drop(func(e Element) bool { return e.Exact == now[i].Exact }) {
			odd = append(odd, i)
		}
	}
	odd = slices.DeleteFunc(odd, func(i int) bool { return drop(func(e Element) bool { return e.Form == now[i].Form && !e.Apart }) })
	drifts := !p.rules.Direction.Writes(sides[1-side]) || f.field[1-side].ReadOnly
	// A value that this side was sent in a form of its own is known by that of the other side alone, which it need not look like.
	edited := len(odd) > len(left) || len(odd) > 0 && slices.ContainsFunc(left, func(e Element) bool { return !e.Apart })
	switch {
	case drifts, edited:
		// What differs is a person's, and has not travelled.
		keep := now[:0]
		for i := range now {
			if !slices.Contains(odd, i) {
				keep = append(keep, now[i])
			}
		}
		return append(keep, left...)
	case len(odd) == len(left):
		for n, i := range odd {
			now[i].Form, now[i].Apart = left[n].Form, true
		}
	}
	return now
}
