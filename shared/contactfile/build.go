package contactfile

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"

	"meibo/shared/record"
)

// builder turns one card's properties into an entry.
type builder struct {
	card   *rawCard
	fields record.Fields
	groups []string
	unheld []string

	labels map[string]string // X-ABLabel by property group
	codes  map[string]string // X-ABADR country code by property group
	altIDs map[string]bool   // property and ALTID seen: later ones say the same in another language
	prefs  map[record.Key]pref

	name    []string // components of N, or nil
	fn      string
	sortAs  string // a reading of the name, when the card has no better one
	company bool   // the card is an organisation's
	uid     string
	isGroup bool
	members []string
}

// pref is the most preferred value of a field so far.
type pref struct{ index, rank int }

func newBuilder(c *rawCard) *builder {
	return &builder{
		card: c, fields: record.Fields{}, labels: map[string]string{}, codes: map[string]string{},
		altIDs: map[string]bool{}, prefs: map[record.Key]pref{},
	}
}

func (b *builder) entry(source string) Entry {
	return Entry{Record: record.Record{Kind: record.Contact, Fields: b.fields}, Groups: b.groups, Source: source, Unheld: b.unheld}
}

// leave names something that the record cannot hold.
func (b *builder) leave(what string) { b.unheld = appendOnce(b.unheld, what) }

func (b *builder) build() {
	for i := range b.card.props {
		p := &b.card.props[i]
		switch p.name {
		case "X-ABLABEL":
			b.labels[p.group] = p.text()
		case "X-ABADR":
			b.codes[p.group] = p.text()
		}
	}
	for i := range b.card.props {
		p := &b.card.props[i]
		if id := p.param("ALTID"); id != "" {
			key := p.name + "\x00" + id
			if b.altIDs[key] {
				b.leave(p.name + " in another language")
				continue
			}
			b.altIDs[key] = true
		}
		b.property(p)
	}
	b.finishName()
	for k, best := range b.prefs {
		b.fields[k][best.index].Primary = true
	}
}

// property understands one property.
func (b *builder) property(p *property) {
	if service, ok := imProperties[p.name]; ok {
		b.im(p, service, p.text())
		return
	}
	if label, ok := relationProperties[p.name]; ok {
		b.add(record.Relation, p, record.Value{Text: p.text(), Label: label})
		return
	}
	if key, ok := textProperties[p.name]; ok {
		b.single(p, key, p.text())
		return
	}
	switch p.name {
	case "N":
		b.structuredName(p)
	case "FN":
		b.formattedName(p)
	case "SORT-STRING":
		b.sortAs = p.text()
	case "SOUND":
		b.sound(p)
	case "NICKNAME":
		for _, s := range p.list() {
			b.add(record.Nickname, p, record.Value{Text: s})
		}
	case "EMAIL":
		b.add(record.Email, p, record.Value{Text: cutScheme(p.text(), "mailto:"), Label: b.label(p)})
	case "TEL":
		b.add(record.Phone, p, record.Value{Text: telText(p.text()), Label: b.phoneLabel(p)})
	case "ADR":
		b.address(p)
	case "LABEL":
		b.deliveryLabel(p)
	case "ORG":
		b.organisation(p)
	case "URL":
		b.add(record.URL, p, record.Value{Text: p.text(), Label: b.label(p)})
	case "X-SOCIALPROFILE":
		b.social(p)
	case "IMPP":
		service, handle := splitIMPP(p.text(), p.param("X-SERVICE-TYPE"))
		b.im(p, service, handle)
	case "BDAY":
		b.birthday(p)
	case "ANNIVERSARY", "X-ANNIVERSARY", "X-EVOLUTION-ANNIVERSARY", "X-WAB-WEDDING_ANNIVERSARY":
		b.event(p, record.LabelJubilee)
	case "X-ABDATE":
		b.event(p, b.label(p))
	case "X-ABRELATEDNAMES":
		b.add(record.Relation, p, record.Value{Text: p.text(), Label: b.label(p)})
	case "RELATED":
		b.related(p)
	case "NOTE":
		b.note(p)
	case "CATEGORIES":
		for _, g := range p.list() {
			b.groups = appendOnce(b.groups, g)
		}
	case "PHOTO":
		b.photo(p)
	case "UID":
		b.uid = strings.TrimPrefix(p.text(), "urn:uuid:")
	case "KIND", "X-ADDRESSBOOKSERVER-KIND":
		b.kind(p)
	case "MEMBER", "X-ADDRESSBOOKSERVER-MEMBER":
		b.members = append(b.members, strings.TrimPrefix(p.text(), "urn:uuid:"))
	case "X-ABSHOWAS":
		b.company = b.company || strings.EqualFold(p.text(), "COMPANY")
	case "X-ABADR":
		if !isCountryCode(p.text()) {
			b.leave(p.name)
		}
	case "X-ABLABEL", "VERSION", "PRODID", "REV", "SOURCE", "PROFILE", "MAILER", "CLIENTPIDMAP", "X-ABUID",
		"X-COUCHDB-APPLICATION-ANNOTATIONS", "X-RADICALE-NAME", "CREATED": // about the file, or read above
	default:
		b.leave(p.name)
	}
}

