package google

import (
	"fmt"
	"slices"
	"strings"
)

// newVersion checks a person to create and returns it as a first version, without names yet.
func (s *Sandbox) newVersion(a *account, p personBody) (version, *apiError) {
	if p.resourceName != "" || p.etag != "" {
		return version{}, invalid("A contact to create must not have resourceName or etag: the service assigns them.")
	}
	var update mask
	for k, vs := range p.fields {
		def := s.schema.fields[k]
		if !def.update && len(vs.items) > 0 {
			return version{}, invalid("person.%s cannot be written.", def.name)
		}
		if def.update {
			update |= 1 << k
		}
	}
	if len(p.groups) == 0 && !p.groupless {
		update &^= 1 << kMemberships
	}
	v, e := s.replaced(a, &version{groups: []string{myContacts}}, p, update)
	if e == nil && len(v.fields) == 0 {
		return v, invalid("The contact to create has no field.")
	}
	return v, e
}

// replaced returns v with the fields of update replaced by p's, those that p leaves out cleared.
func (s *Sandbox) replaced(a *account, v *version, p personBody, update mask) (version, *apiError) {
	next := *v
	for k := range s.schema.fields {
		k := kind(k)
		if !update.has(k) {
			continue
		}
		if k == kMemberships {
			groups, e := memberships(a, v.groups, p)
			if e != nil {
				return next, e
			}
			next.groups = groups
			continue
		}
		vs, ok := p.fields[k]
		if !ok {
			vs = values{primary: -1}
		}
		f, e := s.schema.store(k, vs, a.Region)
		if e != nil {
			return next, e
		}
		next.fields = withField(next.fields, f)
	}
	return next, s.checkSize(next)
}

func memberships(a *account, before []string, p personBody) ([]string, *apiError) {
	if p.groupless {
		return nil, invalid("memberships.contactGroupMembership.contactGroupResourceName is required.")
	}
	var ids []string
	for _, name := range p.groups {
		g, ok := a.group(name)
		if !ok {
			return nil, invalid("memberships names the unknown contact group %s.", name)
		}
		if !g.takesMembers() && !slices.Contains(before, g.ID) {
			return nil, deprecatedGroup()
		}
		ids = append(ids, g.ID)
	}
	if len(ids) == 0 {
		return nil, invalid("Contact person must have at least one contact group membership.")
	}
	return ids, nil
}

func deprecatedGroup() *apiError {
	return invalid("Cannot add contacts to deprecated system contact group.")
}

// store checks the items of one field and turns them into what is kept.
func (s *schema) store(k kind, vs values, region string) (field, *apiError) {
	def := s.fields[k]
	if def.singleton && len(vs.items) > 1 {
		return field{}, invalid("person.%s is a singleton: at most one is allowed for a contact.", def.name)
	}
	f := field{kind: k, primary: vs.primary}
	for i, it := range vs.items {
		if e := def.check(it, i); e != nil {
			return f, e
		}
		derive(k, it, region)
		text, err := def.encode(it)
		if err != nil {
			return f, internal(err)
		}
		f.items = append(f.items, text)
	}
	return f, nil
}

func (d fieldDef) check(it item, i int) *apiError {
	have := 0
	for _, n := range d.need {
		if _, ok := it[n]; ok {
			have++
		}
	}
	at := fmt.Sprintf("person.%s[%d]", d.name, i)
	if d.all && have < len(d.need) {
		return invalid("%s needs %s.", at, strings.Join(d.need, " and "))
	}
	if have == 0 {
		return invalid("%s needs %s.", at, strings.Join(d.need, " or "))
	}
	for _, m := range d.members {
		if day, ok := it[m.name].(dateValue); ok && !day.day() && !(d.name == "organizations" && day.period()) {
			return invalid("%s.%s is not a day.", at, m.name)
		}
	}
	return nil
}

func (s *Sandbox) checkSize(v version) *apiError {
	size, items := 0, 0
	for _, f := range v.fields {
		items += len(f.items)
		for _, it := range f.items {
			size += len(it)
		}
	}
	if most := s.limits.ContactBytes; most > 0 && size > most {
		return invalid("The contact is larger than %d bytes.", most)
	}
	if most := s.limits.ContactItems; most > 0 && items > most {
		return invalid("The contact has more than %d fields.", most)
	}
	return nil
}

// room checks that n more contacts fit. What was deleted in the last 30 days still takes room.
func (s *Sandbox) room(a *account, n int) *apiError {
	if most := s.limits.Contacts; most > 0 && a.live+len(a.trash)+n > most {
		return overflow()
	}
	return nil
}

// add makes a contact of its first version. Its resource name is its source id in decimal.
func (s *Sandbox) add(a *account, v version) *contact {
	c := &contact{}
	for n := a.seq + 1; c.id == 0 || a.contacts[c.id] != nil || a.names[c.id] != nil; n++ {
		c.id = s.newID("contact", a, n)
	}
	v.name = c.id
	s.push(a, c, v)
	return c
}
