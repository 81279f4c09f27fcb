package zoho

import "net/http"

var (
	moduleRead   = []string{"ZohoCRM.modules.{m}.READ"}
	moduleCreate = []string{"ZohoCRM.modules.{m}.CREATE", "ZohoCRM.modules.{m}.WRITE"}
	moduleUpdate = []string{"ZohoCRM.modules.{m}.UPDATE", "ZohoCRM.modules.{m}.WRITE"}
	moduleDelete = []string{"ZohoCRM.modules.{m}.DELETE"}
	searchRead   = []string{"ZohoSearch.securesearch.READ"}
)

// settings is the scope of a group of settings.
func settings(group, verb string) [][]string {
	return [][]string{{"ZohoCRM.settings." + group + "." + verb}}
}

// routes are the operations, the more special patterns before the general ones.
var routes = []route{
	{method: http.MethodGet, pattern: "users", params: []string{"type", "page", "per_page", "type__s"}, scope: [][]string{{"ZohoCRM.users.READ"}}, do: listUsers},
	{method: http.MethodGet, pattern: "users/{id}", scope: [][]string{{"ZohoCRM.users.READ"}}, do: getUser},
	{method: http.MethodGet, pattern: "org", scope: [][]string{{"ZohoCRM.org.READ"}}, do: getOrg},
	{method: http.MethodGet, pattern: "settings/modules", scope: settings("modules", "READ"), do: listModules},
	{method: http.MethodGet, pattern: "settings/modules/{name}", scope: settings("modules", "READ"), do: getModule},
	{method: http.MethodGet, pattern: "settings/fields", params: []string{"module", "type", "include"}, scope: settings("fields", "READ"), do: listFields},
	{method: http.MethodGet, pattern: "settings/fields/{id}", params: []string{"module", "include"}, scope: settings("fields", "READ"), do: getField},
	{method: http.MethodPost, pattern: "settings/fields", params: []string{"module"}, scope: settings("fields", "CREATE"), do: createFields},
	{method: http.MethodGet, pattern: "settings/profiles", params: []string{"type"}, scope: settings("profiles", "READ"), do: listProfiles},
	{method: http.MethodGet, pattern: "settings/profiles/{id}", scope: settings("profiles", "READ"), do: getProfile},
	{method: http.MethodGet, pattern: "settings/layouts", params: []string{"module"}, scope: settings("layouts", "READ"), do: listLayouts},
	{method: http.MethodGet, pattern: "settings/custom_views", params: []string{"module", "page", "per_page"}, scope: settings("custom_views", "READ"), do: listViews},
	{method: http.MethodGet, pattern: "settings/custom_views/{id}", params: []string{"module"}, scope: settings("custom_views", "READ"), do: getView},
	{method: http.MethodGet, pattern: "settings/recycle_bin", params: []string{"page", "per_page"}, scope: settings("recycle_bin", "READ"), do: listBin},
	{method: http.MethodPost, pattern: "settings/recycle_bin/{id}/actions/restore", scope: settings("recycle_bin", "UPDATE"), do: restoreRecord},
	{method: http.MethodGet, pattern: "actions/watch", params: []string{"module", "channel_id"}, scope: [][]string{{"ZohoCRM.notifications.READ"}}, do: listChannels},
	{method: http.MethodPost, pattern: "actions/watch", scope: [][]string{{"ZohoCRM.notifications.CREATE"}}, do: addChannels},
	{method: http.MethodPut, pattern: "actions/watch", scope: [][]string{{"ZohoCRM.notifications.UPDATE"}}, do: replaceChannels},
	{method: http.MethodPatch, pattern: "actions/watch", scope: [][]string{{"ZohoCRM.notifications.UPDATE"}}, do: changeChannels},
	{method: http.MethodDelete, pattern: "actions/watch", params: []string{"channel_ids"}, scope: [][]string{{"ZohoCRM.notifications.DELETE"}}, do: removeChannels},
	{method: http.MethodPost, pattern: "coql", scope: [][]string{{"ZohoCRM.coql.READ"}}, do: runCOQL, heavy: func(*call) bool { return true }},

	{method: http.MethodGet, pattern: "{module}/deleted", params: []string{"type", "page", "per_page"}, scope: [][]string{moduleRead}, do: deletedRecords},
	{method: http.MethodGet, pattern: "{module}/search", params: []string{"criteria", "email", "phone", "word", "fields", "page", "per_page"}, scope: [][]string{moduleRead, searchRead}, do: searchRecords},
	{method: http.MethodPost, pattern: "{module}/upsert", scope: [][]string{moduleCreate, moduleUpdate}, do: upsertRecords, cost: batchCost, heavy: heavyBatch},
	{method: http.MethodGet, pattern: "{module}/actions/count", params: []string{"criteria", "email", "phone", "word", "cvid"}, scope: [][]string{moduleRead, searchRead}, do: countRecords},
	{method: http.MethodGet, pattern: "{module}/{id}/__timeline", params: []string{"page", "per_page", "sort_by", "sort_order"}, scope: [][]string{moduleRead}, do: timeline},
	{method: http.MethodGet, pattern: "{module}/{id}/photo", scope: [][]string{moduleRead}, do: getPhoto},
	{method: http.MethodPost, pattern: "{module}/{id}/photo", scope: [][]string{moduleCreate}, do: putPhoto},
	{method: http.MethodDelete, pattern: "{module}/{id}/photo", scope: [][]string{moduleDelete}, do: deletePhoto},
	{method: http.MethodPost, pattern: "{module}/{id}/actions/merge", scope: [][]string{moduleCreate}, do: mergeRecords},
	{method: http.MethodGet, pattern: "{module}/{id}/actions/merge", params: []string{"job_id"}, scope: [][]string{moduleRead}, do: mergeStatus},
	{method: http.MethodGet, pattern: "{module}/{id}", params: []string{"fields"}, scope: [][]string{moduleRead}, do: getRecord},
	{method: http.MethodPut, pattern: "{module}/{id}", scope: [][]string{moduleUpdate}, do: updateRecords},
	{method: http.MethodDelete, pattern: "{module}/{id}", scope: [][]string{moduleDelete}, do: deleteRecord},
	{method: http.MethodGet, pattern: "{module}", params: listParams, scope: [][]string{moduleRead}, do: listRecords},
	{method: http.MethodPost, pattern: "{module}", scope: [][]string{moduleCreate}, do: insertRecords, cost: batchCost, heavy: heavyBatch},
	{method: http.MethodPut, pattern: "{module}", scope: [][]string{moduleUpdate}, do: updateRecords, cost: batchCost, heavy: heavyBatch},
	{method: http.MethodDelete, pattern: "{module}", params: []string{"ids"}, scope: [][]string{moduleDelete}, do: deleteRecords},
}
