package sandbox_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/record"
	"meibo/shared/sandbox"
)

const who = "ann@example.com"

// shelf is a Book of one user in memory.
type shelf struct {
	list []sandbox.Contact
	made int
}

func (s *shelf) Title() string              { return "Shelf <b>" }
func (s *shelf) Users() []sandbox.User      { return []sandbox.User{{Email: who, Name: "Ann"}} }
func (s *shelf) AddUserJSON(b []byte) error { return json.Unmarshal(b, &sandbox.User{}) }
func (s *shelf) check(user string) error {
	if user != who {
		return sandbox.ErrNoUser
	}
	return nil
}

func (s *shelf) Fields(user string) ([]record.Field, error) {
	return []record.Field{
		{Key: record.NameGiven, Type: record.TypeText, Name: "First name", Max: 1},
		{Key: record.Email, Type: record.TypeEmail, Name: "E-mail", Labelled: true},
		{Key: record.Address, Type: record.TypeAddress, Name: "Address", Labelled: true},
		{Key: record.IM, Type: record.TypeIM, Name: "Chat", Max: 3},
		{Key: record.Note, Type: record.TypeLongText, Name: "Notes", Max: 1},
		{Key: "computed", Type: record.TypeText, Name: "Computed", ReadOnly: true},
	}, s.check(user)
}

func (s *shelf) Fill(user string, seeds []sandbox.Seed) (sandbox.Filled, error) {
	var done sandbox.Filled
	for _, seed := range seeds {
		s.made++
		id := fmt.Sprintf("id/%d", s.made)
		s.list = append(s.list, sandbox.Contact{ID: id, Version: "1", Record: seed.Record, Groups: seed.Groups})
		done.IDs = append(done.IDs, id)
	}
	return done, s.check(user)
}

func (s *shelf) Contacts(user, after string, limit int) ([]sandbox.Contact, string, error) {
	from := 0
	if after != "" {
		if _, err := fmt.Sscan(after, &from); err != nil {
			return nil, "", err
		}
	}
	page := s.list[from:min(from+limit, len(s.list))]
	if from+len(page) == len(s.list) {
		return page, "", s.check(user)
	}
	return page, fmt.Sprint(from + len(page)), s.check(user)
}

func (s *shelf) find(id string) *sandbox.Contact {
	for i := range s.list {
		if s.list[i].ID == id {
			return &s.list[i]
		}
	}
	return nil
}

func (s *shelf) Contact(user, id string) (sandbox.Contact, error) {
	if c := s.find(id); c != nil {
		return *c, s.check(user)
	}
	return sandbox.Contact{}, sandbox.ErrNoContact
}

func (s *shelf) Edit(user, id string, f record.Fields) error {
	c := s.find(id)
	if c == nil {
		return sandbox.ErrNoContact
	}
	if f.First(record.NameGiven) == "refuse" {
		return fmt.Errorf("the name is refused")
	}
	for k, vs := range f {
		c.Record.Fields[k] = vs
	}
	c.Version += "1"
	return nil
}

func (s *shelf) Remove(user, id string) error {
	for i := range s.list {
		if s.list[i].ID == id {
			s.list = append(s.list[:i], s.list[i+1:]...)
			return nil
		}
	}
	return sandbox.ErrNoContact
}

func seed(name string) sandbox.Seed {
	return sandbox.Seed{Record: record.Record{Kind: record.Contact, Fields: record.Fields{record.NameGiven: {{Text: name}}}}}
}

type desk struct {
	t     *testing.T
	shelf *shelf
	url   string
	clock clock.Clock
}

func newDesk(t *testing.T, c clock.Clock) *desk {
	t.Helper()
	d := &desk{t: t, shelf: &shelf{}, clock: c}
	srv := httptest.NewServer(sandbox.Control(sandbox.ControlConfig{
		Book: d.shelf, Faults: &sandbox.Faults{}, Clock: c,
		Verbs: map[string]http.HandlerFunc{"POST /sandbox/own": func(w http.ResponseWriter, r *http.Request) { sandbox.ControlAnswer(w, "own", nil) }},
	}))
	t.Cleanup(srv.Close)
	d.url = srv.URL
	return d
}

