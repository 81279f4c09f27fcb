package contactfile

import (
	"strings"

	"meibo/shared/record"
)

// imProperties are the properties of one messenger each, and the service that they stand for.
var imProperties = map[string]string{
	"X-AIM": "aim", "X-ICQ": "icq", "X-SKYPE": "skype", "X-SKYPE-USERNAME": "skype", "X-MSN": "msn", "X-YAHOO": "yahoo",
	"X-JABBER": "jabber", "X-QQ": "qq", "X-GOOGLE-TALK": "google_talk", "X-GTALK": "google_talk", "X-GADUGADU": "gadugadu",
	"X-GROUPWISE": "groupwise", "X-LINE": "line", "X-MATRIX": "matrix", "X-TELEGRAM": "telegram",
}

// relationProperties are the properties of one related person each.
var relationProperties = map[string]string{
	"X-SPOUSE": "spouse", "X-EVOLUTION-SPOUSE": "spouse", "X-MS-SPOUSE": "spouse",
	"X-MANAGER": "manager", "X-EVOLUTION-MANAGER": "manager", "X-MS-MANAGER": "manager",
	"X-ASSISTANT": "assistant", "X-EVOLUTION-ASSISTANT": "assistant", "X-MS-ASSISTANT": "assistant",
}

// textProperties hold one text for one field.
var textProperties = map[string]record.Key{
	"TITLE":                  record.OrgTitle,
	"X-PHONETIC-FIRST-NAME":  record.NamePhoneticGiven,
	"X-PHONETIC-MIDDLE-NAME": record.NamePhoneticMiddle,
	"X-PHONETIC-LAST-NAME":   record.NamePhoneticFamily,
}

// cutScheme takes a URI scheme off s, in any case.
func cutScheme(s, scheme string) string {
	if len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
		return s[len(scheme):]
	}
	return s
}

// telText returns the number of a tel: URI (RFC 3966) as people write one, extension included; other text stays.
func telText(s string) string {
	rest := cutScheme(s, "tel:")
	if rest == s {
		return s
	}
	number, params, _ := strings.Cut(rest, ";")
	for _, p := range strings.Split(params, ";") {
		if ext := cutScheme(p, "ext="); ext != p && ext != "" {
			number += " ext. " + ext
		}
	}
	return number
}

// addressParts are the components of ADR in order.
var addressParts = []record.Part{
	record.PartPOBox, record.PartExtended, record.PartStreet, record.PartCity, record.PartRegion, record.PartPostal, record.PartCountry,
}

func (b *builder) address(p *property) {
	// In 3.0 files a comma is nearly always part of an address and not the sign of a list.
	lists := b.card.version == v40
	comps := p.structured(len(addressParts), lists, func(_ int, ms []string) string { return strings.Join(ms, ", ") })
	parts := map[record.Part]string{}
	for i, part := range addressParts {
		if comps[i] != "" {
			parts[part] = comps[i]
		}
	}
	for _, more := range comps[len(addressParts):] {
		if more != "" { // RFC 9554 adds components: building, block, district, ...
			b.leave("ADR components after the seventh")
			break
		}
	}
	v := record.Value{Parts: parts, Label: b.label(p)}
	if v.IsEmpty() {
		return
	}
	code := p.param("CC")
	if p.group != "" && code == "" {
		code = b.codes[p.group]
	}
	if isCountryCode(code) {
		parts[record.PartCountryCode] = strings.ToUpper(code)
	}
	for _, name := range []string{"LABEL", "GEO", "TZ"} {
		if p.param(name) != "" {
			b.leave("ADR " + name)
		}
	}
	b.add(record.Address, p, v)
}

func isCountryCode(s string) bool {
	return len(s) == 2 && isLetter(s[0]) && isLetter(s[1])
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// deliveryLabel takes an address that is only there as it goes on an envelope. With an ADR beside it, it says nothing new that a
// record could hold.
func (b *builder) deliveryLabel(p *property) {
	for i := range b.card.props {
		if b.card.props[i].name == "ADR" {
			b.leave(p.name)
			return
		}
	}
	b.add(record.Address, p, record.Value{Text: p.text(), Label: b.label(p)})
}

// imSchemes are URI schemes that are spelt differently from their service.
var imSchemes = map[string]string{"xmpp": "jabber", "ymsgr": "yahoo", "msnim": "msn", "gtalk": "google_talk", "tg": "telegram"}

// splitIMPP takes an instant messenger's URI apart. Apple says the service beside it, and for services without a scheme writes x-apple:.
func splitIMPP(uri, service string) (string, string) {
	scheme, handle, ok := strings.Cut(uri, ":")
	if !ok {
		scheme, handle = "", uri
	}
	scheme = strings.ToLower(scheme)
	if _, query, ok := strings.Cut(handle, "?"); ok && scheme != "xmpp" { // aim:goim?screenname=NAME
		if _, v, ok := strings.Cut(query, "="); ok {
			handle = v
		}
	}
	switch known := imSchemes[scheme]; {
	case service != "":
		service = snake(service)
	case known != "":
		service = known
	default:
		service = scheme
	}
	return service, strings.TrimPrefix(handle, "//")
}

func (b *builder) im(p *property, service, handle string) {
	v := record.Value{Text: handle, Label: b.label(p)}
	if service != "" {
		v.Parts = map[record.Part]string{record.PartService: service}
	}
	b.add(record.IM, p, v)
}

// social takes a social network's profile as a link with the network as its label.
func (b *builder) social(p *property) {
	v := p.text()
	if low := strings.ToLower(v); !strings.HasPrefix(low, "http://") && !strings.HasPrefix(low, "https://") {
		b.leave(p.name)
		return
	}
	b.add(record.URL, p, record.Value{Text: v, Label: b.label(p)})
}

func (b *builder) birthday(p *property) {
	date, why := cardDate(p)
	if date == "" {
		b.leave(p.name + why)
		return
	}
	if why != "" {
		b.leave(p.name + why)
	}
	b.single(p, record.Birthday, date)
}

func (b *builder) event(p *property, label string) {
	date, why := cardDate(p)
	if why != "" {
		b.leave(p.name + why)
	}
	b.add(record.Event, p, record.Value{Text: date, Label: label})
}

// related takes RFC 6350 RELATED when it gives a name; a reference to another card is left.
func (b *builder) related(p *property) {
	text := p.text()
	if !strings.EqualFold(p.param("VALUE"), "text") && strings.Contains(text, ":") {
		b.leave(p.name)
		return
	}
	b.add(record.Relation, p, record.Value{Text: text, Label: b.label(p)})
}
