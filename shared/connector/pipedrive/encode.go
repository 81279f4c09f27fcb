package pipedrive

import (
	"encoding/json"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// encode returns the body of a create or an update, without organization and visibility. A create leaves empty fields out; an update
// clears them.
func encode(cat *catalogue, w connector.Write, now raw) (map[string]any, error) {
	out := map[string]any{}
	custom := map[string]any{}
	for key, vs := range w.Fields {
		if err := encodeField(cat, key, vs, now, out, custom); err != nil {
			return nil, err
		}
	}
	if err := encodeName(w, now, out); err != nil {
		return nil, err
	}
	if w.Op == connector.Create {
		dropEmpty(out)
		dropEmpty(custom)
	}
	if len(custom) > 0 {
		out["custom_fields"] = custom
	}
	return out, nil
}

func dropEmpty(m map[string]any) {
	for k, v := range m {
		if list, ok := v.([]entry); v == nil || ok && len(list) == 0 {
			delete(m, k)
		}
	}
}

// encodeName writes the whole name whenever a part of it changes, with the part that stays.
func encodeName(w connector.Write, now raw, out map[string]any) error {
	given, family := now.given, now.family
	vs, hasGiven := w.Fields[record.NameGiven]
	if hasGiven {
		text, err := single(record.NameGiven, vs)
		if err != nil {
			return err
		}
		given = text
	}
	vs, hasFamily := w.Fields[record.NameFamily]
	if hasFamily {
		text, err := single(record.NameFamily, vs)
		if err != nil {
			return err
		}
		family = text
	}
	if !hasGiven && !hasFamily && w.Op == connector.Update {
		return nil
	}
	out["name"] = joinName(given, family)
	return nil
}

func encodeField(cat *catalogue, key record.Key, vs []record.Value, now raw, out, custom map[string]any) error {
	switch key {
	case record.NameGiven, record.NameFamily, record.OrgName:
		_, err := single(key, vs)
		return err
	case record.Email:
		out["emails"] = entries(vs)
		return nil
	case record.Phone:
		out["phones"] = entries(vs)
		return nil
	case record.Photo:
		return unfit(key, "is set by itself")
	}
	if code, ok := key.CustomName(); ok {
		f, have := cat.byCode[code]
		if _, ok := cat.custom(f); !have || !ok {
			return unfit(key, "is not a field of this account")
		}
		return encodeCustom(key, f, vs, now, custom)
	}
	f, made, ok := cat.holder(key)
	if !ok {
		return unfit(key, "is not a field of this account")
	}
	if made {
		if key == record.IM {
			custom[f.Code] = orNull(messengerText(vs))
			return nil
		}
		return encodeCustom(key, f, vs, now, custom)
	}
	if key == record.IM {
		list := entries(vs)
		for i, v := range vs {
			if list[i].Label = v.Parts[record.PartService]; list[i].Label == "" {
				list[i].Label = record.LabelOther
			}
		}
		out[f.Code] = list
		return nil
	}
	if len(vs) > 1 {
		return unfit(key, "holds one value")
	}
	switch {
	case len(vs) == 0:
		out[f.Code] = nil
	case key == record.Address:
		out[f.Code] = newAddress(vs[0], now.addresses[f.Code]).wire()
	default:
		out[f.Code] = orNull(vs[0].Text)
	}
	return nil
}

// encodeCustom writes the value of a custom field.
func encodeCustom(key record.Key, f apiField, vs []record.Value, now raw, custom map[string]any) error {
	t := customTypes[f.Type]
	if t == record.TypeAddress && len(vs) == 1 {
		custom[f.Code] = newAddress(vs[0], now.addresses[f.Code]).wire()
		return nil
	}
	text, err := single(key, vs)
	if err != nil {
		return err
	}
	switch {
	case text == "":
		custom[f.Code] = nil
	case t == record.TypeChoice:
		id, err := f.optionID(text)
		if err != nil {
			return unfit(key, "has no such choice")
		}
		custom[f.Code] = id
	case t == record.TypeNumber:
		if !json.Valid([]byte(text)) || strings.ContainsAny(text, `"{[tfn`) {
			return unfit(key, "holds numbers only")
		}
		custom[f.Code] = json.Number(text)
	default:
		custom[f.Code] = text
	}
	return nil
}

// entries are values as a list with labels. At most one is the primary: the first that says so, else the first.
func entries(vs []record.Value) []entry {
	out := make([]entry, len(vs))
	primary := 0
	for i := len(vs) - 1; i >= 0; i-- {
		if vs[i].Primary {
			primary = i
		}
	}
	for i, v := range vs {
		out[i] = entry{Value: v.Text, Label: v.Label, Primary: i == primary}
		if v.Label == "" {
			out[i].Label = record.LabelOther // left out, it would become "work"
		}
	}
	return out
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func single(key record.Key, vs []record.Value) (string, error) {
	switch len(vs) {
	case 0:
		return "", nil
	case 1:
		return vs[0].Text, nil
	}
	return "", unfit(key, "holds one value")
}

func unfit(key record.Key, reason string) error {
	return &connector.InvalidError{System: System, Field: string(key), Reason: "the field " + reason}
}
