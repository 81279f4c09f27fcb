package graph_test

import (
	"net/url"
	"testing"

	"meibo/shared/sandbox/graph"
)

func TestFolders(t *testing.T) {
	w := newWorld(t)
	equal(t, "folders of an empty mailbox", len(w.do("GET", "/me/contactFolders", nil).want(200).values()), 0)
	def := w.do("GET", "/me/contactFolders/contacts", nil).want(200).str("id")
	const mark = "String {6f2c1d1e-0000-4000-8000-00000000c0de} Name Mark"
	made := w.do("POST", "/me/contactFolders", fields{"displayName": "CRM", "singleValueExtendedProperties": []fields{{"id": mark, "value": "m1"}}}).want(201)
	id := made.str("id")
	equal(t, "parent", made.str("parentFolderId"), def)

	t.Run("a taken name", func(t *testing.T) {
		w.do("POST", "/me/contactFolders", fields{"displayName": "crm"}).refused(409, "ErrorFolderExists")
		must(t, w.box.SetQuirks(graph.Quirks{FolderExists400: true}))
		w.do("POST", "/me/contactFolders", fields{"displayName": "CRM"}).refused(400, "ErrorFolderExists")
		must(t, w.box.SetQuirks(graph.Quirks{}))
		_, err := w.box.AddFolder(aiko, "Ghost", true)
		must(t, err)
		w.do("POST", "/me/contactFolders", fields{"displayName": "Ghost"}).refused(409, "ErrorFolderExists")
		equal(t, "listed", len(w.do("GET", "/me/contactFolders", nil).want(200).values()), 1)
	})
	t.Run("found again by its mark", func(t *testing.T) {
		q := "$filter=" + url.QueryEscape("singleValueExtendedProperties/any(ep:ep/id eq '"+mark+"' and ep/value eq 'm1')") +
			"&$expand=" + url.QueryEscape("singleValueExtendedProperties($filter=id eq '"+mark+"')")
		got := w.do("GET", "/me/contactFolders?"+q, nil).want(200).values()
		if len(got) != 1 || str(got[0], "id") != id || got[0]["singleValueExtendedProperties"] == nil {
			t.Fatalf("got %v", got)
		}
		equal(t, "by name", len(w.do("GET", "/me/contactFolders?$filter="+url.QueryEscape("displayName eq 'CRM'"), nil).want(200).values()), 1)
	})
	t.Run("children, renaming and the delta of folders", func(t *testing.T) {
		_, delta := w.round("/me/contactFolders/delta")
		child := w.do("POST", "/me/contactFolders/"+id+"/childFolders", fields{"displayName": "CRM"}).want(201).str("id")
		equal(t, "top level", len(w.do("GET", "/me/contactFolders", nil).want(200).values()), 1)
		equal(t, "children", len(w.do("GET", "/me/contactFolders/"+id+"/childFolders", nil).want(200).values()), 1)
		equal(t, "renamed", w.do("PATCH", "/me/contactFolders/"+id, fields{"displayName": "Zoho CRM Contacts"}).want(200).str("displayName"), "Zoho CRM Contacts")
		got, delta := w.round(delta)
		equal(t, "changed folders", len(got), 2)
		w.do("DELETE", "/me/contactFolders/"+child, nil).want(204)
		got, _ = w.round(delta)
		if len(got) != 1 || sub(got[0], "@removed") == nil || str(got[0], "id") != child {
			t.Errorf("got %v", got)
		}
	})
	t.Run("the default folder stays", func(t *testing.T) {
		w.do("DELETE", "/me/contactFolders/"+def, nil).want(400)
		w.do("PATCH", "/me/contactFolders/"+def, fields{"displayName": "X"}).want(400)
	})
	t.Run("a deleted folder takes its contacts along", func(t *testing.T) {
		contact := w.create("/me/contactFolders/"+id+"/contacts", fields{"givenName": "In"})
		equal(t, "default folder", len(w.do("GET", "/me/contacts", nil).want(200).values()), 0)
		w.do("GET", "/me/contactFolders/"+def+"/contacts/"+contact, nil).refused(404, "ErrorItemNotFound")
		w.do("GET", "/me/contactFolders/"+id+"/contacts/"+contact, nil).want(200)
		_, delta := w.round("/me/contactFolders/" + id + "/contacts/delta")
		w.do("DELETE", "/me/contactFolders/"+id, nil).want(204)
		w.do("GET", "/me/contacts/"+contact, nil).refused(404, "ErrorItemNotFound")
		w.do("GET", delta, nil).refused(404, "ErrorItemNotFound")
		w.do("GET", "/me/contactFolders/"+id, nil).refused(404, "ErrorItemNotFound")
	})
	for _, body := range []fields{{"displayName": " "}, {}, {"displayName": "X", "parentFolderId": def}, {"displayName": 1}} {
		w.do("POST", "/me/contactFolders", body).want(400)
	}
	w.do("GET", "/me/contactFolders/AAMkbad", nil).refused(400, "ErrorInvalidIdMalformed")
}

func TestCategories(t *testing.T) {
	w := newWorld(t)
	made := w.do("POST", "/me/outlook/masterCategories", fields{"displayName": "Kunde", "color": "preset3"}).want(201)
	w.do("POST", "/me/outlook/masterCategories", fields{"displayName": "kunde"}).want(409)
	w.do("POST", "/me/outlook/masterCategories", fields{"displayName": "X", "color": "red"}).want(400)
	w.do("PATCH", "/me/outlook/masterCategories/"+made.str("id"), fields{"displayName": "New"}).want(400)
	equal(t, "color", w.do("PATCH", "/me/outlook/masterCategories/"+made.str("id"), fields{"color": "none"}).want(200).str("color"), "none")
	id := w.put(seed("A", "category:Lieferant"))[0]
	equal(t, "listed", len(w.do("GET", "/me/outlook/masterCategories", nil).want(200).values()), 2)
	got := w.do("GET", "/me/contacts/"+id, nil).want(200)
	if list, _ := got.body["categories"].([]any); len(list) != 1 || list[0] != "Lieferant" {
		t.Errorf("got %v", got.body["categories"])
	}
	w.do("DELETE", "/me/outlook/masterCategories/"+made.str("id"), nil).want(204)
	w.do("GET", "/me/outlook/masterCategories/"+made.str("id"), nil).want(404)
}
