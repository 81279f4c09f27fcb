package hubspot

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// contact is one contact of an answer. A property that is empty is null there; one that is not there at all was not told.
type contact struct {
	ID       string             `json:"id"`
	Props    map[string]*string `json:"properties"`
	Created  string             `json:"createdAt"`
	Archived bool               `json:"archived"`
	Trace    string             `json:"objectWriteTraceId"`
}

// UnmarshalJSON takes properties of any simple type: numbers and truths may come as what they are.
func (c *contact) UnmarshalJSON(b []byte) error {
	var m struct {
		ID       string                     `json:"id"`
		Props    map[string]json.RawMessage `json:"properties"`
		Created  string                     `json:"createdAt"`
		Archived bool                       `json:"archived"`
		Trace    string                     `json:"objectWriteTraceId"`
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*c = contact{ID: m.ID, Created: m.Created, Archived: m.Archived, Trace: m.Trace, Props: make(map[string]*string, len(m.Props))}
	for k, v := range m.Props {
		var s string
		switch {
		case string(v) == "null":
			c.Props[k] = nil
			continue
		case json.Unmarshal(v, &s) != nil:
			s = string(v)
		}
		c.Props[k] = &s
	}
	return nil
}

// text is a property's value; "" for one that is empty or was not told.
func (c *contact) text(name string) string {
	if p := c.Props[name]; p != nil {
		return *p
	}
	return ""
}

// tells reports whether the answer said anything of a property.
func (c *contact) tells(name string) bool {
	_, ok := c.Props[name]
	return ok
}

// merged are the ids that were merged into the contact.
func (c *contact) merged() []string {
	return slices.DeleteFunc(strings.Split(c.text(propMerged), ";"), func(s string) bool { return !isID(s) || s == c.ID })
}

// isID reports whether s can be an id of HubSpot's, which is a number.
func isID(s string) bool {
	return s != "" && len(s) <= 19 && strings.Trim(s, "0123456789") == "" && s[0] != '0'
}

// after reports whether id a is greater than id b.
func after(a, b string) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a > b
}

// raw is what Item.Raw holds: every property that was told, as HubSpot has it.
type raw map[string]string

// version is a digest of what the catalogue's fields are read from: HubSpot's own time of the last change moves without any change.
func (cat *catalogue) version(c *contact) string {
	h := sha256.New()
	var n [8]byte
	for _, name := range cat.content {
		v := c.text(name)
		if v == "" {
			continue
		}
		for _, s := range []string{name, v} {
			binary.BigEndian.PutUint64(n[:], uint64(len(s)))
			h.Write(n[:])
			h.Write([]byte(s))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// item is the neutral form of a contact with the fields asked for; nil means all.
func (cat *catalogue) item(c *contact, fields []record.Key, m connector.Membership) connector.Item {
	it := connector.Item{ID: c.ID, Version: cat.version(c), Scope: m, Record: record.Record{Kind: record.Contact, Fields: record.Fields{}}}
	created := c.text(propCreated)
	if created == "" {
		created = c.Created
	}
	it.Created = instant(created)
	for _, f := range cat.fields {
		if fields != nil && !slices.Contains(fields, f.Key) {
			continue
		}
		if vs, known := cat.read(c, f); known {
			it.Record.Fields[f.Key] = vs
		}
	}
	k := raw{}
	for name := range c.Props {
		k[name] = c.text(name)
	}
	it.Raw = k
	return it
}

// read reads the values of one field. known is false for what was not told or cannot be read.
func (cat *catalogue) read(c *contact, f record.Field) (vs []record.Value, known bool) {
	switch f.Key {
	case record.Email:
		return emails(c), c.tells(propEmail)
	case record.Phone:
		vs = []record.Value{}
		for _, at := range phones {
			if cat.owner[at.name] != f.Key {
				continue
			}
			known = known || c.tells(at.name)
			if s := c.text(at.name); s != "" {
				vs = append(vs, record.Value{Text: s, Label: at.label})
			}
		}
		return vs, known
	case record.Address:
		v := record.Value{Parts: map[record.Part]string{}}
		for _, at := range places {
			if cat.owner[at.name] != f.Key {
				continue
			}
			known = known || c.tells(at.name)
			if s := c.text(at.name); s != "" {
				v.Parts[at.part] = s
			}
		}
		if len(v.Parts) == 0 {
			return []record.Value{}, known
		}
		return []record.Value{v}, known
	}
	name := cat.holder[f.Key]
	if !c.tells(name) {
		return nil, false
	}
	s, known := neutralText(cat.byName[name], f.Type, c.text(name))
	return values(s), known
}

// emails are the primary address and the additional ones.
func emails(c *contact) []record.Value {
	out := []record.Value{}
	if s := c.text(propEmail); s != "" {
		out = append(out, record.Value{Text: s, Primary: true})
	}
	for _, s := range more(c.text(propMoreEmails)) {
		if !slices.ContainsFunc(out, func(v record.Value) bool { return strings.EqualFold(v.Text, s) }) {
			out = append(out, record.Value{Text: s})
		}
	}
	return out
}

// more takes the additional addresses apart.
func more(list string) []string {
	var out []string
	for s := range strings.SplitSeq(list, ";") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func values(s string) []record.Value {
	if s == "" {
		return []record.Value{}
	}
	return []record.Value{{Text: s}}
}

// neutralText is the neutral text of a property's value. A value that cannot be read, such as a choice that was added after the
// catalogue was read, is not empty, and must not empty anything: it is not known.
func neutralText(p property, t record.Type, s string) (text string, known bool) {
	if s == "" {
		return "", true
	}
	switch t {
	case record.TypeChoice:
		label := p.label(s)
		return label, label != ""
	case record.TypeDate:
		at := instant(s)
		if at.IsZero() {
			return "", false
		}
		return at.Format(time.DateOnly), true
	case record.TypeBool:
		switch strings.ToLower(s) {
		case "true", "yes":
			return "true", true
		case "false", "no":
			return "false", true
		}
		return "", false
	}
	return s, true
}

// instant reads a time as HubSpot writes it: RFC 3339, a date, or milliseconds since 1970. What cannot be read is the zero time.
func instant(s string) time.Time {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(n).UTC()
	}
	return time.Time{}
}
