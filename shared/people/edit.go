package people

import (
	"fmt"

	"meibo/shared/record"
)

// EditOf returns a plausible edit that a person makes to rec: exactly one field with its complete new list of values, which
// differs from the old one in what it says and not only in how it is spelt. rec is not changed.
func EditOf(seed int64, rec record.Record) record.Fields {
	g := &maker{Rand: source(seed, fingerprint(rec)^0xED17), f: rec.Fields.Clone()}
	edits := []func(*maker) record.Key{newMobile, newTitle, moreNote, newDepartment, newNickname, movedHouse, secondEmail}
	k := pick(g, edits)(g)
	return record.Fields{k: g.f[k]}
}

// newMobile changes the first number, or adds one.
func newMobile(g *maker) record.Key {
	text := fmt.Sprintf("090-%d%03d-%04d", 1+g.IntN(9), g.IntN(1000), g.IntN(10000))
	if ps := g.f[record.Phone]; len(ps) > 0 && g.percent(60) {
		ps[0].Text = text
		return record.Phone
	}
	for _, v := range g.f[record.Phone] {
		if v.Label == record.LabelMobile { // they have one: this is another
			g.add(record.Phone, record.Value{Text: text, Label: record.LabelOther})
			return record.Phone
		}
	}
	g.add(record.Phone, record.Value{Text: text, Label: record.LabelMobile})
	return record.Phone
}

func newTitle(g *maker) record.Key {
	setOther(g, record.OrgTitle, append(append([]string{}, japaneseTitles...), westernTitles...))
	return record.OrgTitle
}

func newDepartment(g *maker) record.Key {
	setOther(g, record.OrgDepartment, append(append([]string{}, japaneseUnits...), westernUnits...))
	return record.OrgDepartment
}

func newNickname(g *maker) record.Key {
	setOther(g, record.Nickname, append(append([]string{}, japan.nicknames...), west.nicknames...))
	return record.Nickname
}

// setOther gives k one of texts that it does not have now.
func setOther(g *maker, k record.Key, texts []string) {
	old := g.f.First(k)
	at := g.IntN(len(texts))
	if texts[at] == old {
		at = (at + 1) % len(texts)
	}
	g.set(k, texts[at])
}

func moreNote(g *maker) record.Key {
	note := fmt.Sprintf("Called on %s.", g.day(2024, 2026))
	if old := g.f.First(record.Note); old != "" {
		note = old + "\n" + note
	}
	g.set(record.Note, note)
	return record.Note
}

func movedHouse(g *maker) record.Key {
	p := pick(g, japanesePlaces)
	moved := record.Value{Label: record.LabelWork, Parts: map[record.Part]string{
		record.PartPostal: p.postal, record.PartRegion: p.region, record.PartCity: p.city, record.PartCountry: "日本",
		record.PartStreet: fmt.Sprintf("%s%d-%d-%d", p.street, 41+g.IntN(50), 1+g.IntN(40), 1+g.IntN(30)), // blocks that At does not use
	}}
	if have := g.f[record.Address]; len(have) > 0 {
		moved.Label = have[0].Label
		have[0] = moved
		return record.Address
	}
	g.add(record.Address, moved)
	return record.Address
}

// secondEmail adds an address that nobody else has: it is made from the ones that are there and a number.
func secondEmail(g *maker) record.Key {
	v := record.Value{Text: fmt.Sprintf("new.%012x@example.org", g.Uint64()>>16), Label: record.LabelOther}
	if len(g.f[record.Email]) == 0 {
		v.Label, v.Primary = record.LabelWork, true
	}
	g.add(record.Email, v)
	return record.Email
}
