package dynamics

import (
	"encoding/xml"
	"net/url"
	"strings"
)

// annotationsAll asks for what tells how a list that FetchXML made goes on.
const annotationsAll = `odata.include-annotations="*"`

// What an answer to FetchXML has instead of a link to the next page.
const (
	moreRecords  = "@Microsoft.Dynamics.CRM.morerecords"
	pagingCookie = "@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"
)

// paged returns a query in FetchXML, of rows of a table, as the question for one of its pages. pass is what came with the page before. A
// query that is none, or of another table, is the error of a group that cannot be listed.
func paged(fetch, table string, page, size int, pass string) (string, error) {
	d := xml.NewDecoder(strings.NewReader(fetch))
	from, to := int64(-1), int64(-1)
	var root xml.StartElement
	for {
		at := d.InputOffset()
		t, err := d.Token()
		if err != nil {
			return "", vanished()
		}
		e, ok := t.(xml.StartElement)
		switch {
		case !ok:
		case to < 0 && e.Name.Local == "fetch":
			root, from, to = e.Copy(), at, d.InputOffset()
		case to < 0:
			return "", vanished()
		case e.Name.Local == "entity":
			if !strings.EqualFold(attr(e, "name"), table) {
				return "", vanished()
			}
			return fetch[:from] + opened(root, page, size, pass, strings.HasSuffix(fetch[from:to], "/>")) + fetch[to:], nil
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// opened writes the start of a query with a page of its own.
func opened(root xml.StartElement, page, size int, pass string, empty bool) string {
	var b strings.Builder
	b.WriteString("<fetch")
	put := func(name, value string) {
		b.WriteString(" " + name + `="`)
		_ = xml.EscapeText(&b, []byte(value)) // writing to a Builder cannot fail
		b.WriteString(`"`)
	}
	for _, a := range root.Attr {
		switch a.Name.Local {
		case "page", "count", "top", "paging-cookie", "returntotalrecordcount":
		default:
			put(a.Name.Local, a.Value)
		}
	}
	put("count", itoa(size))
	put("page", itoa(page))
	if pass != "" {
		put("paging-cookie", pass)
	}
	if empty {
		b.WriteString("/")
	}
	b.WriteString(">")
	return b.String()
}

// cookieIn is the part of a paging cookie that goes into the next question: it comes as XML, escaped twice over.
func cookieIn(annotation string) string {
	var c struct {
		Cookie string `xml:"pagingcookie,attr"`
	}
	if xml.Unmarshal([]byte(annotation), &c) != nil {
		return ""
	}
	once, err := url.QueryUnescape(c.Cookie)
	if err != nil {
		return ""
	}
	twice, err := url.QueryUnescape(once)
	if err != nil {
		return ""
	}
	return twice
}
