package graph

import (
	"strconv"
	"strings"
	"time"
)

// view says how a request wants contacts answered.
type view struct {
	immutable bool
	// only are the properties of $select; nil means all. id and the etag are always there.
	only map[string]bool
	// expand is the extKey of the extended property that $expand asks for, or "".
	expand string
	// context is the @odata.context of a single contact, or "".
	context string
	// typed adds @odata.type, as delta does.
	typed bool
}

func timeText(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }

// contact writes it as JSON.
func (s *Sandbox) contact(b *strings.Builder, m *mailbox, it *item, v view) {
	b.WriteByte('{')
	first := true
	put := func(name, raw string) {
		if !first {
			b.WriteByte(',')
		}
		first = false
		b.WriteString(strconv.Quote(name))
		b.WriteByte(':')
		b.WriteString(raw)
	}
	chosen := func(name, raw string) {
		if v.only == nil || v.only[name] {
			put(name, raw)
		}
	}
	if v.context != "" {
		put("@odata.context", encode(v.context))
	}
	if v.typed {
		put("@odata.type", `"#microsoft.graph.contact"`)
	}
	put("@odata.etag", encode(m.etag(it.seq)))
	put("id", encode(m.itemID(it, v.immutable)))
	chosen("createdDateTime", encode(timeText(it.created)))
	chosen("lastModifiedDateTime", encode(timeText(it.modified)))
	chosen("changeKey", encode(m.changeKey(it.seq)))
	chosen("parentFolderId", encode(m.folderID(it.folder)))
	next := 0
	for k := range s.properties {
		raw := s.properties[k].empty()
		if next < len(it.props) && it.props[next].kind == kind(k) {
			raw = it.props[next].raw
			next++
		}
		chosen(s.properties[k].name, raw)
	}
	if value, ok := it.ext[v.expand]; v.expand != "" && ok {
		put("singleValueExtendedProperties", encode([]map[string]string{{"id": v.expand, "value": value}}))
	}
	b.WriteByte('}')
}

// folderJSON is a folder as the API answers it. The parent of the default folder is the mailbox's root, which is no contact folder.
func (m *mailbox) folderJSON(f *folder, v view) map[string]any {
	out := map[string]any{"id": m.folderID(f.id)}
	for name, value := range map[string]any{"parentFolderId": m.folderID(f.parent), "displayName": f.name} {
		if v.only == nil || v.only[name] {
			out[name] = value
		}
	}
	if v.context != "" {
		out["@odata.context"] = v.context
	}
	if value, ok := f.ext[v.expand]; v.expand != "" && ok {
		out["singleValueExtendedProperties"] = []map[string]string{{"id": v.expand, "value": value}}
	}
	return out
}
