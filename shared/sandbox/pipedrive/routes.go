package pipedrive

var (
	readScopes   = []string{"contacts:read", "contacts:full"}
	fullScopes   = []string{"contacts:full"}
	searchScopes = []string{"contacts:read", "contacts:full", "search:read"}
	fieldRead    = []string{"contacts:read", "contacts:full", "admin", "contact-fields:full"}
	fieldWrite   = []string{"admin", "contact-fields:full"}
	optionWrite  = []string{"contacts:full", "admin", "contact-fields:full"}
	userScopes   = []string{"users:read"}
	baseScopes   = []string{"base"}
	recentScopes = []string{"recents:read", "search:read"}
	hookRead     = []string{"webhooks:read", "webhooks:full", "admin"}
	hookWrite    = []string{"webhooks:full", "admin"}

	listParams = []string{"filter_id", "ids", "owner_id", "updated_since", "updated_until", "sort_by", "sort_direction", "include_fields", "custom_fields",
		"include_option_labels", "include_labels", "limit", "cursor"}
	personParams = append([]string{"org_id", "deal_id"}, listParams...)
	readParams   = []string{"include_fields", "custom_fields", "include_option_labels", "include_labels"}
	pageParams   = []string{"limit", "cursor"}
)

// routes are the operations, the more special patterns before the general ones.
var routes = []route{
	{v: 2, method: "GET", pattern: "persons", params: personParams, scope: readScopes, cost: 10, do: on(&personKind, listRecords)},
	{v: 2, method: "POST", pattern: "persons", scope: fullScopes, cost: 5, do: on(&personKind, createRecord)},
	{v: 2, method: "GET", pattern: "persons/search", params: []string{"term", "fields", "exact_match", "organization_id", "include_fields", "limit", "cursor"},
		scope: searchScopes, cost: 20, search: true, do: on(&personKind, searchRecords)},
	{v: 2, method: "GET", pattern: "persons/{id}", params: readParams, scope: readScopes, cost: 1, do: on(&personKind, getRecord)},
	{v: 2, method: "PATCH", pattern: "persons/{id}", scope: fullScopes, cost: 5, do: on(&personKind, updateRecord)},
	{v: 2, method: "DELETE", pattern: "persons/{id}", scope: fullScopes, cost: 3, do: on(&personKind, deleteRecord)},
	{v: 2, method: "GET", pattern: "persons/{id}/picture", scope: readScopes, cost: 1, do: getPicture},
	{v: 2, method: "GET", pattern: "persons/{id}/followers", params: pageParams, scope: readScopes, cost: 10, do: on(&personKind, listFollowers)},
	{v: 2, method: "POST", pattern: "persons/{id}/followers", scope: fullScopes, cost: 5, do: on(&personKind, addFollower)},
	{v: 2, method: "DELETE", pattern: "persons/{id}/followers/{id}", scope: fullScopes, cost: 3, do: on(&personKind, dropFollower)},

	{v: 2, method: "GET", pattern: "organizations", params: listParams, scope: readScopes, cost: 10, do: on(&orgKind, listRecords)},
	{v: 2, method: "POST", pattern: "organizations", scope: fullScopes, cost: 5, do: on(&orgKind, createRecord)},
	{v: 2, method: "GET", pattern: "organizations/search", params: []string{"term", "fields", "exact_match", "limit", "cursor"}, scope: searchScopes, cost: 20,
		search: true, do: on(&orgKind, searchRecords)},
	{v: 2, method: "GET", pattern: "organizations/{id}", params: readParams, scope: readScopes, cost: 1, do: on(&orgKind, getRecord)},
	{v: 2, method: "PATCH", pattern: "organizations/{id}", scope: fullScopes, cost: 5, do: on(&orgKind, updateRecord)},
	{v: 2, method: "DELETE", pattern: "organizations/{id}", scope: fullScopes, cost: 3, do: on(&orgKind, deleteRecord)},
	{v: 2, method: "GET", pattern: "organizations/{id}/followers", params: pageParams, scope: readScopes, cost: 10, do: on(&orgKind, listFollowers)},
	{v: 2, method: "POST", pattern: "organizations/{id}/followers", scope: fullScopes, cost: 5, do: on(&orgKind, addFollower)},
	{v: 2, method: "DELETE", pattern: "organizations/{id}/followers/{id}", scope: fullScopes, cost: 3, do: on(&orgKind, dropFollower)},

	{v: 2, method: "GET", pattern: "personFields", params: []string{"include_fields", "limit", "cursor"}, scope: fieldRead, cost: 10, do: on(&personKind, listFields)},
	{v: 2, method: "POST", pattern: "personFields", scope: fieldWrite, cost: 5, do: createField},
	{v: 2, method: "GET", pattern: "personFields/{code}", params: []string{"include_fields"}, scope: fieldRead, cost: 1, do: getField},
	{v: 2, method: "DELETE", pattern: "personFields/{code}", scope: fieldWrite, cost: 3, do: deleteField},
	{v: 2, method: "POST", pattern: "personFields/{code}/options", scope: optionWrite, cost: 5, do: addOptions},
	{v: 2, method: "GET", pattern: "organizationFields", params: []string{"include_fields", "limit", "cursor"}, scope: fieldRead, cost: 10, do: on(&orgKind, listFields)},

	{v: 1, method: "GET", pattern: "users/me", scope: baseScopes, cost: 2, do: currentUser},
	{v: 1, method: "GET", pattern: "users", scope: userScopes, cost: 20, do: listUsers},
	{v: 1, method: "GET", pattern: "users/{id}", scope: userScopes, cost: 2, do: getUser},
	{v: 1, method: "GET", pattern: "users/{id}/permissions", scope: userScopes, cost: 10, do: userPermissions},
	{v: 1, method: "GET", pattern: "users/{id}/roleSettings", scope: userScopes, cost: 10, do: roleSettings},
	{v: 1, method: "GET", pattern: "userSettings", scope: baseScopes, cost: 2, do: userSettings},
	{v: 1, method: "GET", pattern: "recents", params: []string{"since_timestamp", "items", "start", "limit"}, scope: recentScopes, cost: 20, do: recents},
	{v: 1, method: "GET", pattern: "persons/{id}/permittedUsers", scope: readScopes, cost: 10, do: on(&personKind, permittedUsers)},
	{v: 1, method: "GET", pattern: "organizations/{id}/permittedUsers", scope: readScopes, cost: 10, do: on(&orgKind, permittedUsers)},
	{v: 1, method: "POST", pattern: "persons/{id}/picture", scope: fullScopes, cost: 10, do: uploadPicture},
	{v: 1, method: "DELETE", pattern: "persons/{id}/picture", scope: fullScopes, cost: 6, do: deletePicture},
	{v: 1, method: "PUT", pattern: "persons/{id}/merge", scope: fullScopes, cost: 40, do: mergePersons},
	{v: 1, method: "GET", pattern: "webhooks", scope: hookRead, cost: 10, do: listHooks},
	{v: 1, method: "POST", pattern: "webhooks", scope: hookWrite, cost: 10, before: probeHook, do: createHook},
	{v: 1, method: "DELETE", pattern: "webhooks/{id}", scope: hookWrite, cost: 6, do: deleteHook},
	{v: 1, method: "GET", pattern: "filters", params: []string{"type"}, scope: readScopes, cost: 20, do: listFilters},
	{v: 1, method: "POST", pattern: "filters", params: []string{"include_field_code"}, scope: fullScopes, cost: 10, do: createFilter},
	{v: 1, method: "GET", pattern: "filters/{id}", params: []string{"include_field_code"}, scope: readScopes, cost: 2, do: getFilter},
	{v: 1, method: "PUT", pattern: "filters/{id}", params: []string{"include_field_code"}, scope: fullScopes, cost: 10, do: updateFilter},
	{v: 1, method: "DELETE", pattern: "filters/{id}", scope: fullScopes, cost: 6, do: deleteFilter},
}

// on makes an operation of persons or organizations out of one for either.
func on(k *kind, do func(*call, *table) (*reply, error)) func(*call) (*reply, error) {
	return func(c *call) (*reply, error) { return do(c, c.o.table(k)) }
}
