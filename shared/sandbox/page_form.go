package sandbox

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"unicode"

	"meibo/shared/record"
)

// spareRows are offered for more values of a field with room for several.
const spareRows = 2

type row struct{ ID, Name, Email, Phone, Org string }

type fieldInputs struct {
	Name string
	Rows []rowInputs
}

type rowInputs struct{ Inputs []input }

type input struct {
	Label, Name, Value string
	Long               bool
}

var addressParts = []record.Part{
	record.PartPostal, record.PartCountry, record.PartCountryCode, record.PartRegion, record.PartCity, record.PartStreet,
	record.PartExtended, record.PartPOBox,
}

func summary(c Contact) row {
	f := c.Record.Fields
	given, family := f.First(record.NameGiven), f.First(record.NameFamily)
	name := strings.TrimSpace(given + " " + family)
	if strings.ContainsFunc(family, eastAsian) {
		name = strings.TrimSpace(family + " " + given)
	}
	for _, k := range []record.Key{record.Nickname, record.OrgName, record.Email} {
		if name == "" {
			name = f.First(k)
		}
	}
	if name == "" {
		name = "(no name)"
	}
	return row{ID: c.ID, Name: name, Email: f.First(record.Email), Phone: f.First(record.Phone), Org: f.First(record.OrgName)}
}

func matches(f record.Fields, want string) bool {
	if want == "" {
		return true
	}
	if strings.Contains(strings.ToLower(f.First(record.NameGiven)+" "+f.First(record.NameFamily)), want) {
		return true
	}
	for _, vs := range f {
		for _, v := range vs {
			if strings.Contains(strings.ToLower(v.Text), want) {
				return true
			}
			for _, p := range v.Parts {
				if strings.Contains(strings.ToLower(p), want) {
					return true
				}
			}
		}
	}
	return false
}

// inputs lays out a form: one row for each value that is there, and spare rows where the field has room.
func inputs(fields []record.Field, have record.Fields) []fieldInputs {
	var out []fieldInputs
	for _, f := range fields {
		if f.ReadOnly || f.Type == record.TypePhoto {
			continue
		}
		vs := have[f.Key]
		n := len(vs)
		switch {
		case f.Max == 1:
			n = max(n, 1)
		case f.Max > 0:
			n = max(n, min(f.Max, n+spareRows))
		default:
			n += spareRows
		}
		fi := fieldInputs{Name: f.Name}
		for i := range n {
			v := record.Value{}
			if i < len(vs) {
				v = vs[i]
			}
			fi.Rows = append(fi.Rows, rowInputs{rowOf(f, i, v)})
		}
		out = append(out, fi)
	}
	return out
}

func rowOf(f record.Field, i int, v record.Value) []input {
	name := func(what string) string { return fmt.Sprintf("%s|%d|%s", f.Key, i, what) }
	var in []input
	if f.Labelled || len(f.Slots) > 0 {
		in = append(in, input{Label: "Label", Name: name("label"), Value: v.Label})
	}
	if f.Type == record.TypeAddress {
		for _, p := range addressParts {
			in = append(in, input{Label: strings.ReplaceAll(string(p), "_", " "), Name: name(string(p)), Value: v.Parts[p]})
		}
		return in
	}
	if f.Type == record.TypeIM {
		in = append(in, input{Label: "service", Name: name(string(record.PartService)), Value: v.Parts[record.PartService]})
	}
	return append(in, input{Label: "Value", Name: name("text"), Value: v.Text, Long: f.Type == record.TypeLongText})
}

// readInputs is the inverse of inputs. Browsers send line ends as CR LF; contacts keep LF.
func readInputs(fields []record.Field, form url.Values) record.Fields {
	out := record.Fields{}
	for _, f := range fields {
		if f.ReadOnly || f.Type == record.TypePhoto {
			continue
		}
		vs := []record.Value{}
		for i := 0; ; i++ {
			empty := rowOf(f, i, record.Value{})
			if !form.Has(empty[len(empty)-1].Name) {
				break
			}
			v := record.Value{}
			for _, in := range empty {
				text := strings.ReplaceAll(form.Get(in.Name), "\r\n", "\n")
				switch what := in.Name[strings.LastIndex(in.Name, "|")+1:]; what {
				case "label":
					v.Label = text
				case "text":
					v.Text = text
				default:
					if text != "" {
						if v.Parts == nil {
							v.Parts = map[record.Part]string{}
						}
						v.Parts[record.Part(what)] = text
					}
				}
			}
			if !v.IsEmpty() {
				vs = append(vs, v)
			}
		}
		out[f.Key] = vs
	}
	return out
}

// changedFields keeps of typed what differs from have, and carries over what the form does not show: the primary flag, and
// the text of an address beside its parts.
func changedFields(fields []record.Field, have, typed record.Fields) record.Fields {
	shown := inputs(fields, have)
	form := url.Values{}
	for _, fi := range shown {
		for _, r := range fi.Rows {
			for _, in := range r.Inputs {
				form.Set(in.Name, in.Value)
			}
		}
	}
	before := readInputs(fields, form)
	changed := record.Fields{}
	for k, vs := range typed {
		if reflect.DeepEqual(before[k], vs) || (len(before[k]) == 0 && len(vs) == 0) {
			continue
		}
		vs = record.CloneValues(vs)
		for i, v := range vs {
			for j, old := range have[k] {
				if j < len(before[k]) && reflect.DeepEqual(before[k][j], v) {
					vs[i] = record.CloneValues([]record.Value{old})[0]
				}
			}
			if i < len(have[k]) {
				vs[i].Primary = have[k][i].Primary
			}
		}
		changed[k] = vs
	}
	return changed
}

// eastAsian reports whether r is of a script whose names begin with the family.
func eastAsian(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}
