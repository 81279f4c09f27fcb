package graph

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// pageMost is the largest page.
const pageMost = 1000

// place returns the folder that the path names; without one it is the default folder.
func (c *call) place() (*folder, *apiError) {
	if strings.Contains(c.path, "/contactFolders") {
		return c.m.findFolder(c.ids[0])
	}
	return c.m.folders[defaultFolder], nil
}

// target returns the contact that the path names. Below a folder it must be in that folder; else the whole mailbox is looked through.
func (c *call) target() (*item, *apiError) {
	it, e := c.m.findItem(c.ids[len(c.ids)-1])
	if e != nil || len(c.ids) == 1 {
		return it, e
	}
	f, e := c.m.findFolder(c.ids[0])
	if e != nil {
		return nil, e
	}
	if it.folder != f.id {
		return nil, itemNotFound()
	}
	return it, nil
}

func (s *Sandbox) contactMember(name string) bool {
	if slices.Contains([]string{"id", "createdDateTime", "lastModifiedDateTime", "changeKey", "parentFolderId"}, name) {
		return true
	}
	_, ok := s.kindOf[name]
	return ok
}

// view reads $select and $expand.
func (c *call) view() (view, *apiError) {
	only, e := c.selected(c.s.contactMember)
	if e != nil {
		return view{}, e
	}
	expand, e := c.expanded()
	return view{immutable: c.immutable(), only: only, expand: expand}, e
}

// one answers a single contact.
func (c *call) one(status int, it *item, v view) *reply {
	var b strings.Builder
	v.context = c.contextURL("contacts/$entity")
	c.s.contact(&b, c.m, it, v)
	r := &reply{status: status, json: []byte(b.String())}
	if v.immutable {
		r.header = map[string]string{"Preference-Applied": `IdType="ImmutableId"`}
	}
	return r
}

func (c *call) listContacts() (*reply, *apiError) {
	e := c.allow("$top", "$skip", "$skiptoken", "$select", "$expand", "$filter", "$count")
	if e != nil {
		return nil, e
	}
	f, e := c.place()
	if e != nil {
		return nil, e
	}
	v, e := c.view()
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
	match, e := c.contactFilter()
	if e != nil {
		return nil, e
	}
	pos := uint64(0)
	if token := c.query.Get("$skiptoken"); token != "" {
		cur, ok := c.s.open(token)
		if !ok || cur.Kind != "contacts" || cur.User != c.m.oid || cur.Of != f.id {
			return nil, badQuery("The $skiptoken is not valid.")
		}
		pos = cur.Pos
	}
	page, more := f.after(pos, skip+top, match)
	page = page[min(skip, len(page)):]
	var b strings.Builder
	b.WriteString(`{"@odata.context":` + encode(c.contextURL("contacts")))
	if c.query.Get("$count") == "true" {
		b.WriteString(`,"@odata.count":` + strconv.Itoa(f.live))
	}
	if more && len(page) > 0 {
		b.WriteString(`,"@odata.nextLink":` + encode(c.next(cursor{Kind: "contacts", User: c.m.oid, Of: f.id, Pos: page[len(page)-1].pos})))
	}
	b.WriteString(`,"value":[`)
	for i, e := range page {
		if i > 0 {
			b.WriteByte(',')
		}
		c.s.contact(&b, c.m, e.it, v)
	}
	b.WriteString("]}")
	return &reply{status: http.StatusOK, json: []byte(b.String())}, nil
}

// next is the address of the page after cur, with the listing's own parameters.
func (c *call) next(cur cursor) string {
	var query []string
	for _, name := range []string{"$top", "$select", "$expand", "$filter", "$count"} {
		if c.query.Has(name) {
			query = append(query, name, c.query.Get(name))
		}
	}
	return c.here(append(query, "$skiptoken", c.s.seal(cur))...)
}

// contactFilter reads $filter: by one address, or by an extended property.
func (c *call) contactFilter() (func(*item) bool, *apiError) {
	filter := c.query.Get("$filter")
	if !c.query.Has("$filter") {
		return nil, nil
	}
	if c.query.Has("$count") {
		return nil, badQuery("$count together with $filter is not supported.")
	}
	if key, value, ok := extFilter(filter); ok {
		return func(it *item) bool { return hasExt(it.ext, key, value) }, nil
	}
	if m := mailForm.FindStringSubmatch(filter); m != nil && m[1] == m[2] {
		want := unquote(m[3])
		return func(it *item) bool {
			return slices.ContainsFunc(it.mails(), func(a mail) bool { return strings.EqualFold(a.Address, want) })
		}, nil
	}
	return nil, badQuery("The $filter is not supported.")
}

