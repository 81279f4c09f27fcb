package devissuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"meibo/shared/clock"
	"meibo/shared/secret"
)

// Person is somebody who can sign in.
type Person struct {
	Subject string `json:"subject"`
	Email   string `json:"email"`
	Name    string `json:"name"`
}

// Config is what an Issuer works with.
type Config struct {
	Issuer       string   // URL under which the handler is served, such as "http://127.0.0.1:8080/signin"
	ClientID     string   // the one client, and the audience of its tokens
	RedirectURIs []string // where the browser may be sent back to, exactly
	People       []Person
	KeyFile      string // private key, of mode 0600; made if there is none
	Clock        clock.Clock
	Life         time.Duration // of a token; 0 means 12 hours
	Rand         io.Reader     // for codes; nil means crypto/rand
}

// Issuer is an http.Handler that signs people in. It is safe for concurrent use.
type Issuer struct {
	cfg    Config
	signer jose.Signer
	public jose.JSONWebKeySet
	mux    *http.ServeMux

	mu     sync.Mutex
	people []Person
	codes  map[string]grant
}

// Open reads or makes the key, and returns the issuer.
func Open(c Config) (*Issuer, error) {
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Host == "" || strings.HasSuffix(c.Issuer, "/") {
		return nil, fmt.Errorf("devissuer: the issuer %q is not a URL without a slash at its end", c.Issuer)
	}
	if c.ClientID == "" || c.Clock == nil {
		return nil, errors.New("devissuer: a client id and a clock are needed")
	}
	if c.Life == 0 {
		c.Life = 12 * time.Hour
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	raw, err := secret.LoadOrCreate(c.KeyFile, newKey)
	if err != nil {
		return nil, fmt.Errorf("devissuer: the key file: %w", err)
	}
	var key jose.JSONWebKey
	if err := json.Unmarshal(raw, &key); err != nil || key.IsPublic() || !key.Valid() || key.Algorithm != string(jose.ES256) {
		return nil, fmt.Errorf("devissuer: %s is not a private ES256 key: delete it, and a new one is made", c.KeyFile)
	}
	i := &Issuer{cfg: c, people: slices.Clone(c.People), codes: map[string]grant{}}
	i.public.Keys = []jose.JSONWebKey{key.Public()}
	i.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("devissuer: %w", err)
	}
	i.routes(u.Path)
	return i, nil
}

func newKey() ([]byte, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	j := jose.JSONWebKey{Key: k, Algorithm: string(jose.ES256), Use: "sig"}
	thumb, err := j.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	j.KeyID = fmt.Sprintf("%x", thumb[:8])
	return json.Marshal(j)
}

func (i *Issuer) routes(base string) {
	i.mux = http.NewServeMux()
	i.mux.HandleFunc("GET "+base+"/.well-known/openid-configuration", i.discovery)
	i.mux.HandleFunc("GET "+base+"/jwks.json", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, i.public) })
	i.mux.HandleFunc("GET "+base+"/authorize", i.page)
	// Another site must not sign somebody in by submitting the form for them.
	i.mux.Handle("POST "+base+"/authorize", http.NewCrossOriginProtection().Handler(http.HandlerFunc(i.choose)))
	i.mux.HandleFunc("POST "+base+"/token", i.token)
}

// ServeHTTP answers under the path of the issuer's URL.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.mux.ServeHTTP(w, r) }

// AddPerson adds somebody to the sign-in page, in place of one with the same subject.
func (i *Issuer) AddPerson(p Person) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.people = append(slices.DeleteFunc(i.people, func(x Person) bool { return x.Subject == p.Subject }), p)
}

func (i *Issuer) person(subject string) (Person, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	n := slices.IndexFunc(i.people, func(p Person) bool { return p.Subject == subject })
	if n < 0 {
		return Person{}, false
	}
	return i.people[n], true
}

// Token returns a token for the person, for scripts, without a sign-in. The address counts as verified.
func (i *Issuer) Token(subject, email, name string) (string, error) {
	return i.sign(Person{subject, email, name}, "")
}

type claims struct {
	jwt.Claims
	Email         string `json:"email"`
	EmailVerified bool   `json:"email_verified"`
	Name          string `json:"name,omitempty"`
	Nonce         string `json:"nonce,omitempty"`
}

func (i *Issuer) sign(p Person, nonce string) (string, error) {
	if p.Subject == "" {
		return "", errors.New("devissuer: a token needs a subject")
	}
	now := i.cfg.Clock.Now()
	return jwt.Signed(i.signer).Claims(claims{
		Claims: jwt.Claims{Issuer: i.cfg.Issuer, Subject: p.Subject, Audience: jwt.Audience{i.cfg.ClientID},
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(i.cfg.Life))},
		Email: p.Email, EmailVerified: p.Email != "", Name: p.Name, Nonce: nonce,
	}).Serialize()
}

func (i *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{
		"issuer":                                i.cfg.Issuer,
		"authorization_endpoint":                i.cfg.Issuer + "/authorize",
		"token_endpoint":                        i.cfg.Issuer + "/token",
		"jwks_uri":                              i.cfg.Issuer + "/jwks.json",
		"response_types_supported":              []string{"code"},
		"grant_types_supported":                 []string{"authorization_code"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{string(jose.ES256)},
		"scopes_supported":                      []string{"openid", "email", "profile"},
		"token_endpoint_auth_methods_supported": []string{"none"},
		"code_challenge_methods_supported":      []string{"S256"},
		"claims_supported":                      []string{"iss", "sub", "aud", "exp", "iat", "email", "email_verified", "name", "nonce"},
	})
}

func reply(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil { // a failing marshal would be a mistake in this package
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(b)
}
