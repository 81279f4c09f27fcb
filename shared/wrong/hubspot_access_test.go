package wrong_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"meibo/shared/local"
	"meibo/shared/notify"
	"meibo/shared/record"
	"meibo/shared/sandbox/dynamics"
	"meibo/shared/sandbox/hubspot"
	"meibo/shared/system"
)

// TestAnAddressThatAnotherContactHasIsShownAndTakesNothingAway: HubSpot keeps an address for one contact only.
func TestAnAddressThatAnotherContactHasIsShownAndTakesNothingAway(t *testing.T) {
	t.Parallel()
	t.Run("of a new contact that is like one outside the segment", func(t *testing.T) {
		w := open(t, options{pair: hubSpotGoogle})
		c := w.company("morita", nil)
		segment, err := w.boxes.HubSpot.AddGroup(c.crm, "Customers", "", "")
		w.must(err)
		in, err := w.boxes.HubSpot.Fill(c.crm, seeds(people(0, 5), "Customers"))
		w.must(err)
		outside := c.fillCRM([]record.Record{{Kind: record.Contact, Fields: record.Fields{
			record.NameFamily: {{Text: "Someone"}}, record.NameGiven: {{Text: "Else"}}, record.Email: {{Text: "person030@people.example"}}}}})
		c.want(http.StatusOK, http.MethodPatch, c.conn(), map[string]any{"settings": map[string]any{"crm_groups": []string{segment}}}, nil)
		mine := c.fillBook(people(30, 3))
		c.first()
		w.pass(30 * time.Minute)
		s := c.byID(mine[0])
		if s.State != "parked" || s.Reason == "" || s.Code != "review" && s.Code != "duplicate" && s.Code != "outside_group" {
			t.Errorf("got %+v, want one that waits for a person", s)
		}
		if got := [2]int{len(c.crmBook()), len(c.bookBook())}; got != [2]int{5 + 1 + 2, 3 + 5} {
			t.Errorf("got %v contacts, want 8 and 8", got)
		}
		if got := text(c.crmBook()[outside[0]], record.NameFamily); got != "Someone" {
			t.Errorf("got %q, want the contact outside as it was", got)
		}
		if c.byID(in.IDs[0]).State != "active" {
			t.Errorf("got %+v", c.byID(in.IDs[0]))
		}
		c.wantState("active")
	})
	t.Run("of a contact that is edited", func(t *testing.T) {
		w := open(t, options{pair: hubSpotGoogle})
		c := w.company("morita", nil)
		c.fillCRM(people(0, 8))
		c.first()
		c.agree(8)
		crm, book := c.ids(3)
		w.clk.Advance(10 * time.Second)
		w.must(w.box(w.sys[1]).Edit(c.book, book, record.Fields{record.Email: {{Text: "person005@people.example", Label: "work"}}, record.OrgTitle: {{Text: "Travels"}}}))
		_, other := c.ids(6)
		c.editBook(other, record.OrgTitle, "Travels too")
		c.sync()
		w.pass(30 * time.Minute)
		s := c.byID(crm)
		if !(s.State == "parked" && s.Code == "duplicate" && s.Field == string(record.Email) && s.Reason != "") && len(s.Held) == 0 {
			t.Errorf("got %+v, want one that says that the address belongs to another contact", s)
		}
		c.wantCRM(crm, record.Email, "person003@people.example")
		c.wantBook(book, record.Email, "person005@people.example")
		c.wantCRM(crmOf(c, other), record.OrgTitle, "Travels too")
		c.editBook(book, record.Email, "person003@people.example")
		w.pass(30 * time.Minute)
		c.agree(8)
		c.wantCRM(crm, record.OrgTitle, "Travels")
		c.quiet()
	})
}

