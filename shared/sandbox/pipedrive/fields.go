package pipedrive

import (
	"encoding/json"
	"net/http"
	"slices"
	"unicode/utf8"

	"meibo/shared/sandbox"
)

// option is one choice of a field, or a label.
type option struct {
	ID    int64  `json:"id"`
	Label string `json:"label"`
}

func labelOf(all []option, id int64) string {
	for _, o := range all {
		if o.ID == id {
			return o.Label
		}
	}
	return ""
}

func optionNamed(all []option, label string) int64 {
	for _, o := range all {
		if o.Label == label {
			return o.ID
		}
	}
	return 0
}

// field is a field of persons or organizations.
type field struct {
	Num     int64 // the number of v1, which filters want
	Code    string
	Name    string
	Type    string
	Options []option        `json:",omitempty"`
	Visible json.RawMessage `json:",omitempty"` // ui_visibility as it was given
	Matters json.RawMessage `json:",omitempty"` // important_fields
	Needed  json.RawMessage `json:",omitempty"` // required_fields
	Builtin bool            `json:",omitempty"`
}

// builtins are the fields that every company has. The catalogue names e-mails and phones in the singular.
var builtins = map[*kind][]field{
	&personKind: {
		{Code: "id", Name: "ID", Type: "int"}, {Code: "name", Name: "Name", Type: "varchar"}, {Code: "first_name", Name: "First name", Type: "varchar"},
		{Code: "last_name", Name: "Last name", Type: "varchar"}, {Code: "email", Name: "Email", Type: "varchar"}, {Code: "phone", Name: "Phone", Type: "phone"},
		{Code: "org_id", Name: "Organization", Type: "org"}, {Code: "owner_id", Name: "Owner", Type: "user"}, {Code: "label_ids", Name: "Labels", Type: "set"},
		{Code: "visible_to", Name: "Visible to", Type: "visible_to"}, {Code: "picture_id", Name: "Profile picture", Type: "picture"},
		{Code: "add_time", Name: "Person created", Type: "date"}, {Code: "update_time", Name: "Update time", Type: "date"},
	},
	&orgKind: {
		{Code: "id", Name: "ID", Type: "int"}, {Code: "name", Name: "Name", Type: "varchar"}, {Code: "owner_id", Name: "Owner", Type: "user"},
		{Code: "address", Name: "Address", Type: "address"}, {Code: "label_ids", Name: "Labels", Type: "set"}, {Code: "visible_to", Name: "Visible to", Type: "visible_to"},
		{Code: "website", Name: "Website", Type: "varchar"}, {Code: "add_time", Name: "Organization created", Type: "date"},
		{Code: "update_time", Name: "Update time", Type: "date"},
	},
}

// syncFields are the person fields that come with contact sync.
var syncFields = []field{
	{Code: "postal_address", Name: "Postal address", Type: "address"}, {Code: "notes", Name: "Notes", Type: "text"}, {Code: "im", Name: "Instant messenger", Type: "varchar"},
	{Code: "birthday", Name: "Birthday", Type: "date"}, {Code: "job_title", Name: "Job title", Type: "varchar"},
}

const firstBuiltin = 9000 // number of the first built-in field; the company's own follow far above

// catalogue lists all fields of a kind as the company has them.
func (o *company) catalogue(k *kind) []*field {
	var out []*field
	all := builtins[k]
	if k == &personKind && o.ContactSync {
		all = slices.Concat(all, syncFields)
	}
	for i, f := range all {
		f.Num, f.Builtin = int64(firstBuiltin+i), true
		if f.Code == "label_ids" {
			f.Options = o.labels(k)
		}
		out = append(out, &f)
	}
	return append(out, o.fields(k)...)
}

func (o *company) field(k *kind, code string) *field {
	for _, f := range o.catalogue(k) {
		if f.Code == code {
			return f
		}
	}
	return nil
}

