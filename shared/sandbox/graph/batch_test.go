package graph_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"meibo/shared/sandbox"
	"meibo/shared/sandbox/graph"
)

// parts sends a batch and returns the answers by id, and their order.
func (w *world) parts(requests ...fields) (map[string]fields, string) {
	w.t.Helper()
	a := w.do("POST", "/$batch", fields{"requests": requests}).want(200)
	list, _ := a.body["responses"].([]any)
	out, order := map[string]fields{}, []string{}
	for _, r := range list {
		m, _ := r.(fields)
		out[str(m, "id")] = m
		order = append(order, str(m, "id"))
	}
	return out, strings.Join(order, " ")
}

func status(m fields) int { n, _ := m["status"].(float64); return int(n) }

func post(id, given string) fields {
	return fields{"id": id, "method": "POST", "url": "/me/contacts", "headers": fields{"Content-Type": "application/json", "Prefer": `IdType="ImmutableId"`}, "body": fields{"givenName": given}}
}

func TestBatchAnswersPartByPart(t *testing.T) {
	w := newWorld(t)
	id := w.create("/me/contacts", fields{"givenName": "Old"})
	must(t, w.box.SetPhoto(aiko, id, picture(t, 2, 2)))
	got, order := w.parts(post("1", "A"), post("2", "B"),
		fields{"id": "3", "method": "GET", "url": "/me/contacts/" + id + "?$select=givenName"},
		fields{"id": "4", "method": "DELETE", "url": "/me/contacts/AAkALgAAnope"},
		fields{"id": "5", "method": "GET", "url": "/me/contacts/" + id + "/photo/$value"},
	)
	equal(t, "order", order == "1 2 3 4 5", false)
	for part, want := range map[string]int{"1": 201, "2": 201, "3": 200, "4": 400, "5": 200} {
		equal(t, "part "+part, status(got[part]), want)
	}
	equal(t, "name", str(sub(got["3"], "body"), "givenName"), "Old")
	if b, err := base64.StdEncoding.DecodeString(str(got["5"], "body")); err != nil || len(b) == 0 {
		t.Errorf("the picture is not base64: %v", err)
	}
	got, _ = w.parts(fields{"id": "x", "method": "DELETE", "url": "/me/contacts/" + id})
	if status(got["x"]) != 204 || got["x"]["body"] != nil {
		t.Errorf("got %v", got["x"])
	}
}

func TestSerialBatchStopsAtAFailure(t *testing.T) {
	w := newWorld(t)
	a, b, c := post("1", "A"), post("2", "B"), post("3", "C")
	b["dependsOn"], c["dependsOn"] = []string{"1"}, []string{"2"}
	a["body"] = fields{"nope": 1}
	got, _ := w.parts(a, b, c)
	for part, want := range map[string]int{"1": 400, "2": 424, "3": 424} {
		equal(t, "part "+part, status(got[part]), want)
	}
	equal(t, "written", len(w.do("GET", "/me/contacts", nil).want(200).values()), 0)
}

func TestAWrongEnvelopeIsRefusedWhole(t *testing.T) {
	w := newWorld(t)
	many := make([]fields, 21)
	for i := range many {
		many[i] = post(fmt.Sprint(i), "A")
	}
	noType := post("1", "A")
	delete(noType, "headers")
	forward := post("1", "A")
	forward["dependsOn"] = []string{"2"}
	skipping := post("3", "C")
	skipping["dependsOn"] = []string{"1"}
	for name, requests := range map[string][]fields{
		"none": {}, "21": many, "ids without case": {post("a", "A"), post("A", "B")}, "no content type": {noType}, "a dependency forwards": {forward, post("2", "B")},
		"a dependency over one": {post("1", "A"), post("2", "B"), skipping}, "nested": {{"id": "1", "method": "POST", "url": "/$batch", "headers": fields{"Content-Type": "application/json"}, "body": fields{}}},
		"a host": {{"id": "1", "method": "GET", "url": w.srv.URL + "/v1.0/me/contacts"}}, "a version": {{"id": "1", "method": "GET", "url": "/v1.0/me/contacts"}},
		"an unknown member": {{"id": "1", "method": "GET", "url": "/me/contacts", "path": "x"}},
	} {
		t.Run(name, func(t *testing.T) { w.do("POST", "/$batch", fields{"requests": requests}).want(400) })
	}
	equal(t, "written", len(w.do("GET", "/me/contacts", nil).want(200).values()), 0)
}

