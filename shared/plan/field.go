package plan

import (
	"slices"

	"meibo/shared/record"
)

// status is what became of one element on one side since the base.
type status int8

const (
	none    status = iota // the side does not and did not have it
	same                  // as in the base
	edited                // there, but not as in the base
	added                 // there, and not in the base
	removed               // in the base, not there
)

func (s status) changed() bool { return s == edited || s == added }
func (s status) there() bool   { return s == same || s == edited || s == added }

// cell is one element on one side: places in fieldMerge.now and .base, -1 where there is none. form is the comparison form of
// the value, or for a removed one that of the base.
type cell struct {
	st        status
	now, base int
	form      uint64
}

var nothing = cell{st: none, now: -1, base: -1}

// logical is one element as both sides have it. met says that its two values say the same by now, without having been known as
// the same before.
type logical struct {
	side [2]cell
	met  bool
}

// fieldMerge merges one field of one link.
type fieldMerge struct {
	p       *Planner
	f       *pair
	base    [2][]Element
	has     [2]bool
	now     [2][]record.Value
	refused [2]bool

	stays [2][]*record.Value // what becomes of each value that is there; nil: it goes
	adds  [2][]record.Value  // what comes to each side
	touch [2]bool

	write    [2][]record.Value // nil: no change
	held     [2]int
	notes    [2][]note
	gone     [2][]Element
	conflict bool
}

// writes reports whether this field of side s may be written.
func (m *fieldMerge) writes(s int) bool {
	return m.p.rules.Direction.Writes(sides[s]) && !m.f.field[s].ReadOnly
}

// heldAsBefore counts what one side has and the other could not take, when nothing changed.
func (m *fieldMerge) heldAsBefore() {
	if !knownAlike(m.base[0], m.base[1]) {
		for _, l := range m.align() {
			m.countHeld(l)
		}
		return
	}
	if len(m.f.parts) > 0 {
		for s := range sides {
			for i := range m.now[s] {
				m.countParts(s, m.now[s][i])
			}
		}
	}
}

// knownAlike reports whether two bases have the same elements, in any order, and neither holds one apart.
func knownAlike(a, b []Element) bool {
	if len(a) != len(b) {
		return false
	}
	var used uint64
	if len(a) > 64 {
		return false
	}
	for i := range a {
		found := false
		for j := range b {
			if used&(1<<j) == 0 && a[i].Form == b[j].Form && a[i].Form != 0 {
				used |= 1 << j
				found = true
				break
			}
		}
		if !found || a[i].Apart || b[i].Apart {
			return false
		}
	}
	return true
}

// countHeld counts what the sides hold of an element that the other cannot.
func (m *fieldMerge) countHeld(l logical) {
	for s := range sides {
		c, o := l.side[s], l.side[1-s]
		if !c.st.there() || !m.writes(1-s) {
			continue
		}
		switch {
		case o.st.there() && c.form == o.form:
			m.countParts(s, m.now[s][c.now])
		case o.st.there():
			if !m.fits(1-s, m.now[s][c.now]) {
				m.held[s]++
			} else {
				m.countParts(s, m.now[s][c.now])
			}
		case c.st == same && !m.fits(1-s, m.now[s][c.now]), c.st == same && o.st == none && !m.emptyKeeps(1-s):
			m.held[s]++
		}
	}
}

// countParts counts a value of side s of which the other side can hold only some parts.
func (m *fieldMerge) countParts(s int, v record.Value) {
	if len(m.f.parts) > 0 && m.writes(1-s) && m.f.field[1-s].Lacks(v) {
		m.held[s]++
	}
}

// fits reports whether side t could hold v, were there room.
func (m *fieldMerge) fits(t int, v record.Value) bool {
	_, held, _ := record.Fit(m.f.field[t], nil, []record.Value{v})
	return len(held) == 0
}

