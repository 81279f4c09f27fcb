package graph

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

func folderMember(name string) bool {
	return slices.Contains([]string{"id", "parentFolderId", "displayName"}, name)
}

// parent is the folder whose children the path names.
func (c *call) parent() (*folder, *apiError) {
	if len(c.ids) == 0 {
		return c.m.folders[defaultFolder], nil
	}
	return c.m.findFolder(c.ids[0])
}

// foldersBySeq are all folders and traces of folders, in order of their last change.
func (m *mailbox) foldersBySeq() []*folder {
	out := make([]*folder, 0, len(m.folders))
	for _, f := range m.folders {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b *folder) int { return cmp.Compare(a.seq, b.seq) })
	return out
}

func (c *call) listFolders() (*reply, *apiError) {
	e := c.allow("$top", "$skip", "$select", "$expand", "$filter", "$count")
	if e != nil {
		return nil, e
	}
	parent, e := c.parent()
	if e != nil {
		return nil, e
	}
	only, e := c.selected(folderMember)
	if e != nil {
		return nil, e
	}
	expand, e := c.expanded()
	if e != nil {
		return nil, e
	}
	top, e := c.number("$top", c.pageSize(pageMost), 1, pageMost)
	if e != nil {
		return nil, e
	}
	skip, e := c.number("$skip", 0, 0, 1<<30)
	if e != nil {
		return nil, e
	}
	list := c.m.children(parent.id)
	if c.query.Has("$filter") {
		filter := c.query.Get("$filter")
		key, value, ext := extFilter(filter)
		name := nameForm.FindStringSubmatch(filter)
		if !ext && name == nil {
			return nil, badQuery("The $filter is not supported.")
		}
		list = slices.DeleteFunc(list, func(f *folder) bool {
			return ext && !hasExt(f.ext, key, value) || name != nil && !strings.EqualFold(f.name, unquote(name[1]))
		})
	}
	out := map[string]any{"@odata.context": c.contextURL("contactFolders")}
	if c.query.Get("$count") == "true" {
		out["@odata.count"] = len(list)
	}
	list = list[min(skip, len(list)):]
	if len(list) > top {
		list = list[:top]
		var query []string
		for name := range c.query {
			if name != "$skip" {
				query = append(query, name, c.query.Get(name))
			}
		}
		out["@odata.nextLink"] = c.here(append(query, "$skip", itoa(skip+top))...)
	}
	value := make([]map[string]any, len(list))
	for i, f := range list {
		value[i] = c.m.folderJSON(f, view{only: only, expand: expand})
	}
	out["value"] = value
	return jsonReply(http.StatusOK, out)
}

func (c *call) getFolder() (*reply, *apiError) {
	if e := c.allow("$select", "$expand"); e != nil {
		return nil, e
	}
	only, e := c.selected(folderMember)
	if e != nil {
		return nil, e
	}
	expand, e := c.expanded()
	if e != nil {
		return nil, e
	}
	f, e := c.m.findFolder(c.ids[0])
	if e != nil {
		return nil, e
	}
	return jsonReply(http.StatusOK, c.m.folderJSON(f, view{only: only, expand: expand, context: c.contextURL("contactFolders/$entity")}))
}

// folderBody reads the members of a folder's body.
func (c *call) folderBody(have *folder) (name string, ext map[string]string, e *apiError) {
	body, e := object(c.body)
	if e != nil {
		return "", nil, e
	}
	name, ext = have.name, have.ext
	for member, raw := range body {
		switch member {
		case "displayName":
			name, _, e = stringOf(member, raw)
			if e == nil {
				e = c.s.fits(member, name)
			}
		case "singleValueExtendedProperties":
			ext, e = c.s.extensions(ext, raw)
		case "@odata.type":
		default:
			e = unknownMember(member, "microsoft.graph.contactFolder")
		}
		if e != nil {
			return "", nil, e
		}
	}
	if strings.TrimSpace(name) == "" {
		return "", nil, invalidProperty("The displayName of a folder cannot be empty.")
	}
	return name, ext, nil
}

// sibling returns the folder under parent that has the name, hidden ones too. Names are compared without case.
func (m *mailbox) sibling(parent uint64, name string) *folder {
	for _, f := range m.folders {
		if f.parent == parent && !f.deleted && strings.EqualFold(f.name, name) {
			return f
		}
	}
	return nil
}

func (s *Sandbox) folderExists(name string) *apiError {
	status := http.StatusConflict
	if s.quirks.FolderExists400 {
		status = http.StatusBadRequest
	}
	return fail(status, "ErrorFolderExists", "A folder with the specified name already exists., Could not create folder '%s'.", name)
}

func (c *call) createFolder() (*reply, *apiError) {
	if e := c.allow(); e != nil {
		return nil, e
	}
	parent, e := c.parent()
	if e != nil {
		return nil, e
	}
	name, ext, e := c.folderBody(&folder{})
	if e != nil {
		return nil, e
	}
	if c.m.sibling(parent.id, name) != nil {
		return nil, c.s.folderExists(name)
	}
	f := c.s.addFolder(c.m, parent.id, name)
	f.ext = ext
	return jsonReply(http.StatusCreated, c.m.folderJSON(f, view{context: c.contextURL("contactFolders/$entity")}))
}

// ownFolder is the folder that the path names, which must not be the default one.
func (c *call) ownFolder() (*folder, *apiError) {
	f, e := c.m.findFolder(c.ids[0])
	if e == nil && f.id == defaultFolder {
		return nil, fail(http.StatusBadRequest, "ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted or renamed.")
	}
	return f, e
}

func (c *call) updateFolder() (*reply, *apiError) {
	if e := c.allow(); e != nil {
		return nil, e
	}
	f, e := c.ownFolder()
	if e != nil {
		return nil, e
	}
	name, ext, e := c.folderBody(f)
	if e != nil {
		return nil, e
	}
	if other := c.m.sibling(f.parent, name); other != nil && other != f {
		return nil, c.s.folderExists(name)
	}
	c.s.changeFolder(c.m, f, name, ext)
	return jsonReply(http.StatusOK, c.m.folderJSON(f, view{context: c.contextURL("contactFolders/$entity")}))
}

func (c *call) deleteFolder() (*reply, *apiError) {
	if e := c.allow(); e != nil {
		return nil, e
	}
	f, e := c.ownFolder()
	if e != nil {
		return nil, e
	}
	c.s.removeFolder(c.m, f)
	return noContent(), nil
}
