package google

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	people "google.golang.org/api/people/v1"

	"meibo/shared/record"
)

// labels pairs the labels that sides share with Google's spellings, where those differ. Any other text is the same on both.
var labels = [...]struct{ neutral, google string }{
	{record.LabelHomeFax, "homeFax"},
	{record.LabelWorkFax, "workFax"},
	{record.LabelOtherFax, "otherFax"},
}

func labelOf(googleType string) string {
	for _, l := range labels {
		if l.google == googleType {
			return l.neutral
		}
	}
	return googleType
}

func typeOf(label string) string {
	for _, l := range labels {
		if l.neutral == label {
			return l.google
		}
	}
	return label
}

// dateText returns d as package record writes dates; false if it has no day and month.
func dateText(d *people.Date) (string, bool) {
	switch {
	case d == nil || d.Month == 0 || d.Day == 0:
		return "", false
	case d.Year == 0:
		return fmt.Sprintf("--%02d-%02d", d.Month, d.Day), true
	default:
		return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day), true
	}
}

// dateOf parses what dateText writes. Year 0 is Google's "not known" (sheet 4.2).
func dateOf(s string) (*people.Date, bool) {
	year, md := int64(0), ""
	if rest, ok := strings.CutPrefix(s, "--"); ok {
		md = rest
	} else if len(s) == 10 && s[4] == '-' {
		y, err := strconv.ParseInt(s[:4], 10, 64)
		if err != nil || y == 0 {
			return nil, false
		}
		year, md = y, s[5:]
	}
	leap := "2000-" + md // a day that exists in some year
	if year != 0 {
		leap = s
	}
	t, err := time.Parse(time.DateOnly, leap)
	if err != nil {
		return nil, false
	}
	return &people.Date{Year: year, Month: int64(t.Month()), Day: int64(t.Day())}, true
}

// Each of the following reads one item as a value; false means that the item is none of Meibo's: it says nothing, or what it
// says does not fit the field. Such an item stays as it is.

func readEmail(e *people.EmailAddress) (record.Value, bool) {
	return record.Value{Text: e.Value, Label: labelOf(e.Type)}, e.Value != ""
}

func readPhone(p *people.PhoneNumber) (record.Value, bool) {
	return record.Value{Text: p.Value, Label: labelOf(p.Type)}, p.Value != ""
}

func readURL(u *people.Url) (record.Value, bool) {
	return record.Value{Text: u.Value, Label: labelOf(u.Type)}, u.Value != ""
}

func readRelation(r *people.Relation) (record.Value, bool) {
	return record.Value{Text: r.Person, Label: labelOf(r.Type)}, r.Person != ""
}

// readNickname leaves the other kinds of nickname alone: a maiden name is not what people call somebody.
func readNickname(n *people.Nickname) (record.Value, bool) {
	return record.Value{Text: n.Value}, n.Value != "" && (n.Type == "" || n.Type == "DEFAULT")
}

func readEvent(e *people.Event) (record.Value, bool) {
	text, ok := dateText(e.Date)
	return record.Value{Text: text, Label: labelOf(e.Type)}, ok
}

func readIM(i *people.ImClient) (record.Value, bool) {
	v := record.Value{Text: i.Username, Label: labelOf(i.Type)}
	if i.Protocol != "" {
		v.Parts = map[record.Part]string{record.PartService: i.Protocol}
	}
	return v, i.Username != ""
}

// readAddress takes the unstructured text only where there are no parts: Google makes it of the parts otherwise.
func readAddress(a *people.Address) (record.Value, bool) {
	v := record.Value{Label: labelOf(a.Type)}
	for p, s := range map[record.Part]string{
		record.PartPOBox: a.PoBox, record.PartExtended: a.ExtendedAddress, record.PartStreet: a.StreetAddress, record.PartCity: a.City,
		record.PartRegion: a.Region, record.PartPostal: a.PostalCode, record.PartCountry: a.Country, record.PartCountryCode: a.CountryCode,
	} {
		if s == "" {
			continue
		}
		if v.Parts == nil {
			v.Parts = map[record.Part]string{}
		}
		v.Parts[p] = s
	}
	if v.Parts == nil {
		v.Text = a.FormattedValue
	}
	return v, !v.IsEmpty()
}

// Each of the following makes a new item of a value.

func newEmail(v record.Value) *people.EmailAddress {
	return &people.EmailAddress{Value: v.Text, Type: typeOf(v.Label)}
}

func newPhone(v record.Value) *people.PhoneNumber {
	return &people.PhoneNumber{Value: v.Text, Type: typeOf(v.Label)}
}

func newURL(v record.Value) *people.Url { return &people.Url{Value: v.Text, Type: typeOf(v.Label)} }

func newRelation(v record.Value) *people.Relation {
	return &people.Relation{Person: v.Text, Type: typeOf(v.Label)}
}

func newNickname(v record.Value) *people.Nickname { return &people.Nickname{Value: v.Text} }

func newIM(v record.Value) *people.ImClient {
	return &people.ImClient{Username: v.Text, Protocol: v.Parts[record.PartService], Type: typeOf(v.Label)}
}

func newAddress(v record.Value) *people.Address {
	a := &people.Address{
		PoBox: v.Parts[record.PartPOBox], ExtendedAddress: v.Parts[record.PartExtended], StreetAddress: v.Parts[record.PartStreet],
		City: v.Parts[record.PartCity], Region: v.Parts[record.PartRegion], PostalCode: v.Parts[record.PartPostal],
		Country: v.Parts[record.PartCountry], CountryCode: v.Parts[record.PartCountryCode], Type: typeOf(v.Label),
	}
	if (record.Value{Parts: v.Parts}).IsEmpty() {
		a.FormattedValue = v.Text
	}
	return a
}

// newEvent is for dates that dateOf has taken before.
func newEvent(v record.Value) *people.Event {
	d, _ := dateOf(v.Text)
	return &people.Event{Date: d, Type: typeOf(v.Label)}
}
