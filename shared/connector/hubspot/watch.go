package hubspot

import (
	"context"
	"fmt"

	"meibo/shared/connector"
)

// Targets returns the one thing that there is to watch: all contacts of the account.
func (*Connector) Targets(context.Context, connector.Scope) ([]string, error) {
	return []string{""}, nil
}

// Watch makes no call: HubSpot tells of all accounts at the one address that Meibo's app is registered with, and names the account in each
// event. It does not expire.
func (c *Connector) Watch(context.Context, connector.Watch) (connector.Subscription, error) {
	hub := c.extra[ExtraHub]
	if hub == "" {
		return connector.Subscription{}, fmt.Errorf("%w: %s: the account does not say which one it is; connect it again", connector.ErrMisconfigured, System)
	}
	return connector.Subscription{ID: hub, Shared: true}, nil
}

// Renew is Watch: there is nothing that could be lost.
func (c *Connector) Renew(ctx context.Context, _ connector.Subscription, w connector.Watch) (connector.Subscription, error) {
	return c.Watch(ctx, w)
}

// Unwatch does nothing: the app's address serves other accounts too.
func (*Connector) Unwatch(context.Context, connector.Subscription) error { return nil }
