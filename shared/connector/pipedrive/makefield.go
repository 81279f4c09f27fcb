package pipedrive

import (
	"context"
	"net/http"
	"strings"

	"meibo/shared/record"
)

// madeTypes are the vendor's types for the custom fields that Meibo can make.
var madeTypes = map[record.Type]string{
	record.TypeText:     "varchar",
	record.TypeEmail:    "varchar",
	record.TypeURL:      "varchar",
	record.TypeLongText: "text",
	record.TypePhone:    "phone",
	record.TypeDate:     "date",
	record.TypeChoice:   "enum",
	record.TypeNumber:   "double",
	record.TypeAddress:  "address",
}

// MakeField makes a custom field of persons. For one of the members that a company has only once contact sync was set up in it
// (record.IM, Address, Note, Birthday, OrgTitle) it makes a field with Meibo's own name for it, which Describe then lists under the neutral
// key (PD13); where the company has the member, or the field was made before, that one is returned. Any other key makes a field that
// is called f.Name, unless there is one.
func (c *Connector) MakeField(ctx context.Context, f record.Field) (record.Field, error) {
	cat, err := c.catalogue(ctx)
	if err != nil {
		return record.Field{}, err
	}
	if have, ok := cat.have(f); ok {
		return have, nil
	}
	body := map[string]any{"field_name": f.Name, "field_type": madeTypes[f.Type]}
	for _, o := range optional {
		if o.key == f.Key {
			body["field_name"], body["field_type"] = o.name, o.typ
		}
	}
	if body["field_name"] == "" || body["field_type"] == "" {
		return record.Field{}, unfit(f.Key, "cannot be made in Pipedrive")
	}
	if body["field_type"] == "enum" {
		choices := make([]map[string]any, len(f.Choices))
		for i, ch := range f.Choices {
			choices[i] = map[string]any{"label": ch}
		}
		body["options"] = choices
	}
	_, _, refused := c.ask(ctx, request{method: http.MethodPost, path: v2 + "/personFields", body: body, write: true, right: "add custom fields"}, nil)
	// Whatever was answered, the catalogue has the last word: another run may have made the field meanwhile.
	c.fields = nil
	if cat, err = c.catalogue(ctx); err != nil {
		return record.Field{}, err
	}
	if have, ok := cat.have(f); ok {
		return have, nil
	}
	if refused == nil {
		refused = unsure(false, "the new field does not show yet")
	}
	return record.Field{}, refused
}

// have finds the field that f asks for: by its key, or a custom one by its name.
func (cat *catalogue) have(f record.Field) (record.Field, bool) {
	own := false
	for _, o := range optional {
		own = own || o.key == f.Key
	}
	for _, d := range describe(cat) {
		if d.Key == f.Key || !own && d.Custom && d.Type == made(f.Type) && strings.EqualFold(d.Name, f.Name) {
			return d, true
		}
	}
	return record.Field{}, false
}

// made is the type that a field made for t has.
func made(t record.Type) record.Type { return customTypes[madeTypes[t]] }
