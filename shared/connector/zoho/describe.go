package zoho

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// membersEvery is how often a scope with views needs a membership scan: a record enters and leaves a view without a trace.
const membersEvery = time.Hour

// apiField is what Meibo reads of one field of /settings/fields.
type apiField struct {
	ID        string `json:"id"`
	API       string `json:"api_name"`
	Label     string `json:"display_label"`
	FieldName string `json:"field_label"`
	Type      string `json:"data_type"`
	Length    int    `json:"length"`
	Mandatory bool   `json:"system_mandatory"`
	ReadOnly  bool   `json:"read_only"`
	FieldRO   bool   `json:"field_read_only"`
	Custom    bool   `json:"custom_field"`
	Visible   *bool  `json:"visible"`
	Operation *struct {
		Create *bool `json:"api_create"`
		Update *bool `json:"api_update"`
	} `json:"operation_type"`
	Choices []struct {
		Actual string `json:"actual_value"`
		Type   string `json:"type"`
	} `json:"pick_list_values"`
	Profiles []struct {
		ID         string `json:"id"`
		Permission string `json:"permission_type"`
	} `json:"profiles"`
}

// catalogue is the fields of Contacts that the account's user can see.
type catalogue struct {
	list  []apiField
	byAPI map[string]apiField
}

// Describe reads the field catalogue: two to four calls.
func (c *Connector) Describe(ctx context.Context) (connector.Description, error) {
	c.fields = nil
	cat, err := c.catalogue(ctx)
	if err != nil {
		return connector.Description{}, err
	}
	org, err := c.companyField(ctx)
	if err != nil {
		return connector.Description{}, err
	}
	return connector.Description{
		Name:   System,
		Kind:   record.Contact,
		Fields: describe(cat, org),
		Batch:  connector.Batch{List: perPage, Get: maxIDs, Create: maxWrite, Update: maxWrite, Delete: maxIDs},
		// One change listing and one page of the deleted-records feed.
		QuietCalls:     2,
		VersionChecked: true,
		Visibility:     settle,
		MembersEvery:   membersEvery,
	}, nil
}

// catalogue returns the fields of Contacts, read once in the connector's life.
func (c *Connector) catalogue(ctx context.Context) (*catalogue, error) {
	if c.fields != nil {
		return c.fields, nil
	}
	list, err := c.readFields(ctx, "Contacts")
	if err != nil {
		return nil, err
	}
	cat, err := c.permitted(ctx, list)
	if err != nil {
		return nil, err
	}
	c.fields = cat
	return cat, nil
}

func (c *Connector) readFields(ctx context.Context, module string) ([]apiField, error) {
	var body struct {
		Fields []apiField `json:"fields"`
	}
	_, found, err := c.read(ctx, request{path: "/settings/fields", query: url.Values{"module": {module}}}, &body)
	if err != nil {
		return nil, err
	}
	if !found || len(body.Fields) == 0 {
		return nil, unsure(false, "it sent an empty field catalogue")
	}
	return body.Fields, nil
}

// permitted applies the user's profile. Who the user is costs a call, made only if some profile is limited at all.
func (c *Connector) permitted(ctx context.Context, list []apiField) (*catalogue, error) {
	profile := ""
	if slices.ContainsFunc(list, limited) {
		u, err := c.currentUser(ctx)
		if err != nil {
			return nil, err
		}
		profile = u.Profile.ID
	}
	cat := &catalogue{byAPI: map[string]apiField{}}
	for _, f := range list {
		if f.Visible != nil && !*f.Visible {
			continue
		}
		f.ReadOnly = f.ReadOnly || f.FieldRO
		if o := f.Operation; o != nil && (o.Create != nil && !*o.Create || o.Update != nil && !*o.Update) {
			f.ReadOnly = true
		}
		hidden := false
		for _, p := range f.Profiles {
			if p.ID == profile {
				hidden = p.Permission == "hidden"
				f.ReadOnly = f.ReadOnly || p.Permission == "read_only"
			}
		}
		if !hidden {
			cat.list = append(cat.list, f)
			cat.byAPI[f.API] = f
		}
	}
	return cat, nil
}

func limited(f apiField) bool {
	for _, p := range f.Profiles {
		if p.Permission != "read_write" {
			return true
		}
	}
	return false
}

// companyField is the name of an Account as this user can write it: a company is a record of its own at Zoho. Who may not see
// Accounts can still read the names of those that contacts are linked to.
func (c *Connector) companyField(ctx context.Context) (apiField, error) {
	list, err := c.readFields(ctx, "Accounts")
	var no *connector.ForbiddenError
	var bad *connector.InvalidError
	if errors.As(err, &no) || errors.As(err, &bad) {
		return apiField{ReadOnly: true}, nil
	}
	if err != nil {
		return apiField{}, err
	}
	for _, f := range list {
		if f.API == apiAccount {
			return f, nil
		}
	}
	return apiField{ReadOnly: true}, nil
}

