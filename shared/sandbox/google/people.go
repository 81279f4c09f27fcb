package google

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

const (
	maxGet    = 200
	maxBatch  = 200
	maxDelete = 500
)

// lookup returns the living contact of a resource name.
func (c *call) lookup(name string) (*contact, *apiError) {
	n, ok := parsePersonName(name)
	if !ok {
		return nil, notFound()
	}
	ct, ok := c.a.find(n)
	if !ok {
		return nil, notFound()
	}
	return ct, nil
}

// reading parses the parameters that say what an answer shows. param "" in the query means otherwise, 0 for an error.
func (c *call) reading(param string, otherwise mask) (mask, sources, *apiError) {
	src, e := parseSources(c.query["sources"])
	if e != nil {
		return 0, src, e
	}
	if c.query.Get(param) == "" && otherwise != 0 {
		return otherwise, src, nil
	}
	m, e := c.s.schema.requiredMask(param, c.query.Get(param))
	return m, src, e
}

func (c *call) get() (any, *apiError) {
	m, src, e := c.reading("personFields", 0)
	if e != nil {
		return nil, e
	}
	if c.id == "me" {
		return c.me(m), nil
	}
	ct, e := c.lookup("people/" + c.id)
	if e != nil {
		return nil, e
	}
	return c.onePerson(ct, m, src), nil
}

// me is the account's own profile.
func (c *call) me(m mask) raw {
	meta := map[string]any{"primary": true, "source": map[string]any{"type": "PROFILE", "id": c.a.sub}}
	p := map[string]any{"resourceName": "people/" + c.a.sub}
	if m.metadata() {
		p["etag"] = personEtag("#"+c.a.sub, uint64(m), etagRead)
		p["metadata"] = map[string]any{"objectType": "PERSON", "sources": []any{map[string]any{"type": "PROFILE", "id": c.a.sub}}}
	}
	if m.has(kNames) {
		p["names"] = []any{map[string]any{"metadata": meta, "displayName": c.a.Name}}
	}
	if m.has(kEmailAddresses) {
		p["emailAddresses"] = []any{map[string]any{"metadata": meta, "value": c.a.Email}}
	}
	b, err := json.Marshal(p)
	if err != nil {
		return raw(`{}`)
	}
	return b
}

func (c *call) batchGet() (any, *apiError) {
	m, src, e := c.reading("personFields", 0)
	if e != nil {
		return nil, e
	}
	names := c.query["resourceNames"]
	if e := checkNames(names, maxGet, "resourceNames"); e != nil {
		return nil, e
	}
	var b bytes.Buffer
	b.WriteString(`{"responses":[`)
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		asked, err := json.Marshal(name)
		if err != nil {
			return nil, internal(err)
		}
		ct, e := c.lookup(name)
		if e != nil {
			fmt.Fprintf(&b, `{"httpStatusCode":404,"requestedResourceName":%s,"status":{"code":5,"message":%q}}`, asked, e.message)
			continue
		}
		fmt.Fprintf(&b, `{"httpStatusCode":200,"requestedResourceName":%s,"status":{},"person":`, asked)
		c.s.person(&b, ct, ct.now(), c.view(m, src))
		b.WriteByte('}')
	}
	b.WriteString("]}")
	return raw(b.Bytes()), nil
}

func checkNames(names []string, most int, what string) *apiError {
	if len(names) == 0 {
		return invalid("%s is required.", what)
	}
	if len(names) > most {
		return invalid("%s holds %d names; at most %d are allowed.", what, len(names), most)
	}
	seen := make(map[string]bool, len(names))
	for _, n := range names {
		if seen[n] {
			return invalid("%s names %s twice.", what, n)
		}
		seen[n] = true
	}
	return nil
}

func (c *call) create() (any, *apiError) {
	m, src, e := c.reading("personFields", c.s.schema.allFields())
	if e != nil {
		return nil, e
	}
	v, e := parseJSON(c.body)
	if e != nil {
		return nil, e
	}
	p, e := c.s.schema.person(v, "")
	if e != nil {
		return nil, e
	}
	next, e := c.s.newVersion(c.a, p)
	if e != nil {
		return nil, e
	}
	if e := c.s.room(c.a, 1); e != nil {
		return nil, e
	}
	return c.onePerson(c.s.add(c.a, next), m, src), nil
}

