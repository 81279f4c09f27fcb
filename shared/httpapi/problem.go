package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
)

// Problem is an RFC 9457 problem detail. It is an error, so that operations can return it.
type Problem struct {
	Type   string `json:"type" doc:"A stable name of the kind of problem" example:"urn:meibo:problem:not_found"`
	Title  string `json:"title" doc:"What kind of problem it is, in the language asked for"`
	Status int    `json:"status" doc:"The HTTP status" example:"404"`
	Detail string `json:"detail,omitempty" doc:"What happened"`
	Cure   string `json:"cure,omitempty" doc:"What to do about it"`
	// Instance names this occurrence in the operator's log; only internal errors have one.
	Instance string       `json:"instance,omitempty" doc:"The number under which the operator finds this occurrence"`
	Errors   []FieldError `json:"errors,omitempty" nullable:"false" doc:"What is wrong with which field"`

	retryAfter int // seconds; 0 for none
}

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	Location string `json:"location" doc:"Path of the field in the request" example:"body.settings.every"`
	Message  string `json:"message" doc:"What is wrong with it, and the cure"`
}

func (p *Problem) Error() string { return p.Type + ": " + p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType returns application/problem+json.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// kind is one kind of problem. An empty detail or cure is left out.
type kind struct {
	code   string
	status int
	title  text
	detail text
	cure   text
}

// say returns the problem in the language of ctx; args go to the detail's verbs.
func (k kind) say(ctx context.Context, args ...any) *Problem {
	lang := langOf(ctx)
	return &Problem{
		Type:   "urn:meibo:problem:" + k.code,
		Title:  k.title.in(lang),
		Status: k.status,
		Detail: k.detail.in(lang, args...),
		Cure:   k.cure.in(lang),
	}
}

// field returns an invalid problem about one field.
func field(ctx context.Context, location string, t text, args ...any) *Problem {
	p := invalid.say(ctx)
	p.Errors = []FieldError{{Location: location, Message: t.in(langOf(ctx), args...)}}
	return p
}

// writeProblem answers with p outside of an operation.
func writeProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	h := w.Header()
	h.Set("Content-Type", p.ContentType(""))
	h.Set("Content-Language", langOf(r.Context()))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		// The answer is on its way already; a failure here is the connection's.
		_ = json.NewEncoder(w).Encode(p)
	}
}

// GetHeaders returns the headers that go with the problem.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	return h
}