// visibilities are the built-in options of visible_to, whose ids are text.
var visibilities = map[int]string{1: "Owner", 3: "Visibility group", 5: "Visibility group and sub-groups", 7: "Entire company"}

func (f *field) render(o *company, include []string) object {
	out := object{"field_name": f.Name, "field_code": f.Code, "field_type": f.Type, "options": nil, "subfields": nil, "is_custom_field": !f.Builtin,
		"is_optional_response_field": false}
	switch {
	case f.Type == "visible_to":
		var opts []object
		for _, v := range plans[o.Plan].visible {
			label := visibilities[v]
			if v == 3 && len(plans[o.Plan].visible) == 2 {
				label = visibilities[7]
			}
			opts = append(opts, object{"id": num(int64(v)), "label": label})
		}
		out["options"] = opts
	case f.Type == "enum", f.Type == "set":
		opts := []object{}
		for _, x := range f.Options {
			opts = append(opts, object{"id": x.ID, "label": x.Label})
		}
		out["options"] = opts
	}
	if slices.Contains(include, "ui_visibility") {
		out["ui_visibility"] = orElse(f.Visible, `{"add_visible_flag":false,"details_visible_flag":true}`)
	}
	if slices.Contains(include, "important_fields") {
		out["important_fields"] = orElse(f.Matters, `{"enabled":false,"stage_ids":[]}`)
	}
	if slices.Contains(include, "required_fields") {
		out["required_fields"] = orElse(f.Needed, `{"enabled":false}`)
	}
	return out
}

func orElse(raw json.RawMessage, otherwise string) json.RawMessage {
	if raw == nil {
		return json.RawMessage(otherwise)
	}
	return raw
}

func (c *call) fieldParts() ([]string, error) {
	return c.list("include_fields", "ui_visibility", "important_fields", "required_fields")
}

func listFields(c *call, t *table) (*reply, error) {
	include, err := c.fieldParts()
	if err != nil {
		return nil, err
	}
	all, next, err := slicePage(c, c.o.catalogue(t.kind))
	if err != nil {
		return nil, err
	}
	data := make([]object, len(all))
	for i, f := range all {
		data[i] = f.render(c.o, include)
	}
	return page(data, next)
}

func getField(c *call) (*reply, error) {
	include, err := c.fieldParts()
	if err != nil {
		return nil, err
	}
	f := c.o.field(&personKind, c.path[0])
	if f == nil {
		return nil, refuse(http.StatusNotFound, "Field not found")
	}
	return ok(f.render(c.o, include))
}

// madeTypes are the types of fields that a company can make.
var madeTypes = []string{"varchar", "text", "double", "phone", "date", "daterange", "time", "timerange", "set", "enum", "varchar_auto", "address", "monetary",
	"org", "people", "user"}

func createField(c *call) (*reply, error) {
	if !c.m.may("can_add_custom_fields") {
		return nil, forbidden("You do not have permission to add custom fields")
	}
	in, err := c.object("field_name", "field_type", "options", "ui_visibility", "important_fields", "required_fields")
	if err != nil {
		return nil, err
	}
	f := &field{}
	if !strict(in["field_name"], &f.Name) || f.Name == "" || utf8.RuneCountInString(f.Name) > textMost {
		return nil, invalid("field_name", "must be a text of 1 to 255 characters")
	}
	if !strict(in["field_type"], &f.Type) || !slices.Contains(madeTypes, f.Type) {
		return nil, invalid("field_type", "is not a type of custom fields")
	}
	labels, err := optionLabels(in["options"])
	if err != nil {
		return nil, err
	}
	if choice := f.Type == "enum" || f.Type == "set"; choice != (len(labels) > 0) {
		return nil, invalid("options", "are for the types enum and set, which need at least one")
	}
	if f.Visible, f.Matters, f.Needed, err = fieldSettings(in); err != nil {
		return nil, err
	}
	if most := c.s.cfg.Limits.CustomFields; most > 0 && len(c.o.Fields) >= most {
		return nil, capped("feature_capping_custom_fields_limit", "The limit of custom fields of your plan is reached")
	}
	c.makeField(&c.o.Fields, f, labels)
	return ok(f.render(c.o, nil))
}

