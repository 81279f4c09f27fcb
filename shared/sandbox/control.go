package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"meibo/shared/clock"
	"meibo/shared/record"
)

// maxControlBody bounds a control request; a bulk fill is the largest.
const maxControlBody = 64 << 20

// ControlConfig is what the routes under /sandbox/ work on.
type ControlConfig struct {
	Book   Book
	Faults *Faults
	Clock  clock.Clock
	// Verbs are the vendor's own routes, by ServeMux pattern, such as "POST /sandbox/merge".
	Verbs map[string]http.HandlerFunc
}

// Control returns the handler of everything under /sandbox/: the page, and the routes by which another process does what the Go
// methods do. It answers only the machine itself.
//
//	POST   /sandbox/users                      {"email","name",...}
//	GET    /sandbox/users                      {"users":[...]}
//	GET    /sandbox/fields?user=               {"fields":[...]}, those that the page offers
//	POST   /sandbox/contacts?user=EMAIL        {"contacts":[{"record":{...},"groups":[...]}]} -> {"ids":[...],"dropped":{...}}
//	GET    /sandbox/contacts?user=&after=&limit=  {"contacts":[...],"next":""}
//	GET    /sandbox/contacts/{id}?user=        one contact
//	PATCH  /sandbox/contacts/{id}?user=        {"fields":{...}}
//	DELETE /sandbox/contacts/{id}?user=
//	GET    /sandbox/calls                      {"total":n,"ops":{...}}
//	GET    /sandbox/log                        {"calls":[...]}
//	POST   /sandbox/calls/reset
//	POST   /sandbox/faults                     one Fault
//	DELETE /sandbox/faults
//	POST   /sandbox/clock                      {"now":"RFC 3339"}, where the clock is virtual
//
// An error is {"error":"..."} with 400, 404 or 409.
func Control(cfg ControlConfig) http.Handler {
	c := &control{cfg}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sandbox/users", c.addUser)
	mux.HandleFunc("GET /sandbox/users", c.users)
	mux.HandleFunc("GET /sandbox/fields", c.fields)
	mux.HandleFunc("POST /sandbox/contacts", c.fill)
	mux.HandleFunc("GET /sandbox/contacts", c.contacts)
	mux.HandleFunc("GET /sandbox/contacts/{id...}", c.contact)
	mux.HandleFunc("PATCH /sandbox/contacts/{id...}", c.edit)
	mux.HandleFunc("DELETE /sandbox/contacts/{id...}", c.remove)
	mux.HandleFunc("GET /sandbox/calls", c.calls)
	mux.HandleFunc("GET /sandbox/log", c.log)
	mux.HandleFunc("POST /sandbox/calls/reset", c.resetCalls)
	mux.HandleFunc("POST /sandbox/faults", c.addFault)
	mux.HandleFunc("DELETE /sandbox/faults", c.clearFaults)
	mux.HandleFunc("POST /sandbox/clock", c.setClock)
	for pattern, h := range cfg.Verbs {
		mux.HandleFunc(pattern, h)
	}
	mux.Handle("/sandbox/{$}", &Page{Book: cfg.Book})
	mux.Handle("/sandbox/page/", &Page{Book: cfg.Book})
	return loopback(mux)
}

// loopback lets only the machine itself in, and only under a loopback name, so that no web page can reach the sandbox by
// rebinding a name. A request without a remote address never came over a network.
func loopback(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.RemoteAddr != "" && (!isLoopback(r.RemoteAddr) || !isLoopback(r.Host)) {
			ControlError(w, http.StatusForbidden, "the sandbox's control routes answer only on this machine, at 127.0.0.1 or localhost")
			return
		}
		if !SameOrigin(r) {
			ControlError(w, http.StatusForbidden, "another site may not control the sandbox")
			return
		}
		h.ServeHTTP(w, r)
	})
}

func isLoopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

type control struct{ cfg ControlConfig }

func (c *control) addUser(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxControlBody))
	if err == nil {
		err = c.cfg.Book.AddUserJSON(b)
	}
	ControlAnswer(w, map[string]any{}, err)
}

func (c *control) users(w http.ResponseWriter, _ *http.Request) {
	ControlAnswer(w, map[string]any{"users": c.cfg.Book.Users()}, nil)
}

