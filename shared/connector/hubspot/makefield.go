package hubspot

import (
	"context"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"meibo/shared/record"
)

// The group that the properties which Meibo makes are in.
const (
	groupName  = "meibo"
	groupLabel = "Meibo"
)

// madeTypes are the vendor's types, with the form that people fill in, for the properties that Meibo can make.
var madeTypes = map[record.Type][2]string{
	record.TypeText:     {"string", "text"},
	record.TypeEmail:    {"string", "text"},
	record.TypeURL:      {"string", "text"},
	record.TypeLongText: {"string", "textarea"},
	record.TypePhone:    {"string", "phonenumber"},
	record.TypeDate:     {"date", "date"},
	record.TypeChoice:   {"enumeration", "select"},
	record.TypeBool:     {"enumeration", "booleancheckbox"},
	record.TypeNumber:   {"number", "number"},
}

// MakeField makes a property of contacts, in a group of Meibo's own. For a neutral field that HubSpot has no property for (a phonetic name,
// notes, …) it has a name of Meibo's own by which Describe lists it under the neutral key; any other has a name made of the field's name and
// key, which is the same each time. One that exists, by that name or as a custom one called f.Name with the same type, is returned.
// *ForbiddenError where the account did not grant the making of properties.
func (c *Connector) MakeField(ctx context.Context, f record.Field) (record.Field, error) {
	cat, err := c.catalogue(ctx)
	if err != nil {
		return record.Field{}, err
	}
	want := f
	name := propertyName(f)
	for _, s := range standIns {
		if s.key == f.Key {
			name, want.Name, want.Type = s.name, s.label, s.kind
		}
	}
	if have, ok := cat.have(want, name); ok {
		return have, nil
	}
	types, ok := madeTypes[want.Type]
	if !ok || want.Name == "" {
		return record.Field{}, unfit(f.Key, "cannot be made in HubSpot")
	}
	body := map[string]any{
		"groupName": groupName, "name": name, "label": want.Name, "description": "Made by Meibo to keep what the other system has.",
		"type": types[0], "fieldType": types[1], "formField": false, "hidden": false, "hasUniqueValue": false,
	}
	if list := choices(want); len(list) > 0 {
		body["options"] = list
	}
	refused := c.makeProperty(ctx, body)
	// Whatever was answered, the catalogue has the last word: another run may have made the property meanwhile.
	c.props = nil
	if cat, err = c.catalogue(ctx); err != nil {
		return record.Field{}, err
	}
	if have, ok := cat.have(want, name); ok {
		return have, nil
	}
	if refused == nil {
		refused = unsure(false, "the new property does not show yet")
	}
	return record.Field{}, refused
}

// makeProperty makes the group, if there is none, and the property. That a group exists is told by a refusal, whichever it is: the
// property's own says what is wrong.
func (c *Connector) makeProperty(ctx context.Context, body map[string]any) error {
	const right = "add properties to contacts"
	group := map[string]any{"name": groupName, "label": groupLabel, "displayOrder": -1}
	r := request{method: http.MethodPost, path: propertiesPath("/groups"), body: group, write: true, right: right, scope: ScopeSchemasWrite}
	if _, err := c.ask(ctx, r, nil); err != nil && denied(err) {
		return err
	}
	r.path, r.body = propertiesPath(""), body
	_, err := c.ask(ctx, r, nil)
	return err
}

// have finds the field behind the property called name, or a custom one with the label and type of f.
func (cat *catalogue) have(f record.Field, name string) (record.Field, bool) {
	key, owned := cat.owner[name]
	for _, d := range cat.fields {
		if d.Key == f.Key || owned && d.Key == key {
			return d, true
		}
	}
	for _, d := range cat.fields {
		types := madeTypes[f.Type]
		t, ok := property{Type: types[0], FieldType: types[1], Options: []option{{}}}.neutral()
		if ok && d.Custom && !d.ReadOnly && d.Type == t && strings.EqualFold(d.Name, f.Name) {
			return d, true
		}
	}
	return record.Field{}, false
}

// propertyName is a name that HubSpot takes and that is always the same for a field: its own as far as it is in plain letters, and a
// digest of all of it.
func propertyName(f record.Field) string {
	var b strings.Builder
	for _, r := range strings.ToLower(f.Name) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
		if b.Len() >= 40 {
			break
		}
	}
	h := fnv.New32a()
	h.Write([]byte(string(f.Key) + "\x00" + f.Name))
	return groupName + "_" + strings.Trim(b.String()+"_", "_") + "_" + strconv.FormatUint(uint64(h.Sum32()), 36)
}

// choices are the options of a property to make.
func choices(f record.Field) []map[string]any {
	list := f.Choices
	if f.Type == record.TypeBool {
		list = []string{"true", "false"}
	}
	var out []map[string]any
	for i, ch := range list {
		label := ch
		if f.Type == record.TypeBool {
			label = map[string]string{"true": "Yes", "false": "No"}[ch]
		}
		if ch == "" || slices.ContainsFunc(out, func(o map[string]any) bool { return o["value"] == ch }) {
			continue
		}
		out = append(out, map[string]any{"label": label, "value": ch, "displayOrder": i, "hidden": false})
	}
	return out
}
