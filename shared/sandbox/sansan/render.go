package sansan

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"
)

// orNull is a text as answers have it.
func (c *call) orNull(s string) any {
	switch {
	case s != "":
		return s
	case c.s.cfg.Quirks.NullText:
		return "null"
	}
	return nil
}

// render is a card. What is not digitised has none of its texts yet.
func (c *call) render(x *card, tags bool) object {
	out := object{
		"id": num(x.ID), "companyId": nil, "personId": nil, "exchangeDate": x.Exchange, "entryStatus": x.Status,
		"registeredTime": time.Unix(x.Registered, 0).In(tokyo).Format(time.RFC3339), "owner": c.renderOwner(x.owner),
	}
	done := x.Status == completed
	for k := range kinds {
		value := ""
		if done {
			value = x.Texts.get(k)
		}
		out[textFields[k].name] = c.orNull(value)
	}
	if done {
		out["personId"], out["companyId"] = num(x.Person), companyID(x)
	}
	if tags {
		out["tags"] = c.renderTags(x)
	}
	return out
}

func (c *call) renderOwner(u *user) object {
	out := object{"id": num(u.ID), "name": u.Name, "email": u.Email}
	if c.s.cfg.Quirks.NoOwnerEmail {
		out["email"] = nil
	}
	return out
}

// companyID is the group of the cards whose company's name is the same in that organization; nil without a name.
func companyID(x *card) any {
	name := strings.ToLower(strings.TrimSpace(x.Texts.get(companyName)))
	if name == "" {
		return nil
	}
	h := fnv.New32a()
	_, _ = fmt.Fprintf(h, "%d %s", x.owner.org.ID, name) // never fails
	return num(80000 + int64(h.Sum32()))
}

func (c *call) renderTag(t *tag) object {
	return object{"id": num(t.ID), "name": t.Name, "type": t.Type, "owner": object{"id": num(t.owner.ID), "name": t.owner.Name}}
}

// tagsOf are those tags of a card that the key's user sees.
func (c *call) tagsOf(x *card) []*tag {
	var out []*tag
	for _, id := range x.Tags {
		if t := c.u.org.tag(id); t != nil && c.u.mayUse(t) {
			out = append(out, t)
		}
	}
	return out
}

func (c *call) renderTags(x *card) []object {
	out := []object{}
	for _, t := range c.tagsOf(x) {
		out = append(out, c.renderTag(t))
	}
	return out
}
