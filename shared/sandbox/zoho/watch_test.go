package zoho_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/contract"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	"meibo/shared/sandbox/zoho"
)

const channelID = "1000000068001"

// ear is a subscriber that keeps what it is sent.
type ear struct {
	*httptest.Server
	mu   sync.Mutex
	sent []map[string]any
}

func newEar(t *testing.T) *ear {
	e := &ear{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		m := map[string]any{}
		if err != nil || json.Unmarshal(b, &m) != nil || r.Method != "POST" || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			t.Errorf("got %s %q, %v", r.Method, b, err)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.sent = append(e.sent, m)
	}))
	t.Cleanup(e.Close)
	return e
}

// heard waits until the sandbox has delivered, and returns what came as "operation ids".
func (e *ear) heard(w *world) []string {
	w.Helper()
	out := []string{}
	for _, m := range e.bodies(w) {
		line := str(m["operation"])
		ids, _ := m["ids"].([]any)
		for _, id := range ids {
			line += " " + str(id)
		}
		out = append(out, line)
	}
	return out
}

func (e *ear) bodies(w *world) []map[string]any {
	w.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := w.box.Pusher().Wait(ctx); err != nil {
		w.Fatal(err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	out := e.sent
	e.sent = nil
	return out
}

// watching adds the scope to the user's token and returns a watch request.
func (w *world) watching(e *ear, change fields) fields {
	w.Helper()
	tok, _, err := w.box.Issue(aiko, append(slices.Clone(allScopes), "ZohoCRM.notifications.ALL")...)
	if err != nil {
		w.Fatal(err)
	}
	w.tokens[aiko] = tok
	ch := fields{"channel_id": channelID, "events": []string{"Contacts.all"}, "channel_expiry": "2026-10-09T12:00:00+09:00", "token": "t-7f1c9be0", "notify_url": e.URL + "/h"}
	for k, v := range change {
		ch[k] = v
		if v == nil {
			delete(ch, k)
		}
	}
	return fields{"watch": []fields{ch}}
}

func granted(a *answer) map[string]any {
	a.Helper()
	events, _ := detail(a.list("watch")[0], "events").([]any)
	if len(events) == 0 {
		a.Fatalf("got %s, want events", a.raw)
	}
	m, _ := events[0].(map[string]any)
	return m
}

func TestWatchAnswersAsTheSample(t *testing.T) {
	w := newWorld(t)
	e := newEar(t)
	all := contract.Samples(t, "samples-zoho.json")
	body := all["watch request"].Body
	w.watching(e, nil)
	list, _ := body["watch"].([]any)
	first, _ := list[0].(map[string]any)
	first["notify_url"] = e.URL + "/h"
	got := w.call("POST", "/actions/watch", body).want(201)
	sameShape(t, "$", got.body, all["watch answer"].Body)
	equal(t, "expiry", str(granted(got)["channel_expiry"]), "2026-10-09T12:00:00+09:00")
	equal(t, "channel", str(granted(got)["channel_id"]), channelID)
	for _, ch := range w.call("GET", "/actions/watch?module=Contacts", nil).want(200).list("watch") {
		equal(t, "token", str(ch["token"]), "t-7f1c9be0")
	}
}

func TestWatchTellsWhatHappened(t *testing.T) {
	w := newWorld(t)
	e := newEar(t)
	w.call("POST", "/actions/watch", w.watching(e, fields{"return_affected_field_values": true})).want(201)
	ids := w.insert(fields{"Last_Name": "Oda"}, fields{"Last_Name": "Ota"})
	w.call("PUT", "/Contacts/"+ids[0], fields{"data": []fields{{"Mobile": "+81 90-5555-0190"}}}).want(200)
	w.call("DELETE", "/Contacts?ids="+ids[1], nil).want(200)
	got := e.bodies(w)
	if len(got) != 3 {
		t.Fatalf("got %d notifications, want 3", len(got))
	}
	b, err := json.Marshal(got[1])
	must(t, err)
	sameShape(t, "$", got[1], map[string]any{"server_time": 1.0, "affected_values": []any{map[string]any{"record_id": "", "values": map[string]any{"Mobile": ""}}},
		"query_params": map[string]any{}, "module": "", "resource_uri": "", "ids": []any{""}, "affected_fields": []any{map[string]any{ids[0]: []any{"Mobile"}}},
		"operation": "", "channel_id": "", "token": ""})
	equal(t, "body", strings.Contains(string(b), `"token":"t-7f1c9be0"`), true)
	times := map[any]bool{}
	for i, want := range []string{"insert " + ids[0] + " " + ids[1], "update " + ids[0], "delete " + ids[1]} {
		times[got[i]["server_time"]] = true
		list, _ := got[i]["ids"].([]any)
		line := str(got[i]["operation"])
		for _, id := range list {
			line += " " + str(id)
		}
		equal(t, "notification", line, want)
	}
	equal(t, "distinct times", len(times), 3)

	t.Run("of what people do in pages, too", func(t *testing.T) {
		must(t, w.box.Edit(aiko, ids[0], neutral(record.NameFamily, "Abe")))
		must(t, w.box.SetGroups(aiko, ids[0], []string{"vip"}))
		more := w.fill(aiko, 2)
		must(t, w.box.Merge(aiko, ids[0], more[0]))
		if got, want := e.heard(w), []string{"update " + ids[0], "update " + ids[0], "insert " + more[0] + " " + more[1], "delete " + more[0], "update " + ids[0]}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("a large import in several notifications", func(t *testing.T) {
		w.fill(aiko, 250)
		if got := e.bodies(w); len(got) != 3 {
			t.Errorf("got %d, want 3", len(got))
		}
	})
	t.Run("nothing of records that the user may not see", func(t *testing.T) {
		w.addUser(zoho.User{Email: ren, Name: "Ren Ishida", Profile: "Standard", Role: "Manager"})
		must(t, w.box.SetPrivate(aiko, true))
		w.addUser(zoho.User{Email: aiko, Profile: "Standard", Role: "Manager"})
		w.fill(ren, 1)
		if got := e.heard(w); len(got) != 0 {
			t.Errorf("got %q", got)
		}
	})
	t.Run("nothing without values unless asked for", func(t *testing.T) {
		ch := w.watching(e, fields{"return_affected_field_values": nil})
		w.call("PUT", "/actions/watch", ch).want(200)
		w.fill(aiko, 1)
		for _, b := range e.bodies(w) {
			if b["affected_values"] != nil {
				t.Errorf("got %v", b)
			}
		}
	})
}

func TestWatchExpiry(t *testing.T) {
	for name, c := range map[string]struct{ asked, want any }{
		"as asked":           {"2026-10-09T17:59:59+09:00", "2026-10-09T17:59:59+09:00"},
		"absent is an hour":  {nil, "2026-10-02T19:00:00+09:00"},
		"too far is an hour": {"2026-10-09T18:00:01+09:00", "2026-10-02T19:00:00+09:00"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			got := granted(w.call("POST", "/actions/watch", w.watching(newEar(t), fields{"channel_expiry": c.asked})).want(201))
			equal(t, "expiry", got["channel_expiry"], c.want)
		})
	}
	t.Run("then it is silent", func(t *testing.T) {
		w := newWorld(t)
		e := newEar(t)
		ch := w.watching(e, fields{"channel_expiry": nil})
		w.call("POST", "/actions/watch", ch).want(201)
		w.clock.Advance(50 * time.Minute)
		w.call("PATCH", "/actions/watch", w.watching(e, fields{"token": nil})).want(200)
		w.clock.Advance(50 * time.Minute)
		w.fill(aiko, 1)
		if got := e.bodies(w); len(got) != 1 || got[0]["token"] != "t-7f1c9be0" {
			t.Fatalf("got %v, want one with the token as it was", got)
		}
		w.clock.Advance(7 * 24 * time.Hour)
		w.fill(aiko, 1)
		if got := e.heard(w); len(got) != 0 {
			t.Errorf("got %q", got)
		}
		ch = w.watching(e, fields{"channel_expiry": nil})
		bad := w.call("PATCH", "/actions/watch", ch).want(400).list("watch")[0]
		equal(t, "code", str(bad["code"]), "NOT_SUBSCRIBED")
	})
}

func TestWatchRefusals(t *testing.T) {
	w := newWorld(t)
	e := newEar(t)
	for name, c := range map[string]struct {
		change fields
		code   string
	}{
		"no channel":           {fields{"channel_id": nil}, "MANDATORY_NOT_FOUND"},
		"no address":           {fields{"notify_url": nil}, "MANDATORY_NOT_FOUND"},
		"no events":            {fields{"events": nil}, "MANDATORY_NOT_FOUND"},
		"a channel of words":   {fields{"channel_id": "mine"}, "INVALID_DATA"},
		"a channel beyond 63":  {fields{"channel_id": "9999999999999999999"}, "INVALID_DATA"},
		"an open address":      {fields{"notify_url": "http://sync.example.com/h"}, "INVALID_DATA"},
		"a long address":       {fields{"notify_url": "https://sync.example.com/" + strings.Repeat("h", 240)}, "INVALID_DATA"},
		"a long token":         {fields{"token": strings.Repeat("t", 51)}, "INVALID_DATA"},
		"an unknown module":    {fields{"events": []string{"Deals.all"}}, "INVALID_DATA"},
		"an unknown event":     {fields{"events": []string{"Contacts.update"}}, "INVALID_DATA"},
		"an end in the past":   {fields{"channel_expiry": "2026-10-02T09:00:00Z"}, "INVALID_DATA"},
		"an end with fraction": {fields{"channel_expiry": "2026-10-03T09:00:00.5Z"}, "INVALID_DATA"},
		"an unknown member":    {fields{"secret": "x"}, "INVALID_DATA"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := w.call("POST", "/actions/watch", w.watching(e, c.change)).want(400).list("watch")[0]
			equal(t, "code", str(bad["code"]), c.code)
		})
	}
	t.Run("nothing was subscribed", func(t *testing.T) {
		w.watching(e, nil)
		if a := w.send(getWatch(w)); a.status != 204 {
			t.Errorf("got %d %s", a.status, a.raw)
		}
	})
	t.Run("the same channel twice", func(t *testing.T) {
		ch := w.watching(e, nil)
		w.call("POST", "/actions/watch", ch).want(201)
		bad := w.call("POST", "/actions/watch", ch).want(400).list("watch")[0]
		equal(t, "code", str(bad["code"]), "INVALID_DATA")
	})
	t.Run("mixed", func(t *testing.T) {
		ch := w.watching(e, fields{"channel_id": 77})
		list, _ := ch["watch"].([]fields)
		ch["watch"] = append(list, fields{"events": []string{"Contacts.all"}, "notify_url": e.URL})
		w.call("POST", "/actions/watch", ch).want(207)
		got := w.call("DELETE", "/actions/watch?channel_ids=77,78", nil).want(207).list("watch")
		equal(t, "first", str(got[0]["code"]), "SUCCESS")
		equal(t, "second", str(got[1]["code"]), "NOT_SUBSCRIBED")
	})
	t.Run("another user's channel", func(t *testing.T) {
		w.addUser(zoho.User{Email: ren, Name: "Ren Ishida"})
		tok, _, err := w.box.Issue(ren, "ZohoCRM.notifications.ALL", "ZohoCRM.modules.ALL")
		must(t, err)
		w.tokens[ren] = tok
		w.call("DELETE", "/actions/watch?channel_ids="+channelID, nil, as(w, ren)).want(400)
		w.call("GET", "/actions/watch?channel_id="+channelID, nil, as(w, ren)).refused(400, "NOT_SUBSCRIBED")
	})
	t.Run("without the scope, or that of the module", func(t *testing.T) {
		for _, scopes := range [][]string{{"ZohoCRM.modules.ALL"}, {"ZohoCRM.notifications.ALL"}} {
			tok, _, err := w.box.Issue(aiko, scopes...)
			must(t, err)
			ch := w.watching(e, fields{"channel_id": 99})
			w.tokens[aiko] = tok
			if a := w.call("POST", "/actions/watch", ch); a.status < 400 {
				t.Errorf("%v: got %d", scopes, a.status)
			}
		}
	})
}

func getWatch(w *world) *http.Request {
	r, err := http.NewRequest("GET", w.srv.URL+"/crm/v8/actions/watch", nil)
	must(w.T, err)
	r.Header.Set("Authorization", "Zoho-oauthtoken "+w.token(aiko))
	return r
}

func TestWatchSurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keep")
	keep, err := sandbox.OpenFile(path)
	must(t, err)
	w := newWorld(t, func(c *zoho.Config) { c.Keep = keep })
	e := newEar(t)
	w.call("POST", "/actions/watch", w.watching(e, nil)).want(201)
	must(t, keep.Close())
	keep, err = sandbox.OpenFile(path)
	must(t, err)
	t.Cleanup(func() { must(t, keep.Close()) })
	cfg := config(w.clock)
	cfg.Keep = keep
	w.box, err = zoho.New(cfg)
	must(t, err)
	w.fill(aiko, 1)
	equal(t, "notifications", len(e.heard(w)), 1)
	must(t, w.box.EndChannels(aiko))
	w.fill(aiko, 1)
	equal(t, "notifications after the end", len(e.heard(w)), 0)
	w.box.Close()
}
