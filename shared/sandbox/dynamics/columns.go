package dynamics

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// kind is the type of a column.
type kind string

const (
	kindText     kind = "text"
	kindMemo     kind = "memo"
	kindInt      kind = "int"
	kindLong     kind = "long"
	kindDouble   kind = "double"
	kindDecimal  kind = "decimal"
	kindBool     kind = "bool"
	kindDate     kind = "date"
	kindDateTime kind = "datetime"
	kindGUID     kind = "guid"
	kindKey      kind = "key"
	kindLookup   kind = "lookup"
	kindChoice   kind = "choice"
	kindBinary   kind = "binary"
)

// option is one value of a choice. State is the statecode that a statuscode belongs to.
type option struct {
	Value int    `json:"value"`
	Label string `json:"label"`
	State int    `json:"state,omitempty"`
}

// column is one column of a table.
type column struct {
	name       string
	kind       kind
	length     int // UTF-16 units; 0 means no limit
	min, max   float64
	bounded    bool
	readOnly   bool
	createOnly bool
	options    []option
	targets    []string // tables that a lookup may name; empty means that it cannot be written here
	split      bool     // the navigation property carries the target's name
	noOptions  bool     // a choice whose values the documents do not list

	label     string
	custom    bool
	alternate bool // is an alternate key
	made      maker
}

// read is the name under which the column is answered.
func (c *column) read() string {
	if c.kind == kindLookup {
		return "_" + c.name + "_value"
	}
	return c.name
}

// navigation is the property by which a lookup to a table is written.
func (c *column) navigation(target string) string {
	if c.split {
		return c.name + "_" + target
	}
	return c.name
}

// parseColumns reads a table's columns. A line is
//
//	kind [length] [min..max] [ro] [create] [choice]: name ...
//	choice [ro]: name value=label[/state]; ...
//	lookup [ro]: name=target|target [split] ...
//
// and goes on in lines that begin with a tab. ro is read only, create writable in a create only.
func parseColumns(text string) []column {
	var out []column
	for line := range strings.SplitSeq(strings.ReplaceAll(strings.Trim(text, "\n"), "\n\t", " "), "\n") {
		head, names, _ := strings.Cut(line, ": ")
		words := strings.Fields(head)
		c := column{kind: kind(words[0])}
		for _, w := range words[1:] {
			from, to, span := strings.Cut(w, "..")
			switch {
			case w == "ro":
				c.readOnly = true
			case w == "create":
				c.createOnly = true
			case w == "choice":
				c.kind, c.noOptions = kindChoice, true
			case span:
				c.bounded = true
				c.min, _ = strconv.ParseFloat(from, 64)
				c.max, _ = strconv.ParseFloat(to, 64)
			default:
				c.length, _ = strconv.Atoi(w)
			}
		}
		if c.kind == kindChoice && !c.noOptions {
			name, values, _ := strings.Cut(names, " ")
			c.name, c.options = name, parseOptions(values)
			out = append(out, c)
			continue
		}
		for _, name := range strings.Fields(names) {
			if name == "split" {
				out[len(out)-1].split = true
				continue
			}
			n := c
			targets, found := "", false
			if n.name, targets, found = strings.Cut(name, "="); found {
				n.targets = strings.Split(targets, "|")
			}
			out = append(out, n)
		}
	}
	for i := range out {
		out[i].label = spoken(out[i].name)
	}
	slices.SortFunc(out, func(a, b column) int { return strings.Compare(a.name, b.name) })
	return out
}

func parseOptions(text string) []option {
	var out []option
	for part := range strings.SplitSeq(text, "; ") {
		value, label, _ := strings.Cut(part, "=")
		o := option{Label: label}
		o.Value, _ = strconv.Atoi(value)
		if i := strings.LastIndexByte(label, '/'); i >= 0 {
			if state, err := strconv.Atoi(label[i+1:]); err == nil {
				o.Label, o.State = label[:i], state
			}
		}
		out = append(out, o)
	}
	return out
}

// spoken is what people see of a column: address1_line1 is "Address1 line1".
func spoken(name string) string {
	name = strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(name[:1]) + name[1:]
}

// tableDef is a table as shipped.
type tableDef struct {
	logical, set, key, title string // title is the primary name column
	code                     int    // object type code
	columns                  []column
	owned                    bool // rows have owners, and privileges have a depth
	writable                 bool // by the API
	people                   bool // contacts and leads: names are computed
	tracked                  bool // change tracking is on
	open                     bool // anybody of the organisation may read it
}

// The tables' logical names.
const (
	tContact  = "contact"
	tLead     = "lead"
	tAccount  = "account"
	tUser     = "systemuser"
	tList     = "list"
	tMember   = "listmember"
	tSaved    = "savedquery"
	tPersonal = "userquery"
	tPriv     = "privilege"
)

// tableDefs returns the tables as shipped.
func tableDefs() []tableDef {
	defs := []tableDef{
		{logical: tContact, set: "contacts", title: "fullname", code: 2, columns: parseColumns(contactColumns), owned: true, writable: true, people: true, tracked: true},
		{logical: tLead, set: "leads", title: "fullname", code: 4, columns: parseColumns(leadColumns), owned: true, writable: true, people: true, tracked: true},
		{logical: tAccount, set: "accounts", title: "name", code: 1, columns: parseColumns(accountColumns), owned: true, writable: true, tracked: true},
		{logical: tUser, set: "systemusers", title: "fullname", code: 8, columns: parseColumns(systemUserColumns), open: true},
		{logical: tList, set: "lists", title: "listname", code: 4300, columns: parseColumns(listColumns), owned: true, writable: true},
		{logical: tMember, set: "listmembers", code: 4301, columns: parseColumns(listMemberColumns), open: true},
		{logical: tSaved, set: "savedqueries", title: "name", code: 1039, columns: parseColumns(savedQueryColumns), open: true},
		{logical: tPersonal, set: "userqueries", title: "name", code: 4230, columns: parseColumns(userQueryColumns), open: true},
		{logical: tPriv, set: "privileges", title: "name", code: 1023, columns: parseColumns(privilegeColumns), open: true},
	}
	for i := range defs {
		d := &defs[i]
		for j := range d.columns {
			c := &d.columns[j]
			if c.kind == kindKey {
				d.key = c.name
			}
			c.made = makerOf(d, c.name)
		}
		if d.key == "" {
			panic(fmt.Sprintf("dynamics sandbox: the table %s has no key", d.logical)) // a slip in the constants above
		}
	}
	return defs
}