// TestHubSpotTakenBackMidwayIsSeenWithinTheRunAndReconnectingResumes: HubSpot tells the app nothing when it is removed.
func TestHubSpotTakenBackMidwayIsSeenWithinTheRunAndReconnectingResumes(t *testing.T) {
	for _, at := range []string{"GET/crm/objects/2026-03/contacts", "POST/crm/objects/2026-03/contacts/batch/create"} {
		t.Run("first run"+strings.ReplaceAll(at, "/", " "), func(t *testing.T) {
			t.Parallel()
			w := open(t, options{pair: hubSpotGoogle})
			c := w.company("morita", nil)
			c.fillCRM(people(200, 145))
			c.fillBook(people(330, 30))
			c.start()
			c.withdrawnAt(system.HubSpot, at, w.drain, 160)
		})
	}
	for _, at := range []string{"POST/crm/objects/2026-03/contacts/search", "POST/crm/objects/2026-03/contacts/batch/update"} {
		t.Run("later run"+strings.ReplaceAll(at, "/", " "), func(t *testing.T) {
			t.Parallel()
			w := open(t, options{pair: hubSpotMicrosoft})
			c := w.company("morita", nil)
			c.fillCRM(people(0, 20))
			c.first()
			crm, _ := c.ids(3)
			_, book := c.ids(4)
			c.editCRM(crm, record.OrgTitle, "By the CRM")
			c.editBook(book, record.NameGiven, "Edited")
			c.fillBook(people(40, 3))
			w.clk.Advance(time.Minute) // the search shows them by now
			c.withdrawnAt(system.HubSpot, at, c.sync, 23)
		})
	}
	t.Run("the app removed for the whole portal", func(t *testing.T) {
		t.Parallel()
		w := open(t, options{pair: hubSpotMicrosoft, push: true})
		c := w.company("morita", hourly())
		c.fillCRM(people(0, 5))
		c.first()
		w.soon()
		w.must(w.boxes.HubSpot.Uninstall(c.crm))
		w.live(65 * time.Minute)
		c.wantState("needs_reauth")
		mine := slices.DeleteFunc(w.outbox(), func(m notify.Shown) bool { return m.To != "morita@work.example" })
		if len(mine) != 1 {
			t.Errorf("got %d mails, want 1", len(mine))
		}
		if at := c.reconnect(system.HubSpot, c.crm); at.Status >= 400 {
			t.Fatalf("reconnecting: got %d: %s", at.Status, at.Page)
		}
		w.live(90 * time.Minute)
		c.wantState("active")
		c.agree(5)
		c.listening()
	})
}

// without connects a company whose HubSpot user grants all scopes but those with one of the parts.
func without(w *world, parts ...string) *company {
	w.t.Helper()
	c := w.signUp("morita")
	c.addUsers()
	w.must(w.boxes.HubSpot.SetScopes(c.crm, slices.DeleteFunc(hubspot.AllScopes(), func(s string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(s, p) })
	})))
	return c
}

// TestHubSpotWorksWithoutTheScopesThatAreOptional: lists, owners, new properties and companies.
func TestHubSpotWorksWithoutTheScopesThatAreOptional(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: hubSpotDynamics})
	c := without(w, "lists", "owners", "schemas.contacts.write", "companies")
	for _, id := range w.sys {
		c.join(id)
	}
	c.findAccounts()
	c.draft(nil)
	if status, body := c.call(http.MethodGet, c.path+"/accounts/"+c.accounts[system.HubSpot]+"/groups", nil); status != http.StatusOK || !strings.Contains(string(body), `"items":[]`) {
		t.Errorf("got %d %s, want no segments to choose", status, body)
	}
	c.fillCRM(people(0, 5))
	c.fillBook(people(3, 5))
	c.first()
	w.pass(30 * time.Minute)
	c.agree(8)
	c.wantState("active")
}

