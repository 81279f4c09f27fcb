package dynamics

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// body is what a write sends, by column.
type body map[string]any

// encode returns what to send for the fields of a write, without the employer. A create leaves empty columns out; an update has only the
// columns that change, as far as what the row holds is known.
func (d *reader) encode(w connector.Write) (body, error) {
	out := body{}
	now, known := held(w)
	for key, vs := range w.Fields {
		i := slices.IndexFunc(d.fields, func(f field) bool { return f.key == key })
		if i < 0 {
			return nil, unfit(key, "is not a field of this account")
		}
		f := d.fields[i]
		if d.cat.readOnly(f) {
			return nil, unfit(key, "cannot be written here")
		}
		var err error
		switch {
		case f.employer:
			_, err = single(key, vs)
		case f.column != "":
			err = d.encodeOne(f, vs, out)
		case f.addresses:
			err = d.encodeAddresses(f, vs, now, known, out)
		default:
			err = d.encodeSlots(f, vs, now, known, out)
		}
		if err != nil {
			return nil, err
		}
	}
	if w.Op == connector.Create {
		for column, v := range out {
			if v == nil {
				delete(out, column)
			}
		}
	}
	return out, nil
}

// held is what the row held when the write was planned; false if that is not known.
func held(w connector.Write) (raw, bool) {
	if w.Op == connector.Create {
		return raw{}, true
	}
	if w.Current == nil {
		return raw{}, false
	}
	k, ok := w.Current.Raw.(raw)
	return k, ok
}

func (d *reader) encodeOne(f field, vs []record.Value, out body) error {
	text, err := single(f.key, vs)
	if err != nil {
		return err
	}
	v, err := d.cat.columns[f.column].value(f.key, f.kind, text)
	out[f.column] = v
	return err
}

// value is a text as the column has it, nil for none.
func (a attribute) value(key record.Key, t record.Type, text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	switch t {
	case record.TypeNumber:
		if _, err := strconv.ParseFloat(text, 64); err != nil || !json.Valid([]byte(text)) {
			return nil, unfit(key, "holds numbers only")
		}
		return json.Number(text), nil
	case record.TypeBool:
		if text != "true" && text != "false" {
			return nil, unfit(key, "holds yes or no only")
		}
		return text == "true", nil
	case record.TypeDate:
		if _, err := time.Parse(time.DateOnly, text); err != nil {
			return nil, unfit(key, "holds whole dates only")
		}
	case record.TypeChoice:
		for _, c := range a.choices {
			if c.label == text {
				return c.value, nil
			}
		}
		return nil, unfit(key, "has no such choice")
	}
	if a.length > 0 && len(utf16.Encode([]rune(text))) > a.length {
		return nil, &connector.InvalidError{System: System, Field: string(key), Reason: reasonTooLong + ", which takes " + itoa(a.length) + " characters"}
	}
	return text, nil
}

// encodeSlots gives each value a column with its label. A value that a column of that label holds stays there; others take the first that
// is free.
func (d *reader) encodeSlots(f field, vs []record.Value, now raw, known bool, out body) error {
	given := map[string]string{}
	place := func(v record.Value, fits func(s slot) bool) bool {
		for _, s := range f.slots {
			if _, taken := given[s.column]; !taken && (f.loose || s.label == v.Label) && fits(s) {
				given[s.column] = v.Text
				return true
			}
		}
		return false
	}
	var rest []record.Value
	for _, v := range vs {
		if !place(v, func(s slot) bool { return now.held[s.column] == v.Text }) {
			rest = append(rest, v)
		}
	}
	for _, v := range rest {
		if !place(v, func(slot) bool { return true }) {
			return unfit(f.key, "has no place for so many values, or not with that label")
		}
	}
	for _, s := range f.slots {
		v, err := d.cat.columns[s.column].value(f.key, f.kind, given[s.column])
		if err != nil {
			return err
		}
		if !known || now.held[s.column] != given[s.column] {
			out[s.column] = v
		}
	}
	return nil
}

// encodeAddresses gives each address the place with its label, whole: what the neutral form has no part for stays there.
func (d *reader) encodeAddresses(f field, vs []record.Value, now raw, known bool, out body) error {
	given := map[string]map[record.Part]string{}
	for _, v := range vs {
		i := slices.IndexFunc(f.slots, func(s slot) bool { return s.label == v.Label && given[s.column] == nil })
		if i < 0 {
			return unfit(f.key, "has no place for so many values, or not with that label")
		}
		if given[f.slots[i].column] = v.Parts; v.Parts == nil {
			return unfit(f.key, "takes an address in parts only")
		}
	}
	for _, s := range f.slots {
		for _, p := range addressColumns() {
			lines := split(given[s.column][p.part], len(p.columns))
			if lines == nil {
				return unfit(f.key, "has no place for so many lines")
			}
			for i, c := range p.columns {
				column := s.column + c
				v, err := d.cat.columns[column].value(f.key, record.TypeText, lines[i])
				if err != nil {
					return err
				}
				if !known || now.held[column] != lines[i] {
					out[column] = v
				}
			}
		}
	}
	return nil
}

// split takes a text apart into n lines; nil if it has more.
func split(text string, n int) []string {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if len(lines) > n {
		return nil
	}
	return append(lines, make([]string, n-len(lines))...)
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