func (c *call) update() (any, *apiError) {
	m, src, e := c.reading("personFields", c.s.schema.allFields())
	if e != nil {
		return nil, e
	}
	update, e := c.s.schema.updateMask("updatePersonFields", c.query.Get("updatePersonFields"))
	if e != nil {
		return nil, e
	}
	v, e := parseJSON(c.body)
	if e != nil {
		return nil, e
	}
	p, e := c.s.schema.person(v, "")
	if e != nil {
		return nil, e
	}
	name := "people/" + c.id
	ct, next, e := c.prepare(name, p, update)
	if e != nil {
		return nil, e
	}
	c.s.push(c.a, ct, next)
	return c.onePerson(ct, m, src), nil
}

// prepare checks an update and returns what it would make of the contact.
func (c *call) prepare(name string, p personBody, update mask) (*contact, version, *apiError) {
	ct, e := c.lookup(name)
	if e != nil {
		return nil, version{}, e
	}
	if p.resourceName != "" && p.resourceName != name {
		return nil, version{}, invalid("person.resourceName differs from the name of the contact to update.")
	}
	if e := c.s.checkEtag(ct, p); e != nil {
		return nil, version{}, e
	}
	next, e := c.s.replaced(c.a, ct.now(), p, update)
	return ct, next, e
}

func (c *call) delete() (any, *apiError) {
	ct, e := c.lookup("people/" + c.id)
	if e != nil {
		return nil, e
	}
	c.s.remove(c.a, ct)
	return raw(`{}`), nil
}

// bodyReading parses readMask and sources of a request body. An empty mask skips the read-back.
func (c *call) bodyReading(m map[string]any, param string) (mask, sources, *apiError) {
	list, e := strs(m, "sources", "")
	if e != nil {
		return 0, sources{}, e
	}
	src, e := parseSources(list)
	if e != nil {
		return 0, src, e
	}
	text, e := str(m, param, "")
	if e != nil || text == "" {
		return 0, src, e
	}
	got, e := c.s.schema.readMask(param, text, nil)
	return got, src, e
}

func (c *call) object(allowed ...string) (map[string]any, *apiError) {
	v, e := parseJSON(c.body)
	if e != nil {
		return nil, e
	}
	return object(v, "", allowed...)
}

