package google_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/api/people/v1"
)

func newGroup(w *world, name string) *people.ContactGroup {
	w.t.Helper()
	g, err := w.api.ContactGroups.Create(&people.CreateContactGroupRequest{ContactGroup: &people.ContactGroup{Name: name}}).Do()
	if err != nil {
		w.t.Fatal(err)
	}
	return g
}

func TestGroupListShowsSystemGroupsFirst(t *testing.T) {
	w := newWorld(t)
	w.put(named("A", "x"))
	g := newGroup(w, "CRM customers")
	res := must(w.api.ContactGroups.List().Do())(t)
	var names []string
	for _, g := range res.ContactGroups {
		names = append(names, g.Name)
	}
	if got, want := strings.Join(names, ","), "myContacts,starred,all,friends,family,coworkers,chatBuddies,blocked,CRM customers"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	first, last := res.ContactGroups[0], res.ContactGroups[8]
	if first.GroupType != "SYSTEM_CONTACT_GROUP" || first.FormattedName != "My Contacts" || first.MemberCount != 1 || last.GroupType != "USER_CONTACT_GROUP" || last.Etag != g.Etag {
		t.Errorf("got %+v and %+v", first, last)
	}
	if res.NextSyncToken == "" || res.TotalItems != 9 {
		t.Errorf("got token %q and %d items", res.NextSyncToken, res.TotalItems)
	}
	t.Run("in pages", func(t *testing.T) {
		count, token := 0, ""
		for {
			res := must(w.api.ContactGroups.List().PageSize(4).PageToken(token).Do())(t)
			count += len(res.ContactGroups)
			if token = res.NextPageToken; token == "" {
				break
			}
		}
		if count != 9 {
			t.Errorf("got %d groups, want 9", count)
		}
	})
}

func TestGroupSyncShowsChangesAndTombstones(t *testing.T) {
	w := newWorld(t)
	kept, gone := newGroup(w, "kept"), newGroup(w, "gone")
	token := must(w.api.ContactGroups.List().Do())(t).NextSyncToken
	must(w.api.ContactGroups.Delete(gone.ResourceName).Do())(t)
	must(w.api.ContactGroups.Update(kept.ResourceName, &people.UpdateContactGroupRequest{ContactGroup: &people.ContactGroup{Name: "renamed", Etag: kept.Etag}}).Do())(t)
	res := must(w.api.ContactGroups.List().SyncToken(token).Do())(t)
	got := map[string]*people.ContactGroup{}
	for _, g := range res.ContactGroups {
		got[g.ResourceName] = g
	}
	if len(got) != 2 || !got[gone.ResourceName].Metadata.Deleted || got[kept.ResourceName].Name != "renamed" {
		t.Errorf("got %+v", got)
	}
	again := must(w.api.ContactGroups.List().SyncToken(res.NextSyncToken).Do())(t)
	if len(again.ContactGroups) != 0 {
		t.Errorf("got %d groups, want none", len(again.ContactGroups))
	}
	if err := w.box.ExpireCursors(aiko); err != nil {
		t.Fatal(err)
	}
	_, err := w.api.ContactGroups.List().SyncToken(token).Do()
	if p := refused(t, err); p.reason != "EXPIRED_SYNC_TOKEN" {
		t.Errorf("got %+v", p)
	}
}

func TestGroupNamesAreUnique(t *testing.T) {
	w := newWorld(t)
	newGroup(w, "One")
	two := newGroup(w, "Two")
	for _, name := range []string{"One", " one ", "myContacts", "Starred"} {
		_, err := w.api.ContactGroups.Create(&people.CreateContactGroupRequest{ContactGroup: &people.ContactGroup{Name: name}}).Do()
		if p := refused(t, err); p.code != 409 || p.status != "ALREADY_EXISTS" || !strings.Contains(p.message, "Contact group name already exists") {
			t.Errorf("%q: got %+v", name, p)
		}
	}
	_, err := w.api.ContactGroups.Update(two.ResourceName, &people.UpdateContactGroupRequest{ContactGroup: &people.ContactGroup{Name: "One"}}).Do()
	if p := refused(t, err); p.code != 409 {
		t.Errorf("rename: got %+v", p)
	}
	must(w.api.ContactGroups.Update(two.ResourceName, &people.UpdateContactGroupRequest{ContactGroup: &people.ContactGroup{Name: "TWO"}}).Do())(t)
	_, err = w.api.ContactGroups.Update(two.ResourceName, &people.UpdateContactGroupRequest{ContactGroup: &people.ContactGroup{Name: "x", Etag: two.Etag}}).Do()
	if p := refused(t, err); p.code != 400 || p.status != "FAILED_PRECONDITION" {
		t.Errorf("stale etag: got %+v", p)
	}
}

