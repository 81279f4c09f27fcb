package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/sandbox/graph"
)

// ear is a subscriber.
type ear struct {
	url   string
	mu    sync.Mutex
	posts [][]fields
	calls int
	// echo and status change how it answers; nil and 0 mean well.
	echo   func(w http.ResponseWriter, token string)
	status int
}

func newEar(t *testing.T) *ear {
	t.Helper()
	e := &ear{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.calls++
		if token := r.URL.Query().Get("validationToken"); token != "" {
			if e.echo != nil {
				e.echo(w, token)
				return
			}
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, token)
			return
		}
		var in struct{ Value []fields }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Errorf("a notification does not parse: %v", err)
		}
		e.posts = append(e.posts, in.Value)
		w.WriteHeader(max(e.status, http.StatusAccepted))
	}))
	t.Cleanup(srv.Close)
	e.url = srv.URL + "/hook"
	return e
}

// heard waits for what is on its way and returns the POSTs since the last call.
func (e *ear) heard(w *world) [][]fields {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	must(w.t, w.box.Pusher().Wait(ctx))
	e.mu.Lock()
	defer e.mu.Unlock()
	out := e.posts
	e.posts = nil
	return out
}

func (w *world) wish(e *ear, resource string, life time.Duration) fields {
	return fields{"changeType": "created,updated,deleted", "notificationUrl": e.url, "lifecycleNotificationUrl": e.url, "resource": resource,
		"expirationDateTime": w.clock.Now().Add(life).Format(time.RFC3339Nano), "clientState": "state-1"}
}

func (w *world) subscribe(e *ear, resource string) string {
	w.t.Helper()
	return w.do("POST", "/subscriptions", w.wish(e, resource, 6*24*time.Hour), immutable).want(201).str("id")
}