func (c *call) batchCreate() (any, *apiError) {
	m, e := c.object("contacts", "readMask", "sources")
	if e != nil {
		return nil, e
	}
	read, src, e := c.bodyReading(m, "readMask")
	if e != nil {
		return nil, e
	}
	list, e := array(m, "contacts", "")
	if e != nil {
		return nil, e
	}
	if len(list) == 0 || len(list) > maxBatch {
		return nil, invalid("contacts must hold 1 to %d contacts, and holds %d.", maxBatch, len(list))
	}
	versions, errs := make([]version, len(list)), map[string]*apiError{}
	for i, v := range list {
		at := fmt.Sprintf("contacts[%d]", i)
		wrap, e := object(v, at, "contactPerson")
		if e != nil {
			return nil, e
		}
		if wrap["contactPerson"] == nil {
			return nil, invalid("%s.contactPerson is required.", at)
		}
		p, e := c.s.schema.person(wrap["contactPerson"], at+".contactPerson")
		if e != nil {
			return nil, e
		}
		if versions[i], e = c.s.newVersion(c.a, p); e != nil {
			errs[fmt.Sprint(i)] = e
		}
	}
	if len(errs) > 0 {
		return nil, batchErrors("BatchCreateContactsErrorDetails", errs)
	}
	if e := c.s.room(c.a, len(versions)); e != nil {
		return nil, e
	}
	var b bytes.Buffer
	b.WriteString(`{"createdPeople":[`)
	for i, v := range versions {
		ct := c.s.add(c.a, v)
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"httpStatusCode":200,"status":{},"requestedResourceName":%q,"person":`, personName(ct.now().name))
		c.s.person(&b, ct, ct.now(), c.view(read, src))
		b.WriteByte('}')
	}
	if read == 0 {
		return raw(`{}`), nil
	}
	b.WriteString("]}")
	return raw(b.Bytes()), nil
}

func (c *call) batchUpdate() (any, *apiError) {
	m, e := c.object("contacts", "updateMask", "readMask", "sources")
	if e != nil {
		return nil, e
	}
	read, src, e := c.bodyReading(m, "readMask")
	if e != nil {
		return nil, e
	}
	text, e := str(m, "updateMask", "")
	if e != nil {
		return nil, e
	}
	update, e := c.s.schema.updateMask("updateMask", text)
	if e != nil {
		return nil, e
	}
	people, ok := m["contacts"].(map[string]any)
	if !ok {
		return nil, wrongType("contacts", "a map of resource names")
	}
	if len(people) == 0 || len(people) > maxBatch {
		return nil, invalid("contacts must hold 1 to %d contacts, and holds %d.", maxBatch, len(people))
	}
	names := make([]string, 0, len(people))
	for name := range people {
		names = append(names, name)
	}
	slices.Sort(names)
	targets, versions, errs := map[string]*contact{}, map[string]version{}, map[string]*apiError{}
	claimed := map[*contact]bool{}
	for _, name := range names {
		p, e := c.s.schema.person(people[name], "contacts["+name+"]")
		if e != nil {
			return nil, e
		}
		ct, v, e := c.prepare(name, p, update)
		if e == nil && claimed[ct] {
			e = invalid("The contact is named twice, by its former name too.")
		}
		if e != nil {
			errs[name] = e
			continue
		}
		claimed[ct], targets[name], versions[name] = true, ct, v
	}
	if len(errs) > 0 {
		return nil, batchErrors("BatchUpdateContactsErrorDetails", errs)
	}
	var b bytes.Buffer
	b.WriteString(`{"updateResult":{`)
	for i, name := range names {
		ct := targets[name]
		c.s.push(c.a, ct, versions[name])
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `%q:{"httpStatusCode":200,"status":{},"requestedResourceName":%q,"person":`, name, name)
		c.s.person(&b, ct, ct.now(), c.view(read, src))
		b.WriteByte('}')
	}
	if read == 0 {
		return raw(`{}`), nil
	}
	b.WriteString("}}")
	return raw(b.Bytes()), nil
}

func (c *call) batchDelete() (any, *apiError) {
	m, e := c.object("resourceNames")
	if e != nil {
		return nil, e
	}
	names, e := strs(m, "resourceNames", "")
	if e != nil {
		return nil, e
	}
	if e := checkNames(names, maxDelete, "resourceNames"); e != nil {
		return nil, e
	}
	targets := make([]*contact, len(names))
	for i, name := range names {
		if targets[i], e = c.lookup(name); e != nil {
			return nil, e
		}
	}
	for _, ct := range targets {
		if !ct.now().deleted {
			c.s.remove(c.a, ct)
		}
	}
	return raw(`{}`), nil
}

// search answers people.searchContacts: prefixes of words, over what the cache held at the last call with an empty query. It
// walks over the whole account.
func (c *call) search() (any, *apiError) {
	m, e := c.s.schema.requiredMask("readMask", c.query.Get("readMask"))
	if e != nil {
		return nil, e
	}
	list := c.query["sources"]
	if len(list) == 0 {
		list = []string{"READ_SOURCE_TYPE_CONTACT"}
	}
	src, e := parseSources(list)
	if e != nil {
		return nil, e
	}
	size := min(c.number("pageSize", 10), 30)
	if size < 1 {
		return nil, invalid("Page size must not be negative.")
	}
	want := strings.ToLower(strings.TrimSpace(c.query.Get("query")))
	if want == "" {
		c.a.searchSeq = c.a.shown
		return raw(`{}`), nil
	}
	var b bytes.Buffer
	found := 0
	for _, en := range c.a.log[:c.a.horizon] {
		if found == size || en.seq > c.a.searchSeq {
			break
		}
		if !en.shows() || en.c.versions[0].deleted || !hasPrefix(&en.c.versions[0], want) {
			continue
		}
		if found++; found > 1 {
			b.WriteByte(',')
		}
		b.WriteString(`{"person":`)
		c.s.person(&b, en.c, &en.c.versions[0], c.view(m, src))
		b.WriteByte('}')
	}
	if found == 0 {
		return raw(`{}`), nil
	}
	return raw(`{"results":[` + b.String() + `]}`), nil
}

func hasPrefix(v *version, want string) bool {
	for _, k := range []kind{kNames, kNicknames, kEmailAddresses, kPhoneNumbers, kOrganizations} {
		f, _ := v.field(k)
		for _, it := range f.items {
			var members map[string]any
			if json.Unmarshal([]byte(it), &members) != nil {
				continue
			}
			for _, m := range members {
				if s, ok := m.(string); ok && strings.Contains(" "+strings.ToLower(s), " "+want) {
					return true
				}
			}
		}
	}
	return false
}
