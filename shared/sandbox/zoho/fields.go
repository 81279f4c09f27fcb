package zoho

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// jsonTypes are the wire types of data types; text is the default.
var jsonTypes = map[string]string{"boolean": "boolean", "lookup": "jsonobject", "ownerlookup": "jsonobject", "userlookup": "jsonobject", "multiselectpicklist": "jsonarray",
	"integer": "integer", "double": "double", "currency": "double", "percent": "double"}

// fieldBody is a field as GET /settings/fields shows it.
func (c *call) fieldBody(f *fieldDef) object {
	json := jsonTypes[f.Type]
	if json == "" {
		json = "string"
	}
	if f.API == "Tag" {
		json = "jsonarray"
	}
	writable := !f.ReadOnly
	var profiles []object
	for _, p := range c.o.Profiles {
		kind := "read_write"
		if k, ok := f.Profiles[p.ID]; ok {
			kind = k
		} else if f.ReadOnly {
			kind = "read_only"
		}
		profiles = append(profiles, object{"id": num(p.ID), "name": p.Name, "permission_type": kind})
	}
	choices := []object{}
	for i, v := range f.Choices {
		choices = append(choices, object{"id": num(c.o.id(2_000_000_000 + (f.ID-c.o.id(0))*1000 + int64(i))), "display_value": v, "actual_value": v, "reference_value": v, "sequence_number": i + 1, "type": "used"})
	}
	var lookup any
	if f.Lookup != "" {
		lookup = object{"display_label": f.Label, "api_name": f.API, "id": num(f.ID), "module": object{"api_name": f.Lookup, "crypt": false, "id": num(c.o.moduleID(f.Lookup))},
			"query_details": object{"system_query_id": nil, "query_id": num(f.ID)}, "revalidate_filter_during_edit": false}
	}
	unique := object{}
	if f.Unique {
		unique["case_sensitive"] = f.CaseSens
	}
	var decimals any
	if f.Decimals > 0 {
		decimals = f.Decimals
	}
	b := object{"api_name": f.API, "id": num(f.ID), "field_label": f.Label, "display_label": f.Label, "data_type": f.Type, "json_type": json, "length": f.Length,
		"decimal_place": decimals, "system_mandatory": f.Mandatory, "read_only": c.m.permissionOf(f) == "read_only", "field_read_only": f.ReadOnly, "custom_field": f.Custom, "visible": true,
		"pick_list_values": choices, "unique": unique, "external": nil, "lookup": lookup, "profiles": profiles,
		"view_type":      object{"view": true, "edit": writable, "create": writable, "quick_create": f.Mandatory},
		"operation_type": object{"api_create": writable, "api_update": writable, "web_create": writable, "web_update": writable},
		"webhook":        true, "colour_code_enabled_by_system": false, "type": "used", "association_details": nil, "businesscard_supported": true, "multi_module_lookup": object{},
		"filterable": f.Type != "textarea", "separator": false, "searchable": true, "history_tracking_enabled": false, "enable_colour_code": false, "virtual_field": false,
		"range": nil, "created_source": "default", "display_type": -1, "ui_type": 1, "public": false, "email_parser": object{"fields_update_supported": writable, "record_operations_supported": true},
		"currency": object{}, "convert_mapping": object{}, "rollup_summary": object{}, "display_field": f.API == "Full_Name", "pick_list_values_sorted_lexically": false,
		"sortable": f.Type != "textarea", "formula": object{}, "mass_update": writable, "multiselectlookup": object{}, "auto_number": object{}}
	if f.Type == "textarea" {
		b["textarea"] = object{"type": "large"}
	}
	return b
}

