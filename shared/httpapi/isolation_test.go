package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"meibo/shared/record"
)

// TestIsolation walks every operation of the document. Whoever does not belong to a tenant must get, for each of its ids, the
// answer that a made-up id gets: status, headers that tell something, and body, byte by byte.
func TestIsolation(t *testing.T) {
	w := newWorld(t)
	doc := describe(t, w)
	a, b := w.company("hanako@example.jp"), w.company("jiro@example.com")
	w.fill(b, []record.Record{person("Canary", "Carl", "carl@canary.example")}, []record.Record{person("Canary", "Cora", "cora@canary.example")})
	w.must(200, b.admin, "POST", b.path+"/start", nil)
	w.drain()
	run := w.must(200, b.admin, "GET", b.path+"/runs", nil).items()[0]["id"].(string)
	member := w.must(200, b.admin, "GET", b.tenant+"/members/me", nil).str("id")
	const made = "01MADEUPMADEUPMADEUPMADEUP"
	ids := map[string]string{"tenant": b.id, "member": member, "account": b.google, "connection": b.connection, "run": run, "review": "r1"}

	people := []struct {
		name, mail string
		tenants    []string // in whose place the ids of B are tried
	}{
		{"a member of another tenant", a.admin, []string{b.id, a.id}},
		{"a stranger", "stranger@example.net", []string{b.id}},
	}
	before := w.items(b.id)
	for path, item := range doc.Paths.Map() {
		if !strings.Contains(path, "{tenant}") {
			continue
		}
		for method, o := range item.Operations() {
			for _, p := range people {
				for _, tenant := range p.tenants {
					if tenant == a.id && strings.Count(path, "{") == 1 && !takesIDs[o.OperationID] {
						continue // nothing of B in it
					}
					place := "B"
					if tenant == a.id {
						place = "A"
					}
					t.Run(fmt.Sprintf("%s by %s under tenant %s", o.OperationID, p.name, place), func(t *testing.T) {
						theirs := fillPath(path, ids)
						unknown := fillPath(path, map[string]string{"tenant": made})
						if tenant == a.id {
							theirs = strings.Replace(theirs, b.id, a.id, 1)
							unknown = strings.Replace(unknown, made, a.id, 1)
						}
						got := w.call(p.mail, method, theirs+query(o, b.zoho, b.google), body(o, b.zoho, b.google))
						want := w.call(p.mail, method, unknown+query(o, made, made), body(o, made, made))
						if got.status != want.status || string(got.raw) != string(want.raw) {
							t.Errorf("got %d %s\nwant what a made-up id gets: %d %s", got.status, got.raw, want.status, want.raw)
						}
						if got.status < 400 || got.status >= 500 {
							t.Errorf("got %d, want a refusal", got.status)
						}
						for _, h := range []string{"Retry-After", "Location", "Allow", "Content-Length"} {
							if got.header.Get(h) != want.header.Get(h) {
								t.Errorf("header %s: got %q, want %q", h, got.header.Get(h), want.header.Get(h))
							}
						}
						for _, id := range append([]string{"canary", "jiro"}, b.zoho, b.google, b.connection, b.id) {
							if strings.Contains(string(got.raw), id) {
								t.Errorf("the answer holds %q: %s", id, got.raw)
							}
						}
					})
				}
			}
		}
	}
	t.Run("nothing was left in the other tenant", func(t *testing.T) {
		if after := w.items(b.id); after != before {
			t.Errorf("got %d items, want %d", after, before)
		}
	})
	t.Run("lists show only what is one's own", func(t *testing.T) {
		for _, path := range []string{"/v1/tenants", a.tenant + "/members", a.tenant + "/accounts", a.tenant + "/connections", a.path + "/records", a.path + "/runs", a.path + "/changes"} {
			raw := string(w.must(200, a.admin, "GET", path, nil).raw)
			for _, id := range []string{b.id, b.connection, b.zoho, b.google, "jiro", "canary"} {
				if strings.Contains(raw, id) {
					t.Errorf("%s holds %q of the other tenant", path, id)
				}
			}
		}
	})
	t.Run("the page token of another tenant's list leads nowhere", func(t *testing.T) {
		w.must(201, b.admin, "POST", b.tenant+"/members", `{"email":"x@example.com"}`)
		next := w.must(200, b.admin, "GET", b.tenant+"/members?limit=1", nil).str("next")
		if next == "" {
			t.Fatal("no second page")
		}
		if raw := string(w.must(200, a.admin, "GET", a.tenant+"/members?page="+next, nil).raw); strings.Contains(raw, "example.com") {
			t.Errorf("got %s", raw)
		}
	})
	t.Run("one external account syncs with one company, and the other is not named", func(t *testing.T) {
		to := w.must(201, a.admin, "POST", a.tenant+"/accounts", `{"system":"google"}`).str("authorize_url")
		at, err := w.browser.Allow(t.Context(), to, b.admin)
		if err != nil || at.Status != 409 || !strings.Contains(at.Page, "another company") || strings.Contains(at.Page, b.id) || strings.Contains(at.Page, "会社") {
			t.Errorf("got %d %s, %v", at.Status, at.Page, err)
		}
	})
	t.Run("a consent belongs to whoever started it", func(t *testing.T) {
		// The callback carries the state alone: whoever brings it, the account goes to the member who asked.
		n := len(w.must(200, a.admin, "GET", a.tenant+"/accounts", nil).items())
		if n != 2 {
			t.Errorf("got %d accounts, want 2", n)
		}
	})
}

