package sandbox_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/sandbox"
)

// counter answers how many requests reached it, in a body of 20 bytes.
func counter() (http.Handler, *int) {
	n := 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		fmt.Fprintf(w, "answer number %06d", n)
	}), &n
}

// get returns status and body; err is non-nil when the connection was cut.
func get(t *testing.T, url string) (int, string, error) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

func TestFaults(t *testing.T) {
	type answer struct {
		status int
		body   string
		cut    bool
	}
	ok := func(n int) answer { return answer{200, fmt.Sprintf("answer number %06d", n), false} }
	for name, c := range map[string]struct {
		faults  []sandbox.Fault
		want    []answer
		handled int
	}{
		"an answer in place of the handler's": {[]sandbox.Fault{{Status: 503, Body: "busy"}}, []answer{{503, "busy", false}, ok(1)}, 1},
		"after some that go through":          {[]sandbox.Fault{{Skip: 1, Status: 500}}, []answer{ok(1), {500, "", false}, ok(2)}, 2},
		"several times":                       {[]sandbox.Fault{{Times: 2, Status: 500}}, []answer{{500, "", false}, {500, "", false}, ok(1)}, 1},
		"for ever":                            {[]sandbox.Fault{{Times: -1, Status: 500}}, []answer{{500, "", false}, {500, "", false}, {500, "", false}}, 0},
		"for another path":                    {[]sandbox.Fault{{Path: "/other", Status: 500}}, []answer{ok(1)}, 1},
		"for another method":                  {[]sandbox.Fault{{Method: "PUT", Status: 500}}, []answer{ok(1)}, 1},
		"no connection":                       {[]sandbox.Fault{{}}, []answer{{cut: true}, ok(1)}, 1},
		"after the write":                     {[]sandbox.Fault{{AfterWrite: true, Status: 502}}, []answer{{502, "", false}, ok(2)}, 2},
		"after the write, cut":                {[]sandbox.Fault{{AfterWrite: true}}, []answer{{cut: true}, ok(2)}, 2},
		"a cut body":                          {[]sandbox.Fault{{CutBody: 6}}, []answer{{200, "answer", true}, ok(2)}, 2},
		"a repeated answer":                   {[]sandbox.Fault{{Repeat: true}}, []answer{ok(1), ok(1), ok(2)}, 2},
		"one after another":                   {[]sandbox.Fault{{Status: 500}, {Status: 501}}, []answer{{500, "", false}, {501, "", false}, ok(1)}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			h, handled := counter()
			var f sandbox.Faults
			srv := httptest.NewServer(f.Wrap(h))
			defer srv.Close()
			for _, fault := range c.faults {
				f.Add(fault)
			}
			for i, want := range c.want {
				status, body, err := get(t, srv.URL+"/v1/thing")
				got := answer{status, body, err != nil}
				if got != want {
					t.Errorf("request %d: got %+v (%v), want %+v", i+1, got, err, want)
				}
			}
			if *handled != c.handled {
				t.Errorf("the handler saw %d requests, want %d", *handled, c.handled)
			}
			if f.Total() < len(c.want) {
				t.Errorf("counted %d calls, want %d", f.Total(), len(c.want))
			}
		})
	}
}

func TestFaultsSendTheirHeader(t *testing.T) {
	h, _ := counter()
	var f sandbox.Faults
	srv := httptest.NewServer(f.Wrap(h))
	defer srv.Close()
	f.Add(sandbox.Fault{Status: 429, Header: map[string]string{"Retry-After": "7"}})
	res, err := http.Get(srv.URL + "/v1/x")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := res.Header.Get("Retry-After"); got != "7" {
		t.Errorf("got Retry-After %q", got)
	}
	f.Add(sandbox.Fault{Status: 500})
	f.Clear()
	if status, _, _ := get(t, srv.URL+"/v1/x"); status != 200 {
		t.Errorf("a cleared fault still answers %d", status)
	}
}

func TestCallsAreCountedWithoutControlRoutes(t *testing.T) {
	h, _ := counter()
	f := sandbox.Faults{Clock: clock.NewVirtual(time.Unix(1000, 0), true)}
	srv := httptest.NewServer(f.Wrap(h))
	defer srv.Close()
	f.Add(sandbox.Fault{Times: 1, Path: "/v1/people/c2", Status: 500})
	for _, path := range []string{"/v1/people/c1", "/v1/people/c2", "/v1/people/c3:update", "/v1/people", "/sandbox/calls"} {
		if _, _, err := get(t, srv.URL+path); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]int{"GET /v1/people/{id}": 2, "GET /v1/people/{id}:update": 1, "GET /v1/people": 1}
	if got := f.Calls(); !reflect.DeepEqual(got, want) || f.Total() != 4 {
		t.Errorf("got %v, total %d; want %v", got, f.Total(), want)
	}
	if log := f.Log(); len(log) != 4 || log[1].Status != 500 || log[0].Status != 200 || log[0].Time.Unix() != 1000 || log[1].Path != "/v1/people/c2" {
		t.Errorf("got log %+v", log)
	}
	f.ResetCalls()
	if f.Total() != 0 || len(f.Calls()) != 0 || len(f.Log()) != 0 {
		t.Error("the counts were not reset")
	}
}

func TestKeepFile(t *testing.T) {
	path := t.TempDir() + "/keep.db"
	f, err := sandbox.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := sandbox.Save(f, map[string][]byte{"b": []byte("2"), "a": []byte("1"), "c": []byte("3")}, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Delete("absent"); err != nil {
		t.Errorf("deleting what is absent: %v", err)
	}
	if err := errors.Join(f.Put("d", []byte("4")), f.Delete("b"), f.Close()); err != nil {
		t.Fatal(err)
	}
	if f, err = sandbox.OpenFile(path); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var got []string
	if err := f.Each(func(k string, v []byte) error { got = append(got, k+string(v)); return nil }); err != nil {
		t.Fatal(err)
	}
	if s := strings.Join(got, " "); s != "a1 c3 d4" {
		t.Errorf("got %s, want a1 c3 d4", s)
	}
	stop := errors.New("stop")
	if err := f.Each(func(string, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want the function's own error", err)
	}
}

// single is a Keep without Write.
type single map[string]string

func (s single) Put(k string, v []byte) error          { s[k] = string(v); return nil }
func (s single) Delete(k string) error                 { delete(s, k); return nil }
func (s single) Each(func(string, []byte) error) error { return nil }

func TestSaveWritesOneByOneWhereItMust(t *testing.T) {
	s := single{"old": "x"}
	if err := sandbox.Save(s, map[string][]byte{"new": []byte("y")}, []string{"old"}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s, single{"new": "y"}) {
		t.Errorf("got %v", s)
	}
	if err := sandbox.Save(nil, map[string][]byte{"a": nil}, nil); err != nil {
		t.Errorf("without a Keep: %v", err)
	}
}
