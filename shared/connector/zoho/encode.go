package zoho

import (
	"encoding/json"
	"slices"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// encode returns the API fields of a write, without id and company. A create leaves empty fields out; an update clears them
// with null.
func encode(cat *catalogue, w connector.Write) (map[string]any, error) {
	out := map[string]any{}
	for key, values := range w.Fields {
		var err error
		switch name, custom := key.CustomName(); {
		case key == record.OrgName:
			_, err = single(key, values)
		case custom:
			err = encodeCustom(cat, key, name, values, out)
		default:
			err = encodeStandard(cat, key, values, out)
		}
		if err != nil {
			return nil, err
		}
	}
	if _, given := w.Fields[record.NameFamily]; given || w.Op == connector.Create {
		if s, _ := out[apiLastName].(string); strings.TrimSpace(s) == "" {
			out[apiLastName] = noFamily
		}
	}
	if w.Op == connector.Create {
		for api, v := range out {
			if v == nil {
				delete(out, api)
			}
		}
	}
	return out, nil
}

func encodeStandard(cat *catalogue, key record.Key, values []record.Value, out map[string]any) error {
	placed := make([]bool, len(values))
	slots := map[string]int{} // which value stands in a slot; -1 for none
	known := false
	for _, p := range places {
		f, have := cat.byAPI[p.api]
		if p.key != key || !have {
			continue
		}
		known = true
		i, seen := slots[p.label]
		if !seen {
			i = slices.IndexFunc(values, func(v record.Value) bool { return p.label == "" || v.Label == p.label })
			slots[p.label] = i
		}
		text := ""
		if i >= 0 {
			placed[i] = true
			text = textAt(values[i], p)
		}
		switch {
		case !f.ReadOnly && text != "":
			out[p.api] = text
		case !f.ReadOnly:
			out[p.api] = nil
		case text != "":
			return unfit(key, "is read-only for this user")
		}
	}
	if !known {
		return unfit(key, "is not a field of this account")
	}
	if slices.Contains(placed, false) {
		return unfit(key, "has no place for one of the values")
	}
	return nil
}

func textAt(v record.Value, p place) string {
	if p.part != "" {
		return v.Parts[p.part]
	}
	return v.Text
}

func encodeCustom(cat *catalogue, key record.Key, name string, values []record.Value, out map[string]any) error {
	f, ok := cat.byAPI[name]
	t, typed := customTypes[f.Type]
	switch {
	case !ok || !typed || !f.Custom:
		return unfit(key, "is not a field of this account")
	case f.ReadOnly:
		return unfit(key, "is read-only for this user")
	}
	text, err := single(key, values)
	if err != nil {
		return err
	}
	switch {
	case t == record.TypeBool:
		// A checkbox has no empty state.
		out[name] = text == "true"
	case text == "":
		out[name] = nil
	case t == record.TypeNumber:
		if !json.Valid([]byte(text)) || strings.ContainsAny(text, `"{[tfn`) {
			return unfit(key, "holds numbers only")
		}
		out[name] = json.Number(text)
	default:
		out[name] = text
	}
	return nil
}

func single(key record.Key, values []record.Value) (string, error) {
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return values[0].Text, nil
	}
	return "", unfit(key, "holds one value")
}

func unfit(key record.Key, reason string) error {
	return &connector.InvalidError{System: System, Field: string(key), Reason: "the field " + reason}
}
