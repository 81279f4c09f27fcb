package dynamics

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// call is one request to the API, by itself or as an operation of a batch. The handlers run with Sandbox.mu held.
type call struct {
	s      *Sandbox
	o      *org
	m      *member
	method string
	path   string // below the API's path, decoded
	query  url.Values
	header http.Header
	body   []byte
	origin string
	inPart bool // of a batch
	cost   int  // of execution time, in milliseconds
	refs   map[string]string
}

// reply is the answer of a handler.
type reply struct {
	status int
	header map[string]string
	json   []byte // nil means that there is no JSON
	binary []byte
}

func jsonReply(status int, text string) *reply { return &reply{status: status, json: []byte(text)} }

func noContent() *reply { return &reply{status: http.StatusNoContent} }

// prefer returns the value of a preference, without quotes, and whether it is there. A quoted value may have commas.
func (c *call) prefer(name string) (string, bool) {
	for _, line := range c.header.Values("Prefer") {
		for _, p := range splitQuoted(line) {
			k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
			if strings.EqualFold(strings.TrimSpace(k), name) {
				return strings.Trim(strings.TrimSpace(v), `"`), true
			}
		}
	}
	return "", false
}

// splitQuoted splits at commas outside of quotes.
func splitQuoted(line string) []string {
	var out []string
	quoted, from := false, 0
	for i := range len(line) {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ',' && !quoted:
			out = append(out, line[from:i])
			from = i + 1
		}
	}
	return append(out, line[from:])
}

// annotated says whether the client wants an annotation.
func (c *call) annotated(name string) bool {
	v, ok := c.prefer("odata.include-annotations")
	if !ok {
		return false
	}
	for want := range strings.SplitSeq(v, ",") {
		want = strings.TrimSpace(want)
		prefix, wild := strings.CutSuffix(want, "*")
		if want == name || wild && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// maxPage is the largest page; a larger one that is asked for is not heeded.
const maxPage = 5000

// pageSize is what the client prefers.
func (c *call) pageSize() int {
	v, _ := c.prefer("odata.maxpagesize")
	if n, err := strconv.Atoi(v); err == nil && n > 0 && n < maxPage {
		return n
	}
	return maxPage
}

// allow refuses query parameters besides known.
func (c *call) allow(known ...string) *apiError {
	for name, vs := range c.query {
		if name == "$skip" {
			return badURL("The query parameter $skip is not supported.")
		}
		if !slices.Contains(known, name) {
			return badURL("The query parameter %s is not supported here.", name)
		}
		if len(vs) > 1 {
			return badURL("The query parameter %s comes twice.", name)
		}
	}
	return nil
}

// here is the address of the request with one more query parameter.
func (c *call) here(without []string, name, value string) string {
	var parts []string
	for k := range c.query {
		parts = append(parts, k)
	}
	slices.Sort(parts)
	var b strings.Builder
	b.WriteString(c.origin + apiPath + (&url.URL{Path: c.path}).EscapedPath())
	sep := "?"
	for _, k := range parts {
		if !slices.Contains(without, k) && k != name {
			b.WriteString(sep + k + "=" + escape(c.query.Get(k)))
			sep = "&"
		}
	}
	b.WriteString(sep + name + "=" + escape(value))
	return b.String()
}

// escape is url.QueryEscape with spaces as %20.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// contextURL is the @odata.context of something.
func (c *call) contextURL(what string) string { return c.origin + apiPath + "$metadata#" + what }

// need refuses a caller without a privilege on a table.
func (c *call) need(verb string, t *table) *apiError {
	if c.m.may(verb, t) == DepthNone {
		return c.m.lacks(verb, t)
	}
	return nil
}

// find returns a row that exists and that the user's privilege covers.
func (c *call) find(t *table, key string, verb string) (*row, *apiError) {
	id, r, e := c.lookUp(t, key)
	if e != nil {
		return nil, e
	}
	if e := c.need(verb, t); e != nil {
		return nil, e
	}
	if r == nil {
		return nil, noRow(t, id)
	}
	if !c.m.reaches(verb, t, r) {
		return nil, c.m.out(verb, t, r)
	}
	return r, nil
}

// lookUp finds what a key in a path names, by GUID or by alternate key. r is nil if there is no such row.
func (c *call) lookUp(t *table, key string) (id guid, r *row, e *apiError) {
	if id, ok := parseGUID(key); ok {
		return id, t.get(id), nil
	}
	cells, e := t.alternateKey(key)
	if e != nil {
		return guid{}, nil, e
	}
	for _, b := range t.made {
		if b.current() && !slices.ContainsFunc(cells, func(k cell) bool { return b.r.raw(int(k.col)) != k.raw }) {
			return b.r.id, b.r, nil
		}
	}
	return guid{}, nil, nil
}

// alternateKey reads name='value'.
func (t *table) alternateKey(key string) ([]cell, *apiError) {
	var out []cell
	for part := range strings.SplitSeq(key, ",") {
		name, value, ok := strings.Cut(part, "=")
		col, known := t.index[strings.TrimSpace(name)]
		if !ok || !known || !t.cols[col].alternate {
			return nil, fail(http.StatusNotFound, codeNotFound, "The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.%s'. Ensure that the names and number of key properties match the declared or alternate key properties for the resource.", t.logical)
		}
		if text, isText := strings.CutPrefix(value, "'"); isText && t.cols[col].kind == kindText {
			out = withCell(out, col, quote(strings.ReplaceAll(strings.TrimSuffix(text, "'"), "''", "'")))
		} else {
			out = withCell(out, col, value)
		}
	}
	return out, nil
}
