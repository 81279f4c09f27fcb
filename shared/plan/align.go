package plan

import "meibo/shared/record"

// align pairs the elements of both sides: first those whose bases say the same, then new ones that say the same, and in a field
// that holds one value on either side, whatever is left.
func (m *fieldMerge) align() []logical {
	cells := [2][]cell{m.compare(0), m.compare(1)}
	used := make([]bool, len(cells[1]))
	var out []logical
	var alone []cell
	for _, c := range cells[0] {
		j := m.partner(c, cells[1], used)
		if j < 0 {
			alone = append(alone, c)
			continue
		}
		used[j] = true
		out = append(out, logical{c, cells[1][j]})
	}
	single := m.f.field[0].Capacity() == 1 && m.f.field[1].Capacity() == 1
	for _, c := range alone {
		l := logical{c, nothing}
		if single {
			for j, b := range cells[1] {
				if !used[j] {
					used[j] = true
					l[1] = b
					break
				}
			}
		}
		out = append(out, l)
	}
	for j, b := range cells[1] {
		if !used[j] {
			out = append(out, logical{nothing, b})
		}
	}
	return out
}

// partner finds the element of the other side that c was, or is, the same as.
func (m *fieldMerge) partner(c cell, others []cell, used []bool) int {
	if c.base >= 0 {
		want := m.base[0][c.base].Form
		for j, b := range others {
			if !used[j] && b.base >= 0 && m.base[1][b.base].Form == want {
				return j
			}
		}
	}
	if c.now >= 0 {
		for j, b := range others {
			if !used[j] && b.now >= 0 && b.form == c.form && (c.base < 0 || b.base < 0) {
				return j
			}
		}
	}
	return -1
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
				form[i] = base[j].Form
				break
			}
		}
		if baseOf[i] < 0 {
			form[i] = m.p.form(m.f, s, v)
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
	match(func(i, j int) bool { return base[j].Form == form[i] })
	match(func(i, j int) bool {
		return base[j].Label == m.p.dig.Label(now[i].Label) && m.keepsPlace(s, now[i], base[j])
	})
	if left := count(taken); len(base)-left == 1 && len(now)-left == 1 {
		match(func(int, int) bool { return true })
	}
	var out []cell
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

// keepsPlace guards the recognition by label: for an address, at least one part must be as it was, or the old one is gone and
// this is another.
func (m *fieldMerge) keepsPlace(_ int, v record.Value, e Element) bool {
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
