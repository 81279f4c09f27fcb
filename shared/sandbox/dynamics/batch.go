package dynamics

import (
	"mime"
	"net/http"
	"net/url"
	"strings"

	"meibo/shared/sandbox"
)

// piece is one request of a batch, or a change set of several.
type piece struct {
	id     string // Content-ID
	method string
	target string // as it is written: a path, an address or $1
	header http.Header
	body   []byte
	set    []*piece // of a change set
}

func badBatch(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, codeURL, "The batch request is not valid: "+format, args...)
}

// batch answers POST $batch. Operations run one after the other, until one fails or, where the client prefers that, to the end.
func (s *Sandbox) batch(r *http.Request, c *call) (*reply, *apiError) {
	if c.method != http.MethodPost {
		return nil, badMethod(c.method)
	}
	kind, params, err := mime.ParseMediaType(c.header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" || params["boundary"] == "" {
		return nil, fail(http.StatusUnsupportedMediaType, codeURL, "The Content-Type must be multipart/mixed with a boundary.")
	}
	pieces, e := parseBatch(c.body, params["boundary"])
	if e != nil {
		return nil, e
	}
	count := 0
	for _, p := range pieces {
		count += max(1, len(p.set))
	}
	if most := s.limits.BatchParts; most > 0 && count > most {
		return nil, badBatch("it has %d operations, and may have %d.", count, most)
	}
	boundary := "batchresponse_" + s.requestID()
	_, goOn := c.prefer("odata.continue-on-error")
	var b strings.Builder
	status := http.StatusOK
	for _, p := range pieces {
		b.WriteString("--" + boundary + "\r\n")
		got := 0
		if p.set != nil {
			got = s.runSet(&b, r, c, p)
		} else {
			rec := s.runPiece(r, c, p, nil)
			got = rec.Status
			writePart(&b, rec, p.id)
		}
		if got >= 400 && !goOn {
			status = got
			break
		}
	}
	b.WriteString("--" + boundary + "--\r\n")
	return &reply{status: status, binary: []byte(b.String()), header: map[string]string{"Content-Type": "multipart/mixed; boundary=" + boundary}}, nil
}

// runSet runs a change set, all or nothing: a failure is answered alone in place of the set.
func (s *Sandbox) runSet(b *strings.Builder, r *http.Request, c *call, set *piece) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	var done []*sandbox.Recorder
	var failed *sandbox.Recorder
	var bad *piece
	refs := map[string]string{}
	e := c.o.atomically(func() *apiError {
		for _, p := range set.set {
			rec, e := s.runInSet(r, c, p, refs)
			if rec.Status >= 400 {
				failed, bad = rec, p
				if e == nil {
					e = fail(rec.Status, codeUnexpected, "A fault that was asked for.")
				}
				return e
			}
			done = append(done, rec)
			if p.id != "" {
				refs["$"+p.id] = rec.Head.Get("OData-EntityId")
			}
		}
		return nil
	})
	if err := s.flush(); err != nil && e == nil {
		e = internal(err)
		failed, bad = &sandbox.Recorder{Head: http.Header{}, Status: e.status, Body: e.body(false)}, set
	}
	if failed != nil {
		writePart(b, failed, bad.id)
		return failed.Status
	}
	inner := "changesetresponse_" + s.requestID()
	b.WriteString("Content-Type: multipart/mixed; boundary=" + inner + "\r\n\r\n")
	for i, rec := range done {
		b.WriteString("--" + inner + "\r\n")
		writePart(b, rec, set.set[i].id)
	}
	b.WriteString("--" + inner + "--\r\n")
	return http.StatusOK
}

// inner is an operation as a request of its own.
func (s *Sandbox) inner(r *http.Request, c *call, p *piece, refs map[string]string) (*http.Request, *call, *apiError) {
	target := p.target
	if strings.HasPrefix(target, "$") && refs != nil {
		at, ok := refs[target]
		if !ok {
			return nil, nil, fail(http.StatusBadRequest, codeURL, "Content-ID Reference: '%s' does not exist in the batch context.", target)
		}
		target = at
	}
	target = strings.TrimPrefix(target, c.origin)
	if !strings.HasPrefix(target, "/") && !strings.Contains(target, "://") {
		target = apiPath + target
	}
	u, err := url.Parse(target)
	if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, apiPath) {
		return nil, nil, badBatch("the address '%s' is not one of this organisation.", p.target)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, nil, badURL("The query does not parse.")
	}
	inner := (&http.Request{Method: p.method, URL: u, Header: p.header, Host: r.Host, Body: http.NoBody}).WithContext(r.Context())
	ic := &call{s: s, o: c.o, m: c.m, method: p.method, path: strings.TrimPrefix(u.Path, apiPath), query: query, header: p.header, body: p.body,
		origin: c.origin, inPart: true, refs: refs}
	if ic.path == "$batch" {
		return nil, nil, badBatch("a batch must not be in a batch.")
	}
	return inner, ic, ic.checkHeaders(len(target))
}

// runPiece runs one operation, behind the faults for parts.
func (s *Sandbox) runPiece(r *http.Request, c *call, p *piece, refs map[string]string) *sandbox.Recorder {
	rec := sandbox.NewRecorder()
	inner, ic, e := s.inner(r, c, p, refs)
	if e != nil {
		s.write(rec, p.header, nil, nil, e)
		return rec
	}
	s.parts.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		a, e := ic.locked()
		s.write(w, p.header, nil, a, e)
	})).ServeHTTP(rec, inner)
	return rec
}

// runInSet runs one operation of a change set. The caller holds s.mu.
func (s *Sandbox) runInSet(r *http.Request, c *call, p *piece, refs map[string]string) (*sandbox.Recorder, *apiError) {
	rec := sandbox.NewRecorder()
	inner, ic, e := s.inner(r, c, p, refs)
	if e == nil && p.method == http.MethodGet {
		e = badBatch("a change set must not have GET.")
	}
	if e != nil {
		s.write(rec, p.header, nil, nil, e)
		return rec, e
	}
	s.parts.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var a *reply
		a, e = ic.handle()
		c.m.work.spend(s.cfg.Clock.Now(), ic.cost)
		s.write(w, p.header, nil, a, e)
	})).ServeHTTP(rec, inner)
	return rec, e
}

// writePart writes what was taken up as a part of a multipart answer.
func writePart(b *strings.Builder, rec *sandbox.Recorder, id string) {
	b.WriteString("Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n")
	if id != "" {
		b.WriteString("Content-ID: " + id + "\r\n")
	}
	b.WriteString("\r\nHTTP/1.1 " + itoa(rec.Status) + " " + http.StatusText(rec.Status) + "\r\n")
	_ = rec.Head.Write(b) // a Builder takes everything
	b.WriteString("\r\n")
	b.Write(rec.Body)
	b.WriteString("\r\n")
}