func (c *control) fields(w http.ResponseWriter, r *http.Request) {
	fields, err := c.cfg.Book.Fields(r.URL.Query().Get("user"))
	if fields == nil {
		fields = []record.Field{}
	}
	ControlAnswer(w, map[string]any{"fields": fields}, err)
}

func (c *control) fill(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Contacts []Seed `json:"contacts"`
	}
	if err := ControlBody(r, &in); err != nil {
		ControlAnswer(w, nil, err)
		return
	}
	done, err := c.cfg.Book.Fill(r.URL.Query().Get("user"), in.Contacts)
	ControlAnswer(w, done, err)
}

func (c *control) contacts(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit := 100
	if q.Has("limit") {
		n, err := strconv.Atoi(q.Get("limit"))
		if err != nil || n < 1 || n > 10_000 {
			ControlError(w, http.StatusBadRequest, "limit must be a number from 1 to 10000")
			return
		}
		limit = n
	}
	page, next, err := c.cfg.Book.Contacts(q.Get("user"), q.Get("after"), limit)
	if page == nil {
		page = []Contact{}
	}
	ControlAnswer(w, map[string]any{"contacts": page, "next": next}, err)
}

func (c *control) contact(w http.ResponseWriter, r *http.Request) {
	got, err := c.cfg.Book.Contact(r.URL.Query().Get("user"), r.PathValue("id"))
	ControlAnswer(w, got, err)
}

func (c *control) edit(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Fields record.Fields `json:"fields"`
	}
	err := ControlBody(r, &in)
	if err == nil {
		err = c.cfg.Book.Edit(r.URL.Query().Get("user"), r.PathValue("id"), in.Fields)
	}
	ControlAnswer(w, map[string]any{}, err)
}

func (c *control) remove(w http.ResponseWriter, r *http.Request) {
	ControlAnswer(w, map[string]any{}, c.cfg.Book.Remove(r.URL.Query().Get("user"), r.PathValue("id")))
}

func (c *control) calls(w http.ResponseWriter, _ *http.Request) {
	ControlAnswer(w, map[string]any{"total": c.cfg.Faults.Total(), "ops": c.cfg.Faults.Calls()}, nil)
}

func (c *control) log(w http.ResponseWriter, _ *http.Request) {
	ControlAnswer(w, map[string]any{"calls": c.cfg.Faults.Log()}, nil)
}

func (c *control) resetCalls(w http.ResponseWriter, _ *http.Request) {
	c.cfg.Faults.ResetCalls()
	ControlAnswer(w, map[string]any{}, nil)
}

func (c *control) addFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	err := ControlBody(r, &f)
	if err == nil {
		c.cfg.Faults.Add(f)
	}
	ControlAnswer(w, map[string]any{}, err)
}

func (c *control) clearFaults(w http.ResponseWriter, _ *http.Request) {
	c.cfg.Faults.Clear()
	ControlAnswer(w, map[string]any{}, nil)
}

func (c *control) setClock(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Now time.Time `json:"now"`
	}
	if err := ControlBody(r, &in); err != nil {
		ControlAnswer(w, nil, err)
		return
	}
	v, ok := c.cfg.Clock.(*clock.Virtual)
	if !ok {
		ControlError(w, http.StatusConflict, "the sandbox runs on the machine's clock, which cannot be set")
		return
	}
	v.AdvanceTo(in.Now)
	ControlAnswer(w, map[string]any{"now": v.Now()}, nil)
}

// ControlBody reads a control request's JSON into v; unknown members are an error.
func ControlBody(r *http.Request, v any) error {
	d := json.NewDecoder(io.LimitReader(r.Body, maxControlBody))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("the body does not parse: %w", err)
	}
	return nil
}

// ControlAnswer writes v, or err as {"error":"..."}.
func ControlAnswer(w http.ResponseWriter, v any, err error) {
	switch {
	case err == nil:
		WriteJSON(w, http.StatusOK, v)
	case errors.Is(err, ErrNoUser), errors.Is(err, ErrNoContact):
		ControlError(w, http.StatusNotFound, err.Error())
	default:
		ControlError(w, http.StatusBadRequest, err.Error())
	}
}

// ControlError writes {"error": text}.
func ControlError(w http.ResponseWriter, status int, text string) {
	WriteJSON(w, status, map[string]string{"error": text})
}
