package pipedrive

import (
	"strings"

	"meibo/shared/record"
)

// addressParts are the parts that have a member of their own. There is none for a post office box.
var addressParts = []record.Part{record.PartStreet, record.PartExtended, record.PartCity, record.PartRegion, record.PartPostal, record.PartCountry}

// value is the neutral form of an address. One that nobody has taken apart has only its line.
func (a address) value() record.Value {
	v := record.Value{Parts: map[record.Part]string{}}
	for p, s := range map[record.Part]string{
		record.PartStreet: a.street(), record.PartExtended: a.Subpremise, record.PartCity: a.Locality,
		record.PartRegion: a.Region, record.PartPostal: a.Postal, record.PartCountry: a.Country,
	} {
		if s != "" {
			v.Parts[p] = s
		}
	}
	if len(v.Parts) == 0 {
		return record.Value{Text: a.Value}
	}
	return v
}

// street joins route and number in the order in which the whole line has them.
func (a address) street() string {
	if before := a.Number + " " + a.Route; a.Number != "" && a.Route != "" && strings.Contains(a.Value, before) {
		return before
	}
	return strings.TrimSpace(a.Route + " " + a.Number)
}

// newAddress is what to write for a value. What the neutral form has no part for stays as long as the place does: members that are
// left out would become empty.
func newAddress(v record.Value, before *address) address {
	p := v.Parts
	a := address{
		Route: p[record.PartStreet], Subpremise: p[record.PartExtended], Locality: p[record.PartCity],
		Region: p[record.PartRegion], Postal: p[record.PartPostal], Country: p[record.PartCountry],
		Value: v.Text,
	}
	if before != nil {
		if a.Route == before.street() {
			a.Route, a.Number = before.Route, before.Number
		}
		if a.Locality == before.Locality && a.Region == before.Region && a.Country == before.Country {
			a.District, a.Sublocality = before.District, before.Sublocality
		}
	}
	if len(p) > 0 {
		a.Value = line(p)
	}
	return a
}

// wire is a as a body has it: without the members that are empty.
func (a address) wire() map[string]any {
	out := map[string]any{"value": a.Value}
	for k, s := range map[string]string{
		"country": a.Country, "admin_area_level_1": a.Region, "admin_area_level_2": a.District, "locality": a.Locality,
		"sublocality": a.Sublocality, "route": a.Route, "street_number": a.Number, "subpremise": a.Subpremise, "postal_code": a.Postal,
	} {
		if s != "" {
			out[k] = s
		}
	}
	return out
}

// line writes parts as one line, largest first where the place writes them so.
func line(p map[record.Part]string) string {
	order := []record.Part{record.PartStreet, record.PartExtended, record.PartCity, record.PartRegion, record.PartPostal, record.PartCountry}
	sep := ", "
	if eastern(p[record.PartStreet] + p[record.PartCity] + p[record.PartRegion]) {
		order = []record.Part{record.PartPostal, record.PartRegion, record.PartCity, record.PartStreet, record.PartExtended, record.PartCountry}
		sep = " "
	}
	var out []string
	for _, part := range order {
		if s := strings.Join(strings.Fields(p[part]), " "); s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, sep)
}
