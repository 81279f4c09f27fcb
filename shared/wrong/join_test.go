package wrong_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"meibo/shared/directory"
	"meibo/shared/local"
	"meibo/shared/profile"
	"meibo/shared/sandbox/dynamics"
	"meibo/shared/sandbox/google"
	"meibo/shared/sandbox/graph"
	"meibo/shared/sandbox/hubspot"
	"meibo/shared/sandbox/pipedrive"
	"meibo/shared/sandbox/sansan"
	"meibo/shared/sandbox/zoho"
	"meibo/shared/system"
)

// addUser makes a user at a vendor. Each company of the tests is a company of its own there.
func (c *company) addUser(id, email string) {
	c.w.t.Helper()
	b, firm := c.w.boxes, c.name+" K.K."
	add, known := map[string]func() error{
		system.Dynamics: func() error {
			return b.Dynamics.AddUser(dynamics.User{Email: email, Name: c.name, Organization: c.site() + ".dynamics.com"})
		},
		system.Google:    func() error { return b.Google.AddUser(google.User{Email: email, Name: c.name, Region: "JP"}) },
		system.HubSpot:   func() error { return b.HubSpot.AddUser(hubspot.User{Email: email, Name: c.name, Portal: firm}) },
		system.Microsoft: func() error { return b.Microsoft.AddUser(graph.User{Email: email, Name: c.name}) },
		system.Pipedrive: func() error {
			return b.Pipedrive.AddUser(pipedrive.User{Email: email, Name: c.name, Company: firm, ContactSync: true})
		},
		system.Sansan: func() error { return b.Sansan.AddUser(sansan.User{Email: email, Name: c.name, Organization: firm}) },
		system.Zoho:   func() error { return b.Zoho.AddUser(zoho.User{Email: email, LastName: c.name, Org: firm}) },
	}[id]
	if !known {
		c.w.t.Fatalf("no user is made at %s", id)
	}
	c.w.must(add())
}

// site is the company's own address at Dynamics, as people type it.
func (c *company) site() string { return c.name + ".crm7" }

// join connects the company's account at a system as the system has it: by its key, or by the consent page.
func (c *company) join(id string) {
	c.w.t.Helper()
	if at := c.enter(map[string]any{"system": id}, id, c.user(id)); at.Status >= 400 {
		c.w.t.Fatalf("connecting %s: got %d: %s", id, at.Status, at.Page)
	}
}

// reconnect renews the authorisation of one of the company's accounts, as user.
func (c *company) reconnect(id, user string) local.Arrival {
	c.w.t.Helper()
	return c.enter(map[string]any{"reconnect": c.accounts[id]}, id, user)
}

// enter connects an account or renews one, as a user of the system.
func (c *company) enter(ask map[string]any, id, user string) local.Arrival {
	c.w.t.Helper()
	_, renewal := ask["reconnect"]
	switch {
	case id == system.Sansan:
		return c.enterKey(ask, user)
	case id == system.Dynamics && !renewal:
		ask["site"] = c.site()
	}
	if !renewal {
		ask["login_hint"] = user
	}
	return c.consent(ask, user)
}

// enterKey enters the key of a user of Sansan, or a new one where it was revoked. Whose it is, is learnt from a card: a user without one
// scans one first, and throws it away again.
func (c *company) enterKey(ask map[string]any, user string) local.Arrival {
	w, box := c.w, c.w.boxes.Sansan
	w.t.Helper()
	page, _, err := box.Contacts(user, "", 1)
	w.must(err)
	if len(page) == 0 {
		_, who, err := box.AddCard(user, sansan.NewCard{Fields: person(999).Fields})
		w.must(err)
		defer func() { w.must(box.Remove(user, who)) }()
	}
	if ask["key"] = box.Key(user); ask["key"] == "" {
		ask["key"], err = box.ReplaceKey(user)
		w.must(err)
	}
	status, body := c.call(http.MethodPost, c.path+"/accounts/keys", ask)
	return local.Arrival{Status: status, Page: string(body)}
}

// administrator is who administers the directory of all companies of the tests.
const administrator = "it@book.example"

// directories is the path of the set-up of a system's directory.
func (c *company) directories(id string) string { return c.path + "/directories/" + id }

// directoryOf is the id of the directory of an address at Microsoft.
func (w *world) directoryOf(email string) string {
	w.t.Helper()
	_, domain, _ := strings.Cut(email, "@")
	for _, d := range w.boxes.Microsoft.Directories() {
		if d.Domain == domain {
			return d.ID
		}
	}
	w.t.Fatalf("nobody has a directory of %s", domain)
	return ""
}

// admit sets up the directory of the company's address book where the pair needs it (SM1).
func (c *company) admit() {
	c.w.t.Helper()
	if !profile.For(c.w.sys[0], c.w.sys[1]).Directory {
		return
	}
	c.w.must(c.w.boxes.Microsoft.AddUser(graph.User{Email: administrator, Name: "IT", Admin: graph.GlobalAdministrator}))
	c.allow(c.w.directoryOf(administrator))
	if at := c.admitted(directory.Contacts, administrator); at.Status >= 400 {
		c.w.t.Fatalf("the administrator's consent: got %d: %s", at.Status, at.Page)
	}
}

// allow enters the directory of the company.
func (c *company) allow(id string) {
	c.w.t.Helper()
	c.want(http.StatusOK, http.MethodPut, c.directories(c.w.sys[1]), map[string]any{"directory_id": id}, nil)
}

// asked begins the consent to a capability for the whole directory, and returns where it is given.
func (c *company) asked(capability string) (address string) {
	c.w.t.Helper()
	var to struct {
		URL string `json:"authorize_url"`
	}
	c.want(http.StatusCreated, http.MethodPost, c.directories(c.w.sys[1])+"/consents", map[string]any{"capability": capability}, &to)
	return to.URL
}

// admitted begins that consent and has somebody accept it.
func (c *company) admitted(capability, by string) local.Arrival {
	c.w.t.Helper()
	at, err := local.NewBrowser(nil).Consent(context.Background(), c.asked(capability), by)
	c.w.must(err)
	fmt.Fprintln(c.w.heard, at.Status, at.Location, at.Page)
	return at
}
