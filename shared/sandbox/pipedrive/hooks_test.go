package pipedrive_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"meibo/shared/contract"
	"meibo/shared/record"
	"meibo/shared/sandbox/pipedrive"
)

// listener is an app's address for webhooks.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []map[string]any
	basic  string
	probes int
}

func listen(t *testing.T) *listener {
	t.Helper()
	l := &listener{status: 200}
	l.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		l.mu.Lock()
		defer l.mu.Unlock()
		if r.Method == http.MethodGet {
			l.probes++
			if l.status == http.StatusFound {
				http.Redirect(rw, r, "/elsewhere", l.status)
			}
			return
		}
		var m map[string]any
		if err != nil || json.Unmarshal(b, &m) != nil {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		user, pass, _ := r.BasicAuth()
		l.basic = user + ":" + pass
		l.got = append(l.got, m)
		rw.WriteHeader(l.status)
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *listener) answer(status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status = status
}

// take returns what came so far and forgets it.
func (l *listener) take() []map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	got := l.got
	l.got = nil
	return got
}

func meta(m map[string]any) map[string]any { x, _ := m["meta"].(map[string]any); return x }

// hook makes a webhook for persons.
func (w *world) hook(l *listener, opts ...option) int64 {
	w.Helper()
	body := sample(w.T, "webhook-create")
	delete(body, "user_id")
	body["subscription_url"] = l.URL + "/hooks/c_8f2a"
	return w.call("POST", "/api/v1/webhooks", body, opts...).want(201).id()
}

func TestWebhooksAreManaged(t *testing.T) {
	w := newWorld(t)
	l := listen(t)
	id := w.hook(l)
	equal(t, "probes", l.probes, 1)
	list := w.call("GET", "/api/v1/webhooks", nil).want(200)
	contract.SameShape(t, "$", list.data()[0], sample(t, "webhook-create-response")["data"])
	body := sample(t, "webhook-create")
	delete(body, "user_id")
	fails := func(change fields, status int) {
		t.Helper()
		b := fields{}
		for k, v := range body {
			b[k] = v
		}
		b["subscription_url"] = l.URL
		for k, v := range change {
			b[k] = v
		}
		a := w.call("POST", "/api/v1/webhooks", b).want(status)
		if a.body["errors"] == nil && a.body["error"] == nil {
			t.Fatalf("got %s", a.raw)
		}
	}
	fails(fields{"subscription_url": "http://127.0.0.1:1/nobody"}, 400)
	fails(fields{"subscription_url": "http://meibo.example/plain"}, 400)
	l.answer(http.StatusFound)
	fails(fields{}, 400)
	l.answer(http.StatusOK)
	fails(fields{"version": "1.0"}, 400)
	fails(fields{"event_action": "added"}, 400)
	fails(fields{"event_object": "contact"}, 400)
	fails(fields{"name": nil}, 400)
	fails(fields{"http_auth_password": nil}, 400)
	fails(fields{"user_id": 12}, 400)
	fails(fields{"secret": "x"}, 400)

	w.addUser(pipedrive.User{Email: tarmo})
	w.call("DELETE", "/api/v1/webhooks/"+num(id), nil, as(w, tarmo)).want(403)
	w.call("DELETE", "/api/v1/webhooks/"+num(id), nil).want(200)
	w.call("DELETE", "/api/v1/webhooks/"+num(id), nil).want(404)
	for range 40 {
		w.hook(l)
	}
	fails(fields{}, 422)
	w.hook(l, as(w, tarmo))
	must(t, w.box.RevokeUser(mira))
	all, err := w.box.Webhooks(mira)
	must(t, err)
	equal(t, "left after an uninstall", len(all), 1)
}

