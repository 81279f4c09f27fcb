package hubspot

import (
	"cmp"
	"encoding/json"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unique"
)

// kind is what a table holds.
type kind struct {
	key      string // in Keep
	typeID   string // 0-1
	plural   string // contacts
	name     string // contact
	modified string // the property that holds the time of the last change
	defaults []string
	unique   []string // properties of HubSpot's own that identify a record
}

var (
	contactKind = kind{"c", "0-1", "contacts", "contact", "lastmodifieddate",
		[]string{"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"}, []string{"email"}}
	companyKind = kind{"o", "0-2", "companies", "company", "hs_lastmodifieddate",
		[]string{"createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"}, nil}
)

// kindNamed finds a kind by any of the names that a path may have.
func kindNamed(name string) *kind {
	for _, k := range []*kind{&contactKind, &companyKind} {
		if name == k.plural || name == k.name || name == k.typeID {
			return k
		}
	}
	return nil
}

// prop is one value that is set.
type prop struct{ Name, Value string }

// props are the values of a record that are set, sorted by name. A slice is never written into: a change makes a new one.
type props []prop

func (p props) find(name string) (int, bool) {
	return slices.BinarySearchFunc(p, name, func(e prop, n string) int { return strings.Compare(e.Name, n) })
}

// get returns a value, "" if it is not set.
func (p props) get(name string) string {
	if i, ok := p.find(name); ok {
		return p[i].Value
	}
	return ""
}

// with returns p with one value changed; "" takes it away.
func (p props) with(name, value string) props {
	i, ok := p.find(name)
	switch {
	case !ok && value == "":
		return p
	case value == "":
		return slices.Delete(slices.Clone(p), i, i+1)
	}
	e := prop{unique.Make(name).Value(), value}
	if ok {
		out := slices.Clone(p)
		out[i] = e
		return out
	}
	out := make(props, 0, len(p)+1)
	return append(append(append(out, p[:i]...), e), p[i:]...)
}

// MarshalJSON writes an object.
func (p props) MarshalJSON() ([]byte, error) {
	m := make(map[string]string, len(p))
	for _, e := range p {
		m[e.Name] = e.Value
	}
	return json.Marshal(m)
}