// listFields is GET /settings/fields. Every field is in the layout, so nothing is unused.
func listFields(c *call) (*reply, error) {
	module, err := c.moduleParam()
	if err != nil {
		return nil, err
	}
	if k := c.query.Get("type"); c.query.Has("type") && k != "all" && k != "used" && k != "unused" {
		return nil, badParam("type")
	}
	if i := c.query.Get("include"); c.query.Has("include") && i != "allowed_permissions_to_update" {
		return nil, badParam("include")
	}
	if c.query.Get("type") == "unused" {
		return &reply{status: http.StatusNoContent}, nil
	}
	out := []object{}
	for _, f := range c.o.Fields[module] {
		if c.m.permissionOf(f) == "hidden" {
			continue
		}
		b := c.fieldBody(f)
		if c.query.Has("include") {
			b["allowed_permissions_to_update"] = object{"read_write": !f.ReadOnly, "read_only": true, "hidden": !f.Mandatory}
		}
		out = append(out, b)
	}
	return &reply{status: http.StatusOK, body: object{"fields": out}}, nil
}

// getField is GET /settings/fields/{id}.
func getField(c *call) (*reply, error) {
	module, err := c.moduleParam()
	if err != nil {
		return nil, err
	}
	for _, f := range c.o.Fields[module] {
		if num(f.ID) == c.path[0] && c.m.permissionOf(f) != "hidden" {
			return &reply{status: http.StatusOK, body: object{"fields": []object{c.fieldBody(f)}}}, nil
		}
	}
	return nil, badID(c.path[0])
}

const (
	newFieldsMost = 5
	labelMost     = 25 // characters of a new field's label
)

// madeTypes are the data types that the sandbox can make, with their default and largest lengths.
var madeTypes = map[string][2]int{"text": {255, 255}, "textarea": {2000, 50000}, "email": {100, 100}, "phone": {30, 30}, "picklist": {120, 120}, "multiselectpicklist": {120, 120}, "date": {20, 20},
	"datetime": {120, 120}, "integer": {9, 9}, "bigint": {18, 18}, "double": {16, 16}, "currency": {16, 16}, "percent": {5, 5}, "website": {450, 450}, "boolean": {5, 5}}

// createFields is POST /settings/fields?module=: up to five fields, each with an answer of its own. It needs the permission to
// customise. The request and answer follow Zoho's page "Create Custom Fields"; the OpenAPI files do not have the operation.
func createFields(c *call) (*reply, error) {
	module, err := c.moduleParam()
	if err != nil {
		return nil, err
	}
	if !c.m.may("Crm_Implied_Customize_Zoho_CRM") {
		return nil, notPermitted("Crm_Implied_Customize_Zoho_CRM")
	}
	m, err := c.decode("fields")
	if err != nil {
		return nil, err
	}
	var specs []map[string]json.RawMessage
	if json.Unmarshal(m["fields"], &specs) != nil || len(specs) == 0 {
		return nil, refuse(http.StatusBadRequest, "INVALID_DATA", "invalid data", object{"api_name": "fields", "json_path": "$.fields", "expected_data_type": "jsonarray"})
	}
	if len(specs) > newFieldsMost {
		return nil, refuse(http.StatusBadRequest, "LIMIT_EXCEEDED", "the number of fields exceeds the limit", object{"api_name": "fields", "json_path": "$.fields", "maximum_length": newFieldsMost})
	}
	out, failed := []object{}, 0
	for i, s := range specs {
		f, bad := c.newField(module, s, "$.fields["+num(int64(i))+"].")
		if bad != nil {
			failed++
			out = append(out, bad.body())
			continue
		}
		out = append(out, object{"code": "SUCCESS", "details": object{"id": num(f.ID)}, "message": "field created", "status": "success"})
	}
	status := http.StatusMultiStatus
	switch failed {
	case 0:
		status = http.StatusCreated
	case len(specs):
		status = http.StatusBadRequest
	}
	return &reply{status: status, body: object{"fields": out}}, nil
}

var nameForm = regexp.MustCompile(`[A-Za-z][A-Za-z0-9]*`)

