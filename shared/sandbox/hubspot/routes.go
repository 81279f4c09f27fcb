package hubspot

import (
	"slices"
	"strings"
)

// area is where a part of the API lives, by version.
type area map[string]string

// dated is an area whose older version is under legacy, and whose dated ones are name/2026-03 and name/2026-09.
func dated(version, legacy, name string) area {
	return area{version: legacy, "2026-03": name + "/2026-03", "2026-09": name + "/2026-09"}
}

var (
	objectsArea    = dated("v3", "/crm/v3/objects", "/crm/objects")
	linksArea      = dated("v4", "/crm/v4/objects", "/crm/objects")
	linkBatchArea  = dated("v4", "/crm/v4/associations", "/crm/associations")
	propertiesArea = dated("v3", "/crm/v3/properties", "/crm/properties")
	listsArea      = dated("v3", "/crm/v3/lists", "/crm/lists")
	ownersArea     = dated("v3", "/crm/v3/owners", "/crm/owners")
	accountArea    = dated("v3", "/account-info/v3", "/account-info")
	uninstallArea  = dated("v3", "/appinstalls/v3", "/appinstalls")
)

// route is one operation. A pattern's segment in braces matches anything; {type} matches contacts and companies.
type route struct {
	area            area
	method, pattern string
	params          []string // query parameters; any other is refused
	// need are sets of scopes of which one must be granted as a whole, for what the path is about.
	need    func(k *kind) [][]string
	search  bool // counts against the limit of searches
	hasBody bool
	absent  string // the version that lacks it
	do      func(*call) (*reply, error)
}

// need makes one set of scopes.
func need(scopes ...string) func(*kind) [][]string {
	return func(*kind) [][]string { return [][]string{scopes} }
}

func needRead(k *kind) [][]string {
	if k == &companyKind {
		return [][]string{{scopeCompaniesRead}}
	}
	return [][]string{{scopeContactsRead}}
}

func needWrite(k *kind) [][]string {
	if k == &companyKind {
		return [][]string{{scopeCompaniesWrite}}
	}
	return [][]string{{scopeContactsWrite}}
}

func needSchema(k *kind) [][]string {
	if k == &companyKind {
		return [][]string{{scopeCoSchemasRead}, {scopeCompaniesRead}, {scopeCompaniesWrite}}
	}
	return [][]string{{scopeSchemasRead}, {scopeContactsRead}, {scopeContactsWrite}}
}

func needSchemaWrite(k *kind) [][]string {
	if k == &companyKind {
		return [][]string{{scopeCoSchemasWrite}}
	}
	return [][]string{{scopeSchemasWrite}}
}

var (
	needLinks      = need(scopeContactsRead, scopeCompaniesRead)
	needLinkWrites = need(scopeContactsWrite, scopeCompaniesWrite)
	needListWrites = need(scopeListsRead, scopeListsWrite)
)