// run decides every element and builds the values to write.
func (m *fieldMerge) run() {
	for s := range sides {
		if t := 1 - s; len(m.base[0])+len(m.base[1])+len(m.now[t]) == 0 && m.writes(t) && !m.refused[t] {
			m.adds[t] = record.CloneValues(m.now[s]) // all of it is new
			for i := range m.adds[t] {
				m.adds[t][i].Primary = false
			}
			m.place(t)
			return
		}
	}
	for s := range sides {
		m.stays[s] = make([]*record.Value, len(m.now[s]))
		for i := range m.now[s] {
			m.stays[s][i] = &m.now[s][i]
		}
	}
	for _, l := range m.align() {
		switch m.decide(l) {
		case leave:
			m.countHeld(l)
			m.drift(l, 0)
			m.drift(l, 1)
		case toBook:
			m.send(l, 0)
		case toCRM:
			m.send(l, 1)
		case blend:
			m.blend(l)
		}
	}
	for s := range sides {
		m.place(s)
	}
}

// place fits the additions of side s and sets what to write.
func (m *fieldMerge) place(s int) {
	if len(m.adds[s]) == 0 && !m.touch[s] {
		return
	}
	var keep []record.Value
	for _, v := range m.stays[s] {
		if v != nil {
			keep = append(keep, *v)
		}
	}
	placed, held, partly := record.Fit(m.f.field[s], keep, m.adds[s])
	m.held[1-s] += len(held) + len(partly)
	if m.touch[s] || len(held) < len(m.adds[s]) {
		m.write[s] = placed
	}
}

// drift notes a change of side s that the direction does not let travel, so that the next base still shows it as one. A change
// that has nowhere to go for any other reason has been dealt with.
func (m *fieldMerge) drift(l logical, s int) {
	c, o := l.side[s], l.side[1-s]
	if l.met {
		if c.base >= 0 && m.base[s][c.base].Form != c.form {
			m.notes[s] = append(m.notes[s], note{form: c.form, how: noteKnown, by: c.form})
		}
		return
	}
	alike := o.st.there() && c.st.there() && o.form == c.form && (c.st == added || o.st == edited && c.st == edited && m.sameLabel(c.now, o.now, s))
	switch {
	case m.writes(1-s) || c.st == same || c.st == none || alike:
	case c.st == removed:
		if o.st.there() {
			m.gone[s] = append(m.gone[s], m.known(l, s))
		}
	case c.base >= 0:
		m.notes[s] = append(m.notes[s], note{form: c.form, how: noteAs, el: m.known(l, s)})
	default:
		m.notes[s] = append(m.notes[s], note{form: c.form, how: noteOmit})
	}
}

// sameLabel reports whether values i of side s and j of the other one have the same label: nothing of either is left to travel then.
func (m *fieldMerge) sameLabel(i, j, s int) bool {
	return m.p.dig.Label(m.now[s][i].Label) == m.p.dig.Label(m.now[1-s][j].Label)
}

// known returns the old element of side s, known by what the other side makes of it now.
func (m *fieldMerge) known(l logical, s int) Element {
	e, o := m.base[s][l.side[s].base], l.side[1-s]
	if o.st.changed() && o.form != e.Form {
		e.Exact, e.Form = 0, o.form // not even its old value would be in step any more
	}
	return e
}

// send carries element l from side s to the other.
func (m *fieldMerge) send(l logical, s int) {
	t := 1 - s
	src, dst := l.side[s], l.side[t]
	if src.st == removed {
		if dst.now >= 0 && !m.refused[t] {
			m.stays[t][dst.now] = nil
			m.touch[t] = true
		}
		return
	}
	v := m.now[s][src.now]
	if m.refused[t] {
		m.hold(l, s)
		return
	}
	if dst.now < 0 {
		v.Primary = false
		m.adds[t] = append(m.adds[t], v)
		return
	}
	var base *Element
	if src.base >= 0 {
		base = &m.base[s][src.base]
	}
	was := m.now[t][dst.now]
	if !m.set(t, dst.now, m.overlay(s, was, v, base)) {
		m.hold(l, s)
		return
	}
	m.countParts(s, v)
	m.countParts(t, was)
}

