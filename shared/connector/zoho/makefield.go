package zoho

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"meibo/shared/record"
)

// madeTypes are the vendor's data types for the fields that Meibo can make, with the length where Zoho wants one.
var madeTypes = map[record.Type]struct {
	name   string
	length int
}{
	record.TypeText:     {"text", 255},
	record.TypeLongText: {"textarea", 2000},
	record.TypeEmail:    {"email", 100},
	record.TypePhone:    {"phone", 30},
	record.TypeURL:      {"website", 450},
	record.TypeDate:     {"date", 0},
	record.TypeBool:     {"boolean", 0},
	record.TypeChoice:   {"picklist", 0},
	record.TypeNumber:   {"double", 16},
}

// MakeField makes a custom field of Contacts that is called f.Name, and returns it under the key that Zoho gave it. A field that
// is there already, by key or by name, is returned as it is.
func (c *Connector) MakeField(ctx context.Context, f record.Field) (record.Field, error) {
	cat, err := c.catalogue(ctx)
	if err != nil {
		return record.Field{}, err
	}
	if have, ok := customField(cat, f); ok {
		return have, nil
	}
	t, ok := madeTypes[f.Type]
	if !ok || f.Name == "" {
		return record.Field{}, unfit(f.Key, "cannot be made in Zoho CRM")
	}
	field := map[string]any{"field_label": f.Name, "data_type": t.name}
	if t.length > 0 {
		field["length"] = t.length
		if f.Length > 0 && f.Length < t.length && f.Type == record.TypeText {
			field["length"] = f.Length
		}
	}
	if f.Type == record.TypeChoice {
		var choices []map[string]any
		for _, ch := range f.Choices {
			choices = append(choices, map[string]any{"display_value": ch, "actual_value": ch})
		}
		field["pick_list_values"] = choices
	}
	a, err := c.call(ctx, request{
		method: http.MethodPost, path: "/settings/fields", query: url.Values{"module": {"Contacts"}},
		body: map[string]any{"fields": []any{field}}, write: true,
	})
	if err != nil {
		return record.Field{}, err
	}
	var body struct {
		Fields []vendorError `json:"fields"`
	}
	if json.Unmarshal(a.body, &body) != nil || len(body.Fields) != 1 && a.status != http.StatusBadRequest {
		return record.Field{}, unsure(true, "it did not say whether it made the field")
	}
	refused := error(nil)
	if len(body.Fields) != 1 {
		refused = statusError(a.status, a.body, true)
	} else if body.Fields[0].Code != "SUCCESS" {
		refused = recordError(body.Fields[0], "", nil)
	}
	// Whatever was answered, the catalogue has the last word: another run may have made the field meanwhile.
	c.fields = nil
	if cat, err = c.catalogue(ctx); err != nil {
		return record.Field{}, err
	}
	if have, ok := customField(cat, f); ok {
		return have, nil
	}
	if refused == nil {
		refused = unsure(false, "the new field does not show yet")
	}
	return record.Field{}, refused
}

// customField finds the custom field with the key or the name of f.
func customField(cat *catalogue, f record.Field) (record.Field, bool) {
	api, _ := f.Key.CustomName()
	for _, have := range cat.list {
		t, ok := customTypes[have.Type]
		if ok && have.Custom && (have.API == api || strings.EqualFold(have.Label, f.Name) || strings.EqualFold(have.FieldName, f.Name)) {
			return fromAPI(have, record.Custom(have.API), t), true
		}
	}
	return record.Field{}, false
}