func (it *item) mails() []mail {
	var list []mail
	if raw := it.raw(kEmailAddresses); raw != "" {
		_ = json.Unmarshal([]byte(raw), &list) // the sandbox wrote it
	}
	return list
}

func (c *call) getContact() (*reply, *apiError) {
	if e := c.allow("$select", "$expand"); e != nil {
		return nil, e
	}
	v, e := c.view()
	if e != nil {
		return nil, e
	}
	it, e := c.target()
	if e != nil {
		return nil, e
	}
	return c.one(http.StatusOK, it, v), nil
}

// write applies the members of a body to props and ext.
func (c *call) write(props []prop, ext map[string]string) ([]prop, map[string]string, *apiError) {
	body, e := object(c.body)
	if e != nil {
		return nil, nil, e
	}
	before, named, renamed := props, false, false
	for name, raw := range body {
		k, ok := c.s.kindOf[name]
		switch {
		case ok:
			var v string
			if v, e = c.s.value(c.s.properties[k], raw); e != nil {
				return nil, nil, e
			}
			props = with(props, k, v)
			named = named || k == kDisplayName
			renamed = renamed || slices.Contains(nameParts(), k)
		case name == "singleValueExtendedProperties":
			if ext, e = c.s.extensions(ext, raw); e != nil {
				return nil, nil, e
			}
		case name == "@odata.type":
			if string(raw) != `"#microsoft.graph.contact"` && string(raw) != `"microsoft.graph.contact"` {
				return nil, nil, badBody("The @odata.type is not that of a contact.")
			}
		default:
			return nil, nil, unknownMember(name, "microsoft.graph.contact")
		}
	}
	if renamed && !named {
		props = with(props, kDisplayName, displayName(props))
	}
	if _, sent := body["fileAs"]; !sent {
		props = refile(before, props)
	}
	return props, ext, nil
}

// refile makes fileAs anew unless somebody chose it.
func refile(before, props []prop) []prop {
	if (&item{props: before}).raw(kFileAs) == fileAs(before) {
		return with(props, kFileAs, fileAs(props))
	}
	return props
}

// partsOf returns the texts of properties that are there.
func partsOf(props []prop, ks ...kind) []string {
	it, out := item{props: props}, []string(nil)
	for _, k := range ks {
		var v string
		if raw := it.raw(k); raw != "" {
			_ = json.Unmarshal([]byte(raw), &v) // the sandbox wrote it
		}
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}

// displayName is the one that the service makes; "" if there is no name.
func displayName(props []prop) string {
	parts := partsOf(props, kGivenName, kMiddleName, kSurname, kGeneration)
	if len(parts) == 0 {
		return ""
	}
	return encode(strings.Join(parts, " "))
}

func fileAs(props []prop) string {
	family, given := partsOf(props, kSurname), partsOf(props, kGivenName, kMiddleName)
	parts := family
	if len(given) > 0 {
		parts = append(parts, strings.Join(given, " "))
	}
	if len(parts) == 0 {
		return ""
	}
	return encode(strings.Join(parts, ", "))
}

func (c *call) createContact() (*reply, *apiError) {
	if e := c.allow(); e != nil {
		return nil, e
	}
	f, e := c.place()
	if e != nil {
		return nil, e
	}
	it := &item{}
	if it.props, it.ext, e = c.write(nil, nil); e != nil {
		return nil, e
	}
	if len(it.props) == 0 && len(it.ext) == 0 {
		return nil, invalidProperty("A contact without any property cannot be saved.")
	}
	c.s.add(c.m, f, it)
	return c.one(http.StatusCreated, it, view{immutable: c.immutable()}), nil
}

func (c *call) updateContact() (*reply, *apiError) {
	if e := c.allow(); e != nil {
		return nil, e
	}
	it, e := c.target()
	if e != nil {
		return nil, e
	}
	if e := c.unchanged(c.m.etag(it.seq)); e != nil {
		return nil, e
	}
	props, ext, e := c.write(it.props, it.ext)
	if e != nil {
		return nil, e
	}
	it.props, it.ext = props, ext
	c.s.touch(c.m, it)
	return c.one(http.StatusOK, it, view{immutable: c.immutable()}), nil
}

func (c *call) deleteContact() (*reply, *apiError) {
	if e := c.allow(); e != nil {
		return nil, e
	}
	it, e := c.target()
	if e != nil {
		return nil, e
	}
	if e := c.unchanged(c.m.etag(it.seq)); e != nil {
		return nil, e
	}
	c.s.remove(c.m, it)
	return noContent(), nil
}
