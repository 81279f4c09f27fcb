package graph

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"time"
)

// object decodes a body into its members; a member that comes twice is refused, because nobody says which one counts.
func object(body []byte) (map[string]json.RawMessage, *apiError) {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, fail(400, "UnableToDeserializePostBody", "were unable to deserialize")
	}
	out := map[string]json.RawMessage{}
	for d.More() {
		k, err := d.Token()
		name, ok := k.(string)
		var v json.RawMessage
		if err == nil && ok {
			err = d.Decode(&v)
		}
		if err != nil || !ok {
			return nil, fail(400, "UnableToDeserializePostBody", "were unable to deserialize")
		}
		if _, twice := out[name]; twice {
			return nil, badBody("The property '%s' comes twice.", name)
		}
		out[name] = v
	}
	if _, err := d.Token(); err != nil {
		return nil, fail(400, "UnableToDeserializePostBody", "were unable to deserialize")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fail(400, "UnableToDeserializePostBody", "were unable to deserialize")
	}
	return out, nil
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

// stringOf decodes a text. ok is false for null.
func stringOf(name string, raw json.RawMessage) (s string, ok bool, e *apiError) {
	if isNull(raw) {
		return "", false, nil
	}
	if json.Unmarshal(raw, &s) != nil {
		return "", false, badBody("Cannot convert the literal to the expected type 'Edm.String' for the property '%s'.", name)
	}
	return s, true, nil
}

func encode(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return "null" // texts and lists of texts always encode
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// value decodes one property and returns it as it will be answered; "" means empty.
func (s *Sandbox) value(p property, raw json.RawMessage) (string, *apiError) {
	switch p.is {
	case texts:
		return s.textList(p, raw)
	case emails:
		return s.emailList(p, raw)
	case address:
		return s.address(p, raw)
	case date:
		return birthday(p, raw)
	}
	v, ok, e := stringOf(p.name, raw)
	if e != nil || !ok {
		return "", e
	}
	return encode(v), s.fits(p.name, v)
}

func (s *Sandbox) fits(name, v string) *apiError {
	if l := s.limits.TextBytes; l > 0 && len(v) > l {
		return invalidProperty("The value of the property %s is too long.", name)
	}
	return nil
}

func (s *Sandbox) textList(p property, raw json.RawMessage) (string, *apiError) {
	var list []*string
	if isNull(raw) || json.Unmarshal(raw, &list) != nil {
		return "", badBody("The property '%s' must be a collection of texts.", p.name)
	}
	if e := p.room(len(list)); e != nil {
		return "", e
	}
	for _, v := range list {
		if v == nil {
			return "", badBody("A null value was found for the items of the property '%s'.", p.name)
		}
		if e := s.fits(p.name, *v); e != nil {
			return "", e
		}
	}
	if len(list) == 0 {
		return "", nil
	}
	return encode(list), nil
}

func (p property) room(n int) *apiError {
	if p.most > 0 && n > p.most {
		return invalidProperty("The multi value property %s has %d entries, that exceeds the max allowed value of %d.", p.wire, n, p.most)
	}
	return nil
}

// mail is one entry of emailAddresses.
type mail struct {
	Name    string `json:"name"`
	Address string `json:"address"`
}

func (s *Sandbox) emailList(p property, raw json.RawMessage) (string, *apiError) {
	var list []json.RawMessage
	if isNull(raw) || json.Unmarshal(raw, &list) != nil {
		return "", badBody("The property '%s' must be a collection.", p.name)
	}
	if e := p.room(len(list)); e != nil {
		return "", e
	}
	out := make([]mail, len(list))
	for i, item := range list {
		m, e := object(item)
		if e != nil {
			return "", badBody("An entry of '%s' is not an object.", p.name)
		}
		for name, v := range m {
			var text string
			if text, _, e = stringOf(name, v); e != nil {
				return "", e
			}
			if e = s.fits(name, text); e != nil {
				return "", e
			}
			switch name {
			case "name":
				out[i].Name = text
			case "address":
				out[i].Address = text
			case "@odata.type":
			default:
				return "", unknownMember(name, "microsoft.graph.emailAddress")
			}
		}
		if out[i].Address == "" {
			return "", invalidProperty("An entry of EmailAddresses has no address.")
		}
		if out[i].Name == "" {
			out[i].Name = out[i].Address
		}
	}
	if len(out) == 0 {
		return "", nil
	}
	return encode(out), nil
}

func unknownMember(name, typ string) *apiError {
	return badBody("The property '%s' does not exist on type '%s' or cannot be set.", name, typ)
}

// address decodes an address, which is replaced as a whole: parts that are not sent are null.
func (s *Sandbox) address(p property, raw json.RawMessage) (string, *apiError) {
	if isNull(raw) {
		return "", nil
	}
	m, e := object(raw)
	if e != nil {
		return "", badBody("The property '%s' is not an object.", p.name)
	}
	filled := false
	var members []string
	for _, part := range addressParts() {
		text, ok, e := stringOf(part, orNull(m[part]))
		if e != nil {
			return "", e
		}
		if e := s.fits(part, text); e != nil {
			return "", e
		}
		v := "null"
		if ok {
			v, filled = encode(text), filled || text != ""
		}
		members = append(members, encode(part)+":"+v)
		delete(m, part)
	}
	delete(m, "@odata.type")
	for name := range m {
		return "", unknownMember(name, "microsoft.graph.physicalAddress")
	}
	if !filled {
		return "", nil
	}
	return "{" + strings.Join(members, ",") + "}", nil
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

// birthday keeps the day, and answers it with another time of day.
func birthday(p property, raw json.RawMessage) (string, *apiError) {
	v, ok, e := stringOf(p.name, raw)
	if e != nil || !ok {
		return "", e
	}
	at, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		at, err = time.Parse(time.DateOnly, v)
	}
	if err != nil || at.UTC().Year() < 1601 {
		return "", badBody("Cannot convert the literal '%s' to the expected type 'Edm.DateTimeOffset'.", p.name)
	}
	return encode(at.UTC().Format(time.DateOnly) + "T11:59:00Z"), nil
}