// makeField numbers a new field and its options and adds it to all.
func (c *call) makeField(all *[]*field, f *field, labels []string) {
	f.Num, f.Code = firstBuiltin+1000+c.o.newID(), sandbox.HexText(c.s.random, 20)
	for _, l := range labels {
		f.Options = append(f.Options, option{c.o.newID(), l})
	}
	*all = append(*all, f)
	c.s.keepCompany(c.o)
}

// optionLabels reads [{"label":"..."}] into distinct labels.
func optionLabels(raw json.RawMessage) ([]string, error) {
	if raw == nil {
		return nil, nil
	}
	var in []struct {
		Label string `json:"label"`
	}
	if !strict(raw, &in) {
		return nil, invalid("options", "must be an array of {label}")
	}
	var out []string
	for _, o := range in {
		if o.Label == "" || utf8.RuneCountInString(o.Label) > textMost || slices.Contains(out, o.Label) {
			return nil, invalid("options", "a label is empty, too long or given twice")
		}
		out = append(out, o.Label)
	}
	return out, nil
}

func fieldSettings(in map[string]json.RawMessage) (visible, matters, needed json.RawMessage, err error) {
	var v struct {
		Add     bool            `json:"add_visible_flag"`
		Details bool            `json:"details_visible_flag"`
		Deals   json.RawMessage `json:"show_in_add_deal_dialog"`
	}
	var m struct {
		Enabled bool    `json:"enabled"`
		Stages  []int64 `json:"stage_ids"`
	}
	var n struct {
		Enabled bool `json:"enabled"`
	}
	for name, to := range map[string]any{"ui_visibility": &v, "important_fields": &m, "required_fields": &n} {
		if raw := in[name]; raw != nil && !strict(raw, to) {
			return nil, nil, nil, invalid(name, "has a wrong form")
		}
	}
	return in["ui_visibility"], in["important_fields"], in["required_fields"], nil
}

// ownField is a custom person field of the path.
func (c *call) ownField() (*field, error) {
	f := c.o.field(&personKind, c.path[0])
	if f == nil {
		return nil, refuse(http.StatusNotFound, "Field not found")
	}
	if f.Builtin {
		return nil, forbidden("A built-in field cannot be changed")
	}
	return f, nil
}

func deleteField(c *call) (*reply, error) {
	f, err := c.ownField()
	if err != nil {
		return nil, err
	}
	if !c.m.may("can_delete_custom_fields") {
		return nil, forbidden("You do not have permission to delete custom fields")
	}
	c.o.Fields = slices.DeleteFunc(c.o.Fields, func(x *field) bool { return x == f })
	c.s.keepCompany(c.o)
	return ok(f.render(c.o, nil))
}

func addOptions(c *call) (*reply, error) {
	f, err := c.ownField()
	if err != nil {
		return nil, err
	}
	if !c.m.may("can_edit_custom_fields") {
		return nil, forbidden("You do not have permission to edit custom fields")
	}
	labels, err := optionLabels(c.body)
	if err != nil {
		return nil, err
	}
	if len(labels) == 0 || f.Type != "enum" && f.Type != "set" {
		return nil, invalid("options", "are for the types enum and set")
	}
	for _, l := range labels {
		if optionNamed(f.Options, l) != 0 {
			return nil, invalid("options", "a label exists already")
		}
	}
	added := []option{}
	for _, l := range labels {
		added = append(added, option{c.o.newID(), l})
	}
	f.Options = append(f.Options, added...)
	c.s.keepCompany(c.o)
	out := success(added)
	out["additional_data"] = nil
	return &reply{http.StatusOK, out}, nil
}