// TestHubSpotWithoutTheRightToWriteIsRefused when it is connected; and when it is lost later, what goes there stops and says so.
func TestHubSpotWithoutTheRightToWriteIsRefused(t *testing.T) {
	t.Parallel()
	t.Run("when connecting", func(t *testing.T) {
		w := open(t, options{pair: hubSpotDynamics})
		c := without(w, "contacts.write")
		var to struct {
			URL string `json:"authorize_url"`
		}
		c.want(http.StatusCreated, http.MethodPost, c.path+"/accounts", map[string]any{"system": system.HubSpot}, &to)
		at, err := local.NewBrowser(nil).Allow(context.Background(), to.URL, c.crm)
		if err == nil && at.Status < 400 {
			t.Fatalf("got %d: %s, want a refusal", at.Status, at.Page)
		}
		c.findAccounts()
		if c.accounts[system.HubSpot] != "" {
			t.Error("an account without the right to write was connected")
		}
	})
	t.Run("when it is lost", func(t *testing.T) {
		w := open(t, options{pair: hubSpotDynamics})
		c := w.company("morita", nil)
		c.fillCRM(people(0, 8))
		c.first()
		w.pass(30 * time.Minute)
		w.must(w.boxes.HubSpot.SetScopes(c.crm, slices.DeleteFunc(hubspot.AllScopes(), func(s string) bool { return strings.HasSuffix(s, "contacts.write") })))
		crm, book := c.ids(3)
		c.editBook(book, record.OrgTitle, "Cannot travel")
		theirs, mine := c.ids(4)
		c.editCRM(theirs, record.OrgTitle, "Travels")
		w.pass(30 * time.Minute)
		c.wantBook(mine, record.OrgTitle, "Travels")
		state, why := c.status()
		s := c.byID(crm)
		if !(s.Code == "forbidden" && s.Reason != "") && !(state != "active" && why != "") {
			t.Errorf("got the connection %s (%s) and %+v, want one that says what is forbidden", state, why, s)
		}
		w.must(w.boxes.HubSpot.SetScopes(c.crm, hubspot.AllScopes()))
		if state != "active" {
			if at := c.reconnect(system.HubSpot, c.crm); at.Status >= 400 {
				t.Fatalf("reconnecting: got %d: %s", at.Status, at.Page)
			}
		}
		w.pass(26 * time.Hour)
		c.wantCRM(crm, record.OrgTitle, "Cannot travel")
		c.agree(8)
	})
}

// TestTwoTenantsInOnePortalAreToldBothAndLearnNothingOfEachOther: HubSpot tells of a portal, whoever is connected there.
func TestTwoTenantsInOnePortalAreToldBothAndLearnNothingOfEachOther(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: hubSpotMicrosoft, push: true})
	a := w.company("alpha", hourly())
	b := w.signUp("beta")
	w.must(w.boxes.HubSpot.AddUser(hubspot.User{Email: b.crm, Name: b.name, Portal: "alpha K.K."}))
	b.addUser(w.sys[1], b.book)
	b.admit()
	for _, id := range w.sys {
		b.join(id)
	}
	b.findAccounts()
	b.draft(hourly())
	a.fillCRM(people(0, 10))
	for _, c := range []*company{a, b} {
		c.first()
	}
	w.soon()
	for _, c := range []*company{a, b} {
		c.agree(10)
		c.listening()
	}
	crm, bookA := a.ids(3)
	_, bookB := b.ids(3)
	w.pass(2 * time.Minute)
	a.editCRM(crm, record.OrgTitle, "For both")
	w.soon()
	a.wantBook(bookA, record.OrgTitle, "For both")
	b.wantBook(bookB, record.OrgTitle, "For both")
	b.editBook(bookB, record.NameGiven, "Bybeta")
	w.soon()
	w.soon()
	a.wantBook(bookA, record.NameGiven, "Bybeta")
	for _, what := range []string{b.tenant, b.connection, b.accounts[system.HubSpot], b.book, "beta"} {
		for _, path := range []string{a.path, a.path + "/accounts", a.conn(), a.conn() + "/runs", a.conn() + "/records"} {
			if status, body := a.call(http.MethodGet, path, nil); status != http.StatusOK || strings.Contains(strings.ToLower(string(body)), "\""+strings.ToLower(what)) {
				t.Errorf("%s: got %d, and %q of the other tenant in it", path, status, what)
			}
		}
	}
	if status, _ := a.call(http.MethodGet, b.conn(), nil); status != http.StatusNotFound && status != http.StatusForbidden {
		t.Errorf("got %d for the other tenant's connection", status)
	}
	// One leaves; the other's go on.
	w.must(w.boxes.HubSpot.RevokeUser(b.crm))
	w.live(65 * time.Minute)
	b.wantState("needs_reauth")
	a.wantState("active")
	a.editCRM(crm, record.OrgTitle, "For one")
	w.soon()
	a.wantBook(bookA, record.OrgTitle, "For one")
}