// UnmarshalJSON reads an object.
func (p *props) UnmarshalJSON(b []byte) error {
	var m map[string]string
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	*p = make(props, 0, len(m))
	for k, v := range m {
		*p = append(*p, prop{unique.Make(k).Value(), v})
	}
	slices.SortFunc(*p, func(a, b prop) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// link is the association of a contact with a company.
type link struct {
	Company int64 `json:"c"`
	Primary bool  `json:"p,omitempty"`
}

// row is one contact or company. Times are in milliseconds.
type row struct {
	ID       int64   `json:"id"`
	Created  int64   `json:"add"`
	Updated  int64   `json:"upd"`
	Seq      uint64  `json:"seq"` // grows with every change
	Archived int64   `json:"arc,omitempty"`
	Props    props   `json:"p"`
	Merged   []int64 `json:"mrg,omitempty"` // ids that became part of this record
	Links    []link  `json:"lnk,omitempty"` // of a contact
	Source   string  `json:"src,omitempty"` // INTEGRATION, CRM_UI or IMPORT
	Score    int64   `json:"sco,omitempty"` // what HubSpot computed last
	Indexed  int64   `json:"idx,omitempty"` // when search sees the record as it is
	Was      *row    `json:"was,omitempty"` // as search sees it until then; nil is not at all
}

// clone is a copy whose slices may be replaced, not written into.
func (r *row) clone() *row {
	c := *r
	return &c
}

// seen is the record as search has it; nil is not at all.
func (r *row) seen(now int64) *row {
	if now >= r.Indexed {
		return r
	}
	return r.Was
}

const archivedFor = 90 * 24 * time.Hour

// dead reports whether an archived record can no longer be read.
func (r *row) dead(now int64) bool {
	return r.Archived != 0 && now-r.Archived >= archivedFor.Milliseconds()
}

// table is the records of one kind of one portal.
type table struct {
	kind    *kind
	p       *portal
	rows    map[int64]*row
	byID    []*row // ascending
	aliases map[int64]int64
	// index finds records by a unique value: the property's name, a line feed and the folded value.
	index map[string]int64
	live  int
}

func newTable(k *kind, p *portal) *table {
	return &table{kind: k, p: p, rows: map[int64]*row{}, aliases: map[int64]int64{}, index: map[string]int64{}}
}

// fold is the form in which text is compared: without case and outer blanks.
func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// uniqueKeys are a record's places in the index. The additional addresses of a contact count like the first.
func (t *table) uniqueKeys(r *row) []string {
	if r == nil || r.Archived != 0 && !t.p.keepsEmail {
		return nil
	}
	var out []string
	for _, e := range r.Props {
		if e.Name == "hs_additional_emails" {
			for _, a := range strings.Split(e.Value, ";") {
				out = append(out, "email\n"+fold(a))
			}
		} else if t.unique(e.Name) {
			out = append(out, e.Name+"\n"+fold(e.Value))
		}
	}
	return out
}

// unique reports whether a property identifies a record.
func (t *table) unique(name string) bool {
	if slices.Contains(t.kind.unique, name) {
		return true
	}
	d := t.p.custom[t.kind][name]
	return d != nil && d.Unique
}

// holder is the id of the record that has a unique value; 0 is none.
func (t *table) holder(name, value string) int64 { return t.index[name+"\n"+fold(value)] }

// add puts a new or loaded row into the table. New rows come in ascending order of id; loads are sorted afterwards.
func (t *table) add(r *row) {
	t.rows[r.ID] = r
	t.byID = append(t.byID, r)
	if r.Archived == 0 {
		t.live++
	}
	for _, k := range t.uniqueKeys(r) {
		t.index[k] = r.ID
	}
	for _, id := range r.Merged {
		t.aliases[id] = r.ID
	}
}

// put replaces what r holds.
func (t *table) put(r, after *row) {
	for _, k := range t.uniqueKeys(r) {
		if t.index[k] == r.ID {
			delete(t.index, k)
		}
	}
	if r.Archived == 0 && after.Archived != 0 {
		t.live--
	} else if r.Archived != 0 && after.Archived == 0 {
		t.live++
	}
	*r = *after
	for _, k := range t.uniqueKeys(r) {
		t.index[k] = r.ID
	}
}

// forget takes a row out for good.
func (t *table) forget(r *row) {
	for _, k := range t.uniqueKeys(r) {
		if t.index[k] == r.ID {
			delete(t.index, k)
		}
	}
	if r.Archived == 0 {
		t.live--
	}
	for _, id := range r.Merged {
		if t.aliases[id] == r.ID {
			delete(t.aliases, id)
		}
	}
	delete(t.rows, r.ID)
	i := t.at(r.ID)
	t.byID = slices.Delete(t.byID, i, i+1)
}

// at is the place in byID of the first row whose id is not below id.
func (t *table) at(id int64) int {
	return sort.Search(len(t.byID), func(i int) bool { return t.byID[i].ID >= id })
}

// settle sorts after a load.
func (t *table) settle() {
	slices.SortFunc(t.byID, func(a, b *row) int { return cmp.Compare(a.ID, b.ID) })
}

// resolve finds a row by its id or by one that was merged into it.
func (t *table) resolve(id int64) *row {
	if to, merged := t.aliases[id]; merged {
		id = to
	}
	return t.rows[id]
}

func num(n int64) string { return strconv.FormatInt(n, 10) }

// parseID reads a positive number in plain digits, or 0.
func parseID(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || num(n) != s {
		return 0
	}
	return n
}

// stamp is a time of milliseconds as answers have it.
func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
