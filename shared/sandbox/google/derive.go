package google

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// formatted spells the predefined types that are not just capitalised.
var formatted = map[string]string{
	"homeFax": "Home Fax", "workFax": "Work Fax", "otherFax": "Other Fax", "workMobile": "Work Mobile", "workPager": "Work Pager",
	"googleVoice": "Google Voice", "homePage": "Home Page", "ftp": "FTP", "appInstallPage": "App Install Page",
	"domesticPartner": "Domestic Partner", "referredBy": "Referred By", "loginId": "Login ID", "aim": "AIM", "msn": "MSN",
	"yahoo": "Yahoo", "qq": "QQ", "icq": "ICQ", "googleTalk": "Google Talk", "netMeeting": "NetMeeting",
	"OUTLOOK_BILLING_INFORMATION": "Billing Information", "OUTLOOK_DIRECTORY_SERVER": "Directory Server",
	"home": "Home", "work": "Work", "other": "Other", "mobile": "Mobile", "main": "Main", "pager": "Pager", "school": "School",
	"blog": "Blog", "profile": "Profile", "reservations": "Reservations", "skype": "Skype", "jabber": "Jabber",
	"anniversary": "Anniversary", "spouse": "Spouse", "child": "Child", "mother": "Mother", "father": "Father", "parent": "Parent",
	"brother": "Brother", "sister": "Sister", "friend": "Friend", "relative": "Relative", "manager": "Manager",
	"assistant": "Assistant", "partner": "Partner", "account": "Account", "customer": "Customer", "network": "Network",
	"organization": "Organization", "male": "Male", "female": "Female", "unspecified": "Unspecified",
}

// label is formattedType: a predefined type in words, any other as it is.
func label(typ string) string {
	if f, ok := formatted[typ]; ok {
		return f
	}
	return typ
}

func (it item) text(name string) string {
	s, _ := it[name].(string)
	return s
}

func (it item) set(name, s string) {
	if s == "" {
		delete(it, name)
		return
	}
	it[name] = s
}

// derive fills in the members that the service makes from the others.
func derive(k kind, it item, region string) {
	it.set("formattedType", label(it.text("type")))
	switch k {
	case kNames:
		deriveName(it)
	case kPhoneNumbers:
		it.set("canonicalForm", canonical(it.text("value"), region))
	case kAddresses:
		if it.text("formattedValue") == "" {
			it.set("formattedValue", formatAddress(it))
		}
	case kGenders:
		it.set("formattedValue", label(it.text("value")))
	case kIMClients:
		it.set("formattedProtocol", label(it.text("protocol")))
	case kBiographies:
		if it.text("contentType") == "" {
			it["contentType"] = "TEXT_PLAIN"
		}
	}
}

// deriveName makes the display forms. A name that comes only as free text is split: the last word is the family name. Names in
// Han, kana or hangul are shown family first and without a space.
func deriveName(it item) {
	parts := []string{"honorificPrefix", "givenName", "middleName", "familyName", "honorificSuffix"}
	structured := false
	for _, p := range parts {
		structured = structured || it.text(p) != ""
	}
	if free := strings.Fields(it.text("unstructuredName")); !structured && len(free) > 0 {
		it.set("givenName", strings.Join(free[:max(len(free)-1, 1)], " "))
		if len(free) > 1 {
			it["familyName"] = free[len(free)-1]
		}
	}
	family, given := it.text("familyName"), strings.TrimSpace(it.text("givenName")+" "+it.text("middleName"))
	var display string
	if east(family) && east(given) {
		display = it.text("honorificPrefix") + family + given + it.text("honorificSuffix")
	} else {
		display = words(it.text("honorificPrefix"), given, family, it.text("honorificSuffix"))
	}
	last := words(family, it.text("honorificSuffix"))
	if last != "" && given != "" {
		last += ", "
	}
	it.set("displayName", display)
	it.set("displayNameLastFirst", last+given)
	if structured {
		it.set("unstructuredName", display)
	}
}

func words(parts ...string) string {
	var have []string
	for _, p := range parts {
		if p != "" {
			have = append(have, p)
		}
	}
	return strings.Join(have, " ")
}

func east(s string) bool {
	for _, r := range s {
		if !unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) && r != 'ー' && r != '々' {
			return false
		}
	}
	return s != ""
}

// canonical is the E.164 form of a number, or "" when it is none that exists.
func canonical(number, region string) string {
	n, err := phonenumbers.Parse(number, region)
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return ""
	}
	return phonenumbers.Format(n, phonenumbers.E164)
}

func formatAddress(it item) string {
	var lines []string
	for _, line := range []string{
		it.text("streetAddress"), it.text("extendedAddress"), it.text("poBox"),
		words(it.text("postalCode"), it.text("city")), it.text("region"), it.text("country"),
	} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// day reports whether d is a day of the calendar, with or without a year.
func (d dateValue) day() bool {
	if d.Year < 0 || d.Year > 9999 || d.Month < 1 || d.Month > 12 || d.Day < 1 {
		return false
	}
	year := d.Year
	if year == 0 {
		year = 2000 // a leap year: 29 February exists in some year
	}
	return time.Date(year, time.Month(d.Month), d.Day, 0, 0, 0, 0, time.UTC).Day() == d.Day
}

// period reports whether d is a year, or a month of one.
func (d dateValue) period() bool {
	return d.Year > 0 && d.Year <= 9999 && d.Day == 0 && d.Month >= 0 && d.Month <= 12
}

// encode writes it as a JSON object with the members in the schema's order.
func (d fieldDef) encode(it item) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	b.WriteByte('{')
	for _, m := range d.members {
		v, ok := it[m.name]
		if !ok {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + m.name + `":`)
		if err := e.Encode(v); err != nil {
			return "", err
		}
		b.Truncate(b.Len() - 1) // the encoder's line end
	}
	b.WriteByte('}')
	return b.String(), nil
}

// decode is the inverse of encode; stored text is always well-formed.
func (d fieldDef) decode(s string) (item, error) {
	raw := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(s), &raw); err != nil {
		return nil, err
	}
	it := item{}
	for _, m := range d.members {
		b, ok := raw[m.name]
		if !ok {
			continue
		}
		var err error
		switch m.typ {
		case boolean:
			var v bool
			err = json.Unmarshal(b, &v)
			it[m.name] = v
		case int32s:
			var v int
			err = json.Unmarshal(b, &v)
			it[m.name] = v
		case date:
			var v dateValue
			err = json.Unmarshal(b, &v)
			it[m.name] = v
		default:
			var v string
			err = json.Unmarshal(b, &v)
			it[m.name] = v
		}
		if err != nil {
			return nil, err
		}
	}
	return it, nil
}