func (d *desk) do(method, path, body string, change func(*http.Request)) (int, string) {
	d.t.Helper()
	r, err := http.NewRequest(method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	hc := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := hc.Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func (d *desk) post(path string, form url.Values) (int, string) {
	return d.do("POST", path, form.Encode(), func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") })
}

func TestPageEscapesListsAndSearches(t *testing.T) {
	d := newDesk(t, clock.Real{})
	for i := range 60 {
		if _, err := d.shelf.Fill(who, []sandbox.Seed{seed(fmt.Sprintf("<i>P%d</i>", i))}); err != nil {
			t.Fatal(err)
		}
	}
	if status, body := d.do("GET", "/sandbox/", "", nil); status != 200 || !strings.Contains(body, "Shelf &lt;b&gt;") || !strings.Contains(body, "user=ann%40example.com") {
		t.Errorf("got %d %s", status, body)
	}
	status, body := d.do("GET", "/sandbox/page/list?user="+who, "", nil)
	if status != 200 || strings.Contains(body, "<i>") || strings.Count(body, "<tr><td>") != 50 || !strings.Contains(body, "after=50") {
		t.Errorf("got %d with %d rows", status, strings.Count(body, "<tr><td>"))
	}
	status, body = d.do("GET", "/sandbox/page/list?user="+who+"&q=P59", "", nil)
	if status != 200 || strings.Count(body, "<tr><td>") != 1 {
		t.Errorf("the search shows %d rows, want 1", strings.Count(body, "<tr><td>"))
	}
	if status, _ := d.do("GET", "/sandbox/page/list?user=nobody", "", nil); status != 404 {
		t.Errorf("an unknown user answers %d, want 404", status)
	}
	if status, _ := d.do("GET", "/sandbox/page/edit?user="+who+"&id=nope", "", nil); status != 404 {
		t.Errorf("an unknown contact answers %d, want 404", status)
	}
}

// formOf reads the fields of the edit form, the way a browser would send them back.
func formOf(t *testing.T, body string) url.Values {
	t.Helper()
	form := url.Values{}
	for _, part := range strings.Split(body[strings.Index(body, `action="/sandbox/page/save"`):strings.Index(body, "Save</button>")], "name=\"")[1:] {
		name := part[:strings.IndexByte(part, '"')]
		value := ""
		if i := strings.Index(part, ` value="`); i >= 0 {
			value = part[i+8 : i+8+strings.IndexByte(part[i+8:], '"')]
		} else if i := strings.Index(part, ">\n"); i >= 0 {
			value = part[i+2 : strings.Index(part, "</textarea>")]
		}
		form.Set(name, strings.NewReplacer("&#34;", `"`, "&lt;", "<", "&amp;", "&").Replace(value))
	}
	return form
}

func TestPageEditsOnlyWhatThePersonChanged(t *testing.T) {
	d := newDesk(t, clock.Real{})
	fields := record.Fields{
		record.NameGiven: {{Text: "Ann"}},
		record.Email:     {{Text: "a@example.com", Label: "work", Primary: true}, {Text: "b@example.com", Label: "home"}},
		record.Address:   {{Text: "as typed", Parts: map[record.Part]string{record.PartCity: "Kyoto"}, Label: "home"}},
		record.Note:      {{Text: "line 1\nline 2"}},
		"computed":       {{Text: "x"}},
	}
	if _, err := d.shelf.Fill(who, []sandbox.Seed{{Record: record.Record{Fields: fields}}}); err != nil {
		t.Fatal(err)
	}
	edit := "/sandbox/page/edit?user=" + who + "&id=id/1"
	_, body := d.do("GET", edit, "", nil)
	form := formOf(t, body)

	t.Run("saving unchanged changes nothing", func(t *testing.T) {
		form.Set("note|0|text", "line 1\r\nline 2") // as browsers send it
		if status, body := d.post("/sandbox/page/save", form); status != 303 {
			t.Fatalf("got %d %s", status, body)
		}
		if v := d.shelf.find("id/1").Version; v != "1" {
			t.Errorf("the version is %s, want 1", v)
		}
	})
	t.Run("an edit keeps the rest", func(t *testing.T) {
		form.Set("email|1|text", "new@example.com")
		form.Set("email|2|text", "third@example.com")
		form.Set("im|0|text", "ann")
		form.Set("im|0|service", "skype")
		if status, body := d.post("/sandbox/page/save", form); status != 303 {
			t.Fatalf("got %d %s", status, body)
		}
		got := d.shelf.find("id/1").Record.Fields
		wantMail := []record.Value{{Text: "a@example.com", Label: "work", Primary: true}, {Text: "new@example.com", Label: "home"}, {Text: "third@example.com"}}
		if !reflect.DeepEqual(got[record.Email], wantMail) {
			t.Errorf("got %+v, want %+v", got[record.Email], wantMail)
		}
		if got[record.Address][0].Text != "as typed" || got[record.IM][0].Parts[record.PartService] != "skype" {
			t.Errorf("got %+v and %+v", got[record.Address], got[record.IM])
		}
	})
	t.Run("a stale form is refused", func(t *testing.T) {
		if status, body := d.post("/sandbox/page/save", form); status != 409 || !strings.Contains(body, "in the meantime") {
			t.Errorf("got %d", status)
		}
	})
	t.Run("a refusal is shown with what was typed", func(t *testing.T) {
		form.Set("version", "11")
		form.Set("name.given|0|text", "refuse")
		if status, body := d.post("/sandbox/page/save", form); status != 400 || !strings.Contains(body, "the name is refused") || !strings.Contains(body, `value="refuse"`) {
			t.Errorf("got %d", status)
		}
	})
	t.Run("another site's form is refused", func(t *testing.T) {
		for _, h := range [][2]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
			status, _ := d.do("POST", "/sandbox/page/delete", "user="+who+"&id=id/1", func(r *http.Request) {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set(h[0], h[1])
			})
			if status != 403 || d.shelf.find("id/1") == nil {
				t.Errorf("%s: got %d, want 403 and the contact kept", h[0], status)
			}
		}
	})
	t.Run("a contact can be added and deleted", func(t *testing.T) {
		status, _ := d.post("/sandbox/page/save", url.Values{"user": {who}, "id": {""}, "name.given|0|text": {"New"}})
		if c := d.shelf.find("id/2"); status != 303 || c == nil || !reflect.DeepEqual(c.Record.Fields, record.Fields{record.NameGiven: {{Text: "New"}}}) {
			t.Errorf("got %d and %+v", status, c)
		}
		if status, _ := d.post("/sandbox/page/delete", url.Values{"user": {who}, "id": {"id/2"}}); status != 303 || d.shelf.find("id/2") != nil {
			t.Errorf("got %d", status)
		}
	})
}

func TestControlAnswersThisMachineOnly(t *testing.T) {
	h := sandbox.Control(sandbox.ControlConfig{Book: &shelf{}, Faults: &sandbox.Faults{}, Clock: clock.Real{}})
	for _, c := range []struct {
		remote, host string
		want         int
	}{
		{"127.0.0.1:9", "localhost:80", 200}, {"[::1]:9", "[::1]:80", 200}, {"", "anything", 200},
		{"192.0.2.1:9", "localhost", 403}, {"127.0.0.1:9", "rebound.example", 403},
	} {
		r := httptest.NewRequest("GET", "/sandbox/users", nil)
		r.RemoteAddr, r.Host = c.remote, c.host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("from %q to %q: got %d, want %d", c.remote, c.host, w.Code, c.want)
		}
	}
}

func TestControlVerbs(t *testing.T) {
	at := clock.NewVirtual(time.Unix(1000, 0), true)
	d := newDesk(t, at)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/sandbox/users", `{"email":"x","name":"y"}`, 200, "{}"},
		{"POST", "/sandbox/contacts?user=" + who, `{"contacts":[{"record":{"kind":"contact","fields":{"name.given":[{"text":"A"}]}}}]}`, 200, `{"ids":["id/1"]}`},
		{"POST", "/sandbox/contacts?user=" + who, `{"people":[]}`, 400, "unknown field"},
		{"GET", "/sandbox/contacts?user=" + who, "", 200, `"next":""`},
		{"GET", "/sandbox/contacts?user=nobody", "", 404, "no such user"},
		{"GET", "/sandbox/contacts?user=" + who + "&limit=0", "", 400, "limit"},
		{"GET", "/sandbox/contacts/id/1?user=" + who, "", 200, `"id":"id/1"`},
		{"PATCH", "/sandbox/contacts/id/1?user=" + who, `{"fields":{"name.given":[{"text":"B"}]}}`, 200, "{}"},
		{"PATCH", "/sandbox/contacts/id/9?user=" + who, `{"fields":{}}`, 404, "no such contact"},
		{"POST", "/sandbox/faults", `{"status":500}`, 200, "{}"},
		{"POST", "/sandbox/faults", `{"state":500}`, 400, "unknown field"},
		{"DELETE", "/sandbox/faults", "", 200, "{}"},
		{"GET", "/sandbox/calls", "", 200, `{"ops":{},"total":0}`},
		{"POST", "/sandbox/calls/reset", "", 200, "{}"},
		{"POST", "/sandbox/clock", `{"now":"1970-01-01T01:00:00Z"}`, 200, "01:00:00"},
		{"POST", "/sandbox/own", "", 200, `"own"`},
		{"DELETE", "/sandbox/contacts/id/1?user=" + who, "", 200, "{}"},
		{"GET", "/sandbox/nothing", "", 404, ""},
	} {
		status, body := d.do(c.method, c.path, c.body, nil)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s %s: got %d %s, want %d with %s", c.method, c.path, c.body, status, body, c.status, c.want)
		}
	}
	if got := at.Now().Unix(); got != 3600 {
		t.Errorf("the clock shows %d, want 3600", got)
	}
	real := newDesk(t, clock.Real{})
	if status, _ := real.do("POST", "/sandbox/clock", `{"now":"1970-01-01T01:00:00Z"}`, nil); status != 409 {
		t.Errorf("setting a real clock answers %d, want 409", status)
	}
}
