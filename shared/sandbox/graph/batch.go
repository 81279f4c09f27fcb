package graph

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"meibo/shared/sandbox"
)

const (
	batchMost  = 20
	batchLanes = 4 // how many parts of one mailbox run at the same time
)

// part is one request of a batch.
type part struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`

	url *url.URL
	box *mailbox
	// lane is which of the mailbox's places the part runs in.
	lane int
}

// partAnswer is the answer to one part.
type partAnswer struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    any               `json:"body"`
}

func badBatch(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, "BadRequest", "Invalid batch payload format: "+format, args...)
}

// batch answers POST /$batch.
func (s *Sandbox) batch(r *http.Request, who caller) (*reply, *apiError) {
	if r.Method != http.MethodPost {
		return nil, methodNotAllowed(r.Method)
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		return nil, fail(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "The Content-Type must be application/json.")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		return nil, badBatch("the body could not be read.")
	}
	parts, serial, e := decodeBatch(body)
	if e != nil {
		return nil, e
	}
	rooms, crowded := s.enterBatch(who, parts, serial)
	defer func() {
		s.mu.Lock()
		for m, n := range rooms {
			m.inFlight -= n
		}
		s.mu.Unlock()
	}()
	answers, failed := make([]partAnswer, len(parts)), map[string]bool{}
	for i, p := range parts {
		switch {
		case slices.ContainsFunc(p.DependsOn, func(id string) bool { return failed[strings.ToLower(id)] }):
			answers[i] = s.partAnswer(p, nil, fail(http.StatusFailedDependency, "FailedDependency", "The request this one depends on has failed."))
		case p.box != nil && p.lane >= rooms[p.box]:
			answers[i] = s.partAnswer(p, nil, crowded)
		default:
			answers[i] = s.runPart(r, who, p)
		}
		failed[strings.ToLower(p.ID)] = answers[i].Status >= 400
	}
	// Answers come in any order: last first, and the first one in the middle.
	slices.Reverse(answers)
	if n := len(answers); n > 2 {
		answers[n/2], answers[n-1] = answers[n-1], answers[n/2]
	}
	return jsonReply(http.StatusOK, map[string]any{"responses": answers})
}

// decodeBatch reads and checks the envelope.
func decodeBatch(body []byte) (parts []*part, serial bool, e *apiError) {
	m, e := object(body)
	if e != nil {
		return nil, false, badBatch("the body is not an object.")
	}
	for name := range m {
		if name != "requests" {
			return nil, false, badBatch("unknown member '%s'.", name)
		}
	}
	d := json.NewDecoder(strings.NewReader(string(orNull(m["requests"]))))
	d.DisallowUnknownFields()
	if err := d.Decode(&parts); err != nil {
		return nil, false, badBatch("the requests do not parse.")
	}
	if len(parts) == 0 || len(parts) > batchMost {
		return nil, false, fail(http.StatusBadRequest, "MaximumValueExceeded", "Number of batch request steps must be from 1 to the maximum value of %d.", batchMost)
	}
	seen := map[string]bool{}
	for i, p := range parts {
		if p == nil || p.ID == "" || seen[strings.ToLower(p.ID)] {
			return nil, false, badBatch("the ids of the requests must be there and differ, without case.")
		}
		seen[strings.ToLower(p.ID)] = true
		if e := p.check(); e != nil {
			return nil, false, e
		}
		// Either no part depends on another, or each depends on the one before.
		if i > 0 {
			chained := len(p.DependsOn) == 1 && strings.EqualFold(p.DependsOn[0], parts[i-1].ID)
			if i > 1 && chained != serial || !chained && len(p.DependsOn) > 0 {
				return nil, false, badBatch("dependsOn must name the request before in every request, or be absent in all.")
			}
			serial = chained
		} else if len(p.DependsOn) > 0 {
			return nil, false, badBatch("the first request depends on another.")
		}
	}
	return parts, serial, nil
}

func (p *part) check() *apiError {
	u, err := url.Parse(p.URL)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(p.URL, "/") || strings.HasPrefix(u.Path, "/v1.0/") || strings.HasPrefix(u.Path, "/beta/") {
		return badBatch("the url of request '%s' must be relative, without host and version.", p.ID)
	}
	p.url = u
	if !slices.Contains([]string{"GET", "POST", "PATCH", "PUT", "DELETE"}, p.Method) {
		return badBatch("the method of request '%s' is not supported.", p.ID)
	}
	if u.Path == "/$batch" {
		return badBatch("batches cannot be nested.")
	}
	if len(p.Body) > 0 && !isNull(p.Body) && p.header().Get("Content-Type") == "" {
		return badBatch("request '%s' has a body and no Content-Type.", p.ID)
	}
	return nil
}

func (p *part) header() http.Header {
	h := http.Header{}
	for k, v := range p.Headers {
		h.Set(k, v)
	}
	return h
}

// enterBatch gives each part a lane of its mailbox, and takes the lanes for which the mailbox has room: one for a serial batch, else
// up to four. It also returns what a part is told whose lane was not taken.
func (s *Sandbox) enterBatch(who caller, parts []*part, serial bool) (map[*mailbox]int, *apiError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := map[*mailbox]int{}
	for _, p := range parts {
		owner, rest, ok := below(p.url.Path)
		if !ok || rest == "" {
			continue
		}
		m, e := s.resolve(who, owner)
		if e != nil {
			continue
		}
		p.box = m
		if !serial {
			p.lane = count[m] % batchLanes
		}
		count[m]++
	}
	rooms := map[*mailbox]int{}
	for m, n := range count {
		want := min(n, batchLanes)
		if serial {
			want = 1
		}
		rooms[m] = s.enter(m, want)
	}
	return rooms, s.crowded()
}

// runPart handles one part, behind the faults for parts. A fault that cuts a part cuts the whole answer.
func (s *Sandbox) runPart(r *http.Request, who caller, p *part) partAnswer {
	inner := (&http.Request{Method: p.Method, URL: &url.URL{Path: "/v1.0" + p.url.Path, RawQuery: p.url.RawQuery}, Header: p.header(), Host: r.Host, Body: http.NoBody}).WithContext(r.Context())
	rec := sandbox.NewRecorder()
	s.parts.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a, e := s.part(r, who, p)
		s.write(w, inner, a, e)
	})).ServeHTTP(rec, inner)
	return recorded(rec, p.ID)
}

// part handles one part's request.
func (s *Sandbox) part(r *http.Request, who caller, p *part) (*reply, *apiError) {
	if p.url.Path == "/subscriptions" || strings.HasPrefix(p.url.Path, "/subscriptions/") {
		return nil, fail(http.StatusBadRequest, "BadRequest", "This sandbox does not take subscriptions in a batch.")
	}
	owner, rest, ok := below(p.url.Path)
	if !ok {
		return nil, badSegment(p.url.Path)
	}
	query, err := url.ParseQuery(p.url.RawQuery)
	if err != nil {
		return nil, badQuery("The query does not parse.")
	}
	body := []byte(p.Body)
	if isNull(p.Body) {
		body = nil
	}
	var answer *reply
	var e *apiError
	problem := s.locked(func() error {
		var m *mailbox
		if m, e = s.resolve(who, owner); e != nil {
			return e
		}
		c := &call{s: s, m: m, who: who, header: p.header(), query: query, body: body, origin: s.origin(r), path: p.url.Path, inPart: true}
		if answer, e = c.run(rest, p.Method); e != nil {
			return e
		}
		return nil
	})
	if problem != nil && e == nil {
		return nil, internal(problem)
	}
	return answer, e
}

// partAnswer is an answer that no handler made.
func (s *Sandbox) partAnswer(p *part, a *reply, e *apiError) partAnswer {
	rec := sandbox.NewRecorder()
	s.write(rec, &http.Request{Header: p.header()}, a, e)
	return recorded(rec, p.ID)
}

// recorded is what was taken up: JSON as it is, and anything else as base64.
func recorded(rec *sandbox.Recorder, id string) partAnswer {
	a := partAnswer{ID: id, Status: rec.Status, Headers: map[string]string{}}
	for k := range rec.Head {
		a.Headers[k] = rec.Head.Get(k)
	}
	switch {
	case len(rec.Body) == 0:
	case strings.HasPrefix(rec.Head.Get("Content-Type"), "application/json"):
		a.Body = json.RawMessage(rec.Body)
	default:
		a.Body = base64.StdEncoding.EncodeToString(rec.Body)
	}
	return a
}