// TestCustomPropertiesAreMapped: one that people made in HubSpot, with a column that people made in Dynamics.
func TestCustomPropertiesAreMapped(t *testing.T) {
	t.Parallel()
	w := open(t, options{pair: hubSpotDynamics})
	c := w.company("morita", nil)
	name, err := w.boxes.HubSpot.AddProperty(c.crm, "Tier", "string")
	w.must(err)
	w.must(w.boxes.Dynamics.AddColumn(c.book, dynamics.Column{Table: "contact", Name: "new_tier", Label: "Tier", Type: "text", Length: 10}))
	tier, column := record.Custom(name), record.Custom("new_tier")
	type pair struct {
		CRM  record.Key `json:"crm"`
		Book record.Key `json:"book"`
	}
	var mapping []pair
	for _, k := range []record.Key{record.NameFamily, record.NameGiven, record.Email, record.OrgTitle} {
		mapping = append(mapping, pair{k, k})
	}
	c.want(http.StatusOK, http.MethodPatch, c.conn(), map[string]any{"settings": map[string]any{"rules": map[string]any{"mapping": append(mapping, pair{tier, column})}}}, nil)
	in := people(0, 5)
	for i := range in {
		in[i].Fields[tier] = []record.Value{{Text: "gold"}}
	}
	c.fillCRM(in)
	c.first()
	c.agree(5)
	crm, book := c.ids(3)
	if got := c.column(book, "new_tier"); got != "gold" {
		t.Fatalf("got %q in Dynamics, want gold", got)
	}
	w.clk.Advance(10 * time.Second)
	c.dataverse(http.MethodPatch, "contacts("+book+")", `{"new_tier":"silver"}`, nil)
	w.pass(10 * time.Minute)
	c.wantCRM(crm, tier, "silver")
	// What does not fit stays whole where it is, and says so.
	c.editCRM(crm, tier, "longer than ten")
	w.pass(10 * time.Minute)
	if s := c.byID(crm); len(s.Held) == 0 || s.Held[0].Field != string(tier) && s.Held[0].Field != string(column) {
		t.Errorf("got %+v, want the value held", s)
	}
	c.wantCRM(crm, tier, "longer than ten")
	// Somebody archives the property: nothing else is lost.
	w.must(w.boxes.HubSpot.RemoveProperty(c.crm, name))
	other, otherBook := c.ids(2)
	c.editCRM(other, record.OrgTitle, "Goes on")
	w.pass(26 * time.Hour)
	state, why := c.status()
	if state == "active" {
		c.wantBook(otherBook, record.OrgTitle, "Goes on")
	} else if why == "" {
		t.Errorf("got the connection %s without a reason", state)
	}
	for id, f := range c.bookBook() {
		if c.column(id, "new_tier") == "" {
			t.Errorf("contact %s of Dynamics (%v) lost its value", id, f[record.NameFamily])
		}
	}
}

// TestAPropertyThatHubSpotLacksIsMadeWhenItIsMapped, and not before: by the person who maps it, in a draft.
func TestAPropertyThatHubSpotLacksIsMadeWhenItIsMapped(t *testing.T) {
	t.Parallel()
	for _, mapped := range []bool{false, true} {
		w := open(t, options{pair: hubSpotDynamics})
		c := w.company("morita", nil)
		if mapped {
			var mapping []map[string]record.Key
			for _, k := range []record.Key{record.NameFamily, record.NameGiven, record.Email, record.OrgTitle, record.Note, record.NamePhoneticFamily} {
				mapping = append(mapping, map[string]record.Key{"crm": k, "book": k})
			}
			c.want(http.StatusOK, http.MethodPatch, c.conn(), map[string]any{"settings": map[string]any{"rules": map[string]any{"mapping": mapping}}}, nil)
		}
		in := people(0, 3)
		in[0].Fields[record.Note] = []record.Value{{Text: "Met in Osaka"}}
		in[0].Fields[record.NamePhoneticFamily] = []record.Value{{Text: "テスター"}}
		mine := c.fillBook(in)
		c.first()
		w.pass(10 * time.Minute)
		c.agree(3)
		crm := c.byID(mine[0]).CRM
		want := map[string]string{"meibo_notes": "", "meibo_phonetic_last_name": ""}
		if mapped {
			want = map[string]string{"meibo_notes": "Met in Osaka", "meibo_phonetic_last_name": "テスター"}
		}
		for name, text := range want {
			if got := c.property(crm, name); got != text {
				t.Errorf("mapped %t: got %q in %s, want %q", mapped, got, name, text)
			}
		}
		if !mapped {
			continue
		}
		w.clk.Advance(10 * time.Second)
		w.must(w.boxes.HubSpot.SetProperty(c.crm, crm, "meibo_notes", "Met in Kyoto"))
		w.pass(15 * time.Minute)
		c.wantBook(mine[0], record.Note, "Met in Kyoto")
		c.quiet()
	}
}
