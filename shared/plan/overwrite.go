package plan

import (
	"slices"

	"meibo/shared/profile"
	"meibo/shared/record"
)

// overwrites reports whether the book's record is to be as the CRM's is, whatever was edited there (profile.Rules.Overwrite): the CRM's
// values in mapped fields are no longer those of the base. A field that was never synced says nothing about that.
func (p *Planner) overwrites(in *Input) bool {
	if !p.rules.Overwrite || p.rules.Direction != profile.CRMToBook || in.Now[1] == nil {
		return false
	}
	for i := range p.pairs {
		k := p.pairs[i].field[0].Key
		vs, known := in.Now[0][k]
		if base, had := in.Base[0].Find(k); had && known && !p.same(base, filled(vs)) {
			return true
		}
	}
	return false
}

// overwrite makes the book's values those of the CRM. Values that both sides know as one stay in the book's spelling, what the book cannot
// hold stays in the CRM, and so does, in the book, the part of an address that the CRM has no place for. Where the CRM has no
// value, the book keeps its own if empty removes nothing.
func (m *fieldMerge) overwrite() {
	if m.refused[1] || !m.writes(1) || m.emptyKeeps(0) {
		m.run()
		return
	}
	var keep, add []record.Value
	for _, l := range m.align() {
		c, b := l.side[0], l.side[1]
		switch {
		case c.now < 0:
		case b.now < 0:
			v := record.CloneValues(m.now[0][c.now : c.now+1])[0]
			v.Primary = false
			add = append(add, v)
		case m.inStep(l):
			keep = append(keep, m.now[1][b.now])
			m.countHeld(l)
		default:
			v := m.rewritten(m.now[1][b.now], m.now[0][c.now])
			if !m.fits(1, v) {
				keep = append(keep, m.now[1][b.now])
				m.hold(l, 0)
				continue
			}
			add = append(add, v)
			m.countParts(0, m.now[0][c.now])
			m.countParts(1, v)
		}
	}
	placed, held, partly := record.Fit(m.f.field[1], keep, add)
	m.held[0] += len(held) + len(partly)
	if !m.alike(placed, m.now[1]) {
		m.write[1] = placed
	}
}

// inStep reports whether nobody has touched either side's value of an element that both sides know as one.
func (m *fieldMerge) inStep(l logical) bool {
	c, b := l.side[0], l.side[1]
	if c.st != same || b.st != same {
		return false
	}
	form := m.base[0][c.base].Form
	return form != 0 && form == m.base[1][b.base].Form
}

// rewritten returns the book's value dst with all that the CRM's src says of it.
func (m *fieldMerge) rewritten(dst, src record.Value) record.Value {
	v := cloned(dst)
	if len(m.f.parts) == 0 || len(src.Parts) == 0 {
		m.setText(0, &v, src, nil)
	} else {
		v.Text = ""
		for _, p := range m.f.parts {
			m.setPart(&v, p, src.Parts[p])
		}
	}
	if src.Label != "" {
		v.Label = src.Label
	}
	return v
}

// alike reports whether two lists hold the same values, in any order.
func (m *fieldMerge) alike(a, b []record.Value) bool {
	if len(a) != len(b) {
		return false
	}
	left := slices.Clone(b)
	for _, v := range a {
		i := slices.IndexFunc(left, func(w record.Value) bool { return equal(v, w) })
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}
