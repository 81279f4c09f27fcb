package zoho

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// raw is what Item.Raw holds: what an update needs beyond the neutral record.
type raw struct {
	// unchanged is a time until which the record is known not to have changed after its version.
	unchanged time.Time
	// company is the Account that the contact is linked to.
	company lookup
}

type lookup struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// contact is one record of a listing, by API name.
type contact map[string]any

// contacts decodes the data of a listing, with numbers as they were written: ids and amounts never pass through a float.
func decodeContacts(data json.RawMessage) ([]contact, error) {
	if len(data) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var list []contact
	if err := d.Decode(&list); err != nil {
		return nil, fmt.Errorf("%w: %s sent records that are not what its documents describe", connector.ErrTransient, System)
	}
	for _, r := range list {
		if r.text("id") == "" {
			return nil, fmt.Errorf("%w: %s sent a record without an id", connector.ErrTransient, System)
		}
	}
	return list, nil
}

func (r contact) text(api string) string {
	switch v := r[api].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "true"
		}
		return "false"
	case map[string]any:
		name, _ := v["name"].(string)
		return name
	}
	return ""
}

// item is the neutral form of r, which was asked for with the API fields names, at read.
func (r contact) item(names []string, read time.Time, m connector.Membership) connector.Item {
	it := connector.Item{
		ID:      r.text("id"),
		Version: r.text(apiModified),
		Scope:   m,
		Record:  record.Record{Kind: record.Contact, Fields: r.values(names)},
	}
	it.Created, _ = time.Parse(time.RFC3339, r.text(apiCreated))
	it.Created = utc(it.Created)
	kept := raw{unchanged: guardLimit(it.Version, read)}
	if l, ok := r[apiAccount].(map[string]any); ok {
		kept.company.ID, _ = l["id"].(string)
		kept.company.Name, _ = l["name"].(string)
	}
	it.Raw = kept
	return it
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

// guardLimit: a record read at a time has not changed between its version and a second before that time (both clocks show
// whole seconds).
func guardLimit(version string, read time.Time) time.Time {
	v, err := time.Parse(time.RFC3339, version)
	if err != nil {
		return time.Time{}
	}
	if before := read.Truncate(time.Second).Add(-time.Second); before.After(v) {
		return before.UTC()
	}
	return v.UTC()
}

// values reads the fields behind names. A field that was asked for and did not come is hidden from this user: it stays unknown.
func (r contact) values(names []string) record.Fields {
	out := record.Fields{}
	for _, p := range places {
		if _, sent := r[p.api]; !sent || !slices.Contains(names, p.api) {
			continue
		}
		if _, ok := out[p.key]; !ok {
			out[p.key] = []record.Value{}
		}
		text := r.text(p.api)
		if text == "" || p.key == record.NameFamily && text == noFamily {
			continue
		}
		out[p.key] = put(out[p.key], p, text)
	}
	for _, api := range names {
		if _, standard := placeOf(api); standard || api == apiCreated || api == apiModified {
			continue
		}
		if _, sent := r[api]; sent {
			out.Set(record.Custom(api), r.text(api))
		}
	}
	return out
}

// put adds text to the values at place p: a part of the address in that slot, or a value of its own.
func put(vs []record.Value, p place, text string) []record.Value {
	switch {
	case p.part != "":
		i := slices.IndexFunc(vs, func(v record.Value) bool { return v.Label == p.label })
		if i < 0 {
			vs = append(vs, record.Value{Label: p.label, Parts: map[record.Part]string{}})
			i = len(vs) - 1
		}
		vs[i].Parts[p.part] = text
		return vs
	case p.key == record.IM:
		return append(vs, record.Value{Text: text, Label: p.label, Parts: map[record.Part]string{record.PartService: labelSkype}})
	}
	return append(vs, record.Value{Text: text, Label: p.label})
}
