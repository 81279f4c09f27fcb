package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/exchange"
	"meibo/shared/oauth"
)

func TestBroken(t *testing.T) {
	ended, end := context.WithCancel(context.Background())
	end()
	cut := errors.New("https://vendor.example/people/hanako: EOF")
	for name, c := range map[string]struct {
		ctx         context.Context
		err         error
		read, write error
	}{
		"a cut answer leaves a write open":              {context.Background(), cut, connector.ErrTransient, connector.ErrOutcomeUnknown},
		"so does a caller who gave up":                  {ended, cut, context.Canceled, connector.ErrOutcomeUnknown},
		"what never got a connection was not sent":      {context.Background(), &net.OpError{Op: "dial", Err: cut}, connector.ErrTransient, connector.ErrTransient},
		"nor what found no address":                     {context.Background(), &net.DNSError{Err: "none", Name: "hanako.example"}, connector.ErrTransient, connector.ErrTransient},
		"what the authorisation held back was not sent": {context.Background(), fmt.Errorf("hanako: %w", connector.ErrTransient), connector.ErrTransient, connector.ErrTransient},
		"a refused registration is ours":                {context.Background(), fmt.Errorf("hanako: %w", oauth.ErrClient), connector.ErrMisconfigured, connector.ErrMisconfigured},
	} {
		t.Run(name, func(t *testing.T) {
			for write, want := range map[bool]error{false: c.read, true: c.write} {
				got := exchange.Broken(c.ctx, "The CRM", c.err, write)
				if !errors.Is(got, want) || write && want == connector.ErrTransient && errors.Is(got, connector.ErrOutcomeUnknown) {
					t.Errorf("write %v: got %v, want %v", write, got, want)
				}
				if strings.Contains(got.Error(), "hanako") {
					t.Errorf("write %v: the error repeats the address: %v", write, got)
				}
			}
		})
	}
	t.Run("a lost authorisation and a wait are told as they are", func(t *testing.T) {
		var lost *connector.AuthLostError
		if got := exchange.Broken(context.Background(), "The CRM", oauth.ErrRevoked, true); !errors.As(got, &lost) || lost.System != "The CRM" {
			t.Errorf("got %v", got)
		}
		wait := &connector.ThrottledError{System: "The CRM", After: time.Minute}
		if got := exchange.Broken(context.Background(), "The CRM", fmt.Errorf("x: %w", wait), true); got != error(wait) {
			t.Errorf("got %v, want %v", got, wait)
		}
	})
}
