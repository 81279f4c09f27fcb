// Package exchange says, for every connector alike, what a request that got no whole answer means: whether it was sent, whether it may
// have been carried out, and whether the authorisation beneath it is gone.
package exchange

import (
	"context"
	"errors"
	"fmt"
	"net"

	"meibo/shared/connector"
	"meibo/shared/oauth"
)

// Unsure is the error of an exchange that broke: a read can simply be repeated, a write may have happened.
func Unsure(system string, write bool, what string) error {
	if write {
		return fmt.Errorf("%w: %s: %s", connector.ErrOutcomeUnknown, system, what)
	}
	return fmt.Errorf("%w: %s: %s", connector.ErrTransient, system, what)
}

// Broken maps the error of a request without a whole answer. What failed before anything was sent is no doubt about the outcome. The
// error's own text is not repeated, since it holds the address called.
func Broken(ctx context.Context, system string, err error, write bool) error {
	var (
		lost      *connector.AuthLostError
		throttled *connector.ThrottledError
		op        *net.OpError
		dns       *net.DNSError
	)
	switch {
	case errors.As(err, &lost):
		return lost
	case errors.As(err, &throttled):
		return throttled
	case errors.Is(err, oauth.ErrRevoked):
		return &connector.AuthLostError{System: system, Cure: "connect the account again"}
	case errors.Is(err, oauth.ErrClient):
		return fmt.Errorf("%w: %s does not accept this installation's client registration", connector.ErrMisconfigured, system)
	case errors.Is(err, connector.ErrMisconfigured):
		return err
	case errors.Is(err, connector.ErrTransient):
		return fmt.Errorf("%w: %s: the request was not sent", connector.ErrTransient, system)
	case errors.As(err, &op) && op.Op == "dial", errors.As(err, &dns):
		return fmt.Errorf("%w: %s cannot be reached", connector.ErrTransient, system)
	case !write && ctx.Err() != nil:
		return ctx.Err()
	}
	return Unsure(system, write, "the connection broke before the answer was complete")
}
