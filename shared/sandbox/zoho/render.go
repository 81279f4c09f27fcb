package zoho

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// render writes one record as the API shows it to c's user: id first, then the named fields that the user may see.
func (c *call) render(b *bytes.Buffer, t *table, r *row, names []string) {
	s := &subject{who: c.m, t: t, r: r}
	b.WriteString(`{"id":"`)
	b.WriteString(num(r.ID))
	b.WriteByte('"')
	for _, n := range names {
		if n == "id" {
			continue
		}
		b.WriteString(`,"`)
		b.WriteString(n)
		b.WriteString(`":`)
		b.Write(c.cell(s, n))
	}
	b.WriteByte('}')
}

var null = json.RawMessage("null")

// marshal is json.Marshal for values that always marshal.
func marshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return null
	}
	return b
}

// cell is one field of a record, as JSON.
func (c *call) cell(s *subject, name string) json.RawMessage {
	r, o := s.r, c.o
	switch name {
	case "id":
		return marshal(num(r.ID))
	case "Owner":
		if m := o.member(r.Owner); m != nil {
			return marshal(object{"name": m.fullName(), "id": num(m.ID), "email": m.Email})
		}
		return null
	case "Created_By":
		return marshal(o.refOf(r.CreatedBy))
	case "Modified_By":
		return marshal(o.refOf(r.ModifiedBy))
	case "Created_Time":
		return marshal(c.m.stamp(r.Created))
	case "Modified_Time", "Change_Log_Time__s":
		return marshal(c.m.stamp(r.Modified))
	case "Last_Activity_Time", "Unsubscribed_Mode", "Unsubscribed_Time", "Enrich_Status__s":
		return null
	case "Full_Name":
		return marshal(fullName(s.values()))
	case "Locked__s":
		return marshal(r.Locked)
	case "Record_Status__s":
		return marshal("Available")
	case "Record_Image":
		if r.Photo {
			return marshal("photo_" + num(r.ID))
		}
		return null
	case "Tag":
		tags := []object{}
		for _, id := range r.Tags {
			if t := o.tag(id); t != nil {
				tags = append(tags, object{"name": t.Name, "id": num(t.ID), "color_code": nil})
			}
		}
		return marshal(tags)
	}
	f := o.fields[s.t.module][name]
	raw := s.values()[name]
	switch {
	case len(raw) == 0 && f != nil && f.Type == "boolean":
		return json.RawMessage("false")
	case len(raw) == 0:
		return null
	case f != nil && f.Type == "lookup":
		var ref struct {
			ID string `json:"id"`
		}
		_ = json.Unmarshal(raw, &ref) // the sandbox wrote it
		if n := o.nameOf(f, ref.ID); n != "" {
			return marshal(object{"name": n, "id": ref.ID})
		}
		return null
	}
	return raw
}

// allFields are the names of the fields that the user can see.
func (c *call) allFields(module string) []string {
	var out []string
	for _, f := range c.o.Fields[module] {
		if c.m.permissionOf(f) != "hidden" {
			out = append(out, f.API)
		}
	}
	return out
}

// fieldsParam reads the parameter fields: at most 50 names, all of them visible to the user.
func (c *call) fieldsParam(module string) ([]string, error) {
	v := c.query.Get("fields")
	if v == "" {
		return nil, missingParam("fields")
	}
	names := strings.Split(v, ",")
	if len(names) > 50 || len(v) > 1024 {
		return nil, refuse(400, "LIMIT_EXCEEDED", "the number of fields exceeds the limit", object{"param_name": "fields", "limit": 50})
	}
	for i, n := range names {
		if c.m.field(module, n) == nil || slices.Contains(names[:i], n) {
			return nil, badParam("fields")
		}
	}
	return names, nil
}
