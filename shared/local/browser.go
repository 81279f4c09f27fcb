package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Browser stands in for a person at a stand-in's consent page: for demonstrations, benchmarks and tests that go through the real
// code flow.
type Browser struct {
	// HTTP makes the requests; it must not follow redirects by itself (see NewBrowser).
	HTTP *http.Client
	// Language is the Accept-Language header, or "".
	Language string
}

// NewBrowser returns a browser over transport; nil means http.DefaultTransport.
func NewBrowser(transport http.RoundTripper) *Browser {
	return &Browser{HTTP: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Arrival is where the browser ended up: at a page of Meibo's, or at the address that Meibo sent it to.
type Arrival struct {
	Status   int
	Location string // of a redirect, or ""
	Page     string
	Header   http.Header
	Address  string // of the page
}

// Allow opens the consent address, signs in as user, allows all that is asked for, goes where the vendor sends it, and confirms
// what Meibo shows there.
func (b *Browser) Allow(ctx context.Context, authorizeURL, user string) (Arrival, error) {
	at, err := b.Consent(ctx, authorizeURL, user)
	if err != nil || !at.Asks() {
		return at, err
	}
	return b.Answer(ctx, at, "connect")
}

// Consent does the same up to the page on which Meibo asks.
func (b *Browser) Consent(ctx context.Context, authorizeURL, user string) (Arrival, error) {
	return b.decide(ctx, authorizeURL, user, "allow")
}

// Deny opens the consent address and allows nothing.
func (b *Browser) Deny(ctx context.Context, authorizeURL, user string) (Arrival, error) {
	return b.decide(ctx, authorizeURL, user, "deny")
}

// hiddenCode is the one-time code in the form of Meibo's confirmation page.
var hiddenCode = regexp.MustCompile(`<input type="hidden" name="code" value="([A-Za-z0-9_-]+)">`)

// Asks reports whether the page wants an answer before anything is connected.
func (a Arrival) Asks() bool { return a.Status == http.StatusOK && hiddenCode.MatchString(a.Page) }

// Answer presses a button of the page that asks: "connect" or "cancel".
func (b *Browser) Answer(ctx context.Context, at Arrival, decision string) (Arrival, error) {
	m := hiddenCode.FindStringSubmatch(at.Page)
	if m == nil {
		return at, errors.New("local: the page asks nothing")
	}
	return b.do(ctx, http.MethodPost, at.Address, url.Values{"code": {m[1]}, "decision": {decision}})
}

func (b *Browser) decide(ctx context.Context, authorizeURL, user, decision string) (Arrival, error) {
	u, err := url.Parse(authorizeURL)
	if err != nil {
		return Arrival{}, fmt.Errorf("local: the consent address: %w", err)
	}
	page, err := b.do(ctx, http.MethodGet, authorizeURL, nil)
	if err != nil {
		return Arrival{}, err
	}
	if page.Status != http.StatusOK {
		return page, fmt.Errorf("local: the consent page answered %d", page.Status)
	}
	form := url.Values{"user": {user}, "decision": {decision}}
	all := u.Query().Get("scope") + " " + u.Query().Get("optional_scope")
	form["scope"] = strings.FieldsFunc(all, func(r rune) bool { return r == ' ' || r == ',' })
	sent, err := b.do(ctx, http.MethodPost, authorizeURL, form)
	if err != nil {
		return Arrival{}, err
	}
	if sent.Location == "" {
		return sent, fmt.Errorf("local: the consent page did not send the browser back: it answered %d", sent.Status)
	}
	return b.do(ctx, http.MethodGet, sent.Location, nil)
}

// do makes one request and returns what came back.
func (b *Browser) do(ctx context.Context, method, address string, form url.Values) (Arrival, error) {
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return Arrival{}, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", r.URL.Scheme+"://"+r.URL.Host) // as browsers send it with a form
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if b.Language != "" {
		r.Header.Set("Accept-Language", b.Language)
	}
	resp, err := b.HTTP.Do(r)
	if err != nil {
		return Arrival{}, err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return Arrival{}, err
	}
	at := Arrival{Status: resp.StatusCode, Page: string(page), Header: resp.Header, Address: address}
	if to, err := resp.Location(); err == nil {
		at.Location = to.String()
	}
	return at, nil
}
