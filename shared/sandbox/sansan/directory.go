package sansan

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"slices"
	"strings"
	"unicode/utf8"
)

// person answers GET /persons/{id}: the person with the newest card.
func (c *call) person() (*reply, error) {
	p := c.s.survivor(c.id())
	if p == nil {
		return nil, notFound()
	}
	head := c.head(p)
	if head == nil {
		return nil, notFound()
	}
	out := object{"id": num(p.id), "headBizCard": c.render(head, false)}
	if c.s.cfg.Quirks.BarePerson {
		return ok(out)
	}
	return ok(object{"item": out})
}

func (c *call) head(p *person) *card {
	if c.s.cfg.Quirks.OwnHead {
		if own := p.head(func(x *card) bool { return x.owner == c.u }); own != nil {
			return own
		}
	}
	return p.head(c.u.sees)
}

// tag returns a tag of the organization, or nil.
func (o *org) tag(id int64) *tag {
	if i, found := slices.BinarySearchFunc(o.tags, id, func(t *tag, id int64) int { return cmp.Compare(t.ID, id) }); found {
		return o.tags[i]
	}
	return nil
}

// The longest values of two parameters.
const (
	ownerMost   = 20
	tagNameMost = 50
)

// tags answers GET /tags.
func (c *call) tags() (*reply, error) {
	whose, err := c.choice("range", "me", "all")
	if err != nil {
		return nil, err
	}
	types, err := c.choices("type", privateTag, publicTag, sharedTag)
	if err != nil {
		return nil, err
	}
	owner, name := c.q.Get("ownerUserId"), c.q.Get("tagName")
	if utf8.RuneCountInString(owner) > ownerMost || utf8.RuneCountInString(name) > tagNameMost {
		return nil, bad("The parameters ownerUserId and tagName may have at most %d and %d characters.", ownerMost, tagNameMost)
	}
	var out []*tag
	for _, t := range c.u.org.tags {
		if t.owner == c.u || whose == "all" && c.u.mayUse(t) {
			if (len(types) == 0 || slices.Contains(types, t.Type)) && (owner == "" || owner == num(t.owner.ID)) && strings.Contains(t.Name, name) {
				out = append(out, t)
			}
		}
	}
	return slicePage(c, out, c.renderTag)
}

// user answers GET /users/{userId}, of which no source has the fields: these are those of a card's owner.
func (c *call) user() (*reply, error) {
	for _, u := range c.u.org.users {
		if u.ID == c.id() {
			return ok(c.renderOwner(u))
		}
	}
	return nil, notFound()
}

// department is where users are.
type department struct {
	id   int64
	name string
}

// departmentsOf are the departments that users have, by name. Their ids are their places in that order.
func (o *org) departmentsOf() []department {
	var names []string
	for _, u := range o.users {
		if u.Department != "" && !slices.Contains(names, u.Department) {
			names = append(names, u.Department)
		}
	}
	slices.Sort(names)
	out := make([]department, len(names))
	for i, n := range names {
		out[i] = department{int64(i + 1), n}
	}
	return out
}

// departments answers GET /departments.
func (c *call) departments() (*reply, error) {
	return slicePage(c, c.u.org.departmentsOf(), func(d department) object {
		return object{"id": num(d.id), "name": d.name, "parentId": nil}
	})
}

// usersCSV answers GET /organization/users; the columns are ours.
func (c *call) usersCSV() (*reply, error) {
	rows := [][]string{{"userId", "name", "email", "departmentName"}}
	for _, u := range c.u.org.users {
		if !u.Resigned {
			rows = append(rows, []string{num(u.ID), u.Name, u.Email, u.Department})
		}
	}
	return c.csv(rows)
}

// departmentsCSV answers GET /organization/departments; the columns are ours.
func (c *call) departmentsCSV() (*reply, error) {
	rows := [][]string{{"departmentId", "departmentName"}}
	for _, d := range c.u.org.departmentsOf() {
		rows = append(rows, []string{num(d.id), d.name})
	}
	return c.csv(rows)
}

func (c *call) csv(rows [][]string) (*reply, error) {
	delimiter, err := c.choice("delimiter", "comma", "tab")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if c.s.cfg.Quirks.BOM {
		b.WriteString("\ufeff")
	}
	w := csv.NewWriter(&b)
	if delimiter == "tab" {
		w.Comma = '\t'
	}
	err = w.WriteAll(rows)
	return &reply{contentType: "text/csv; charset=utf-8", raw: b.Bytes()}, err
}