var routes = []route{
	{area: accountArea, method: "GET", pattern: "details", need: need(scopeOAuth), do: accountDetails},
	{area: uninstallArea, method: "DELETE", pattern: "external-install", need: need(scopeOAuth), do: uninstall},

	{area: objectsArea, method: "GET", pattern: "{type}", params: []string{"limit", "after", "properties", "associations", "archived"}, need: needRead, do: listRecords},
	{area: objectsArea, method: "POST", pattern: "{type}", need: needWrite, hasBody: true, do: createRecord},
	{area: objectsArea, method: "POST", pattern: "{type}/search", need: needRead, hasBody: true, search: true, do: searchRecords},
	{area: objectsArea, method: "POST", pattern: "{type}/merge", need: needWrite, hasBody: true, do: mergeRecords},
	{area: objectsArea, method: "POST", pattern: "{type}/gdpr-delete", need: needWrite, hasBody: true, do: gdprDelete},
	{area: objectsArea, method: "POST", pattern: "{type}/batch/read", params: []string{"archived"}, need: needRead, hasBody: true, do: batchRead},
	{area: objectsArea, method: "POST", pattern: "{type}/batch/create", need: needWrite, hasBody: true, do: batchCreate},
	{area: objectsArea, method: "POST", pattern: "{type}/batch/update", need: needWrite, hasBody: true, do: batchUpdate},
	{area: objectsArea, method: "POST", pattern: "{type}/batch/upsert", need: needWrite, hasBody: true, do: batchUpsert},
	{area: objectsArea, method: "POST", pattern: "{type}/batch/archive", need: needWrite, hasBody: true, do: batchArchive},
	{area: objectsArea, method: "GET", pattern: "{type}/{id}", params: []string{"properties", "associations", "archived", "idProperty"}, need: needRead, do: getRecord},
	{area: objectsArea, method: "PATCH", pattern: "{type}/{id}", params: []string{"idProperty"}, need: needWrite, hasBody: true, do: updateRecord},
	{area: objectsArea, method: "DELETE", pattern: "{type}/{id}", need: needWrite, do: archiveRecord},

	{area: linksArea, method: "GET", pattern: "{type}/{id}/associations/{to}", params: []string{"limit", "after"}, need: needLinks, absent: "2026-09", do: listLinks},
	{area: linksArea, method: "PUT", pattern: "{type}/{id}/associations/default/{to}/{toId}", need: needLinkWrites, do: linkDefault},
	{area: linksArea, method: "PUT", pattern: "{type}/{id}/associations/{to}/{toId}", need: needLinkWrites, hasBody: true, do: linkLabelled},
	{area: linksArea, method: "DELETE", pattern: "{type}/{id}/associations/{to}/{toId}", need: needLinkWrites, do: unlink},
	{area: linkBatchArea, method: "POST", pattern: "{type}/{to}/batch/read", need: needLinks, hasBody: true, do: batchReadLinks},
	{area: linkBatchArea, method: "POST", pattern: "{type}/{to}/batch/create", need: needLinkWrites, hasBody: true, do: batchLink},

	{area: propertiesArea, method: "GET", pattern: "{type}/groups", need: needSchema, do: listGroups},
	{area: propertiesArea, method: "POST", pattern: "{type}/groups", need: needSchemaWrite, hasBody: true, do: createGroup},
	{area: propertiesArea, method: "GET", pattern: "{type}/groups/{name}", need: needSchema, do: getGroup},
	{area: propertiesArea, method: "GET", pattern: "{type}", params: []string{"archived", "dataSensitivity"}, need: needSchema, do: listProperties},
	{area: propertiesArea, method: "POST", pattern: "{type}", need: needSchemaWrite, hasBody: true, do: createProperty},
	{area: propertiesArea, method: "GET", pattern: "{type}/{name}", params: []string{"archived", "dataSensitivity"}, need: needSchema, do: getProperty},
	{area: propertiesArea, method: "PATCH", pattern: "{type}/{name}", need: needSchemaWrite, hasBody: true, do: updateProperty},
	{area: propertiesArea, method: "DELETE", pattern: "{type}/{name}", need: needSchemaWrite, do: archiveProperty},

	{area: listsArea, method: "GET", pattern: "", params: []string{"listIds", "includeFilters"}, need: need(scopeListsRead), do: listsByID},
	{area: listsArea, method: "POST", pattern: "", need: need(scopeListsWrite), hasBody: true, do: createList},
	{area: listsArea, method: "POST", pattern: "search", need: need(scopeListsRead), hasBody: true, do: searchLists},
	{area: listsArea, method: "GET", pattern: "object-type-id/{type}/name/{name}", params: []string{"includeFilters"}, need: need(scopeListsRead), do: listByName},
	{area: listsArea, method: "GET", pattern: "records/{type}/{id}/memberships", need: need(scopeListsRead), do: listsOfRecord},
	{area: listsArea, method: "GET", pattern: "{list}", params: []string{"includeFilters"}, need: need(scopeListsRead), do: getList},
	{area: listsArea, method: "DELETE", pattern: "{list}", need: needListWrites, do: deleteList},
	{area: listsArea, method: "PUT", pattern: "{list}/restore", need: needListWrites, do: restoreList},
	{area: listsArea, method: "GET", pattern: "{list}/memberships", params: []string{"limit", "after", "before"}, need: need(scopeListsRead), do: memberships},
	{area: listsArea, method: "GET", pattern: "{list}/memberships/join-order", params: []string{"limit", "after", "before"}, need: need(scopeListsRead), do: membershipsByTime},
	{area: listsArea, method: "DELETE", pattern: "{list}/memberships", need: needListWrites, do: emptyList},
	{area: listsArea, method: "PUT", pattern: "{list}/memberships/add", need: needListWrites, hasBody: true, do: addMembers},
	{area: listsArea, method: "PUT", pattern: "{list}/memberships/remove", need: needListWrites, hasBody: true, do: removeMembers},
	{area: listsArea, method: "PUT", pattern: "{list}/memberships/add-and-remove", need: needListWrites, hasBody: true, do: changeMembers},

	{area: ownersArea, method: "GET", pattern: "", params: []string{"email", "limit", "after", "archived"}, need: need(scopeOwnersRead), do: listOwners},
	{area: ownersArea, method: "GET", pattern: "{id}", params: []string{"idProperty", "archived"}, need: need(scopeOwnersRead), do: getOwner},
}

