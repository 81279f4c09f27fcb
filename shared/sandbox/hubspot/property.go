package hubspot

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// option is a choice of an enumeration.
type option struct {
	Label       string `json:"label"`
	Value       string `json:"value"`
	Order       int    `json:"displayOrder"`
	Hidden      bool   `json:"hidden"`
	Description string `json:"description,omitempty"`
}

// group is a group of properties.
type group struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Order int    `json:"displayOrder"`
}

func (g group) render() object {
	return object{"name": g.Name, "label": g.Label, "displayOrder": g.Order, "archived": false}
}

// property describes what a record can hold.
type property struct {
	Name, Label, Type, FieldType, Group, Description string
	Options                                          []option
	Unique, ReadOnly, Calculated, Hidden, FormField  bool
	HubSpot                                          bool // HubSpot's own
	Order                                            int
	Created, Updated                                 int64
	Archived                                         int64
}

// property finds a property that is not archived.
func (p *portal) property(k *kind, name string) *property {
	if d := builtins[k][name]; d != nil {
		return p.adapted(d)
	}
	if d := p.custom[k][name]; d != nil && d.Archived == 0 {
		return d
	}
	return nil
}

// adapted is one of HubSpot's own properties as the portal has it.
func (p *portal) adapted(d *property) *property {
	c := *d
	switch {
	case d.Name == "lifecyclestage":
		c.Options = p.Stages
	case d.Name == "date_of_birth" && p.BirthDates:
		c.Type, c.FieldType = "date", "date"
	default:
		return d
	}
	return &c
}

func (p *portal) properties(k *kind) []*property {
	var out []*property
	for _, r := range builtinRows[k] {
		out = append(out, p.property(k, r[0]))
	}
	return append(out, p.Properties[k.key]...)
}

func (p *portal) groups(k *kind) []group {
	return append(slices.Clone(builtinGroups[k]), p.Groups[k.key]...)
}

func (p *portal) hasGroup(k *kind, name string) bool {
	return slices.ContainsFunc(p.groups(k), func(g group) bool { return g.Name == name })
}

func (d *property) render() object {
	options := []object{}
	for _, o := range d.Options {
		options = append(options, object{"label": o.Label, "value": o.Value, "displayOrder": o.Order, "hidden": o.Hidden, "description": o.Description})
	}
	out := object{"name": d.Name, "label": d.Label, "type": d.Type, "fieldType": d.FieldType, "groupName": d.Group, "description": d.Description,
		"options": options, "displayOrder": d.Order, "calculated": d.Calculated, "externalOptions": d.Name == "hubspot_owner_id",
		"hasUniqueValue": d.Unique, "hidden": d.Hidden, "hubspotDefined": d.HubSpot, "archived": d.Archived != 0, "formField": d.FormField,
		"dataSensitivity":      "non_sensitive",
		"modificationMetadata": object{"archivable": !d.HubSpot, "readOnlyDefinition": d.HubSpot, "readOnlyValue": d.ReadOnly, "readOnlyOptions": d.HubSpot}}
	if d.Name == "hubspot_owner_id" {
		out["referencedObjectType"] = "OWNER"
	}
	if d.Created != 0 {
		out["createdAt"], out["updatedAt"] = stamp(d.Created), stamp(d.Updated)
	}
	if d.Archived != 0 {
		out["archivedAt"] = stamp(d.Archived)
	}
	return out
}

func listProperties(c *call) (*reply, error) {
	archived, err := c.flag("archived")
	if err != nil {
		return nil, err
	}
	if err := c.plainData(); err != nil {
		return nil, err
	}
	out := []object{}
	for _, d := range c.p.properties(c.kind) {
		if (d.Archived != 0) == archived {
			out = append(out, d.render())
		}
	}
	return ok(object{"results": out})
}

// plainData refuses the sensitive data that no portal here has.
func (c *call) plainData() error {
	if s := c.q.Get("dataSensitivity"); s != "" && s != "non_sensitive" {
		return refuse(http.StatusForbidden, "MISSING_SCOPES", "Sensitive data is not available in this account")
	}
	return nil
}

func getProperty(c *call) (*reply, error) {
	if err := c.plainData(); err != nil {
		return nil, err
	}
	d := c.p.property(c.kind, c.path["name"])
	if archived, err := c.flag("archived"); err != nil {
		return nil, err
	} else if archived {
		if d = c.p.custom[c.kind][c.path["name"]]; d != nil && d.Archived == 0 {
			d = nil
		}
	}
	if d == nil {
		return nil, missing("property")
	}
	return ok(d.render())
}

