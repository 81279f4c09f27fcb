package pipedrive

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"meibo/shared/connector"
)

// lookAfter is how long a webhook is trusted to be there: Pipedrive's do not expire, but are deleted after three days without a
// delivery that succeeded. A subscription is therefore said to end after two days, so that it is looked after every day.
const lookAfter = 48 * time.Hour

const rightWebhooks = "be told of changes by webhook"

// webhook is what Meibo reads of one.
type webhook struct {
	ID       num    `json:"id"`
	URL      string `json:"subscription_url"`
	Action   string `json:"event_action"`
	Object   string `json:"event_object"`
	Version  string `json:"version"`
	Active   flag   `json:"is_active"`
	User     string `json:"http_auth_user"`
	Password string `json:"http_auth_password"`
}

// flag is true or 1.
type flag bool

// UnmarshalJSON takes a number for a truth.
func (f *flag) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	*f = s == "1" || s == "true"
	return nil
}

// Targets returns the one thing that there is to watch: all people that the user can see.
func (*Connector) Targets(context.Context, connector.Scope) ([]string, error) {
	return []string{""}, nil
}

// Watch makes a webhook for the people that this user can see, which proves itself with w.ID and w.Secret. One that was made for the same
// address before, by a call whose answer was lost, is taken over or replaced.
func (c *Connector) Watch(ctx context.Context, w connector.Watch) (connector.Subscription, error) {
	list, err := c.webhooks(ctx)
	if err != nil {
		return connector.Subscription{}, err
	}
	for _, h := range list {
		if h.URL != w.URL {
			continue
		}
		if bool(h.Active) && h.Object == "person" && h.Action == "*" && strings.HasPrefix(h.Version, "2") && h.User == w.ID && h.Password == w.Secret {
			return c.subscription(h.ID, w), nil
		}
		if err := c.Unwatch(ctx, connector.Subscription{ID: h.ID.String()}); err != nil {
			return connector.Subscription{}, err
		}
	}
	var made webhook
	_, _, err = c.ask(ctx, request{method: http.MethodPost, path: v1 + "/webhooks", write: true, right: rightWebhooks, body: map[string]any{
		"subscription_url": w.URL, "event_action": "*", "event_object": "person", "name": "Meibo", "version": "2.0",
		"http_auth_user": w.ID, "http_auth_password": w.Secret,
	}}, &made)
	var bad *connector.InvalidError
	switch {
	case errors.As(err, &bad) && bad.Field == "subscription_url":
		return connector.Subscription{}, &connector.ForbiddenError{System: System, What: rightWebhooks, Cure: "Pipedrive cannot reach this installation's address for notifications; make it reachable, or leave the connection to polling"}
	case errors.As(err, &bad):
		return connector.Subscription{}, &connector.ForbiddenError{System: System, What: rightWebhooks, Cure: "there are 40 webhooks already; remove one in Pipedrive, or leave the connection to polling"}
	case err != nil:
		return connector.Subscription{}, err
	case made.ID == 0:
		return connector.Subscription{}, unsure(true, "it did not say which webhook it made")
	}
	return c.subscription(made.ID, w), nil
}

// Renew looks whether the webhook stands.
func (c *Connector) Renew(ctx context.Context, s connector.Subscription, w connector.Watch) (connector.Subscription, error) {
	list, err := c.webhooks(ctx)
	if err != nil {
		return s, err
	}
	for _, h := range list {
		if h.ID.String() == s.ID && bool(h.Active) {
			return c.subscription(h.ID, w), nil
		}
	}
	return s, connector.ErrNotFound
}

// Unwatch deletes the webhook.
func (c *Connector) Unwatch(ctx context.Context, s connector.Subscription) error {
	if !isID(s.ID) {
		return nil
	}
	_, err := c.call(ctx, request{method: http.MethodDelete, path: v1 + "/webhooks/" + s.ID, write: true, right: rightWebhooks})
	if errors.Is(err, connector.ErrNotFound) {
		return nil
	}
	return err
}

func (c *Connector) subscription(id num, w connector.Watch) connector.Subscription {
	until := c.clock.Now().Add(lookAfter)
	if !w.Until.IsZero() && w.Until.Before(until) {
		until = w.Until
	}
	return connector.Subscription{ID: id.String(), Target: w.Target, Expires: until}
}

// webhooks lists those that Meibo made for this user.
func (c *Connector) webhooks(ctx context.Context) ([]webhook, error) {
	var list []webhook
	_, _, err := c.ask(ctx, request{path: v1 + "/webhooks", right: rightWebhooks}, &list)
	return list, err
}
