package sandbox

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"meibo/shared/clock"
)

// logLimit is how many of the last calls Faults keeps for Log.
const logLimit = 2000

// Faults goes around a sandbox's vendor routes: it counts the calls and makes asked-for ones go wrong. The zero value is ready;
// set the exported fields before the first request.
//
// A request that a Fault cuts ends in panic(http.ErrAbortHandler), which net/http turns into a closed connection. A transport
// that calls the handler directly must recover that value and report a network error.
type Faults struct {
	// Op names the operation that a request is, such as "GET /v1/people/{id}", and "" for one that is not a vendor call (a
	// page for a person, a control route): those are neither counted nor hit. Nil means Template.
	Op func(*http.Request) string
	// Clock stamps the log; nil leaves the stamps zero.
	Clock clock.Clock

	mu    sync.Mutex
	armed []*armed
	ops   map[string]int
	total int
	log   []Call
}

type armed struct {
	Fault
	skip, left int
	last       *recorded // the answer to the matching request before, kept for Repeat
}

// Add arms f, after the faults that are armed already.
func (f *Faults) Add(fault Fault) {
	left := fault.Times
	if left == 0 {
		left = 1
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = append(f.armed, &armed{Fault: fault, skip: fault.Skip, left: left})
}

// Clear disarms all faults.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = nil
}

// Calls returns how many vendor calls came in, by operation. Calls that a fault hit count too: the vendor would charge them.
func (f *Faults) Calls() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := make(map[string]int, len(f.ops))
	for op, n := range f.ops {
		c[op] = n
	}
	return c
}

// Total returns how many vendor calls came in.
func (f *Faults) Total() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.total
}

// ResetCalls starts counting, and the log, again.
func (f *Faults) ResetCalls() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops, f.total, f.log = nil, 0, nil
}

// Log returns the last calls (at most 2,000), oldest first.
func (f *Faults) Log() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Call(nil), f.log...)
}

// Wrap returns h behind the faults.
func (f *Faults) Wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		op := f.op(r)
		if op == "" {
			h.ServeHTTP(w, r)
			return
		}
		hit, watchers := f.take(op, r)
		status := 0
		defer func() { f.note(r, status) }()
		switch {
		case hit == nil && len(watchers) == 0:
			sw := &statusWriter{ResponseWriter: w}
			defer func() { status = sw.status }()
			h.ServeHTTP(sw, r)
		case hit == nil:
			rec := capture(h, r)
			f.remember(watchers, rec)
			status = rec.status
			rec.send(w)
		case hit.Repeat:
			status = hit.last.status
			hit.last.send(w)
		case hit.AfterWrite:
			capture(h, r)
			status = hit.Status
			hit.answer(w)
		case hit.CutBody > 0:
			rec := capture(h, r)
			status = rec.status
			rec.cut(w, hit.CutBody)
		default:
			status = hit.Status
			hit.answer(w)
		}
	})
}

// Template is the operation's name where a sandbox has no better one: the method and the path with every segment that holds
// a digit, past the first two, written as {id}. Control routes have none.
func Template(r *http.Request) string {
	if IsControl(r) {
		return ""
	}
	parts := strings.Split(r.URL.Path, "/")
	for i, p := range parts {
		if i > 2 && strings.ContainsAny(p, "0123456789") {
			name, verb, found := strings.Cut(p, ":")
			parts[i] = "{id}"
			if found && name != "" {
				parts[i] += ":" + verb
			}
		}
	}
	return r.Method + " " + strings.Join(parts, "/")
}

// Origin is the sandbox's address as the caller of r reaches it.
func Origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// IsControl reports whether r is for a control route or the page, not for the vendor.
func IsControl(r *http.Request) bool {
	return r.URL.Path == "/sandbox" || strings.HasPrefix(r.URL.Path, "/sandbox/")
}

func (f *Faults) op(r *http.Request) string {
	if IsControl(r) {
		return ""
	}
	if f.Op != nil {
		return f.Op(r)
	}
	return Template(r)
}

// take counts the call and returns a copy of the fault that hits it, and the armed Repeat faults that want its answer.
func (f *Faults) take(op string, r *http.Request) (hit *armed, watchers []*armed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ops == nil {
		f.ops = map[string]int{}
	}
	f.ops[op]++
	f.total++
	for _, a := range f.armed {
		if a.left == 0 || (a.Method != "" && a.Method != r.Method) || !strings.Contains(r.URL.Path, a.Path) {
			continue
		}
		if a.skip > 0 {
			a.skip--
			if a.Repeat {
				watchers = append(watchers, a)
			}
			continue
		}
		// Without an answer to repeat there is no fault yet.
		if a.Repeat && a.last == nil {
			watchers = append(watchers, a)
			continue
		}
		if a.left > 0 {
			a.left--
		}
		c := *a
		return &c, watchers
	}
	return nil, watchers
}

func (f *Faults) remember(watchers []*armed, rec *recorded) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range watchers {
		a.last = rec
	}
}

func (f *Faults) note(r *http.Request, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := Call{Method: r.Method, Path: r.URL.Path, Status: status}
	if f.Clock != nil {
		c.Time = f.Clock.Now()
	}
	if len(f.log) >= logLimit {
		f.log = append(f.log[:0], f.log[logLimit/2:]...)
	}
	f.log = append(f.log, c)
}

// answer sends the fault's own answer, or cuts the connection when it has none.
func (a *armed) answer(w http.ResponseWriter) {
	if a.Status == 0 {
		panic(http.ErrAbortHandler)
	}
	for k, v := range a.Header {
		w.Header().Set(k, v)
	}
	if a.Body != "" && w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write([]byte(a.Body))
}

// statusWriter notes the status of an answer that goes straight to the client.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusWriter) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// recorded is a whole answer, held back.
type recorded struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func capture(h http.Handler, r *http.Request) *recorded {
	rec := &recorded{header: http.Header{}}
	h.ServeHTTP(rec, r)
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	return rec
}

func (rec *recorded) Header() http.Header { return rec.header }

func (rec *recorded) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status = status
	}
}

func (rec *recorded) Write(b []byte) (int, error) {
	rec.WriteHeader(http.StatusOK)
	return rec.body.Write(b)
}

func (rec *recorded) send(w http.ResponseWriter) {
	for k, v := range rec.header {
		w.Header()[k] = v
	}
	w.WriteHeader(rec.status)
	_, _ = w.Write(rec.body.Bytes())
}

// cut announces the whole answer, sends n bytes of it and ends the connection.
func (rec *recorded) cut(w http.ResponseWriter, n int) {
	body := rec.body.Bytes()
	if n >= len(body) {
		rec.send(w)
		return
	}
	for k, v := range rec.header {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(rec.status)
	_, _ = w.Write(body[:n])
	if fl, ok := w.(http.Flusher); ok {
		fl.Flush()
	}
	panic(http.ErrAbortHandler)
}