// add appends a value unless it is empty or there already, and remembers whether the card prefers it.
func (b *builder) add(k record.Key, p *property, v record.Value) {
	if v.IsEmpty() {
		return
	}
	for _, have := range b.fields[k] {
		if have.Label == v.Label && have.Text == v.Text && sameParts(have.Parts, v.Parts) {
			return
		}
	}
	b.fields[k] = append(b.fields[k], v)
	rank := 0
	switch n, err := strconv.Atoi(p.param("PREF")); {
	case err == nil && n >= 1 && n <= 100:
		rank = n
	case p.hasType("PREF"):
		rank = 1
	}
	if best, ok := b.prefs[k]; rank > 0 && (!ok || rank < best.rank) {
		b.prefs[k] = pref{len(b.fields[k]) - 1, rank}
	}
}

func sameParts(a, b map[record.Part]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

// single sets a field that has one value; what comes later is left, unless it says the same.
func (b *builder) single(p *property, k record.Key, text string) {
	switch have := b.fields.First(k); {
	case text == "" || have == text:
	case have != "":
		b.leave("another " + p.name)
	default:
		b.fields[k] = []record.Value{{Text: text}}
	}
}

func (b *builder) note(p *property) {
	switch text, have := p.text(), b.fields.First(record.Note); {
	case text == "":
	case have == "":
		b.fields.Set(record.Note, text)
	default:
		b.fields.Set(record.Note, have+"\n\n"+text)
	}
}

func (b *builder) organisation(p *property) {
	units := p.structured(1, false, nil)
	if have := b.fields.First(record.OrgName); have != "" && have != units[0] {
		b.leave("another ORG")
		return
	}
	b.single(p, record.OrgName, units[0])
	var rest []string
	for _, u := range units[1:] {
		if u != "" {
			rest = append(rest, u)
		}
	}
	b.single(p, record.OrgDepartment, strings.Join(rest, ", "))
}

func (b *builder) photo(p *property) {
	switch v := strings.TrimSpace(p.value); {
	case len(p.data) > 0:
		b.leave(fmt.Sprintf("PHOTO (%d bytes, sha256 %.6x)", len(p.data), sha256.Sum256(p.data)))
	case v != "" && !strings.HasPrefix(strings.ToLower(v), "data:"):
		b.leave("PHOTO (a link)")
	case v != "":
		b.leave(fmt.Sprintf("PHOTO (%d bytes as a data URI, sha256 %.6x)", len(v), sha256.Sum256([]byte(v))))
	}
}

func (b *builder) kind(p *property) {
	switch strings.ToLower(p.text()) {
	case "group":
		b.isGroup = true
	case "org":
		b.company = true
	case "individual", "":
	default:
		b.leave(p.name)
	}
}