// takesIDs are the operations that take ids outside of their path.
var takesIDs = map[string]bool{"get-mapping": true, "create-connection": true, "start-consent": true, "enter-key": true}

var variable = regexp.MustCompile(`\{(\w+)\}`)

// fillPath puts ids into the variables of a path; what has none gets a made-up one.
func fillPath(path string, ids map[string]string) string {
	return variable.ReplaceAllStringFunc(path, func(v string) string {
		if id := ids[strings.Trim(v, "{}")]; id != "" {
			return id
		}
		return "01MADEUPMADEUPMADEUPMADEUP"
	})
}

// query returns the operation's required parameters.
func query(o *openapi3.Operation, crm, book string) string {
	if o.OperationID == "get-mapping" {
		return "?crm=" + crm + "&book=" + book
	}
	return ""
}

// body returns a valid body for the operation, with other tenants' ids where it takes ids.
func body(o *openapi3.Operation, crm, book string) any {
	if o.RequestBody == nil {
		return nil
	}
	bodies := map[string]any{
		"change-tenant":           map[string]any{"name": "taken"},
		"add-member":              map[string]any{"email": "evil@example.net", "role": "admin"},
		"change-member":           map[string]any{"role": "admin"},
		"start-consent":           map[string]any{"system": "google", "reconnect": book},
		"enter-key":               map[string]any{"system": "sansan", "key": strings.Repeat("k", 32), "reconnect": crm},
		"allow-directory":         map[string]any{"directory_id": "1b2c3d4e-5f60-4718-9a2b-3c4d5e6f7081"},
		"start-directory-consent": map[string]any{"capability": "contacts"},
		"create-connection":       map[string]any{"crm": crm, "book": book},
		"change-connection":       map[string]any{"crm": crm, "book": book},
		"answer-approval":         map[string]any{"answer": "once"},
		"decide-review":           map[string]any{"action": "link"},
		"stop-connection":         map[string]any{"remove": "keep"},
	}
	b, ok := bodies[o.OperationID]
	if !ok {
		panic("no body for the operation " + o.OperationID)
	}
	j, err := json.Marshal(b)
	if err != nil {
		panic(err)
	}
	return string(j)
}

// TestColleagues: within a tenant, a member sees what is theirs.
func TestColleagues(t *testing.T) {
	w := newWorld(t)
	doc := describe(t, w)
	c := w.company("hanako@example.jp")
	const colleague = "jiro@example.jp"
	w.must(201, c.admin, "POST", c.tenant+"/members", map[string]any{"email": colleague, "permissions": []string{"contacts.sync", "contacts.view"}})
	w.must(200, colleague, "GET", c.tenant, nil)
	ids := map[string]string{"tenant": c.id, "account": c.google, "connection": c.connection}
	for path, item := range doc.Paths.Map() {
		if !strings.Contains(path, "{account}") && !strings.Contains(path, "{connection}") {
			continue
		}
		for method, o := range item.Operations() {
			t.Run(o.OperationID+" of a colleague is not found", func(t *testing.T) {
				got := w.call(colleague, method, fillPath(path, ids), body(o, "", ""))
				if got.status != http.StatusNotFound && got.status != http.StatusUnprocessableEntity {
					t.Errorf("got %d %s", got.status, got.raw)
				}
				if want := w.call(colleague, method, fillPath(path, map[string]string{"tenant": c.id}), body(o, "", "")); string(got.raw) != string(want.raw) {
					t.Errorf("got %s\nwant what a made-up id gets: %s", got.raw, want.raw)
				}
			})
		}
	}
	t.Run("lists are the colleague's own", func(t *testing.T) {
		for _, path := range []string{"/accounts", "/connections"} {
			if n := len(w.must(200, colleague, "GET", c.tenant+path, nil).items()); n != 0 {
				t.Errorf("%s: got %d", path, n)
			}
		}
		w.must(403, colleague, "GET", c.tenant+"/members", nil)
	})
	t.Run("only an administrator changes the company", func(t *testing.T) {
		a := w.must(403, colleague, "PATCH", c.tenant, `{"name":"Mine"}`)
		if got, want := a.str("type"), "urn:meibo:problem:forbidden"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
	t.Run("nobody raises themselves", func(t *testing.T) {
		w.must(403, colleague, "PATCH", c.tenant+"/members/me", `{"role":"admin"}`)
		w.must(403, colleague, "PATCH", c.tenant+"/members/me", `{"permissions":["contacts.delete"]}`)
	})
	t.Run("not even an administrator renews a colleague's authorisation", func(t *testing.T) {
		const deputy = "deputy@example.jp"
		w.must(201, c.admin, "POST", c.tenant+"/members", map[string]any{"email": deputy, "role": "admin"})
		w.must(200, deputy, "GET", c.tenant+"/accounts/"+c.google, nil)
		w.must(403, deputy, "POST", c.tenant+"/accounts", map[string]any{"reconnect": c.google})
	})
	t.Run("an administrator sees everybody's", func(t *testing.T) {
		w.must(200, c.admin, "GET", c.path, nil)
		me := w.must(200, colleague, "GET", c.tenant+"/members/me", nil).str("id")
		if n := len(w.must(200, c.admin, "GET", c.tenant+"/connections?member="+me, nil).items()); n != 0 {
			t.Errorf("got %d connections of the colleague, want none", n)
		}
	})
}
