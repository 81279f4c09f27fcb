package plan

import "meibo/shared/record"

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

// cell is one element on one side: places in fieldMerge.now and .base, -1 where there is none.
type cell struct {
	st        status
	now, base int
	form      uint64
}

var nothing = cell{st: none, now: -1, base: -1}

// logical is one element as both sides have it.
type logical [2]cell

// fieldMerge merges one field of one link.
type fieldMerge struct {
	p       *Planner
	f       *pair
	base    [2][]Element
	has     [2]bool
	now     [2][]record.Value
	refused [2]bool

	write    [2][]record.Value // nil: no change
	held     [2]int
	kept     [2][]Element
	omit     [2][]uint64
	conflict bool
}

// heldAsBefore counts what one side has and the other could not take, when nothing changed.
func (m *fieldMerge) heldAsBefore() {
	if len(m.base[0]) == len(m.base[1]) && sameForms(m.base[0], m.base[1]) {
		return
	}
	for _, l := range m.align() {
		m.countHeld(l)
	}
}

func sameForms(a, b []Element) bool {
	for i := range a {
		if a[i].Form != b[i].Form {
			return false
		}
	}
	return true
}

func (m *fieldMerge) countHeld(l logical) {
	for s := range l {
		if l[s].st == same && l[1-s].st == none && m.writes(1-s) {
			m.held[s]++
		}
	}
}

// writes reports whether this field of side s may be written.
func (m *fieldMerge) writes(s int) bool {
	return m.p.rules.Direction.Writes(sides[s]) && !m.f.field[s].ReadOnly
}

// run decides every element and builds the values to write.
func (m *fieldMerge) run() {
	var keep [2][]record.Value // what stays on each side, by its own order
	var adds [2][]add          // what comes to each side
	var touched [2]bool
	stays := [2][]*record.Value{make([]*record.Value, len(m.now[0])), make([]*record.Value, len(m.now[1]))}
	for s := range m.now {
		for i := range m.now[s] {
			stays[s][i] = &m.now[s][i]
		}
	}
	for _, l := range m.align() {
		switch m.decide(l) {
		case leave:
			m.countHeld(l)
			m.drift(l, 0)
			m.drift(l, 1)
		case toBook:
			m.send(l, 0, stays, adds[:], &touched)
		case toCRM:
			m.send(l, 1, stays, adds[:], &touched)
		case byPart:
			m.mergeParts(l, stays, &touched)
		}
	}
	for s := range sides {
		for _, v := range stays[s] {
			if v != nil {
				keep[s] = append(keep[s], *v)
			}
		}
		m.place(s, keep[s], adds[s], touched[s])
	}
}

// add is a value that comes to a side from element cell of the other.
type add struct {
	v    record.Value
	from cell
}

// place fits the additions of side s and sets what to write.
func (m *fieldMerge) place(s int, keep []record.Value, adds []add, touched bool) {
	if len(adds) == 0 && !touched {
		return
	}
	vs := make([]record.Value, len(adds))
	for i, a := range adds {
		vs[i] = a.v
		vs[i].Primary = false
	}
	placed, held, partly := record.Fit(m.f.field[s], keep, vs)
	m.held[1-s] += len(held) + len(partly)
	if touched || len(held) < len(adds) {
		m.write[s] = placed
	}
}

// drift notes a change of side s that does not travel, so that the next base still shows it as one. A change that has nowhere to
// go for any other reason than the direction has been dealt with.
func (m *fieldMerge) drift(l logical, s int) {
	c := l[s]
	if m.writes(1-s) || c.st == same || c.st == none || c.st == removed && l[1-s].st == none {
		return
	}
	if c.base >= 0 {
		m.kept[s] = append(m.kept[s], m.base[s][c.base])
	}
	if c.now >= 0 {
		if l[1-s].st.there() && l[1-s].form == c.form {
			// Both sides say the same by now.
			if c.base >= 0 {
				m.kept[s] = m.kept[s][:len(m.kept[s])-1]
			}
			return
		}
		m.omit[s] = append(m.omit[s], c.form)
	}
}

// send carries element l from side s to the other.
func (m *fieldMerge) send(l logical, s int, stays [2][]*record.Value, adds [][]add, touched *[2]bool) {
	t := 1 - s
	src, dst := l[s], l[t]
	if m.refused[t] {
		if src.st.there() {
			m.held[s]++
		}
		return
	}
	switch {
	case src.st == removed:
		if dst.now >= 0 {
			stays[t][dst.now] = nil
			touched[t] = true
		}
	case dst.now >= 0:
		var base *Element
		if src.base >= 0 {
			base = &m.base[s][src.base]
		}
		v := m.overlay(t, m.now[t][dst.now], m.now[s][src.now], base)
		fitted, held, partly := record.Fit(m.f.field[t], nil, []record.Value{v})
		if len(held) > 0 {
			m.held[s]++
			return
		}
		m.held[s] += len(partly)
		v.Text = fitted[0].Text // a choice in the field's own spelling
		v.Label = m.slotLabel(t, m.now[t], dst.now, v.Label)
		if !equal(v, m.now[t][dst.now]) {
			stays[t][dst.now] = &v
			touched[t] = true
		}
	default:
		adds[t] = append(adds[t], add{v: m.now[s][src.now], from: src})
	}
}

