package pipedrive

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// setCustoms puts values of the company's own fields into a record. null clears one.
func setCustoms(c *call, t *table, r *row, raw json.RawMessage) error {
	var in map[string]json.RawMessage
	if !strict(raw, &in) {
		return invalid("custom_fields", "must be an object")
	}
	out := maps.Clone(r.Custom)
	if out == nil {
		out = map[string]json.RawMessage{}
	}
	for _, code := range slices.Sorted(maps.Keys(in)) {
		f := c.o.field(t.kind, code)
		if f == nil || f.Builtin {
			return invalid("custom_fields", "there is no field "+code)
		}
		if isNull(in[code]) {
			delete(out, code)
			continue
		}
		v, ok := c.customValue(f, in[code])
		if !ok {
			return invalid("custom_fields."+code, "is not a value of the type "+f.Type)
		}
		out[code] = v
	}
	if len(out) == 0 {
		out = nil
	}
	r.Custom = out
	return nil
}

var clockTime = regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$`)

// customValue checks a value that is not null and returns it as an answer has it.
func (c *call) customValue(f *field, raw json.RawMessage) (json.RawMessage, bool) {
	ok := false
	switch f.Type {
	case "varchar", "varchar_auto", "phone", "text":
		var text string
		most := textMost
		if f.Type == "text" {
			most = 65_000
		}
		ok = strict(raw, &text) && text != "" && utf8.RuneCountInString(text) <= most
	case "double":
		var n float64
		ok = strict(raw, &n)
	case "date":
		var text string
		ok = strict(raw, &text) && isDate(text)
	case "enum":
		var id int64
		ok = strict(raw, &id) && labelOf(f.Options, id) != ""
	case "set":
		var ids []int64
		ok = strict(raw, &ids) && len(ids) > 0 && !slices.ContainsFunc(ids, func(id int64) bool { return labelOf(f.Options, id) == "" })
	case "user", "org", "people":
		var id int64
		ok = strict(raw, &id) && c.exists(f.Type, id)
	default:
		ok = compound(f.Type, raw)
	}
	return raw, ok
}

// exists reports whether a number is one of the company's users, organizations or persons.
func (c *call) exists(what string, id int64) bool {
	if what == "user" {
		return c.o.member(id) != nil
	}
	t := c.o.persons
	if what == "org" {
		t = c.o.orgs
	}
	r := t.rows[id]
	return r != nil && !r.Deleted && c.m.sees(r)
}

// compound checks a value that is an object.
func compound(kind string, raw json.RawMessage) bool {
	var span struct {
		Value string `json:"value"`
		Until string `json:"until"`
		Zone  string `json:"timezone_name"`
	}
	switch kind {
	case "monetary":
		var money struct {
			Value    *float64 `json:"value"`
			Currency string   `json:"currency"`
		}
		return strict(raw, &money) && money.Value != nil && len(money.Currency) == 3 && strings.ToUpper(money.Currency) == money.Currency
	case "daterange":
		return strict(raw, &span) && isDate(span.Value) && isDate(span.Until) && span.Zone == ""
	case "time":
		return strict(raw, &span) && clockTime.MatchString(span.Value) && span.Until == ""
	case "timerange":
		return strict(raw, &span) && clockTime.MatchString(span.Value) && clockTime.MatchString(span.Until)
	case "address":
		var a address
		return strict(raw, &a) && a.Value != ""
	}
	return false
}

// typed is a custom value as webhooks have it.
func (f *field) typed(raw json.RawMessage) object {
	out := object{"type": f.Type}
	switch f.Type {
	case "enum":
		out["id"] = optionIDs(raw)[0]
	case "set":
		values := []object{}
		for _, id := range optionIDs(raw) {
			values = append(values, object{"id": id})
		}
		out["values"] = values
	case "user", "org", "people":
		out["id"] = raw
	case "daterange":
		var span struct{ Value, Until string }
		_ = json.Unmarshal(raw, &span) // the sandbox wrote it
		out["from"], out["until"] = span.Value, span.Until
	case "monetary", "time", "timerange", "address":
		var members object
		_ = json.Unmarshal(raw, &members) // the sandbox wrote it
		maps.Copy(out, members)
		out["type"] = f.Type
	default:
		out["value"] = raw
	}
	return out
}