// hold keeps a request in flight until the returned function is called, which returns its status.
func (w *world) hold() func() int {
	w.t.Helper()
	pr, pw := io.Pipe()
	r, err := http.NewRequest("POST", w.srv.URL+"/v1.0/me/contacts", pr)
	must(w.t, err)
	r.Header.Set("Authorization", "Bearer "+w.token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Expect", "100-continue") // the body is taken when the request is in flight, and not before
	done := make(chan int)
	go func() {
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			done <- 0
			return
		}
		res.Body.Close()
		done <- res.StatusCode
	}()
	_, err = io.WriteString(pw, `{"givenName":`)
	must(w.t, err)
	return func() int {
		_, _ = io.WriteString(pw, `"Held"}`)
		pw.Close()
		return <-done
	}
}

// until asks for something again and again, for what another goroutine is about to do.
func until(t *testing.T, what func() bool) {
	t.Helper()
	for range 100_000 {
		if what() {
			return
		}
	}
	t.Fatal("it never happens")
}

func TestAMailboxServesFourAtATime(t *testing.T) {
	w := newWorld(t, func(c *graph.Config) { c.Limits.Requests = -1 })
	var release []func() int
	for range 3 {
		release = append(release, w.hold())
	}
	// With three in flight a batch has one lane: of six parts every fourth runs.
	batch := func() (ok, crowded int) {
		got, _ := w.parts(post("1", "A"), post("2", "B"), post("3", "C"), post("4", "D"), post("5", "E"), post("6", "F"))
		for _, m := range got {
			switch status(m) {
			case 201:
				ok++
			case 429:
				crowded++
				equal(t, "code", str(sub(sub(m, "body"), "error"), "code"), "ApplicationThrottled")
				equal(t, "Retry-After", str(sub(m, "headers"), "Retry-After"), "2.128")
			}
		}
		return ok, crowded
	}
	until(t, func() bool { ok, crowded := batch(); return ok == 2 && crowded == 4 })
	release = append(release, w.hold())
	until(t, func() bool { return w.do("GET", "/me/contacts?$top=1", nil).status == 429 })
	must(t, w.box.SetQuirks(graph.Quirks{NoRetryAfter: true}))
	if a := w.do("GET", "/me/contacts", nil).refused(429, "ApplicationThrottled"); a.header.Get("Retry-After") != "" {
		t.Error("there is a Retry-After")
	}
	for _, f := range release {
		equal(t, "held", f(), 201)
	}
	w.do("GET", "/me/contacts", nil).want(200)
}

func TestTenMinutesHaveAnEnd(t *testing.T) {
	w := newWorld(t, func(c *graph.Config) { c.Limits.Requests = 25 })
	for i := range 5 {
		got, _ := w.parts(post("1", "A"), post("2", "B"), post("3", "C"), post("4", "D"), post("5", "E"))
		equal(t, fmt.Sprint("batch ", i), len(got), 5)
		w.clock.Advance(60e9)
	}
	a := w.do("GET", "/me/contacts", nil).refused(429, "TooManyRequests")
	equal(t, "Retry-After", a.header.Get("Retry-After"), "300.000")
	got, _ := w.parts(post("1", "A"))
	equal(t, "part", status(got["1"]), 429)
	w.clock.Advance(301e9)
	for range 5 {
		w.do("GET", "/me/contacts", nil).want(200)
	}
	w.do("GET", "/me/contacts", nil).want(429)
}

func TestFaultsOfParts(t *testing.T) {
	w := newWorld(t)
	w.box.PartFaults().Add(sandbox.Fault{Method: "POST", Path: "/contacts", Skip: 1, Status: 503, Body: `{"error":{"code":"ErrorServerBusy","message":"x"}}`})
	got, _ := w.parts(post("1", "A"), post("2", "B"), post("3", "C"))
	equal(t, "the hit one", status(got["2"]), 503)
	equal(t, "the next one", status(got["3"]), 201)
	equal(t, "calls", w.box.Faults().Calls()["POST /v1.0/$batch"], 1)
	equal(t, "parts", w.box.PartFaults().Calls()["POST /v1.0/me/contacts"], 3)
}

func TestUploadsHaveAnEnd(t *testing.T) {
	w := newWorld(t, func(c *graph.Config) { c.Limits.UploadBytes = 5000 })
	note := fields{"personalNotes": strings.Repeat("x", 3000)}
	w.do("POST", "/me/contacts", note).want(201)
	w.do("POST", "/me/contacts", note).refused(429, "TooManyRequests")
	w.do("GET", "/me/contacts", nil).want(200)
	w.clock.Advance(5 * 60e9)
	w.do("POST", "/me/contacts", note).want(201)
}