// hold leaves a change of side s where it is, because the other side cannot take it: both go on knowing the element as one.
func (m *fieldMerge) hold(l logical, s int) {
	m.held[s]++
	if o := l.side[1-s]; o.now >= 0 {
		by := o.form
		if o.base >= 0 && o.st == same {
			by = m.base[1-s][o.base].Form
		}
		m.notes[s] = append(m.notes[s], note{form: l.side[s].form, how: noteKnown, by: by})
	}
}

// set makes v the value at place i of side t, as its field can hold it, and reports whether it can.
func (m *fieldMerge) set(t, i int, v record.Value) bool {
	v.Label = m.labelAt(t, i, v.Label)
	fitted, held, _ := record.Fit(m.f.field[t], nil, []record.Value{v})
	if len(held) > 0 {
		return false
	}
	v.Text = fitted[0].Text // a choice in the field's own spelling
	if !equal(v, m.now[t][i]) {
		m.stays[t][i] = &v
		m.touch[t] = true
	}
	return true
}

// labelAt returns the label that the value at place i of side t gets: in a slotted field it can only move to a free slot.
func (m *fieldMerge) labelAt(t, i int, want string) string {
	f, now := m.f.field[t], m.now[t]
	if len(f.Slots) == 0 {
		if !f.Labelled {
			return now[i].Label
		}
		return want
	}
	free := slices.ContainsFunc(f.Slots, func(s record.Slot) bool { return s.Label == want })
	for j := range now {
		free = free && (j == i || now[j].Label != want && (m.stays[t][j] == nil || m.stays[t][j].Label != want))
	}
	if !free {
		return now[i].Label
	}
	return want
}

// verdict is what to do about one element.
type verdict int8

const (
	leave verdict = iota
	toBook
	toCRM
	blend // both sides changed it: whatever each changed travels
)

// decide is the first table of DESIGN section 6, for one element.
func (m *fieldMerge) decide(l logical) verdict {
	c, b := l.side[0], l.side[1]
	switch {
	case l.met:
		return leave
	case !c.st.there() && !b.st.there():
		return leave
	case c.st == removed && b.st == same:
		return m.removal(l, 0)
	case b.st == removed && c.st == same:
		return m.removal(l, 1)
	case !c.st.there(): // an edit survives a removal
		if b.st.changed() {
			return m.to(0)
		}
	case !b.st.there():
		if c.st.changed() {
			return m.to(1)
		}
	case c.st.changed() && b.st == same:
		return m.edit(l, 0)
	case b.st.changed() && c.st == same:
		return m.edit(l, 1)
	case c.st.changed() && b.st.changed():
		if c.form == b.form {
			return leave
		}
		return blend
	}
	return leave
}

// to carries an element to side s, if the direction lets it.
func (m *fieldMerge) to(s int) verdict {
	switch {
	case !m.writes(s):
		return leave
	case s == 0:
		return toCRM
	}
	return toBook
}

// removal carries a removal on side s to the other, unless that one holds of the element what side s never could, or the profile
// says that empty removes nothing.
func (m *fieldMerge) removal(l logical, s int) verdict {
	if m.emptyKeeps(s) || m.holdsMore(l, 1-s) {
		return leave
	}
	return m.to(1 - s)
}

// edit carries an edit of side s to the other. One that changes no more than the spelling does not take the place of what side s
// could not hold.
func (m *fieldMerge) edit(l logical, s int) verdict {
	c := l.side[s]
	if c.base >= 0 && m.base[s][c.base].Form == c.form && m.holdsMore(l, 1-s) {
		return leave
	}
	return m.to(1 - s)
}

// holdsMore reports whether side s has the element in a form that the other could not take.
func (m *fieldMerge) holdsMore(l logical, s int) bool {
	c := l.side[s]
	return c.now >= 0 && c.base >= 0 && m.base[s][c.base].Apart && !m.fits(1-s, m.now[s][c.now])
}

// emptyKeeps reports whether side s has no values of the field in a profile where that removes nothing.
func (m *fieldMerge) emptyKeeps(s int) bool {
	return !m.p.rules.EmptyRemoves && len(m.now[s]) == 0
}
