package plan

import (
	"slices"

	"meibo/shared/record"
)

// align pairs the elements of both sides: first those that were known as the same, then those that say the same, then addresses
// of which one says more than the other, and in a field that holds one value on both sides, whatever is left.
func (m *fieldMerge) align() []logical {
	cells := [2][]cell{m.compare(0), m.compare(1)}
	partner := make([]int, len(cells[0]))
	met := make([]bool, len(cells[0]))
	used := make([]bool, len(cells[1]))
	for i := range partner {
		partner[i] = -1
	}
	pass := func(meets bool, ok func(c, b cell) bool) {
		for i, c := range cells[0] {
			for j, b := range cells[1] {
				if partner[i] < 0 && !used[j] && ok(c, b) {
					partner[i], met[i], used[j] = j, meets, true
				}
			}
		}
	}
	pass(false, func(c, b cell) bool {
		return c.base >= 0 && b.base >= 0 && m.base[0][c.base].Form != 0 && m.base[0][c.base].Form == m.base[1][b.base].Form
	})
	pass(true, func(c, b cell) bool { return c.now >= 0 && b.now >= 0 && c.form != 0 && c.form == b.form })
	if len(m.f.parts) > 0 {
		pass(false, func(c, b cell) bool {
			return c.st == added && b.st == added && m.agree(m.now[0][c.now], m.now[1][b.now])
		})
	}
	if m.f.field[0].Capacity() == 1 && m.f.field[1].Capacity() == 1 {
		pass(false, func(c, b cell) bool { return c.now >= 0 && b.now >= 0 })
		pass(false, func(c, b cell) bool { return true })
	}
	var out []logical
	for i, c := range cells[0] {
		l := logical{side: [2]cell{c, nothing}, met: met[i]}
		if partner[i] >= 0 {
			l.side[1] = cells[1][partner[i]]
		}
		out = append(out, l)
	}
	for j, b := range cells[1] {
		if !used[j] {
			out = append(out, logical{side: [2]cell{nothing, b}})
		}
	}
	return out
}

// agree reports whether two addresses are one, of which perhaps each says more than the other: no common part contradicts, and
// both name the street, or the postal code with something else.
func (m *fieldMerge) agree(a, b record.Value) bool {
	same, street, postal := 0, false, false
	for _, p := range m.f.parts {
		x, y := record.Fold(a.Parts[p]), record.Fold(b.Parts[p])
		switch {
		case x == "" || y == "":
		case x != y:
			return false
		default:
			same++
			street = street || p == record.PartStreet
			postal = postal || p == record.PartPostal
		}
	}
	return street || postal && same > 1
}

// compare says what became of each element of side s. Elements are recognised by exact form, then by comparison form, then by
// place: a number that took the place of another under the same label is that number, edited.
func (m *fieldMerge) compare(s int) []cell {
	base, now := m.base[s], m.now[s]
	baseOf := make([]int, len(now))
	taken := make([]bool, len(base))
	exact := make([]uint64, len(now))
	form := make([]uint64, len(now))
	for i, v := range now {
		baseOf[i] = -1
		exact[i] = m.p.dig.Exact(v)
		for j := range base {
			if !taken[j] && base[j].Exact == exact[i] {
				baseOf[i], taken[j] = j, true
				break
			}
		}
		if j := baseOf[i]; j >= 0 && !base[j].Apart {
			form[i] = base[j].Form
		} else {
			form[i] = m.p.form(m.f, v)
		}
	}
	match := func(ok func(i, j int) bool) {
		for i := range now {
			for j := range base {
				if baseOf[i] < 0 && !taken[j] && ok(i, j) {
					baseOf[i], taken[j] = j, true
				}
			}
		}
	}
	if slices.Contains(baseOf, -1) && slices.Contains(taken, false) {
		match(func(i, j int) bool { return base[j].Form == form[i] && form[i] != 0 && !base[j].Apart })
		match(func(i, j int) bool {
			return base[j].Label == m.p.dig.Label(now[i].Label) && m.keepsPlace(now[i], base[j])
		})
		if left := count(taken); len(base)-left == 1 && len(now)-left == 1 {
			match(func(i, j int) bool { return m.keepsPlace(now[i], base[j]) })
		}
	}
	out := make([]cell, 0, len(now)+1)
	for i := range now {
		c := cell{now: i, base: baseOf[i], form: form[i]}
		switch {
		case c.base < 0:
			c.st = added
		case exact[i] == base[c.base].Exact:
			c.st = same
		default:
			c.st = edited
		}
		out = append(out, c)
	}
	for j := range base {
		if !taken[j] {
			out = append(out, cell{st: removed, now: -1, base: j, form: base[j].Form})
		}
	}
	return out
}

// keepsPlace guards the recognition by place: of an address, at least one part must be as it was, or the old one is gone and
// this is another, which must not take over what only the other side knew of the old one.
func (m *fieldMerge) keepsPlace(v record.Value, e Element) bool {
	if len(m.f.parts) == 0 || len(e.Parts) != len(m.f.parts) {
		return true
	}
	for i, p := range m.f.parts {
		if d := m.p.dig.Part(v, p); d != 0 && d == e.Parts[i] {
			return true
		}
	}
	return false
}

func count(bs []bool) int {
	n := 0
	for _, b := range bs {
		if b {
			n++
		}
	}
	return n
}
