// Package authn turns the proof that comes with a request into the person who makes it (tenancy.Principal): an OpenID Connect
// token that it verifies itself (OpenID Connect Core 1.0, section 3.1.3.7), or the claims that API Gateway's JWT authorizer has
// verified before. It decides nothing: what a principal may do is package tenancy's.
package authn

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/aws/aws-lambda-go/events"
	"github.com/coreos/go-oidc/v3/oidc"

	"meibo/shared/clock"
	"meibo/shared/tenancy"
)

// Errors of authentication; test with errors.Is.
var (
	// ErrUnauthenticated: the request proves nobody.
	ErrUnauthenticated = errors.New("the sign-in is missing or not valid here: sign in again")
	// ErrExpired is an ErrUnauthenticated whose token was good once.
	ErrExpired = fmt.Errorf("the sign-in has expired: %w", ErrUnauthenticated)
	// ErrUnavailable: the issuer cannot be asked for its keys now.
	ErrUnavailable = errors.New("the sign-in service does not answer: try again in a moment")
)

// Config is what a Verifier works with.
type Config struct {
	Issuer   string // URL, as in the tokens' iss
	Audience string // client id that tokens must be made for
	// HTTP fetches the issuer's configuration and keys, at the first token.
	HTTP  *http.Client
	Clock clock.Clock
}

// Verifier verifies tokens of one issuer. It is safe for concurrent use.
type Verifier struct {
	cfg Config

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier // nil until the issuer has answered
}

// New returns a verifier. It asks the issuer for nothing yet, so that both can start in one process.
func New(c Config) *Verifier { return &Verifier{cfg: c} }

// Verify returns the person whom the token names, or ErrUnauthenticated, ErrExpired or ErrUnavailable.
func (v *Verifier) Verify(ctx context.Context, token string) (tenancy.Principal, error) {
	verifier, err := v.discover(ctx)
	if err != nil {
		return tenancy.Principal{}, err
	}
	var f failure
	t, err := verifier.Verify(context.WithValue(ctx, failureKey{}, &f), token)
	var expired *oidc.TokenExpiredError
	switch {
	case f.err != nil:
		return tenancy.Principal{}, ErrUnavailable
	case errors.As(err, &expired):
		return tenancy.Principal{}, ErrExpired
	case err != nil:
		return tenancy.Principal{}, ErrUnauthenticated // the library's reason may quote the token
	}
	var c struct {
		Email    string `json:"email"`
		Verified any    `json:"email_verified"` // some issuers send "true"
		Name     string `json:"name"`
	}
	if err := t.Claims(&c); err != nil || t.Subject == "" {
		return tenancy.Principal{}, ErrUnauthenticated
	}
	return tenancy.Principal{Issuer: t.Issuer, Subject: t.Subject, Email: c.Email,
		EmailVerified: c.Verified == true || c.Verified == "true", Name: c.Name}, nil
}

// FromRequest returns the person whom the request's bearer token (RFC 6750 section 2.1) names.
func (v *Verifier) FromRequest(r *http.Request) (tenancy.Principal, error) {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return tenancy.Principal{}, ErrUnauthenticated
	}
	return v.Verify(r.Context(), strings.TrimSpace(token))
}

// discover asks the issuer for its configuration, until it has answered once.
func (v *Verifier) discover(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.verifier != nil {
		return v.verifier, nil
	}
	hc := v.cfg.HTTP
	if hc == nil {
		hc = http.DefaultClient
	}
	p, err := oidc.NewProvider(oidc.ClientContext(ctx, hc), v.cfg.Issuer)
	if err != nil {
		return nil, ErrUnavailable
	}
	var at struct {
		JWKS string `json:"jwks_uri"`
	}
	if err := p.Claims(&at); err != nil || at.JWKS == "" {
		return nil, ErrUnavailable
	}
	// The set fetches keys when it meets a new one, long after this request has ended.
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(context.WithoutCancel(ctx), hc), at.JWKS)
	v.verifier = oidc.NewVerifier(v.cfg.Issuer, watched{keys}, &oidc.Config{
		ClientID: v.cfg.Audience, Now: v.cfg.Clock.Now,
		SupportedSigningAlgs: []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.ES256, oidc.ES384, oidc.EdDSA},
	})
	return v.verifier, nil
}

// watched tells apart a bad signature and keys that could not be fetched; the library gives both as one text.
type watched struct{ oidc.KeySet }

type failureKey struct{}

type failure struct{ err error }

func (w watched) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	b, err := w.KeySet.VerifySignature(ctx, jwt)
	var unreachable *url.Error
	if f, ok := ctx.Value(failureKey{}).(*failure); ok && errors.As(err, &unreachable) {
		f.err = err
	}
	return b, err
}

// FromAPIGateway returns the person whom the JWT authorizer of an HTTP API has let through, or ErrUnauthenticated for a request
// that passed no such authorizer. The authorizer gives every claim as text. It also lets tokens through that have no audience but
// a client_id, such as Cognito's access tokens, which do not say who somebody is: they are refused, as Verify refuses them.
func FromAPIGateway(e events.APIGatewayV2HTTPRequest) (tenancy.Principal, error) {
	a := e.RequestContext.Authorizer
	if a == nil || a.JWT == nil {
		return tenancy.Principal{}, ErrUnauthenticated
	}
	c := a.JWT.Claims
	p := tenancy.Principal{Issuer: c["iss"], Subject: c["sub"], Email: c["email"], EmailVerified: c["email_verified"] == "true", Name: c["name"]}
	if p.Issuer == "" || p.Subject == "" || c["aud"] == "" {
		return tenancy.Principal{}, ErrUnauthenticated
	}
	return p, nil
}