func TestGroupRequestsAreChecked(t *testing.T) {
	w := newWorld(t, lifted)
	for _, c := range []struct {
		method, path, body, want string
		status                   int
	}{
		{"POST", "/v1/contactGroups", `{"contactGroup":{"name":" "}}`, "name is required", 400},
		{"POST", "/v1/contactGroups", `{"contactGroup":{"name":"x","etag":"y"}}`, "assigns", 400},
		{"POST", "/v1/contactGroups", `{"contactGroup":{"title":"x"}}`, "Unknown name", 400},
		{"POST", "/v1/contactGroups", `{"contactGroup":{"name":"x"},"readGroupFields":"memberCount"}`, "readGroupFields", 400},
		{"PUT", "/v1/contactGroups/starred", `{"contactGroup":{"name":"x"}}`, "System contact groups", 400},
		{"PUT", "/v1/contactGroups/nope", `{"contactGroup":{"name":"x"}}`, "not found", 404},
		{"PUT", "/v1/contactGroups/nope", `{"contactGroup":{"name":"x"},"updateGroupFields":"etag"}`, "updateGroupFields", 400},
		{"DELETE", "/v1/contactGroups/myContacts", "", "System contact groups", 400},
		{"DELETE", "/v1/contactGroups/nope", "", "not found", 404},
		{"GET", "/v1/contactGroups/nope", "", "not found", 404},
		{"GET", "/v1/contactGroups/starred?maxMembers=-1", "", "maxMembers", 400},
		{"GET", "/v1/contactGroups?groupFields=members", "", "groupFields", 400},
		{"POST", "/v1/contactGroups/starred/members:modify", `{}`, "required", 400},
		{"POST", "/v1/contactGroups/starred/members:modify", `{"resourceNamesToAdd":["people/c1"],"resourceNamesToRemove":["people/c1"]}`, "twice", 400},
		{"POST", "/v1/contactGroups/friends/members:modify", `{"resourceNamesToAdd":["people/c1"]}`, "Cannot add contacts to deprecated system contact group.", 400},
	} {
		status, body := w.raw(c.method, c.path, c.body)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s %s: got %d %s, want %d with %q", c.method, c.path, c.body, status, body, c.status, c.want)
		}
	}
}

func TestGroupsAreReadByName(t *testing.T) {
	w := newWorld(t)
	ids := w.put(named("A", "x"), named("B", "x"))
	none := must(w.api.ContactGroups.Get("contactGroups/myContacts").Do())(t)
	if none.MemberCount != 2 || len(none.MemberResourceNames) != 0 {
		t.Errorf("got %+v, want a count and no members", none)
	}
	one := must(w.api.ContactGroups.Get("contactGroups/myContacts").MaxMembers(1).Do())(t)
	if len(one.MemberResourceNames) != 1 || !slices.Contains(ids, one.MemberResourceNames[0]) {
		t.Errorf("got members %v", one.MemberResourceNames)
	}
	res := must(w.api.ContactGroups.BatchGet().ResourceNames("contactGroups/starred", "contactGroups/nope").Do())(t)
	if res.Responses[0].ContactGroup.Name != "starred" || res.Responses[1].Status.Code != 5 || res.Responses[1].ContactGroup != nil {
		t.Errorf("got %+v", res.Responses)
	}
	data := must(w.api.ContactGroups.Create(&people.CreateContactGroupRequest{ContactGroup: &people.ContactGroup{Name: "D", ClientData: []*people.GroupClientData{{Key: "k", Value: "v"}}}, ReadGroupFields: "clientData"}).Do())(t)
	if len(data.ClientData) != 1 || data.ClientData[0].Value != "v" || data.Name != "" {
		t.Errorf("got %+v", data)
	}
}

func TestModifyMembersDoesWhatItCanAndListsTheRest(t *testing.T) {
	w := newWorld(t)
	ids := w.put(named("A", "x"), named("B", "x"), named("C", "x"))
	g := newGroup(w, "G")
	token := w.sync()
	modify := func(group string, add, remove []string) *people.ModifyContactGroupMembersResponse {
		t.Helper()
		return must(w.api.ContactGroups.Members.Modify(group, &people.ModifyContactGroupMembersRequest{ResourceNamesToAdd: add, ResourceNamesToRemove: remove}).Do())(t)
	}
	res := modify(g.ResourceName, []string{ids[0], "people/c1", ids[1]}, nil)
	if !slices.Equal(res.NotFoundResourceNames, []string{"people/c1"}) {
		t.Errorf("got %+v", res)
	}
	res = modify("contactGroups/myContacts", nil, []string{ids[0], ids[2]})
	if !slices.Equal(res.CanNotRemoveLastContactGroupResourceNames, []string{ids[2]}) {
		t.Errorf("got %+v", res)
	}
	var groups []string
	for _, m := range w.get(ids[0]).Memberships {
		groups = append(groups, m.ContactGroupMembership.ContactGroupResourceName)
	}
	if !slices.Equal(groups, []string{g.ResourceName}) {
		t.Errorf("got memberships %v", groups)
	}
	if n := len(must(w.list().SyncToken(token).Do())(t).Connections); n != 2 {
		t.Errorf("a membership change shows %d contacts, want 2", n)
	}
	t.Run("deleting the group keeps its contacts in one", func(t *testing.T) {
		must(w.api.ContactGroups.Delete(g.ResourceName).Do())(t)
		m := w.get(ids[0]).Memberships
		if len(m) != 1 || m[0].ContactGroupMembership.ContactGroupId != "myContacts" {
			t.Errorf("got %+v", m)
		}
	})
	t.Run("or deletes them if asked", func(t *testing.T) {
		h := newGroup(w, "H")
		modify(h.ResourceName, []string{ids[1]}, nil)
		must(w.api.ContactGroups.Delete(h.ResourceName).DeleteContacts(true).Do())(t)
		if page, _, _ := w.box.Contacts(aiko, "", 10); len(page) != 2 {
			t.Errorf("%d contacts are left, want 2", len(page))
		}
	})
}
