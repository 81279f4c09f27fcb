package pipedrive

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"meibo/shared/record"
)

// apiField is what Meibo reads of one field of /personFields.
type apiField struct {
	Name    string   `json:"field_name"`
	Code    string   `json:"field_code"`
	Type    string   `json:"field_type"`
	Custom  bool     `json:"is_custom_field"`
	Options []option `json:"options"`
}

// option is a choice. Its id is a number for custom fields and may be a text for others.
type option struct {
	ID    any    `json:"id"`
	Label string `json:"label"`
}

func (o option) id() string {
	switch v := o.ID.(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case string:
		return v
	}
	return ""
}

// catalogue is the fields of a person in this company.
type catalogue struct {
	list   []apiField
	byCode map[string]apiField
	// made are the custom fields that Meibo made in place of members that the company lacks, by neutral key.
	made map[record.Key]apiField
}

// The codes of the fields that the code treats by name.
const codeVisibleTo = "visible_to"

// fieldPages bounds the pages of the catalogue that are read.
const fieldPages = 20

// catalogue returns the fields of persons, read once in the connector's life.
func (c *Connector) catalogue(ctx context.Context) (*catalogue, error) {
	if c.fields != nil {
		return c.fields, nil
	}
	cat := &catalogue{byCode: map[string]apiField{}, made: map[record.Key]apiField{}}
	q := url.Values{"limit": {strconv.Itoa(perPage)}}
	for range fieldPages {
		var page []apiField
		_, next, err := c.ask(ctx, request{path: v2 + "/personFields", query: q, right: "read the fields of people"}, &page)
		if err != nil {
			return nil, err
		}
		cat.list = append(cat.list, page...)
		if next == "" {
			break
		}
		q.Set("cursor", next)
	}
	if len(cat.list) == 0 {
		return nil, unsure(false, "it sent an empty field catalogue")
	}
	for _, f := range cat.list {
		if _, double := cat.byCode[f.Code]; double {
			continue
		}
		cat.byCode[f.Code] = f
		if key, ok := standIn(f); ok {
			if _, double := cat.made[key]; !double {
				cat.made[key] = f
			}
		}
	}
	c.fields = cat
	return cat, nil
}

// optional are the members that exist only once contact sync was set up in a company, and what Meibo makes in their place: a custom
// field that is known by its name (PD13).
var optional = []struct {
	key   record.Key
	code  string
	kind  record.Type
	name  string // of the field that Meibo makes
	typ   string // the vendor's type of it
	limit int    // characters; 0 if the documents give none
}{
	{record.IM, "im", record.TypeIM, "Instant messenger (Meibo)", "text", 0},
	{record.Address, "postal_address", record.TypeAddress, "Postal address (Meibo)", "address", 0},
	{record.Note, "notes", record.TypeLongText, "Notes (Meibo)", "text", 10_000},
	{record.Birthday, "birthday", record.TypeDate, "Birthday (Meibo)", "date", 0},
	{record.OrgTitle, "job_title", record.TypeText, "Job title (Meibo)", "varchar", 255},
}

// standIn returns the key for which Meibo made the custom field f.
func standIn(f apiField) (record.Key, bool) {
	for _, o := range optional {
		if f.Custom && f.Name == o.name && f.Type == o.typ {
			return o.key, true
		}
	}
	return "", false
}

// holder says where the company keeps an optional member: in a custom field that Meibo made, else in its own member. What Meibo made
// stays in use even where the member appears later: the values are there, and the new member is empty.
func (cat *catalogue) holder(key record.Key) (f apiField, custom, ok bool) {
	if f, ok = cat.made[key]; ok {
		return f, true, true
	}
	for _, o := range optional {
		if o.key == key {
			f, ok = cat.byCode[o.code]
			return f, false, ok && !f.Custom
		}
	}
	return apiField{}, false, false
}

// customTypes are the vendor's types that a custom field may have to be synced. All others (money, ranges, times, several choices,
// links to other records) stay out of the catalogue.
var customTypes = map[string]record.Type{
	"varchar":      record.TypeText,
	"varchar_auto": record.TypeText,
	"text":         record.TypeLongText,
	"phone":        record.TypePhone,
	"double":       record.TypeNumber,
	"date":         record.TypeDate,
	"enum":         record.TypeChoice,
	"address":      record.TypeAddress,
}

// lengths are the documented lengths of types.
var lengths = map[string]int{"varchar": 255, "varchar_auto": 255, "text": 65_000}

// custom returns the neutral field of a custom field that is synced under its own code.
func (cat *catalogue) custom(f apiField) (record.Field, bool) {
	t, typed := customTypes[f.Type]
	if key, ok := standIn(f); !f.Custom || !typed || ok && cat.made[key].Code == f.Code {
		return record.Field{}, false
	}
	out := record.Field{Key: record.Custom(f.Code), Type: t, Name: f.Name, Max: 1, Custom: true, Length: lengths[f.Type]}
	switch t {
	case record.TypeChoice:
		for _, o := range f.Options {
			if o.Label != "" && !slices.Contains(out.Choices, o.Label) {
				out.Choices = append(out.Choices, o.Label)
			}
		}
	case record.TypeDate:
		out.WholeDate = true
	case record.TypeAddress:
		out.Parts = addressParts
	}
	return out, true
}

// label is the label of an option that a value names by its id.
func (f apiField) label(raw json.RawMessage) string {
	var id any
	if json.Unmarshal(raw, &id) != nil {
		return ""
	}
	for _, o := range f.Options {
		if n := (option{ID: id}).id(); n != "" && o.id() == n {
			return o.Label
		}
	}
	return ""
}

// optionID is the id of the option with a label.
func (f apiField) optionID(label string) (json.RawMessage, error) {
	for _, o := range f.Options {
		if o.Label == label {
			return json.Marshal(o.ID)
		}
	}
	return nil, fmt.Errorf("no option has the label")
}