// newField checks one specification and makes the field.
func (c *call) newField(module string, spec map[string]json.RawMessage, path string) (*fieldDef, *fault) {
	bad := func(code, name string, more object) *fault {
		d := object{"api_name": name, "json_path": path + name}
		for k, v := range more {
			d[k] = v
		}
		return refuse(http.StatusBadRequest, code, strings.ToLower(strings.ReplaceAll(code, "_", " ")), d)
	}
	for k := range spec {
		if !slices.Contains([]string{"field_label", "data_type", "length", "pick_list_values", "unique", "decimal_place", "tooltip", "textarea"}, k) {
			return nil, bad("INVALID_DATA", k, nil)
		}
	}
	f := &fieldDef{Label: textOf(spec["field_label"]), Type: textOf(spec["data_type"]), Custom: true}
	lengths, ok := madeTypes[f.Type]
	switch {
	case f.Label == "":
		return nil, bad("MANDATORY_NOT_FOUND", "field_label", nil)
	case utf8.RuneCountInString(f.Label) > labelMost:
		return nil, bad("INVALID_DATA", "field_label", object{"maximum_length": labelMost})
	case f.Type == "":
		return nil, bad("MANDATORY_NOT_FOUND", "data_type", nil)
	case !ok:
		return nil, bad("INVALID_DATA", "data_type", nil)
	}
	for _, o := range c.o.Fields[module] {
		if strings.EqualFold(o.Label, f.Label) {
			return nil, bad("DUPLICATE_DATA", "field_label", nil)
		}
	}
	f.Length = lengths[0]
	if raw := spec["length"]; raw != nil && (json.Unmarshal(raw, &f.Length) != nil || f.Length < 1 || f.Length > lengths[1]) {
		return nil, bad("INVALID_DATA", "length", object{"maximum_length": lengths[1]})
	}
	if raw := spec["decimal_place"]; raw != nil && (json.Unmarshal(raw, &f.Decimals) != nil || f.Decimals < 0 || f.Decimals > 9) {
		return nil, bad("INVALID_DATA", "decimal_place", nil)
	}
	f.MultiLine = f.Type == "textarea"
	if raw := spec["unique"]; raw != nil {
		var u struct {
			CaseSensitive bool `json:"case_sensitive"`
		}
		if !slices.Contains([]string{"text", "email", "phone"}, f.Type) || json.Unmarshal(raw, &u) != nil {
			return nil, bad("INVALID_DATA", "unique", nil)
		}
		f.Unique, f.CaseSens = true, u.CaseSensitive
	}
	var picks []struct {
		Display string `json:"display_value"`
		Actual  string `json:"actual_value"`
	}
	if raw := spec["pick_list_values"]; raw != nil && json.Unmarshal(raw, &picks) != nil {
		return nil, bad("INVALID_DATA", "pick_list_values", nil)
	}
	if list := f.Type == "picklist" || f.Type == "multiselectpicklist"; list != (len(picks) > 0) {
		return nil, bad("INVALID_DATA", "pick_list_values", nil)
	}
	for _, p := range picks {
		v := p.Actual
		if v == "" {
			v = p.Display
		}
		if v == "" || slices.Contains(f.Choices, v) {
			return nil, bad("INVALID_DATA", "pick_list_values", nil)
		}
		f.Choices = append(f.Choices, v)
	}
	c.s.makeField(c.o, module, f)
	return f, nil
}

// makeField names a new field after its label, as Zoho does, and adds it. A label without Latin letters gives a made-up name.
func (s *Sandbox) makeField(o *org, module string, f *fieldDef) {
	f.ID = o.newID()
	base := strings.Join(nameForm.FindAllString(f.Label, -1), "_")
	if base == "" {
		base = "CustomField" + num(f.ID)[13:]
	}
	f.API = base
	for n := int64(1); o.fields[module][f.API] != nil; n++ {
		f.API = base + num(n)
	}
	o.Fields[module] = append(o.Fields[module], f)
	o.fields[module][f.API] = f
	if f.Unique {
		o.tables[module].indexField(f.API)
	}
	s.keepOrg(o)
}