// slotLabel returns the label that the value at place i of side t gets: in a slotted field it can only move to a free slot.
func (m *fieldMerge) slotLabel(t int, now []record.Value, i int, want string) string {
	f := m.f.field[t]
	if len(f.Slots) == 0 {
		if !f.Labelled {
			return now[i].Label
		}
		return want
	}
	known := false
	for _, s := range f.Slots {
		known = known || s.Label == want
	}
	if !known {
		return now[i].Label
	}
	for j, v := range now {
		if j != i && v.Label == want {
			return now[i].Label
		}
	}
	return want
}

// overlay returns dst with what changed in src since base: its text, each changed part, and its label if that changed.
func (m *fieldMerge) overlay(t int, dst, src record.Value, base *Element) record.Value {
	v := record.CloneValues([]record.Value{dst})[0]
	relabelled := base != nil && m.p.dig.Label(src.Label) != base.Label
	if relabelled && m.p.form(m.f, 1-t, src) == m.p.form(m.f, t, dst) {
		// Only the label changed: each side keeps its own spelling.
		v.Label = src.Label
		return v
	}
	v.Text = src.Text
	if m.f.field[t].Type == record.TypeAddress && len(src.Parts) > 0 {
		v.Text = dst.Text
		for i, part := range m.f.parts {
			if base != nil && i < len(base.Parts) && base.Parts[i] == m.p.dig.Part(src, part) {
				continue
			}
			setPart(&v, part, src.Parts[part])
		}
	} else {
		for part, text := range src.Parts {
			setPart(&v, part, text)
		}
	}
	if src.Label != "" && (relabelled || dst.Label == "") {
		v.Label = src.Label
	}
	return v
}

func setPart(v *record.Value, p record.Part, text string) {
	if text == "" {
		delete(v.Parts, p)
		return
	}
	if v.Parts == nil {
		v.Parts = map[record.Part]string{}
	}
	v.Parts[p] = text
}

// mergeParts merges an address of which both sides changed parts: each changed part travels, and the winner's stands where both
// changed the same one differently.
func (m *fieldMerge) mergeParts(l logical, stays [2][]*record.Value, touched *[2]bool) {
	now := [2]record.Value{m.now[0][l[0].now], m.now[1][l[1].now]}
	out := [2]record.Value{record.CloneValues(now[:1])[0], record.CloneValues(now[1:])[0]}
	win := Index(m.p.rules.Winner)
	for i, part := range m.f.parts {
		d := [2]uint64{m.p.dig.Part(now[0], part), m.p.dig.Part(now[1], part)}
		if d[0] == d[1] || record.Fold(now[0].Parts[part]) == record.Fold(now[1].Parts[part]) {
			continue
		}
		from := win
		switch {
		case d[0] == m.base[0][l[0].base].Parts[i]:
			from = 1
		case d[1] == m.base[1][l[1].base].Parts[i]:
			from = 0
		default:
			m.conflict = true
		}
		if to := 1 - from; m.writes(to) && !m.refused[to] {
			setPart(&out[to], part, now[from].Parts[part])
		}
	}
	for s := range sides {
		if !equal(out[s], now[s]) {
			v := out[s]
			stays[s][l[s].now] = &v
			touched[s] = true
		}
	}
}

// equal compares what a write can change.
func equal(a, b record.Value) bool {
	if a.Text != b.Text || a.Label != b.Label {
		return false
	}
	for p, s := range a.Parts {
		if b.Parts[p] != s {
			return false
		}
	}
	for p, s := range b.Parts {
		if a.Parts[p] != s {
			return false
		}
	}
	return true
}

// verdict is what to do about one element.
type verdict int8

const (
	leave verdict = iota
	toBook
	toCRM
	byPart
)

// decide is the first table of DESIGN section 6, for one element.
func (m *fieldMerge) decide(l logical) verdict {
	c, b := l[0], l[1]
	to := func(s int) verdict { // carry to side s, if the direction lets it
		if !m.writes(s) {
			return leave
		}
		if s == 0 {
			return toCRM
		}
		return toBook
	}
	switch {
	case c.st == removed && b.st == removed, c.st == none && b.st == removed, c.st == removed && b.st == none:
		return leave
	case c.st == removed && b.st == same:
		if m.emptyKeeps(0) {
			return leave
		}
		return to(1)
	case b.st == removed && c.st == same:
		if m.emptyKeeps(1) {
			return leave
		}
		return to(0)
	case c.st == removed: // the other side edited it: the edit survives
		return to(0)
	case b.st == removed:
		return to(1)
	case c.st.changed() && b.st == none:
		return to(1)
	case b.st.changed() && c.st == none:
		return to(0)
	case c.st.changed() && b.st == same:
		return to(1)
	case b.st.changed() && c.st == same:
		return to(0)
	case c.st.changed() && b.st.changed():
		if c.form == b.form {
			return leave
		}
		if len(m.f.parts) > 0 && c.base >= 0 && b.base >= 0 {
			return byPart
		}
		m.conflict = true
		return to(1 - Index(m.p.rules.Winner))
	}
	return leave
}

// emptyKeeps reports whether side s has lost all values of the field in a profile where that removes nothing.
func (m *fieldMerge) emptyKeeps(s int) bool {
	return !m.p.rules.EmptyRemoves && len(m.now[s]) == 0
}