var (
	nameForm   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,99}$`)
	fieldTypes = map[string][]string{
		"bool": {"booleancheckbox"}, "date": {"date"}, "datetime": {"date"}, "enumeration": {"select", "radio", "checkbox", "booleancheckbox"},
		"number": {"number", "calculation_equation"}, "phone_number": {"phonenumber"}, "string": {"text", "textarea", "html", "file", "phonenumber", "calculation_equation"},
	}
)

const uniqueMost = 10

// propertyInput is the body of a create or update; nil members were not sent.
type propertyInput struct {
	Name           string   `json:"name"`
	Label          *string  `json:"label"`
	Type           *string  `json:"type"`
	FieldType      *string  `json:"fieldType"`
	GroupName      *string  `json:"groupName"`
	Description    *string  `json:"description"`
	Options        []option `json:"options"`
	DisplayOrder   *int     `json:"displayOrder"`
	HasUniqueValue bool     `json:"hasUniqueValue"`
	Hidden         *bool    `json:"hidden"`
	FormField      *bool    `json:"formField"`
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// apply puts a body into a description and checks it.
func (c *call) applyProperty(d *property, in propertyInput) error {
	set(&d.Label, in.Label)
	set(&d.Type, in.Type)
	set(&d.FieldType, in.FieldType)
	set(&d.Group, in.GroupName)
	set(&d.Description, in.Description)
	set(&d.Order, in.DisplayOrder)
	set(&d.Hidden, in.Hidden)
	set(&d.FormField, in.FormField)
	if in.Options != nil {
		d.Options = in.Options
	}
	values := map[string]bool{}
	for _, o := range d.Options {
		if o.Value == "" || o.Label == "" || values[o.Value] || strings.Contains(o.Value, ";") {
			return bad("Property options need a label and a value, each value once")
		}
		values[o.Value] = true
	}
	switch {
	case d.Label == "" || d.Type == "" || d.FieldType == "" || d.Group == "":
		return bad("Invalid input JSON: label, type, fieldType and groupName are required")
	case !slices.Contains(fieldTypes[d.Type], d.FieldType):
		return bad("Property type " + d.Type + " cannot have the field type " + d.FieldType)
	case !c.p.hasGroup(c.kind, d.Group):
		return bad("Property group " + d.Group + " does not exist")
	case d.Type == "enumeration" && len(d.Options) == 0:
		return bad("Property of type enumeration needs options")
	case d.Type != "enumeration" && d.Type != "bool" && len(d.Options) > 0:
		return bad("Only properties of type enumeration have options")
	case d.Unique && d.Type != "string" && d.Type != "number":
		return bad("Only texts and numbers can be unique")
	}
	return nil
}

func createProperty(c *call) (*reply, error) {
	var in propertyInput
	if err := c.json(&in, "name", "label", "type", "fieldType", "groupName", "description", "options", "displayOrder", "hasUniqueValue", "hidden", "formField"); err != nil {
		return nil, err
	}
	if !nameForm.MatchString(in.Name) || strings.HasPrefix(in.Name, "hs_") {
		return nil, bad("Property name " + quote(in.Name) + " is not valid: it is lower case, begins with a letter and has letters, digits and underscores only")
	}
	if builtins[c.kind][in.Name] != nil || c.p.custom[c.kind][in.Name] != nil {
		return nil, refuse(http.StatusConflict, "OBJECT_ALREADY_EXISTS", "A property named '"+in.Name+"' already exists.")
	}
	d := &property{Name: in.Name, Unique: in.HasUniqueValue, Order: -1, Created: c.s.now(), Updated: c.s.now()}
	if err := c.applyProperty(d, in); err != nil {
		return nil, err
	}
	n := 0
	for _, o := range c.p.Properties[c.kind.key] {
		if o.Unique && o.Archived == 0 {
			n++
		}
	}
	if d.Unique && n >= uniqueMost {
		return nil, bad("There are already 10 properties with unique values")
	}
	c.p.addProperty(c.kind, d)
	c.s.keepPortal(c.p)
	return &reply{http.StatusCreated, d.render()}, nil
}

func (p *portal) addProperty(k *kind, d *property) {
	p.Properties[k.key] = append(p.Properties[k.key], d)
	p.custom[k][d.Name] = d
}

// ownProperty is a property that the portal made, for changes.
func (c *call) ownProperty() (*property, error) {
	name := c.path["name"]
	if builtins[c.kind][name] != nil {
		return nil, bad("Property " + name + " is read only: HubSpot defines it")
	}
	d := c.p.custom[c.kind][name]
	if d == nil || d.Archived != 0 {
		return nil, missing("property")
	}
	return d, nil
}

func updateProperty(c *call) (*reply, error) {
	d, err := c.ownProperty()
	if err != nil {
		return nil, err
	}
	var in propertyInput
	if err := c.json(&in, "label", "type", "fieldType", "groupName", "description", "options", "displayOrder", "hidden", "formField"); err != nil {
		return nil, err
	}
	after := *d
	if err := c.applyProperty(&after, in); err != nil {
		return nil, err
	}
	after.Updated = c.s.now()
	*d = after
	c.s.keepPortal(c.p)
	return ok(d.render())
}

func archiveProperty(c *call) (*reply, error) {
	d, err := c.ownProperty()
	if err != nil {
		return nil, err
	}
	d.Archived = c.s.now()
	c.s.keepPortal(c.p)
	return nothing()
}

func listGroups(c *call) (*reply, error) {
	out := []object{}
	for _, g := range c.p.groups(c.kind) {
		out = append(out, g.render())
	}
	return ok(object{"results": out})
}

func getGroup(c *call) (*reply, error) {
	for _, g := range c.p.groups(c.kind) {
		if g.Name == c.path["name"] {
			return ok(g.render())
		}
	}
	return nil, missing("property group")
}

func createGroup(c *call) (*reply, error) {
	var g group
	if err := c.json(&g, "name", "label", "displayOrder"); err != nil {
		return nil, err
	}
	if !nameForm.MatchString(g.Name) || g.Label == "" {
		return nil, bad("Property group needs a name in lower case and a label")
	}
	if c.p.hasGroup(c.kind, g.Name) {
		return nil, refuse(http.StatusConflict, "OBJECT_ALREADY_EXISTS", "A property group named '"+g.Name+"' already exists.")
	}
	c.p.Groups[c.kind.key] = append(c.p.Groups[c.kind.key], g)
	c.s.keepPortal(c.p)
	return &reply{http.StatusCreated, g.render()}, nil
}
