package dynamics_test

import (
	"slices"
	"strings"
	"testing"

	"meibo/shared/contract"
)

// specColumn is a column as the document has it.
type specColumn struct {
	Name      string `json:"logicalName"`
	Kind      string
	EDM       string `json:"edm"`
	MaxLength int
	ReadOnly  bool
	Options   []struct {
		Value, State int
		Label        string
	}
	Targets []string
	BindAs  any
}

type columnsByTable struct {
	Tables map[string]struct{ Attributes []specColumn }
}

func columnDocument(t *testing.T) columnsByTable {
	t.Helper()
	return contract.Decode[columnsByTable](t, "dataverse-contact-lead-attributes.json")
}

// TestColumnsAreThoseOfTheDocument compares what EntityDefinitions answers with the document of columns.
func TestColumnsAreThoseOfTheDocument(t *testing.T) {
	doc := columnDocument(t)
	w := newWorld(t)
	types := map[string]string{"Edm.Int64": "BigInt", "Edm.Double": "Double", "Edm.Decimal": "Decimal", "Edm.Boolean": "Boolean", "Edm.Date": "DateTime",
		"Edm.DateTimeOffset": "DateTime", "Edm.Int32": "Integer", "Edm.Binary": "Virtual", "Edm.Guid": "Uniqueidentifier"}
	for table, spec := range doc.Tables {
		at := "/EntityDefinitions(LogicalName='" + table + "')/Attributes"
		have := map[string]fields{}
		for _, m := range w.do("GET", at, nil).want(200).values() {
			have[str(m, "LogicalName")] = m
		}
		choices := map[string]fields{}
		for _, cast := range []string{"Picklist", "State", "Status"} {
			for _, m := range w.do("GET", at+"/Microsoft.Dynamics.CRM."+cast+"AttributeMetadata?$select=LogicalName&$expand=OptionSet", nil).want(200).values() {
				choices[str(m, "LogicalName")] = m
			}
		}
		equal(t, table+"'s number of columns", len(have), len(spec.Attributes))
		for _, c := range spec.Attributes {
			m := have[c.Name]
			if m == nil {
				t.Fatalf("%s has no %s", table, c.Name)
			}
			if n, _ := m["MaxLength"].(float64); int(n) != c.MaxLength {
				t.Errorf("%s.%s: got the length %v, want %d", table, c.Name, n, c.MaxLength)
			}
			if want := types[c.EDM]; want != "" && c.Kind != "lookup" && str(m, "AttributeType") != want {
				t.Errorf("%s.%s: got %s, want %s", table, c.Name, str(m, "AttributeType"), want)
			}
			if strings.Contains(c.EDM, "choice") && len(choices[c.Name]) == 0 {
				t.Errorf("%s.%s is no choice", table, c.Name)
			}
			if c.ReadOnly && m["IsValidForUpdate"] == true {
				t.Errorf("%s.%s can be written", table, c.Name)
			}
			options, _ := sub(choices[c.Name], "OptionSet")["Options"].([]any)
			if len(options) != len(c.Options) {
				t.Errorf("%s.%s: got %d options, want %d", table, c.Name, len(options), len(c.Options))
				continue
			}
			for i, o := range c.Options {
				got := options[i].(fields)
				state, _ := got["State"].(float64)
				if got["Value"] != float64(o.Value) || str(sub(sub(got, "Label"), "UserLocalizedLabel"), "Label") != o.Label || int(state) != o.State {
					t.Errorf("%s.%s: got the option %v, want %v", table, c.Name, got, o)
				}
			}
			if targets, _ := m["Targets"].([]any); c.BindAs != nil && len(targets) != len(c.Targets) {
				t.Errorf("%s.%s: got the targets %v, want %v", table, c.Name, targets, c.Targets)
			}
		}
	}
}

// TestNavigationPropertiesAreThoseOfTheDocument binds by each documented name: a row that is not there is looked for.
func TestNavigationPropertiesAreThoseOfTheDocument(t *testing.T) {
	doc := columnDocument(t)
	w := newWorld(t)
	sets := map[string]string{"account": "accounts", "contact": "contacts", "lead": "leads", "systemuser": "systemusers"}
	seen := 0
	for table, spec := range doc.Tables {
		for _, c := range spec.Attributes {
			names, many := c.BindAs.([]any)
			if !many && c.BindAs != nil {
				names = []any{c.BindAs}
			}
			for i, name := range names {
				target := c.Targets[i]
				if sets[target] == "" {
					continue
				}
				seen++
				w.do("POST", "/"+table+"s", fields{name.(string): "/" + sets[target] + "(00000000-0000-0000-0000-000000000001)"}).refused(404, "0x80040217")
			}
		}
	}
	if seen < 6 {
		t.Fatalf("only %d names were tried", seen)
	}
}

func TestMetadata(t *testing.T) {
	w := newWorld(t)
	at := "/EntityDefinitions(LogicalName='contact')"
	m := w.do("GET", at+"?$select=ChangeTrackingEnabled,EntitySetName", nil).want(200)
	equal(t, "tracking", m.body["ChangeTrackingEnabled"], true)
	equal(t, "set", m.str("EntitySetName"), "contacts")
	must(t, w.box.SetTracking(haruto, "contact", false))
	equal(t, "tracking", w.do("GET", at+"?$select=ChangeTrackingEnabled", nil).want(200).body["ChangeTrackingEnabled"], false)
	t.Run("a member of a derived type needs a cast", func(t *testing.T) {
		w.do("GET", at+"/Attributes?$select=LogicalName,MaxLength", nil).refused(400, "0x80060888")
		got := w.do("GET", at+"/Attributes/Microsoft.Dynamics.CRM.StringAttributeMetadata?$select=LogicalName,MaxLength&$filter=IsValidForUpdate%20eq%20true", nil).want(200).values()
		i := slices.IndexFunc(got, func(m fields) bool { return str(m, "LogicalName") == "mobilephone" })
		equal(t, "length", got[i]["MaxLength"], any(50.0))
		if slices.ContainsFunc(got, func(m fields) bool { return str(m, "LogicalName") == "fullname" }) {
			t.Error("fullname can be written")
		}
	})
	t.Run("a table that is not installed is not there", func(t *testing.T) {
		must(t, w.box.SetAbsent(haruto, "list", true))
		w.do("GET", "/lists?$select=listname", nil).refused(404, "0x80060888")
		w.do("GET", "/EntityDefinitions(LogicalName='list')?$select=LogicalName", nil).refused(404, "0x80040217")
		got := w.do("GET", "/EntityDefinitions?$select=LogicalName&$filter=LogicalName%20eq%20%27list%27", nil).want(200)
		equal(t, "definitions", len(got.values()), 0)
	})
}
