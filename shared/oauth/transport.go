package oauth

import (
	"fmt"
	"io"
	"net/http"

	"meibo/shared/connector"
)

// transport sets the account's authorisation on each request.
type transport struct {
	keeper *Keeper
	held   *held
	base   http.RoundTripper
}

// turns is how often one request is sent: with the token at hand, with one that another process had renewed meanwhile, and with
// one renewed for it.
const turns = 3

// RoundTrip sends r, and again after a 401 with a renewed token if its body can be had again. A 401 means that nothing was done,
// so sending it again doubles nothing.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	s, err := t.keeper.current(ctx, t.held)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	sys, ok := t.keeper.Systems[s.system]
	if !ok {
		closeBody(r)
		return nil, fmt.Errorf("%w: the system %q is not configured here", connector.ErrMisconfigured, s.system)
	}
	repeatable := r.Body == nil || r.Body == http.NoBody || r.GetBody != nil
	renewed := false
	for turn := 1; ; turn++ {
		again := r.Clone(ctx) // a RoundTripper must leave its request alone
		if turn > 1 && r.GetBody != nil {
			if again.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
		sys.credential().Authorize(again, s.token)
		resp, err := t.base.RoundTrip(again)
		if err != nil || resp.StatusCode != http.StatusUnauthorized || renewed || turn == turns {
			return resp, err
		}
		drain(resp)
		if s, renewed, err = t.keeper.renewed(ctx, t.held, s.gen); err != nil {
			return nil, err
		}
		if !repeatable {
			return nil, fmt.Errorf("%w: %s asked for a renewed authorisation; the request was refused and its body cannot be sent twice", connector.ErrTransient, sys.Name)
		}
	}
}

// drain reads what is left of an answer, within reason, so that its connection can be used again.
func drain(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // the answer is thrown away; so is what goes wrong with it
	resp.Body.Close()
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		r.Body.Close()
	}
}
