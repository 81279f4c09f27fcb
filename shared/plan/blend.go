package plan

import "meibo/shared/record"

// overlay returns dst, a value of the side that is not s, with what changed in src since base: its text, each changed part, and
// its label if that changed.
func (m *fieldMerge) overlay(s int, dst, src record.Value, base *Element) record.Value {
	v := cloned(dst)
	relabelled := base != nil && m.p.dig.Label(src.Label) != base.Label
	if relabelled && m.p.form(m.f, src) == m.p.form(m.f, dst) {
		v.Label = src.Label // each side keeps its own spelling
		return v
	}
	m.setText(s, &v, src, base)
	if src.Label != "" && (relabelled || dst.Label == "") {
		v.Label = src.Label
	}
	return v
}

func cloned(v record.Value) record.Value { return record.CloneValues([]record.Value{v})[0] }

// setText gives v, a value of the side that is not s, the text and the parts of src.
func (m *fieldMerge) setText(s int, v *record.Value, src record.Value, base *Element) {
	if len(m.f.parts) == 0 {
		v.Text = src.Text
		if service := src.Parts[record.PartService]; service != "" || m.f.field[s].Holds(record.PartService) {
			setPart(v, record.PartService, service)
		}
		return
	}
	if len(src.Parts) == 0 {
		v.Text, v.Parts = src.Text, nil
		return
	}
	v.Text = ""
	known := base != nil && len(base.Parts) == len(m.f.parts)
	union := base == nil && m.agree(src, *v)
	for i, part := range m.f.parts {
		text := src.Parts[part]
		if known && base.Parts[i] == m.p.dig.Part(src, part) || union && text == "" {
			continue
		}
		m.setPart(v, part, text)
	}
}

// setPart sets a part of an address. A country's code goes when its name changes and the source has no code to give.
func (m *fieldMerge) setPart(v *record.Value, p record.Part, text string) {
	if p == record.PartCountry && record.Fold(v.Parts[p]) != record.Fold(text) && !contains(m.f.parts, record.PartCountryCode) {
		delete(v.Parts, record.PartCountryCode)
	}
	setPart(v, p, text)
}

