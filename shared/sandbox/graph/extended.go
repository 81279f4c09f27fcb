package graph

import (
	"encoding/json"
	"regexp"
	"strings"
)

// The forms in which the service has been seen to take the extended property of $expand and $filter.
var (
	expandForm    = regexp.MustCompile(`^singleValueExtendedProperties\(\$filter=id eq '([^']+)'\)$`)
	extFilterForm = regexp.MustCompile(`^singleValueExtendedProperties/[Aa]ny\((\w+):\s*(\w+)/id eq '([^']+)' and (\w+)/value eq '((?:[^']|'')*)'\)$`)
	mailForm      = regexp.MustCompile(`^emailAddresses/any\((\w+):\s*(\w+)/address eq '((?:[^']|'')*)'\)$`)
	nameForm      = regexp.MustCompile(`^displayName eq '((?:[^']|'')*)'$`)
	extIDForm     = regexp.MustCompile(`^(String|Integer|Boolean|SystemTime) (\{[0-9A-Fa-f-]{36}\} (Name \S.*|Id 0x[0-9A-Fa-f]+)|0x[0-9A-Fa-f]+)$`)
)

func unquote(s string) string { return strings.ReplaceAll(s, "''", "'") }

// expanded reads $expand, which may ask for one extended property.
func (c *call) expanded() (string, *apiError) {
	if !c.query.Has("$expand") {
		return "", nil
	}
	m := expandForm.FindStringSubmatch(c.query.Get("$expand"))
	if m == nil || !extIDForm.MatchString(m[1]) {
		return "", badQuery("The $expand is not supported.")
	}
	return extKey(m[1]), nil
}

// extFilter reads a $filter on an extended property: its extKey and its value folded.
func extFilter(filter string) (key, value string, ok bool) {
	m := extFilterForm.FindStringSubmatch(filter)
	if m == nil || m[1] != m[2] || m[1] != m[4] {
		return "", "", false
	}
	return extKey(m[3]), strings.ToLower(unquote(m[5])), true
}

func hasExt(ext map[string]string, key, value string) bool {
	v, ok := ext[key]
	return ok && strings.ToLower(v) == value
}

// extensions decodes singleValueExtendedProperties of a body over what is there. A value of null takes a property away.
func (s *Sandbox) extensions(have map[string]string, raw json.RawMessage) (map[string]string, *apiError) {
	var list []json.RawMessage
	if isNull(raw) || json.Unmarshal(raw, &list) != nil {
		return nil, badBody("The property 'singleValueExtendedProperties' must be a collection.")
	}
	out := map[string]string{}
	for k, v := range have {
		out[k] = v
	}
	for _, item := range list {
		m, e := object(item)
		if e != nil {
			return nil, e
		}
		id, _, e := stringOf("id", orNull(m["id"]))
		if e != nil {
			return nil, e
		}
		if !extIDForm.MatchString(id) {
			return nil, fail(400, "ErrorInvalidExtendedProperty", "The extended property id is not valid.")
		}
		value, ok, e := stringOf("value", orNull(m["value"]))
		if e == nil {
			e = s.fits("value", value)
		}
		if e != nil {
			return nil, e
		}
		delete(m, "id")
		delete(m, "value")
		delete(m, "@odata.type")
		for name := range m {
			return nil, unknownMember(name, "microsoft.graph.singleValueLegacyExtendedProperty")
		}
		if ok {
			out[extKey(id)] = value
		} else {
			delete(out, extKey(id))
		}
	}
	return out, nil
}
