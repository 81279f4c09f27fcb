package trial

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"meibo/shared/profile"
	"meibo/shared/record"
)

// Fields that Meibo made in the CRM when the connection was started (PD13) are the company's own there. People see them under the
// names that Meibo gave them, and the stand-in knows them by its own codes only.

// made are the stand-in's keys of such fields, by the neutral key that they are for.
type made map[record.Key]record.Key

// findMade looks up the fields that were made at the CRM.
func (t *trial) findMade(ctx context.Context) error {
	if len(t.profile.Make) == 0 {
		return nil
	}
	d, err := t.description(ctx, profile.CRM)
	if err != nil {
		return err
	}
	var own struct {
		Fields []record.Field `json:"fields"`
	}
	if err := t.crm.do(ctx, http.MethodGet, "/sandbox/fields?user="+url.QueryEscape(t.crm.user), nil, &own); err != nil {
		return err
	}
	t.crm.made = made{}
	for _, k := range t.profile.Make {
		f, there := d.Field(k)
		if !there {
			continue
		}
		i := slices.IndexFunc(own.Fields, func(o record.Field) bool { return o.Custom && o.Name == f.Name })
		if i >= 0 {
			t.crm.made[k] = own.Fields[i].Key
		}
	}
	return nil
}

// read returns fields with what stands in made ones under their neutral keys.
func (m made) read(fields record.Fields) record.Fields {
	if len(m) == 0 {
		return fields
	}
	out := fields.Clone()
	for k, custom := range m {
		var vs []record.Value
		for _, v := range fields[custom] {
			vs = append(vs, readMade(k, v.Text)...)
		}
		delete(out, custom)
		out[k] = vs
	}
	return out
}

// write returns fields as they are typed into made ones.
func (m made) write(fields record.Fields) record.Fields {
	out := record.Fields{}
	for k, vs := range fields {
		custom, is := m[k]
		if !is {
			out[k] = vs
			continue
		}
		out[custom] = []record.Value{}
		if len(vs) > 0 {
			out[custom] = []record.Value{{Text: writeMade(k, vs[0])}}
		}
	}
	return out
}

// addressMembers are the vendor's names of the parts of an address.
func addressMembers() map[record.Part]string {
	return map[record.Part]string{
		record.PartStreet: "route", record.PartExtended: "subpremise", record.PartCity: "locality", record.PartRegion: "admin_area_level_1",
		record.PartPostal: "postal_code", record.PartCountry: "country",
	}
}

// readMade reads the text of a made field: an address is an object, messengers stand a line each, as service and name.
func readMade(k record.Key, text string) []record.Value {
	switch k {
	case record.Address:
		var in map[string]any
		if json.Unmarshal([]byte(text), &in) != nil {
			return []record.Value{{Text: text}}
		}
		parts := map[record.Part]string{}
		for p, member := range addressMembers() {
			if s, _ := in[member].(string); s != "" {
				parts[p] = s
			}
		}
		if n, _ := in["street_number"].(string); n != "" {
			parts[record.PartStreet] = strings.TrimSpace(parts[record.PartStreet] + " " + n)
		}
		if len(parts) == 0 {
			whole, _ := in["value"].(string)
			return []record.Value{{Text: whole}}
		}
		return []record.Value{{Parts: parts}}
	case record.IM:
		var out []record.Value
		for line := range strings.Lines(text) {
			service, name, _ := strings.Cut(strings.TrimSpace(line), ": ")
			out = append(out, record.Value{Text: name, Parts: map[record.Part]string{record.PartService: service}})
		}
		return out
	}
	return []record.Value{{Text: text}}
}

// writeMade is a value as text of a made field.
func writeMade(k record.Key, v record.Value) string {
	if service := v.Parts[record.PartService]; k == record.IM && service != "" {
		return service + ": " + v.Text
	}
	if k != record.Address {
		return v.Text
	}
	out, line := map[string]string{}, []string{}
	for p, member := range addressMembers() {
		if s := v.Parts[p]; s != "" {
			out[member] = s
			line = append(line, s)
		}
	}
	slices.Sort(line)
	out["value"] = strings.Join(line, ", ")
	b, _ := json.Marshal(out) // strings only
	return string(b)
}
