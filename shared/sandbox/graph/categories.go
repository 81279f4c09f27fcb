package graph

import (
	"net/http"
	"slices"
	"strings"
)

func (c *call) categoryJSON(k category) map[string]any {
	return map[string]any{"id": k.ID, "displayName": k.Name, "color": k.Color}
}

func (c *call) listCategories() (*reply, *apiError) {
	if e := c.allow(); e != nil {
		return nil, e
	}
	value := make([]map[string]any, len(c.m.categories))
	for i, k := range c.m.categories {
		value[i] = c.categoryJSON(k)
	}
	return jsonReply(http.StatusOK, map[string]any{"@odata.context": c.contextURL("outlook/masterCategories"), "value": value})
}

// category is the index of the one that the path names.
func (c *call) category() (int, *apiError) {
	if e := c.allow(); e != nil {
		return 0, e
	}
	i := slices.IndexFunc(c.m.categories, func(k category) bool { return strings.EqualFold(k.ID, c.ids[0]) })
	if i < 0 {
		return 0, itemNotFound()
	}
	return i, nil
}

func (c *call) oneCategory(status, i int) (*reply, *apiError) {
	out := c.categoryJSON(c.m.categories[i])
	out["@odata.context"] = c.contextURL("outlook/masterCategories/$entity")
	return jsonReply(status, out)
}

func (c *call) getCategory() (*reply, *apiError) {
	i, e := c.category()
	if e != nil {
		return nil, e
	}
	return c.oneCategory(http.StatusOK, i)
}

// categoryBody reads a category's members; only a new one may be named.
func (c *call) categoryBody(k category, made bool) (category, *apiError) {
	body, e := object(c.body)
	if e != nil {
		return k, e
	}
	for name, raw := range body {
		text, _, e := stringOf(name, raw)
		switch {
		case name == "displayName" && made:
			k.Name = text
		case name == "color":
			if k.Color = text; !validColor(text) {
				e = invalidProperty("The color is not one of the preset ones.")
			}
		case name == "@odata.type":
		case e == nil:
			e = unknownMember(name, "microsoft.graph.outlookCategory")
		}
		if e != nil {
			return k, e
		}
	}
	if strings.TrimSpace(k.Name) == "" {
		return k, invalidProperty("The displayName of a category cannot be empty.")
	}
	return k, nil
}

func validColor(s string) bool {
	for i := range 25 {
		if s == "preset"+itoa(i) {
			return true
		}
	}
	return s == "none"
}

func (c *call) createCategory() (*reply, *apiError) {
	if e := c.allow(); e != nil {
		return nil, e
	}
	k, e := c.categoryBody(category{Color: "none"}, true)
	if e != nil {
		return nil, e
	}
	if !c.s.addCategory(c.m, k.Name, k.Color) {
		return nil, fail(http.StatusConflict, "CategoryNameAlreadyExists", "A category with the specified name already exists.")
	}
	return c.oneCategory(http.StatusCreated, len(c.m.categories)-1)
}

// addCategory adds to the master list, and returns false for a name that is there.
func (s *Sandbox) addCategory(m *mailbox, name, color string) bool {
	if slices.ContainsFunc(m.categories, func(k category) bool { return strings.EqualFold(k.Name, name) }) {
		return false
	}
	m.categories = append(m.categories, category{ID: guid("category", m.oid, strings.ToLower(name)), Name: name, Color: color})
	s.dirty.mailbox(m)
	return true
}

func (c *call) updateCategory() (*reply, *apiError) {
	i, e := c.category()
	if e != nil {
		return nil, e
	}
	k, e := c.categoryBody(c.m.categories[i], false)
	if e != nil {
		return nil, e
	}
	c.m.categories[i] = k
	c.s.dirty.mailbox(c.m)
	return c.oneCategory(http.StatusOK, i)
}

func (c *call) deleteCategory() (*reply, *apiError) {
	i, e := c.category()
	if e != nil {
		return nil, e
	}
	c.m.categories = slices.Delete(c.m.categories, i, i+1)
	c.s.dirty.mailbox(c.m)
	return noContent(), nil
}