func contains(ps []record.Part, p record.Part) bool {
	for _, q := range ps {
		if p == q {
			return true
		}
	}
	return false
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

// blending is one element that both sides changed, on its way to what both shall have.
type blending struct {
	m   *fieldMerge
	l   logical
	now [2]record.Value
	out [2]record.Value
	// base of each side, nil if there is none to compare with.
	base [2]*Element
	// stuck says what of a side could not travel: its text, its label, each part.
	text, label [2]bool
	part        [2][]bool
}

// blend merges an element that both sides changed to different forms: what only one side changed travels - a part of an address,
// the label, the text - and the conflict rule decides the rest.
func (m *fieldMerge) blend(l logical) {
	b := blending{m: m, l: l}
	for s := range sides {
		c := l.side[s]
		b.now[s] = m.now[s][c.now]
		b.out[s] = cloned(b.now[s])
		if c.base >= 0 && len(m.base[s][c.base].Parts) == len(m.f.parts) {
			b.base[s] = &m.base[s][c.base]
		}
		b.part[s] = make([]bool, len(m.f.parts))
	}
	byPart := len(m.f.parts) > 0 && len(b.now[0].Parts) > 0 && len(b.now[1].Parts) > 0
	both := b.base[0] != nil && b.base[1] != nil
	switch {
	case byPart && both, byPart && m.agree(b.now[0], b.now[1]):
		b.parts()
	case both && b.onlyLabel(0) && !b.onlyLabel(1):
		b.carryText(1)
	case both && b.onlyLabel(1) && !b.onlyLabel(0):
		b.carryText(0)
	default:
		m.clash(l)
		return
	}
	if both {
		b.labels()
	}
	b.finish()
}

// clash asks the conflict rule.
func (m *fieldMerge) clash(l logical) {
	m.conflict = true
	win := Index(m.p.rules.Winner)
	if m.to(1-win) == leave {
		m.countHeld(l)
		m.drift(l, 0)
		m.drift(l, 1)
		return
	}
	m.send(l, win)
}

// onlyLabel reports whether side s gave the element another label and nothing else.
func (b *blending) onlyLabel(s int) bool {
	return b.relabelled(s) && !b.base[s].Apart && b.base[s].Form == b.l.side[s].form
}

func (b *blending) relabelled(s int) bool { return b.m.p.dig.Label(b.now[s].Label) != b.base[s].Label }

func (b *blending) travels(to int) bool { return b.m.writes(to) && !b.m.refused[to] }

func (b *blending) carryText(from int) {
	if to := 1 - from; b.travels(to) {
		b.m.setText(from, &b.out[to], b.now[from], nil)
		return
	}
	b.text[from] = true
}

// parts carries each changed part; the winner's stands where both changed the same one differently.
func (b *blending) parts() {
	win := Index(b.m.p.rules.Winner)
	for i, p := range b.m.f.parts {
		x, y := b.now[0].Parts[p], b.now[1].Parts[p]
		if x == y || record.Fold(x) == record.Fold(y) {
			continue
		}
		from := win
		switch {
		case b.base[0] == nil || b.base[1] == nil: // one address, told in more or less detail
			if from = 0; x == "" {
				from = 1
			}
		case b.m.p.dig.Part(b.now[0], p) == b.base[0].Parts[i]:
			from = 1
		case b.m.p.dig.Part(b.now[1], p) == b.base[1].Parts[i]:
			from = 0
		default:
			b.m.conflict = true
		}
		if to := 1 - from; b.travels(to) {
			b.m.setPart(&b.out[to], p, b.now[from].Parts[p])
		} else {
			b.part[from][i] = true
		}
	}
}

// labels carries the label that only one side changed.
func (b *blending) labels() {
	for s, t := range [2]int{1, 0} {
		if !b.relabelled(s) || b.relabelled(t) {
			continue
		}
		if b.travels(t) {
			b.out[t].Label = b.now[s].Label
		} else {
			b.label[s] = true
		}
	}
}

// finish sets both sides' values, and notes for the next base what could not travel.
func (b *blending) finish() {
	m := b.m
	var held [2]bool
	for s := range sides {
		if !equal(b.out[s], b.now[s]) && !m.set(s, b.l.side[s].now, b.out[s]) {
			m.held[1-s]++
			held[1-s] = true
			b.out[s] = b.now[s]
		} else {
			b.out[s] = *m.stays[s][b.l.side[s].now]
		}
	}
	form := [2]uint64{m.p.form(m.f, b.out[0]), m.p.form(m.f, b.out[1])}
	for s := range sides {
		if held[s] {
			m.notes[s] = append(m.notes[s], note{form: form[s], how: noteKnown, by: form[1-s]})
			continue
		}
		m.countParts(s, b.out[s])
		stuck := b.text[s] || b.label[s]
		for _, p := range b.part[s] {
			stuck = stuck || p
		}
		if !stuck {
			continue
		}
		if m.refused[1-s] {
			m.held[s]++
			m.notes[s] = append(m.notes[s], note{form: form[s], how: noteKnown, by: form[1-s]})
			continue
		}
		// No exact form: the next merge must see that the value is not as both know it.
		e := m.p.elementOf(m.f, b.out[s], 0)
		e.Form = form[1-s]
		if b.base[s] == nil {
			m.notes[s] = append(m.notes[s], note{form: form[s], how: noteAs, el: Element{Form: form[1-s], Label: e.Label, Parts: m.partsOf(b.out[1-s])}})
			continue
		}
		if b.label[s] {
			e.Label = b.base[s].Label
		}
		for i, p := range b.part[s] {
			if p {
				e.Parts[i] = b.base[s].Parts[i]
			}
		}
		m.notes[s] = append(m.notes[s], note{form: form[s], how: noteAs, el: e})
	}
}

func (m *fieldMerge) partsOf(v record.Value) []uint64 {
	out := make([]uint64, len(m.f.parts))
	for i, p := range m.f.parts {
		out[i] = m.p.dig.Part(v, p)
	}
	return out
}
