package graph

import (
	"regexp"
	"strings"
)

// need is what a route asks of the access token, each one of a list of scopes.
type need []string

// The scopes of the routes.
const (
	readContacts  = "Contacts.Read"
	writeContacts = "Contacts.ReadWrite"
	readUser      = "User.Read"
	readSettings  = "MailboxSettings.Read"
	writeSettings = "MailboxSettings.ReadWrite"
)

// route is one operation on a mailbox, below /me or /users/{id}.
type route struct {
	method, pattern string
	need            need
	body            bool // JSON is needed
	raw             bool // the body is a picture
	handle          func(*call) (*reply, *apiError)
}

// routeTable returns the operations. The first that matches counts.
func routeTable() []route {
	read, write := need{readContacts, writeContacts}, need{writeContacts}
	settings := need{readSettings, writeSettings}
	routes := []route{
		{method: "GET", pattern: "", need: need{readUser}, handle: (*call).user},

		{method: "GET", pattern: "/contactFolders", need: read, handle: (*call).listFolders},
		{method: "POST", pattern: "/contactFolders", need: write, body: true, handle: (*call).createFolder},
		{method: "GET", pattern: "/contactFolders/delta", need: read, handle: (*call).folderDelta},
		{method: "GET", pattern: "/contactFolders/{id}", need: read, handle: (*call).getFolder},
		{method: "PATCH", pattern: "/contactFolders/{id}", need: write, body: true, handle: (*call).updateFolder},
		{method: "DELETE", pattern: "/contactFolders/{id}", need: write, handle: (*call).deleteFolder},
		{method: "GET", pattern: "/contactFolders/{id}/childFolders", need: read, handle: (*call).listFolders},
		{method: "POST", pattern: "/contactFolders/{id}/childFolders", need: write, body: true, handle: (*call).createFolder},

		{method: "GET", pattern: "/outlook/masterCategories", need: settings, handle: (*call).listCategories},
		{method: "POST", pattern: "/outlook/masterCategories", need: need{writeSettings}, body: true, handle: (*call).createCategory},
		{method: "GET", pattern: "/outlook/masterCategories/{id}", need: settings, handle: (*call).getCategory},
		{method: "PATCH", pattern: "/outlook/masterCategories/{id}", need: need{writeSettings}, body: true, handle: (*call).updateCategory},
		{method: "DELETE", pattern: "/outlook/masterCategories/{id}", need: need{writeSettings}, handle: (*call).deleteCategory},
	}
	for _, at := range []string{"/contacts", "/contactFolders/{id}/contacts"} {
		routes = append(routes,
			route{method: "GET", pattern: at, need: read, handle: (*call).listContacts},
			route{method: "POST", pattern: at, need: write, body: true, handle: (*call).createContact},
			route{method: "GET", pattern: at + "/delta", need: read, handle: (*call).contactDelta},
			route{method: "GET", pattern: at + "/{id}", need: read, handle: (*call).getContact},
			route{method: "PATCH", pattern: at + "/{id}", need: write, body: true, handle: (*call).updateContact},
			route{method: "DELETE", pattern: at + "/{id}", need: write, handle: (*call).deleteContact},
			route{method: "GET", pattern: at + "/{id}/photo", need: read, handle: (*call).photoMetadata},
			route{method: "GET", pattern: at + "/{id}/photo/$value", need: read, handle: (*call).photoValue},
			route{method: "PUT", pattern: at + "/{id}/photo/$value", need: write, raw: true, handle: (*call).putPhoto},
			route{method: "PATCH", pattern: at + "/{id}/photo/$value", need: write, raw: true, handle: (*call).putPhoto},
		)
	}
	return routes
}

// match returns the ids in path.
func (rt *route) match(path string) ([]string, bool) {
	want, have := strings.Split(rt.pattern, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	var ids []string
	for i, w := range want {
		switch {
		case w == "{id}" && have[i] != "":
			ids = append(ids, have[i])
		case w != have[i]:
			return nil, false
		}
	}
	return ids, true
}

// findRoute returns the operation for a path below the mailbox. For a path that is known with other methods known is true.
func (s *Sandbox) findRoute(method, path string) (rt *route, ids []string, known bool) {
	for i := range s.routes {
		got, ok := s.routes[i].match(path)
		if !ok {
			continue
		}
		if s.routes[i].method == method {
			return &s.routes[i], got, true
		}
		known = true
	}
	return nil, nil, known
}

// keyed finds OData's other form of a key in a path: contacts('id') for contacts/id.
var keyed = regexp.MustCompile(`\('([^']*)'\)`)

// below splits a Graph path without version into the mailbox's owner ("me", or a user's id or name) and the rest, in which delta() is
// spelled delta. ok is false for a path that is about no mailbox.
func below(path string) (owner, rest string, ok bool) {
	path = strings.TrimSuffix(keyed.ReplaceAllString(path, "/$1"), "()")
	if path == "/me" || strings.HasPrefix(path, "/me/") {
		return "me", strings.TrimPrefix(path, "/me"), true
	}
	users, found := strings.CutPrefix(path, "/users/")
	if !found || users == "" {
		return "", "", false
	}
	owner, rest, found = strings.Cut(users, "/")
	if found {
		rest = "/" + rest
	}
	return owner, rest, owner != ""
}
