package dynamics_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"meibo/shared/sandbox"
	"meibo/shared/sandbox/dynamics"
)

func TestPrivilegesHaveADepth(t *testing.T) {
	w := newWorld(t)
	w.addUser(dynamics.User{Email: yui, Name: "Yui Oda", Read: dynamics.DepthUser, Write: dynamics.DepthUser})
	theirs := w.create("contacts", fields{"firstname": "His"})
	w.signIn(yui)
	own := w.create("contacts", fields{"firstname": "Hers"})
	equal(t, "what she sees", names(w.do("GET", "/contacts?$select=firstname", nil).want(200).values()), "Hers")
	w.get("contacts", theirs, "firstname").refused(403, "0x80040220")
	w.do("PATCH", "/contacts("+theirs+")", fields{"firstname": "x"}).refused(403, "0x80040220")
	w.do("DELETE", "/contacts("+theirs+")", nil).refused(403, "0x80040220")
	w.do("GET", "/contacts("+ghost+")?$select=firstname", nil).refused(404, "0x80040217")
	w.do("PATCH", "/contacts("+own+")", fields{"firstname": "y"}).want(204)
	for verb, call := range map[string]func() *answer{
		"read":   func() *answer { return w.do("GET", "/contacts?$select=firstname", nil) },
		"create": func() *answer { return w.do("POST", "/contacts", fields{}) },
		"write":  func() *answer { return w.do("PATCH", "/contacts("+own+")", fields{"firstname": "z"}) },
		"delete": func() *answer { return w.do("DELETE", "/contacts("+own+")", nil) },
	} {
		must(t, w.box.SetPrivilege(yui, verb, "contact", dynamics.DepthNone))
		if a := call().refused(403, "0x80040220"); !bytes.Contains(a.raw, []byte("prv"+strings.ToUpper(verb[:1])+verb[1:]+"Contact")) {
			t.Errorf("%s: the privilege is not named: %s", verb, a.raw)
		}
		must(t, w.box.SetPrivilege(yui, verb, "contact", dynamics.DepthUser))
	}
	w.do("GET", "/leads?$select=lastname", nil).want(200)
}

func TestPrivilegesAreTold(t *testing.T) {
	w := newWorld(t)
	me := w.do("GET", "/WhoAmI", nil).str("UserId")
	at := "/systemusers(" + me + ")/Microsoft.Dynamics.CRM."
	depths := func() map[string]string {
		out := map[string]string{}
		list, _ := w.do("GET", at+"RetrieveUserPrivileges()", nil).want(200).body["RolePrivileges"].([]any)
		for _, p := range list {
			m := p.(fields)
			name := str(m, "PrivilegeName")
			if name == "" {
				name = str(w.get("privileges", str(m, "PrivilegeId"), "name").want(200).body, "name")
			}
			out[name] = str(m, "Depth")
		}
		return out
	}
	must(t, w.box.SetPrivilege(haruto, "write", "contact", dynamics.DepthUser))
	must(t, w.box.SetPrivilege(haruto, "delete", "contact", dynamics.DepthNone))
	must(t, w.box.SetPrivilege(haruto, "create", "contact", dynamics.DepthBusiness))
	for _, quirks := range []dynamics.Quirks{{}, {NoPrivilegeNames: true}} {
		must(t, w.box.SetQuirks(quirks))
		got := depths()
		for name, want := range map[string]string{"prvReadContact": "Global", "prvWriteContact": "Basic", "prvCreateContact": "Local", "prvDeleteContact": "", "prvAppendToAccount": "Global"} {
			equal(t, name, got[name], want)
		}
	}
	id := w.create("contacts", fields{})
	access := w.do("GET", at+"RetrievePrincipalAccess(Target=@t)?@t=%7B%22@odata.id%22:%22contacts("+id+")%22%7D", nil).want(200).str("AccessRights")
	equal(t, "access", access, "ReadAccess, WriteAccess, AppendAccess, AppendToAccess, CreateAccess, ShareAccess, AssignAccess")
	w.addUser(dynamics.User{Email: yui, Name: "Yui Oda"})
	w.signIn(yui)
	w.do("GET", at+"RetrieveUserPrivileges()", nil).refused(403, "0x80040220")
}