// place is what a path says beside its operation.
type place struct {
	version string
	kind    *kind
	open    map[string]string
}

// find matches a path. A path that exists with another method has an error of its own. A slash at the end is let go: HubSpot's own
// client sends one to lists and owners.
func find(method, path string) (*route, place, bool) {
	path = strings.TrimSuffix(path, "/")
	known := false
	for i := range routes {
		ro := &routes[i]
		for version, prefix := range ro.area {
			rest, under := strings.CutPrefix(path, prefix)
			if !under || version == ro.absent {
				continue
			}
			at, ok := ro.match(rest)
			if !ok {
				continue
			}
			if ro.method == method {
				at.version = version
				return ro, at, true
			}
			known = true
		}
	}
	return nil, place{}, known
}

func (ro *route) match(rest string) (place, bool) {
	at := place{open: map[string]string{}}
	if ro.pattern == "" || rest == "" {
		return at, ro.pattern == rest
	}
	want, have := strings.Split(ro.pattern, "/"), strings.Split(rest, "/")[1:]
	if len(want) != len(have) || rest[0] != '/' {
		return at, false
	}
	for i, w := range want {
		switch {
		case !strings.HasPrefix(w, "{"):
			if w != have[i] {
				return at, false
			}
		case have[i] == "":
			return at, false
		default:
			name := strings.Trim(w, "{}")
			at.open[name] = have[i]
			if name == "type" {
				if at.kind = kindNamed(have[i]); at.kind == nil {
					return at, false
				}
			}
		}
	}
	return at, true
}

// template is the path with what differs from record to record named.
func (ro *route) template(path string) string {
	for _, prefix := range ro.area {
		rest, under := strings.CutPrefix(strings.TrimSuffix(path, "/"), prefix)
		at, ok := ro.match(rest)
		if !under || !ok {
			continue
		}
		if ro.pattern == "" {
			return prefix
		}
		parts := strings.Split(ro.pattern, "/")
		for i, p := range parts {
			if p == "{type}" {
				parts[i] = at.kind.plural
			}
		}
		return prefix + "/" + strings.Join(parts, "/")
	}
	return path
}

// denied is the error where the token's scopes do not do.
func (ro *route) denied(have []string, k *kind) error {
	var lacking []string
	for _, scopes := range ro.need(k) {
		all := true
		for _, sc := range scopes {
			if !slices.Contains(have, sc) {
				all = false
				if len(lacking) == 0 || len(scopes) > 1 {
					lacking = append(lacking, sc)
				}
			}
		}
		if all {
			return nil
		}
	}
	return missingScopes(lacking)
}
