package dynamics

import (
	"regexp"
	"slices"
	"strings"
)

// org is an organisation: one Dataverse environment.
type org struct {
	s      *Sandbox
	host   string // canonical, such as kitano.crm7.dynamics.com
	id     guid
	unit   guid // the one business unit
	seq    uint64
	ver    uint64
	tables map[string]*table // by logical name
	sets   map[string]*table // by entity set

	lists   map[guid]*membership
	undoing bool
	undo    []func()
}

// firstVersion is below every version number.
const firstVersion = 4_512_000

func (s *Sandbox) newOrg(host string) *org {
	o := &org{s: s, host: host, id: derive("organization", host), unit: derive("unit", host), ver: firstVersion,
		tables: map[string]*table{}, sets: map[string]*table{}, lists: map[guid]*membership{}}
	for i := range s.defs {
		t := newTable(&s.defs[i])
		o.tables[t.logical], o.sets[t.set] = t, t
	}
	return o
}

// furnish gives a new organisation what every one has: its views and privileges.
func (o *org) furnish() {
	for _, v := range shippedViews() {
		o.addView(tSaved, v.table, v.name, v.fetch, v.main, guid{})
	}
	t := o.tables[tPriv]
	for right, verb := range verbs() {
		for _, name := range []string{tContact, tLead, tAccount, tList} {
			title := privilegeName(verb, name)
			o.put(t, row{id: privilegeID(title), cells: t.cells(map[string]string{"name": quote(title), "accessright": itoa(1 << right)})}, guid{})
		}
	}
}

// cells are values by column.
func (t *table) cells(values map[string]string) []cell {
	var out []cell
	for name, raw := range values {
		out = withCell(out, t.col(name), raw)
	}
	return out
}

func (o *org) now() int64 { return o.s.cfg.Clock.Now().UnixMilli() }

func (o *org) dirty(t *table, id guid) { o.s.dirty.row(o, t, id) }

// atomically does something and, if it fails, takes everything back that it changed.
func (o *org) atomically(do func() *apiError) *apiError {
	if o.undoing {
		return do()
	}
	o.undoing, o.undo = true, nil
	done := false
	// A fault that cuts the connection comes as a panic.
	defer func() {
		o.undoing = false
		if !done {
			for _, back := range slices.Backward(o.undo) {
				back()
			}
		}
		o.undo = nil
	}()
	e := do()
	done = e == nil
	return e
}

// hostForm is the form of an organisation's host, in the two spellings that Microsoft publishes.
var hostForm = regexp.MustCompile(`^([a-z0-9][a-z0-9-]{0,62})\.(api\.)?(crm([2-9]|1[0-9]|2[0-2])?)\.dynamics\.com$`)

// canonicalHost reads the host of an organisation in either spelling.
func canonicalHost(host string) (string, bool) {
	m := hostForm.FindStringSubmatch(strings.ToLower(host))
	if m == nil {
		return "", false
	}
	return m[1] + "." + m[3] + ".dynamics.com", true
}
