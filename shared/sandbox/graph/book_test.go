package graph_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/graph"
)

// rich has something in every field, with more than Outlook holds of none.
func rich() record.Fields {
	text := func(s string) []record.Value { return []record.Value{{Text: s}} }
	return record.Fields{
		record.NamePrefix: text("Dr."), record.NameGiven: text("花子"), record.NameMiddle: text("M."), record.NameFamily: text("山田"), record.NameSuffix: text("Jr."),
		record.NamePhoneticGiven: text("ハナコ"), record.NamePhoneticFamily: text("ヤマダ"), record.Nickname: text("はな"),
		record.Email:   {{Text: "a@example.com"}, {Text: "b@example.com"}, {Text: "c@example.com"}},
		record.Phone:   {{Text: "090-1234-5678", Label: "mobile"}, {Text: "03-1", Label: "work"}, {Text: "03-2", Label: "work"}, {Text: "03-3", Label: "home"}, {Text: "03-4", Label: "home"}},
		record.Address: {{Label: "work", Parts: map[record.Part]string{"street": "1-1", "city": "千代田区", "region": "東京都", "postal": "100-0001", "country": "日本"}}, {Label: "home", Parts: map[record.Part]string{"city": "京都市"}}, {Label: "other", Parts: map[record.Part]string{"city": "大阪市"}}},
		record.IM:      {{Text: "im1"}, {Text: "im2"}}, record.URL: text("https://example.com"), record.OrgName: text("株式会社例"), record.OrgDepartment: text("営業部"),
		record.OrgTitle: text("部長"), record.Birthday: text("1984-03-09"), record.Note: text("一行目\n二行目"),
		record.Relation: {{Text: "夫", Label: "spouse"}, {Text: "上司", Label: "manager"}, {Text: "秘書", Label: "assistant"}, {Text: "子", Label: "child"}},
	}
}

func TestNeutralFieldsComeBackAsTheyWere(t *testing.T) {
	w := newWorld(t)
	done, err := w.box.Fill(aiko, []sandbox.Seed{{Record: record.Record{Kind: record.Contact, Fields: rich()}, Groups: []string{"category:顧客"}}})
	must(t, err)
	if len(done.Dropped) != 0 {
		t.Fatalf("dropped %v", done.Dropped)
	}
	got, err := w.box.Contact(aiko, done.IDs[0])
	must(t, err)
	for k, want := range rich() {
		if !reflect.DeepEqual(got.Record.Fields[k], want) {
			t.Errorf("%s: got %+v, want %+v", k, got.Record.Fields[k], want)
		}
	}
	catalogue, err := w.box.Fields(aiko)
	must(t, err)
	equal(t, "fields", len(got.Record.Fields), len(catalogue))
	w.do("GET", "/me/contacts/"+done.IDs[0], nil).want(200)

	t.Run("what has no place is named", func(t *testing.T) {
		f := record.Fields{record.Email: append(rich()[record.Email], record.Value{Text: "d@example.com"}), record.Phone: {{Text: "1", Label: "work_fax"}}, record.Birthday: {{Text: "--03-09"}}, record.Event: {{Text: "2020-01-01"}}}
		done, err := w.box.Fill(aiko, []sandbox.Seed{{Record: record.Record{Kind: record.Contact, Fields: f}}})
		must(t, err)
		if want := []record.Key{record.Birthday, record.Email, record.Event, record.Phone}; !reflect.DeepEqual(done.Dropped[done.IDs[0]], want) {
			t.Errorf("dropped %v, want %v", done.Dropped, want)
		}
		if w.box.Edit(aiko, done.IDs[0], f) == nil {
			t.Error("an edit that Outlook cannot hold went through")
		}
	})
	t.Run("an edit keeps the rest", func(t *testing.T) {
		must(t, w.box.Edit(aiko, got.ID, record.Fields{record.OrgTitle: {{Text: "課長"}}, record.Phone: {}}))
		now, err := w.box.Contact(aiko, got.ID)
		must(t, err)
		equal(t, "title", now.Record.Fields.First(record.OrgTitle), "課長")
		equal(t, "phones", len(now.Record.Fields[record.Phone]), 0)
		equal(t, "groups", strings.Join(now.Groups, ","), "category:顧客")
		if now.Version == got.Version || len(now.Record.Fields[record.Email]) != 3 {
			t.Errorf("got %+v", now)
		}
	})
	if _, err := w.box.Fill(aiko, []sandbox.Seed{seed("X", "A", "B")}); err == nil {
		t.Error("a contact is in two folders")
	}
}