// describe turns the catalogue into neutral fields: the standard ones in the order of places, then the custom ones.
func describe(cat *catalogue, company apiField) []record.Field {
	var out []record.Field
	done := map[record.Key]bool{}
	for _, p := range places {
		if done[p.key] {
			continue
		}
		done[p.key] = true
		if f, ok := standardField(cat, p.key); ok {
			if p.key == record.OrgName {
				f.Length = company.Length
				f.ReadOnly = f.ReadOnly || company.ReadOnly
			}
			out = append(out, f)
		}
	}
	for _, f := range cat.list {
		if t, ok := customTypes[f.Type]; ok && f.Custom {
			out = append(out, fromAPI(f, record.Custom(f.API), t))
		}
	}
	return out
}

func fromAPI(f apiField, key record.Key, t record.Type) record.Field {
	name := f.Label
	if name == "" {
		name = f.FieldName
	}
	out := record.Field{Key: key, Type: t, Name: name, Max: 1, ReadOnly: f.ReadOnly, Custom: f.Custom}
	switch t {
	case record.TypeChoice:
		for _, ch := range f.Choices {
			if ch.Actual != "" && ch.Actual != "-None-" && ch.Type != "unused" {
				out.Choices = append(out.Choices, ch.Actual)
			}
		}
	case record.TypeDate:
		out.WholeDate = true
	case record.TypeBool, record.TypeNumber:
	case record.TypePhone:
		out.ASCII, out.Length = true, f.Length
	default:
		out.Length = f.Length
	}
	return out
}

// fieldNames are what the fields with several places are called; Zoho has no word for them.
var fieldNames = map[record.Key]string{
	record.Email: "Email", record.Phone: "Phone", record.Address: "Address", record.IM: "Skype ID",
}

// standardField describes key from the places that the account has. A place that cannot be written is left out as long as
// another one can.
func standardField(cat *catalogue, key record.Key) (record.Field, bool) {
	var have, writable []place
	for _, p := range places {
		if f, ok := cat.byAPI[p.api]; ok && p.key == key {
			have = append(have, p)
			if !f.ReadOnly {
				writable = append(writable, p)
			}
		}
	}
	if len(have) == 0 {
		return record.Field{}, false
	}
	t := types[key]
	if t == "" {
		t = record.TypeText
	}
	if have[0].label == "" {
		return fromAPI(cat.byAPI[have[0].api], key, t), true
	}
	out := record.Field{Key: key, Type: t, Name: fieldNames[key], ReadOnly: len(writable) == 0}
	if !out.ReadOnly {
		have = writable
	}
	for _, p := range have {
		// Of an address, the street's length counts: held to the shortest part, the postal code, no street would fit.
		l := cat.byAPI[p.api].Length
		if l > 0 && (out.Length == 0 || l < out.Length) && (p.part == "" || p.part == record.PartStreet) {
			out.Length = l
		}
		if !slices.ContainsFunc(out.Slots, func(s record.Slot) bool { return s.Label == p.label }) {
			out.Slots = append(out.Slots, record.Slot{Label: p.label, Accepts: p.accepts})
		}
	}
	switch t {
	case record.TypePhone:
		out.ASCII = true // Zoho's own check of phone numbers
	case record.TypeIM:
		out.Parts = []record.Part{record.PartService}
	case record.TypeAddress:
		out.Parts = commonParts(have, out.Slots)
	}
	return out, true
}

// commonParts are the address parts that every slot has.
func commonParts(have []place, slots []record.Slot) []record.Part {
	count := map[record.Part]int{}
	var parts []record.Part
	for _, p := range have {
		if count[p.part]++; count[p.part] == len(slots) {
			parts = append(parts, p.part)
		}
	}
	return parts
}

// apiNames are the API fields behind keys; nil means all of the catalogue. A listing takes 50 fields, and two of them are
// always the record's times.
func (c *Connector) apiNames(ctx context.Context, keys []record.Key) ([]string, error) {
	cat, err := c.catalogue(ctx)
	if err != nil {
		return nil, err
	}
	names := []string{apiCreated, apiModified}
	length := len(strings.Join(names, ","))
	add := func(api string, key record.Key) error {
		if length += 1 + len(api); len(names) == maxFields || length > maxURLList {
			return &connector.InvalidError{System: System, Field: string(key), Reason: fmt.Sprintf(
				"a listing can hold at most %d of its fields and this one is too many; map fewer fields", maxFields)}
		}
		names = append(names, api)
		return nil
	}
	for _, p := range places {
		if _, ok := cat.byAPI[p.api]; ok && (keys == nil || slices.Contains(keys, p.key)) {
			if err := add(p.api, p.key); err != nil {
				return nil, err
			}
		}
	}
	for _, f := range cat.list {
		key := record.Custom(f.API)
		if _, ok := customTypes[f.Type]; ok && f.Custom && (keys == nil || slices.Contains(keys, key)) {
			if err := add(f.API, key); err != nil {
				return nil, err
			}
		}
	}
	return names, nil
}