func TestSubscriptionsTellOfChanges(t *testing.T) {
	w := newWorld(t)
	e := newEar(t)
	crm := w.do("POST", "/me/contactFolders", fields{"displayName": "CRM"}).want(201).str("id")
	id := w.subscribe(e, "/me/contacts")
	equal(t, "handshakes", e.calls, 2)
	other := w.subscribe(e, "me/contactFolders/"+crm+"/contacts")
	equal(t, "listed", len(w.do("GET", "/subscriptions", nil).want(200).values()), 2)

	contact := w.create("/me/contacts", fields{"givenName": "A"})
	got := e.heard(w)
	if len(got) != 1 || len(got[0]) != 1 {
		t.Fatalf("got %v, want one notification", got)
	}
	n := got[0][0]
	equal(t, "subscription", str(n, "subscriptionId"), id)
	equal(t, "state", str(n, "clientState"), "state-1")
	equal(t, "change", str(n, "changeType"), "created")
	equal(t, "id", str(sub(n, "resourceData"), "id"), contact)
	equal(t, "etag", str(sub(n, "resourceData"), "@odata.etag"), w.do("GET", "/me/contacts/"+contact, nil).str("@odata.etag"))
	if str(n, "tenantId") == "" || str(n, "id") == "" {
		t.Errorf("got %v", n)
	}

	t.Run("several subscriptions share a POST", func(t *testing.T) {
		must(t, w.box.SetGroups(aiko, contact, []string{"CRM"}))
		got := e.heard(w)
		if len(got) != 1 || len(got[0]) != 2 || str(got[0][0], "subscriptionId") != id || str(got[0][0], "changeType") != "deleted" ||
			str(got[0][1], "subscriptionId") != other || str(got[0][1], "changeType") != "created" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("lost, doubled and removed", func(t *testing.T) {
		w.box.Pusher().Lose(1)
		w.create("/me/contacts", fields{"givenName": "B"})
		equal(t, "lost", len(e.heard(w)), 0)
		w.box.Pusher().Double(1)
		w.create("/me/contacts", fields{"givenName": "C"})
		equal(t, "doubled", len(e.heard(w)), 2)
		w.do("DELETE", "/subscriptions/"+id, nil).want(204)
		w.do("DELETE", "/subscriptions/"+id, nil).want(404)
		w.create("/me/contacts", fields{"givenName": "D"})
		equal(t, "removed", len(e.heard(w)), 0)
	})
	t.Run("a failed delivery comes again", func(t *testing.T) {
		e.mu.Lock()
		e.status = 500
		e.mu.Unlock()
		must(t, w.box.Edit(aiko, contact, rename("E")))
		equal(t, "first try", len(e.heard(w)), 1)
		e.mu.Lock()
		e.status = 0
		e.mu.Unlock()
		w.clock.Advance(11 * time.Second)
		equal(t, "second try", len(e.heard(w)), 1)
	})
}

func TestSubscriptionsAreChecked(t *testing.T) {
	w := newWorld(t)
	e := newEar(t)
	with := func(name string, v any) fields {
		m := w.wish(e, "/me/contacts", time.Hour)
		m[name] = v
		return m
	}
	for name, c := range map[string]struct {
		body   fields
		status int
		code   string
	}{
		"plain http":          {with("notificationUrl", "http://hooks.example.com/x"), 400, "InvalidRequest"},
		"a lifecycle of http": {with("lifecycleNotificationUrl", "http://hooks.example.com/x"), 400, "InvalidRequest"},
		"a long state":        {with("clientState", strings.Repeat("x", 129)), 400, "InvalidRequest"},
		"another resource":    {with("resource", "/me/messages"), 400, "ExtensionError"},
		"no such folder":      {with("resource", "/me/contactFolders/AAMkAGI1AAAAAAAAAAEAAAAAAAAAAQ==/contacts"), 404, "ErrorItemNotFound"},
		"too long":            {with("expirationDateTime", w.clock.Now().Add(8*24*time.Hour).Format(time.RFC3339)), 400, "ExtensionError"},
		"in the past":         {with("expirationDateTime", w.clock.Now().Add(-time.Hour).Format(time.RFC3339)), 400, "InvalidRequest"},
		"another change":      {with("changeType", "created,moved"), 400, "InvalidRequest"},
		"resource data":       {with("includeResourceData", true), 400, "RequestBodyRead"},
		"an unknown member":   {with("expires", "x"), 400, "RequestBodyRead"},
		"nothing":             {fields{}, 400, "InvalidRequest"},
	} {
		t.Run(name, func(t *testing.T) { w.do("POST", "/subscriptions", c.body).refused(c.status, c.code) })
	}
	t.Run("the handshake must be exact", func(t *testing.T) {
		for _, echo := range []func(http.ResponseWriter, string){
			func(w http.ResponseWriter, _ string) { w.WriteHeader(404) },
			func(w http.ResponseWriter, token string) { fmt.Fprint(w, token+"\n") },
			func(w http.ResponseWriter, token string) { w.WriteHeader(202); fmt.Fprint(w, token) },
			func(w http.ResponseWriter, token string) {
				w.Header().Set("Content-Type", "text/html")
				fmt.Fprint(w, token)
			},
		} {
			e.echo = echo
			w.do("POST", "/subscriptions", w.wish(e, "/me/contacts", time.Hour)).refused(400, "InvalidRequest")
		}
		e.echo = nil
		equal(t, "made", len(w.do("GET", "/subscriptions", nil).want(200).values()), 0)
	})
	t.Run("life", func(t *testing.T) {
		a := w.do("POST", "/subscriptions", w.wish(e, "/me/contacts", time.Minute)).want(201)
		equal(t, "raised", a.str("expirationDateTime"), start.Add(45*time.Minute).Format(time.RFC3339))
		w.do("POST", "/subscriptions", w.wish(e, "me/contacts", time.Hour)).refused(409, "Conflict")
		must(t, w.box.SetQuirks(graph.Quirks{ShortExpiry: 1440}))
		at := "/subscriptions/" + a.str("id")
		longer := fields{"expirationDateTime": start.Add(6 * 24 * time.Hour).Format(time.RFC3339)}
		equal(t, "shorter than asked", w.do("PATCH", at, longer).want(200).str("expirationDateTime"), start.Add(24*time.Hour).Format(time.RFC3339))
		w.do("PATCH", at, fields{"clientState": "x"}).refused(400, "RequestBodyRead")
		w.do("GET", at, nil).want(200)
		w.clock.Advance(24 * time.Hour)
		w.signIn(aiko, full)
		w.do("PATCH", at, longer).refused(404, "ResourceNotFound")
	})
	w.signIn(aiko, "User.Read")
	w.do("POST", "/subscriptions", w.wish(e, "/me/contacts", time.Hour)).refused(403, "ErrorAccessDenied")
}

func TestLifecycle(t *testing.T) {
	w := newWorld(t)
	e := newEar(t)
	id := w.subscribe(e, "/me/contacts")
	event := func(name string) {
		t.Helper()
		must(t, w.box.Lifecycle(aiko, name))
		got := e.heard(w)
		if len(got) != 1 || len(got[0]) != 1 || str(got[0][0], "lifecycleEvent") != name || str(got[0][0], "subscriptionId") != id || str(got[0][0], "clientState") != "state-1" {
			t.Fatalf("got %v, want %s", got, name)
		}
	}
	event(graph.LifecycleMissed)
	event(graph.LifecycleReauthorize)
	w.create("/me/contacts", fields{"givenName": "A"})
	equal(t, "while it waits", len(e.heard(w)), 0)
	w.do("POST", "/subscriptions/"+id+"/reauthorize", nil).want(204)
	w.create("/me/contacts", fields{"givenName": "B"})
	equal(t, "after reauthorize", len(e.heard(w)), 1)
	event(graph.LifecycleRemoved)
	w.do("POST", "/subscriptions/"+id+"/reauthorize", nil).want(404)
	if w.box.Lifecycle(aiko, "expired") == nil {
		t.Error("an unknown event is sent")
	}
	id = w.subscribe(e, "/me/contacts")
	must(t, w.box.RemoveSubscriptions(aiko))
	subs, err := w.box.Subscriptions(aiko)
	must(t, err)
	equal(t, "silently removed", len(subs), 0)
	equal(t, "told", len(e.heard(w)), 0)
}

func TestARevokedUserIsSilent(t *testing.T) {
	w := newWorld(t)
	e := newEar(t)
	id := w.subscribe(e, "/me/contacts")
	must(t, w.box.RevokeUser(aiko))
	w.do("GET", "/me/contacts", nil).refused(401, "InvalidAuthenticationToken")
	w.put(seed("A"))
	equal(t, "while it is revoked", len(e.heard(w)), 0)
	w.signIn(aiko, full)
	w.do("PATCH", "/subscriptions/"+id, fields{"expirationDateTime": w.clock.Now().Add(48 * time.Hour).Format(time.RFC3339)}).want(200)
	w.put(seed("B"))
	equal(t, "after renewal", len(e.heard(w)), 1)
}

func TestSubscriptionsHaveARoom(t *testing.T) {
	w := newWorld(t, func(c *graph.Config) { c.Limits.Subscriptions = 1 })
	e := newEar(t)
	w.subscribe(e, "/me/contacts")
	other := w.wish(e, "/me/contacts", time.Hour)
	other["changeType"] = "deleted"
	w.do("POST", "/subscriptions", other).refused(403, "ExtensionError")
}
