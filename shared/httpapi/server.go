package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"meibo/shared/authn"
	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/directory"
	"meibo/shared/engine"
	"meibo/shared/oauth"
	"meibo/shared/secret"
	"meibo/shared/state"
	"meibo/shared/store"
	"meibo/shared/system"
	"meibo/shared/tenancy"
)

// Version of the API, as its document states it.
const Version = "1.0.0"

// Config is what the API works with. All fields are needed, except where they say otherwise.
type Config struct {
	Table   store.Table
	Keys    *secret.Keys
	Clock   clock.Clock
	Tenancy *tenancy.Service
	State   *state.Repo
	Systems []system.System
	// Consent starts the consent flow of r.System.
	Consent func(ctx context.Context, r oauth.StartRequest) (url string, err error)
	// Enter takes the key of an account at a system that has no consent.
	Enter func(ctx context.Context, r oauth.StartRequest, key string) (oauth.Outcome, error)
	// Directories are the organisations' directories that administrators connect.
	Directories *directory.Service
	// EgressAddresses are the fixed addresses that requests to the vendors come from; empty if there are none.
	EgressAddresses []string
	// Opener opens an account's connector, for its groups.
	Opener engine.Opener
	// Describe returns what an account can do under a connection's options, its fields and options among it.
	Describe func(ctx context.Context, tenant, account string, options map[string]string) (connector.Description, error)
	// Watches tells how vendors push the changes of a connection; nil means that none does.
	Watches func(ctx context.Context, c tenancy.Connection) ([]PushView, error)
	// LastMail returns the last mail about a connection, or nil if there is none; it may be nil itself.
	LastMail func(ctx context.Context, c tenancy.Connection) (*LastMailView, error)
	// NextRun is when the schedule asks for a connection's next run; zero if it does not. nil means that nobody can tell.
	NextRun func(c tenancy.Connection, ctl state.Control, now time.Time) time.Time
	// Ask sends the message that asks for a run.
	Ask func(ctx context.Context, a state.Ask) error
	// Authenticate returns who sent the request, or an error for anybody whose sign-in is not in order.
	Authenticate func(*http.Request) (tenancy.Principal, error)
	Log          *slog.Logger
	// NewID gives run ids and incident numbers, which sort by time.
	NewID func() string
}

// Server answers the API. It is safe for concurrent use.
type Server struct {
	Config
	api huma.API
	mux *http.ServeMux
}

// New returns the API.
func New(c Config) *Server {
	s := &Server{Config: c, mux: http.NewServeMux()}
	hc := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Meibo", Version: Version,
				Description: "Keeps a company's CRM and its people's address books the same. " +
					"Errors are problem details (RFC 9457) in the language of Accept-Language (ja, en). " +
					"Lists take limit and page and answer items and next. " +
					"Writes take Idempotency-Key.",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "A token of the installation's OpenID Connect issuer"},
				},
			},
			Tags: tags,
		},
		OpenAPIPath:   "/openapi",
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{s.localise},
	}
	s.api = humago.New(s.mux, hc)
	s.api.OpenAPI().Servers = []*huma.Server{{URL: "/", Description: "Where this document comes from"}}
	s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	s.tenantOps()
	s.memberOps()
	s.accountOps()
	s.directoryOps()
	s.connectionOps()
	s.runOps()
	s.recordOps()
	return s
}

// OpenAPI returns the document that /openapi.json serves.
func (s *Server) OpenAPI() *huma.OpenAPI { return s.api.OpenAPI() }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	began := s.Clock.Now()
	w := &answerWriter{ResponseWriter: rw}
	ctx := withLang(r.Context(), Language(r.Header.Get("Accept-Language")))
	ctx = withRequest(ctx, s.requestID(r))
	r = r.WithContext(ctx)
	h := w.Header()
	h.Set("Vary", "Accept-Language, Authorization")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Request-Id", requestOf(ctx))
	route, pattern := s.mux.Handler(r)
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			p := s.incident(ctx, fmt.Errorf("panic: %v", v), "stack", string(debug.Stack()))
			if w.status == 0 {
				writeProblem(w, r, p)
			}
		}
		s.log(ctx).Info("request", "method", r.Method, "route", pattern, "status", w.status,
			"ms", s.Clock.Now().Sub(began)/time.Millisecond)
	}()
	switch {
	case pattern == "":
		s.noRoute(w, r, route)
	case strings.HasPrefix(r.URL.Path, "/openapi"):
		s.mux.ServeHTTP(w, r)
	default:
		who, err := s.Authenticate(r)
		if errors.Is(err, authn.ErrUnavailable) {
			s.log(ctx).Error("the sign-in service does not answer", "error", err.Error())
			writeProblem(w, r, busy.say(ctx))
			return
		}
		if err != nil {
			s.log(ctx).Info("not signed in", "reason", err.Error())
			h.Set("WWW-Authenticate", `Bearer realm="meibo"`)
			writeProblem(w, r, unauthenticated.say(ctx))
			return
		}
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Language", langOf(ctx))
		r = r.WithContext(context.WithValue(ctx, principalKey{}, who))
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody+1)
		s.mux.ServeHTTP(w, r)
	}
}

// noRoute answers what no operation takes: the mux's own answer tells whether the address or the method is wrong.
func (s *Server) noRoute(w http.ResponseWriter, r *http.Request, route http.Handler) {
	probe := &probeWriter{header: http.Header{}}
	route.ServeHTTP(probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		allow := probe.header.Get("Allow")
		w.Header().Set("Allow", allow)
		writeProblem(w, r, wrongMethod.say(r.Context(), allow))
		return
	}
	writeProblem(w, r, noRoute.say(r.Context()))
}

// incident logs err under a number and returns the problem that a stranger may see of it.
func (s *Server) incident(ctx context.Context, err error, more ...any) *Problem {
	p := internal.say(ctx)
	id := s.NewID()
	p.Instance = "urn:meibo:incident:" + id
	s.log(ctx).Error("internal error", append([]any{"incident", id, "error", err.Error()}, more...)...)
	return p
}

// requestID is the gateway's id of the request if it gave one that is fit for a log, else a new one.
func (s *Server) requestID(r *http.Request) string {
	id := r.Header.Get("X-Amzn-Trace-Id")
	if id == "" || len(id) > 128 || strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return s.NewID()
	}
	return id
}

type requestKey struct{}

func withRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

func requestOf(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

type principalKey struct{}

func principalOf(ctx context.Context) tenancy.Principal {
	p, _ := ctx.Value(principalKey{}).(tenancy.Principal)
	return p
}

func (s *Server) log(ctx context.Context) *slog.Logger { return s.Log.With("request", requestOf(ctx)) }

// answerWriter remembers the status for the log.
type answerWriter struct {
	http.ResponseWriter
	status int
}

func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// probeWriter takes an answer for its status and headers.
type probeWriter struct {
	header http.Header
	status int
}

func (p *probeWriter) Header() http.Header         { return p.header }
func (p *probeWriter) Write(b []byte) (int, error) { return len(b), nil }
func (p *probeWriter) WriteHeader(status int)      { p.status = status }