func TestWebhooksTellOfChanges(t *testing.T) {
	w := newWorld(t)
	l := listen(t)
	text, err := w.box.AddField(mira, "Kind", "varchar")
	must(t, err)
	choice, err := w.box.AddField(mira, "Choice", "enum", "a", "b")
	must(t, err)
	w.hook(l)
	id := w.person(fields{"name": "Jon Berg", "custom_fields": fields{text: "Partner"}})
	w.settled()
	made := l.take()
	equal(t, "events", len(made), 1)
	equal(t, "basic", l.basic, "c_8f2a:4pXq-invented-7tLm")
	equal(t, "previous", made[0]["previous"], nil)
	equal(t, "source", str(meta(made[0])["change_source"]), "api")

	f := record.Fields{record.Phone: {{Text: "+372 5555 0172", Label: "mobile"}}}
	f.Set(record.Custom(choice), "b")
	must(t, w.box.Edit(mira, num(id), f))
	w.settled()
	changed := l.take()
	equal(t, "events", len(changed), 1)
	wanted := sample(t, "webhook-change")
	delete(wanted["data"].(map[string]any), "custom_fields")
	delete(wanted["previous"].(map[string]any), "update_time")
	wanted["previous"] = fields{"phones": []any{}, "custom_fields": nil}
	data := changed[0]["data"].(map[string]any)
	customs := data["custom_fields"].(map[string]any)
	delete(data, "custom_fields")
	data["emails"] = []any{map[string]any{"label": "work", "value": "x", "primary": true}} // Jon has none
	contract.SameShape(t, "$", changed[0], wanted)
	equal(t, "typed text", str(customs[text].(map[string]any)["type"])+str(customs[text].(map[string]any)["value"]), "varcharPartner")
	equal(t, "typed choice", str(customs[choice].(map[string]any)["type"]), "enum")
	equal(t, "source", str(meta(changed[0])["change_source"]), "app")

	t.Run("bulk edits are marked", func(t *testing.T) {
		g := record.Fields{}
		g.Set(record.NameFamily, "Oja")
		must(t, w.box.BulkEdit(mira, []string{num(id)}, g))
		w.settled()
		equal(t, "bulk", meta(l.take()[0])["is_bulk_edit"], any(true))
	})
	t.Run("a merge is a delete and a change", func(t *testing.T) {
		other := w.person(fields{"name": "Ines"})
		w.settled()
		l.take()
		must(t, w.box.Merge(mira, num(id), num(other)))
		w.settled()
		got := l.take()
		equal(t, "events", len(got), 2)
		gone := sample(t, "webhook-delete-by-merge")
		delete(gone, "previous")
		delete(got[0], "previous")
		contract.SameShape(t, "$", got[0], gone)
		equal(t, "merged_to_id", str(meta(got[0])["merged_to_id"]), num(id))
		equal(t, "merged_from_id", str(meta(got[1])["merged_from_id"]), num(other))
	})
	t.Run("what the user may not see is not told", func(t *testing.T) {
		w.addUser(pipedrive.User{Email: tarmo})
		w.call("POST", "/persons", fields{"name": "Private", "visible_to": 1}, as(w, tarmo)).want(200)
		w.call("POST", "/organizations", fields{"name": "Another object"}).want(200)
		w.settled()
		equal(t, "events", len(l.take()), 0)
	})
	t.Run("lost and doubled on request", func(t *testing.T) {
		w.box.Pusher().Lose(1)
		w.person(fields{"name": "Lost"})
		w.box.Pusher().Double(1)
		w.person(fields{"name": "Double"})
		w.settled()
		got := l.take()
		equal(t, "events", len(got), 2)
		equal(t, "same id", str(meta(got[0])["id"]), str(meta(got[1])["id"]))
	})
}

func TestWebhookDeliveryRules(t *testing.T) {
	w := newWorld(t)
	l := listen(t)
	w.hook(l)
	l.answer(http.StatusInternalServerError)
	w.person(fields{"name": "A"})
	var attempts []int64
	for _, pause := range []time.Duration{0, 3 * time.Second, 30 * time.Second, 150 * time.Second, time.Hour} {
		w.clock.Advance(pause)
		w.settled()
		for _, m := range l.take() {
			attempts = append(attempts, whole(meta(m)["attempt"]))
		}
	}
	if len(attempts) != 4 || attempts[0] != 1 || attempts[3] != 4 {
		t.Fatalf("attempts: got %v, want 1 to 4", attempts)
	}
	state := func() pipedrive.Webhook {
		t.Helper()
		all, err := w.box.Webhooks(mira)
		must(t, err)
		return all[0]
	}
	equal(t, "failed first attempts", state().Failures, 1)
	w.tokens = map[string]string{}
	for range 9 {
		w.person(fields{"name": "B"})
		w.settled()
	}
	if state().Banned == nil || state().Failures != 0 {
		t.Fatalf("got %+v, want a ban and the count at 0", state())
	}
	l.take()
	l.answer(http.StatusOK)
	w.person(fields{"name": "in the ban"})
	w.settled()
	equal(t, "events in the ban", len(l.take()), 0)
	equal(t, "lost", state().Lost, 1)
	w.clock.Advance(30 * time.Minute)
	w.settled() // the retries of what failed before
	l.take()
	w.person(fields{"name": "after the ban"})
	w.settled()
	equal(t, "events after the ban", len(l.take()), 1)

	t.Run("three days without success delete it", func(t *testing.T) {
		l.answer(http.StatusBadGateway)
		for range 4 {
			must(t, w.box.Touch(mira, "1"))
			w.settled()
			w.clock.Advance(24 * time.Hour)
			w.settled()
		}
		equal(t, "active", state().Active, false)
		w.tokens = map[string]string{}
		got := w.call("GET", "/api/v1/webhooks", nil).want(200).data()[0]
		equal(t, "is_active", whole(got["is_active"]), 0)
		if got["remove_reason"] == nil || got["remove_time"] == nil {
			t.Fatalf("got %v", got)
		}
	})
	t.Run("verbs ban and drop", func(t *testing.T) {
		must(t, w.box.BanWebhooks(mira, time.Hour))
		if state().Banned == nil {
			t.Fatal("not banned")
		}
		must(t, w.box.DropWebhooks(mira, true))
		all, err := w.box.Webhooks(mira)
		must(t, err)
		equal(t, "webhooks", len(all), 0)
	})
}
