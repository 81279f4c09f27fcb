package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"meibo/shared/tenancy"
)

// MaxBody is the most bytes that the API takes in one request.
const MaxBody = 256 << 10

// InTenant is the part of a request that says whose tenant it is about.
type InTenant struct {
	Tenant string `path:"tenant" minLength:"1" maxLength:"128" doc:"The tenant's id"`
}

func (t InTenant) tenantID() string { return t.Tenant }

// Once is the part of a write that makes it safe to repeat.
type Once struct {
	IdempotencyKey string `header:"Idempotency-Key" minLength:"1" maxLength:"255" doc:"A text of your choice, new for each request that you mean. Sent again within a day with the same content, the request is not carried out again but answered as it was the first time."`
}

func (o Once) onceKey() string { return o.IdempotencyKey }

// Answer is a body with a status; status 0 is the operation's own.
type Answer[T any] struct {
	Status int `json:"status"`
	Body   T   `json:"body"`
}

// Nothing is an answer without a body.
type Nothing struct{}

// caller is who asks: the signed-in person, and as which member of the tenant.
type caller struct {
	tenancy.Member
	principal tenancy.Principal
}

// op describes an operation.
type op struct {
	id, method, path string
	summary          string
	about            string
	tag              string
	status           int
	// also is a second status of a POST, with the same answer; 0 for none.
	also int
}

func (o op) huma() huma.Operation {
	return huma.Operation{
		OperationID: o.id, Method: o.method, Path: "/v1" + o.path, Summary: o.summary, Description: o.about,
		Tags: []string{o.tag}, DefaultStatus: o.status, MaxBodyBytes: MaxBody + 1, // the framework refuses at the limit itself
		RejectUnknownQueryParameters: true,
		Security:                     []map[string][]string{{"bearer": {}}},
		Responses: map[string]*huma.Response{"default": {
			Description: "A problem (RFC 9457)",
			Content: map[string]*huma.MediaType{"application/problem+json": {
				Schema: &huma.Schema{Ref: "#/components/schemas/Problem"},
			}},
		}},
	}
}

// tenantRequest is an input that embeds InTenant.
type tenantRequest[I any] interface {
	*I
	tenantID() string
}

// inTenant registers an operation on one tenant. The caller's membership is settled first: for a stranger every tenant is
// absent, and nothing of the request is looked at or kept.
func inTenant[I any, P tenantRequest[I], O any](s *Server, o op, handle func(context.Context, caller, *I) (*O, error)) {
	huma.Register(s.api, o.huma(), func(ctx context.Context, in *I) (*O, error) {
		who := principalOf(ctx)
		m, err := s.Tenancy.Authenticate(ctx, P(in).tenantID(), who)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		c := caller{m, who}
		return once(ctx, s, o, c, m.Tenant, in, func() (*O, error) { return handle(ctx, c, in) })
	})
	if o.also != 0 {
		answers := s.api.OpenAPI().Paths["/v1"+o.path].Post.Responses
		answers[strconv.Itoa(o.also)] = answers[strconv.Itoa(o.status)]
	}
}

// outside registers an operation that is about no tenant in particular.
func outside[I, O any](s *Server, o op, handle func(context.Context, tenancy.Principal, *I) (*O, error)) {
	huma.Register(s.api, o.huma(), func(ctx context.Context, in *I) (*O, error) {
		who := principalOf(ctx)
		return once(ctx, s, o, caller{principal: who}, "", in, func() (*O, error) { return handle(ctx, who, in) })
	})
}

// once carries out a request, or answers what it answered before if it came with a key.
func once[I, O any](ctx context.Context, s *Server, o op, c caller, tenant string, in *I, do func() (*O, error)) (*O, error) {
	k, repeatable := any(in).(interface{ onceKey() string })
	if o.method == http.MethodGet || !repeatable || k.onceKey() == "" {
		out, err := do()
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return out, nil
	}
	return repeat(ctx, s, o, c, tenant, k.onceKey(), in, do)
}

func created[T any](v T) *Answer[T]  { return &Answer[T]{Status: http.StatusCreated, Body: v} }
func accepted[T any](v T) *Answer[T] { return &Answer[T]{Status: http.StatusAccepted, Body: v} }
func ok[T any](v T) *Answer[T]       { return &Answer[T]{Status: http.StatusOK, Body: v} }
