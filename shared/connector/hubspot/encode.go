package hubspot

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// encode returns the properties to write. An empty text clears one; a create leaves out what is empty. now is what the contact holds.
func (cat *catalogue) encode(w connector.Write, now raw) (map[string]string, error) {
	out := map[string]string{}
	for key, vs := range w.Fields {
		if err := cat.encodeField(key, vs, now, out); err != nil {
			return nil, err
		}
	}
	if w.Op == connector.Create {
		for name, v := range out {
			if v == "" {
				delete(out, name)
			}
		}
	}
	return out, nil
}

func (cat *catalogue) encodeField(key record.Key, vs []record.Value, now raw, out map[string]string) error {
	i := slices.IndexFunc(cat.fields, func(f record.Field) bool { return f.Key == key })
	if i < 0 {
		return unfit(key, "is not a field of this account")
	}
	f := cat.fields[i]
	if f.ReadOnly {
		return unfit(key, "can only be read")
	}
	switch key {
	case record.Email:
		return encodeEmail(vs, now, out)
	case record.Phone:
		return cat.encodePhones(vs, out)
	}
	if len(vs) > 1 {
		return unfit(key, "holds one value")
	}
	if key == record.Address {
		for _, at := range places {
			if cat.owner[at.name] != key {
				continue
			}
			out[at.name] = ""
			if len(vs) == 1 {
				out[at.name] = vs[0].Parts[at.part]
			}
		}
		if len(vs) == 1 && len(vs[0].Parts) == 0 {
			return unfit(key, "takes an address by its parts only")
		}
		return nil
	}
	text := ""
	if len(vs) == 1 {
		text = vs[0].Text
	}
	name := cat.holder[key]
	v, ok := vendorText(cat.byName[name], f.Type, text)
	if !ok {
		return unfit(key, "does not hold such a value")
	}
	out[name] = v
	return nil
}

// vendorText is what HubSpot holds for a neutral text.
func vendorText(p property, t record.Type, text string) (string, bool) {
	if text == "" {
		return "", true
	}
	switch t {
	case record.TypeChoice:
		return p.value(text)
	case record.TypeDate:
		_, err := time.Parse(time.DateOnly, text)
		return text, err == nil
	case record.TypeBool:
		return text, text == "true" || text == "false"
	case record.TypeNumber:
		_, err := strconv.ParseFloat(text, 64)
		return text, err == nil
	}
	return text, true
}

// encodePhones puts each number into the place that its label names.
func (cat *catalogue) encodePhones(vs []record.Value, out map[string]string) error {
	for _, at := range phones {
		if cat.owner[at.name] == record.Phone {
			out[at.name] = ""
		}
	}
	for _, v := range vs {
		put := false
		for _, at := range phones {
			if s, ok := out[at.name]; !put && ok && s == "" && at.label == v.Label {
				out[at.name], put = v.Text, true
			}
		}
		if !put && !v.IsEmpty() {
			return unfit(record.Phone, "has no such place")
		}
	}
	return nil
}

// encodeEmail writes the primary address, the only one that can be written. As long as the primary one is among the values, it stays; the
// additional ones stay whatever the values say. Values that would change nothing but those are refused, so that it shows that they were
// left alone.
func encodeEmail(vs []record.Value, now raw, out map[string]string) error {
	has := func(s string) bool {
		return slices.ContainsFunc(vs, func(v record.Value) bool { return v.Text == s })
	}
	primary, additional := now[propEmail], more(now[propMoreEmails])
	switch {
	case len(vs) == 0:
		out[propEmail] = ""
		return nil
	case primary == "" || !has(primary):
		out[propEmail] = vs[0].Text
		for _, v := range vs { // of several, the one that HubSpot does not have yet is what was written in its place
			if !slices.ContainsFunc(additional, func(s string) bool { return strings.EqualFold(s, v.Text) }) {
				out[propEmail] = v.Text
				break
			}
		}
		return nil
	case len(vs) == 1 && len(additional) == 0:
		out[propEmail] = primary
		return nil
	}
	return &connector.InvalidError{System: System, Field: string(record.Email), Reason: "additional e-mail addresses can only be changed in HubSpot itself"}
}

func unfit(key record.Key, reason string) error {
	return &connector.InvalidError{System: System, Field: string(key), Reason: "the field " + reason}
}