func TestOrganisationsAreApart(t *testing.T) {
	w := newWorld(t)
	const sato = "sato@sato.example"
	w.addUser(dynamics.User{Email: sato, Name: "Sato", Organization: "sato.crm4.dynamics.com"})
	id := w.create("contacts", fields{"firstname": "Ours"})
	mine := w.token
	w.signIn(sato)
	equal(t, "rows", len(w.do("GET", "/contacts?$select=firstname", nil).want(200).values()), 0)
	w.get("contacts", id, "firstname").refused(404, "0x80040217")
	t.Run("a host of the published form must be the token's", func(t *testing.T) {
		for host, want := range map[string]int{"kitano.crm7.dynamics.com": 200, "kitano.api.crm7.dynamics.com": 200, "sato.crm4.dynamics.com": 401} {
			r := httptest.NewRequest("GET", "https://"+host+below+"WhoAmI", nil)
			for k, v := range map[string]string{"Authorization": "Bearer " + mine, "Accept": "application/json", "OData-Version": "4.0", "OData-MaxVersion": "4.0"} {
				r.Header.Set(k, v)
			}
			rec := httptest.NewRecorder()
			w.box.ServeHTTP(rec, r)
			equal(t, host, rec.Code, want)
		}
	})
	t.Run("a user cannot move, and a host must have the form", func(t *testing.T) {
		for _, u := range []dynamics.User{{Email: sato, Name: "S", Organization: "kitano.crm7.dynamics.com"}, {Email: "x@x.example", Name: "X", Organization: "evil.example"},
			{Email: "x@x.example", Name: "X", Organization: "a.crm1.dynamics.com"}, {Email: "x", Name: "X"}, {Email: "x@x.example", Name: "X", Read: "some"}} {
			if w.box.AddUser(u) == nil {
				t.Errorf("%+v was taken", u)
			}
		}
	})
	t.Run("a disabled user is refused", func(t *testing.T) {
		w.addUser(dynamics.User{Email: sato, Name: "Sato", Disabled: true})
		w.do("GET", "/WhoAmI", nil).refused(403, "0x80040225")
	})
}

func TestServiceProtection(t *testing.T) {
	t.Run("requests", func(t *testing.T) {
		w := newWorld(t, func(c *dynamics.Config) { c.Limits = dynamics.Limits{Requests: 3} })
		for left := 2; left >= 0; left-- {
			a := w.do("GET", "/WhoAmI", nil).want(200)
			equal(t, "left", a.header.Get("x-ms-ratelimit-burst-remaining-xrm-requests"), string(rune('0'+left)))
		}
		w.clock.AdvanceTo(start.Add(100 * time.Second))
		a := w.do("GET", "/WhoAmI", nil)
		equal(t, "status", a.status, 429)
		equal(t, "code", str(sub(a.body, "error"), "code"), "0x80072322")
		equal(t, "wait", a.header.Get("Retry-After"), "200")
		w.clock.AdvanceTo(start.Add(300 * time.Second))
		w.do("GET", "/WhoAmI", nil).want(200)
	})
	t.Run("execution time", func(t *testing.T) {
		w := newWorld(t, func(c *dynamics.Config) { c.Limits = dynamics.Limits{WorkMillis: 100} })
		w.create("contacts", fields{})
		w.create("contacts", fields{})
		a := w.do("GET", "/WhoAmI", nil)
		equal(t, "code", str(sub(a.body, "error"), "code"), "0x80072321")
		equal(t, "wait", a.header.Get("Retry-After"), "300")
		w.addUser(dynamics.User{Email: yui, Name: "Yui Oda"})
		w.signIn(yui)
		w.do("GET", "/WhoAmI", nil).want(200)
		must(t, w.box.SetLimits(dynamics.Unlimited()))
		w.signIn(haruto)
		equal(t, "header", w.do("GET", "/WhoAmI", nil).want(200).header.Get("x-ms-ratelimit-time-remaining-xrm-requests"), "")
	})
	t.Run("at a time", func(t *testing.T) {
		w := newWorld(t, func(c *dynamics.Config) { c.Limits = dynamics.Limits{Concurrent: 1} })
		// A request whose body does not end is under way until it is given up.
		body := &slow{started: make(chan struct{}), end: make(chan struct{})}
		r, err := http.NewRequest("POST", w.srv.URL+below+"contacts", body)
		must(t, err)
		r.Header.Set("Authorization", "Bearer "+w.token)
		done := make(chan struct{})
		go func() {
			defer close(done)
			rec := httptest.NewRecorder()
			w.box.ServeHTTP(rec, r)
		}()
		<-body.started
		a := w.do("GET", "/WhoAmI", nil)
		equal(t, "status", a.status, 429)
		equal(t, "code", str(sub(a.body, "error"), "code"), "0x80072326")
		close(body.end)
		<-done
		w.do("GET", "/WhoAmI", nil).want(200)
	})
}

// slow is a body that begins and does not go on before it is told.
type slow struct{ started, end chan struct{} }

func (s *slow) Read([]byte) (int, error) {
	close(s.started)
	<-s.end
	return 0, http.ErrBodyReadAfterClose
}

func TestFaultsAndCounts(t *testing.T) {
	w := newWorld(t)
	w.box.Faults().Add(sandbox.Fault{Path: "/contacts", Status: 503})
	w.do("GET", "/contacts?$select=lastname", nil).want(503)
	id := w.create("contacts", fields{})
	w.get("contacts", id, "lastname").want(200)
	calls := w.box.Faults().Calls()
	for op, want := range map[string]int{"GET /api/data/v9.2/contacts": 1, "POST /api/data/v9.2/contacts": 1, "GET /api/data/v9.2/contacts({key})": 1} {
		equal(t, op, calls[op], want)
	}
}