// control sends a request to a control route.
func (w *world) control(method, path string, body any) (int, fields) {
	w.t.Helper()
	raw, ok := body.([]byte)
	if !ok {
		var err error
		raw, err = json.Marshal(body)
		must(w.t, err)
	}
	r, err := http.NewRequest(method, w.srv.URL+path, bytes.NewReader(raw))
	must(w.t, err)
	res, err := http.DefaultClient.Do(r)
	must(w.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(w.t, err)
	var out fields
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		must(w.t, json.Unmarshal(b, &out))
	}
	return res.StatusCode, out
}

func TestControlRoutes(t *testing.T) {
	w := newWorld(t)
	status, _ := w.control("POST", "/sandbox/users", fields{"email": "ben@contoso.example", "name": "Ben"})
	equal(t, "a new user", status, 200)
	w.signIn("ben@contoso.example", full)
	w.do("POST", "/me/contacts", fields{"givenName": "X"}).want(201)
	const of = "?user=ben@contoso.example"
	_, made := w.control("POST", "/sandbox/contacts"+of, fields{"contacts": []sandbox.Seed{seed("A"), seed("B", "CRM")}})
	ids, _ := made["ids"].([]any)
	if len(ids) != 2 {
		t.Fatalf("got %v", made)
	}
	id := ids[0].(string)
	_, group := w.control("POST", "/sandbox/groups"+of, fields{"name": "New"})
	for _, c := range []struct {
		method, path string
		body         any
		want         int
	}{
		{"POST", "/sandbox/members" + of, fields{"id": id, "groups": []string{"CRM", "category:x"}}, 200},
		{"POST", "/sandbox/merge" + of, fields{"winner": id, "loser": ids[1]}, 200},
		{"POST", "/sandbox/merge" + of, fields{"winner": id, "loser": ids[1]}, 400},
		{"PATCH", "/sandbox/groups/" + str(group, "id") + of, fields{"name": "Newer"}, 200},
		{"PATCH", "/sandbox/groups/" + str(group, "id") + of, fields{"name": "CRM"}, 400},
		{"DELETE", "/sandbox/groups/" + str(group, "id") + of, nil, 200},
		{"PUT", "/sandbox/photos/" + id + of, picture(t, 3, 3), 200},
		{"GET", "/sandbox/photos/" + id + of, nil, 200},
		{"PUT", "/sandbox/photos/" + id + of, []byte{}, 200},
		{"GET", "/sandbox/photos/" + id + of, nil, 404},
		{"POST", "/sandbox/tenant" + of, fields{"admin_consent_required": true}, 200},
		{"POST", "/sandbox/admin-consent" + of, fields{"scopes": []string{full}, "roles": []string{full}}, 200},
		{"POST", "/sandbox/token-error" + of, fields{"code": 50076}, 200},
		{"POST", "/sandbox/token-error" + of, fields{"code": 1}, 400},
		{"POST", "/sandbox/lifecycle" + of, fields{"event": "missed"}, 200},
		{"GET", "/sandbox/subscriptions" + of, nil, 200},
		{"DELETE", "/sandbox/subscriptions" + of, nil, 200},
		{"POST", "/sandbox/expire-cursors" + of, nil, 200},
		{"POST", "/sandbox/expire-access" + of, nil, 200},
		{"POST", "/sandbox/scopes" + of, fields{"scopes": []string{"User.Read"}}, 200},
		{"POST", "/sandbox/revoke" + of, nil, 200},
		{"POST", "/sandbox/revoke?user=nobody", nil, 404},
		{"POST", "/sandbox/lag", fields{"seconds": 2}, 200},
		{"POST", "/sandbox/limits", graph.Unlimited(), 200},
		{"POST", "/sandbox/quirks", graph.Quirks{EmptyPages: true}, 200},
		{"POST", "/sandbox/part-faults", sandbox.Fault{Status: 500}, 200},
		{"DELETE", "/sandbox/part-faults", nil, 200},
		{"POST", "/sandbox/push", fields{"lose": 1}, 200},
		{"POST", "/sandbox/users", fields{"email": "x@y.example", "name": "X", "directory": "no"}, 400},
	} {
		if status, body := w.control(c.method, c.path, c.body); status != c.want {
			t.Errorf("%s %s: got %d %v, want %d", c.method, c.path, status, body, c.want)
		}
	}
	_, groups := w.control("GET", "/sandbox/groups"+of, nil)
	if list, _ := groups["groups"].([]any); len(list) != 3 {
		t.Errorf("got the groups %v, want Contacts, CRM and x", groups)
	}
	_, page := w.control("GET", "/sandbox/contacts"+of+"&limit=1", nil)
	if list, _ := page["contacts"].([]any); len(list) != 1 || str(page, "next") == "" {
		t.Errorf("got %v", page)
	}
	if status, _ := w.control("GET", "/sandbox/page/list"+of, nil); status != 200 {
		t.Errorf("the page answers %d", status)
	}
}
