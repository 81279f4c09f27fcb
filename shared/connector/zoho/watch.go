package zoho

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"meibo/shared/connector"
)

var _ connector.Watcher = (*Connector)(nil)

// watchLife is how long a notification channel is asked for: a little less than the week that is allowed, because an expiry that
// is too far away by Zoho's clock silently becomes an hour.
const watchLife = 7*24*time.Hour - time.Hour

// watchEvents are what Meibo wants to hear of.
var watchEvents = []string{"Contacts.all"}

// channel is one element of a watch request. Values of records are not asked for: notifications are hints.
type channel struct {
	ID     string   `json:"channel_id"`
	Events []string `json:"events"`
	Expiry string   `json:"channel_expiry"`
	URL    string   `json:"notify_url"`
	Token  string   `json:"token,omitempty"`
}

// watched is one element of the answer.
type watched struct {
	vendorError
	Details struct {
		Events []struct {
			ID     string `json:"channel_id"`
			Expiry string `json:"channel_expiry"`
		} `json:"events"`
	} `json:"details"`
}

// Targets: Zoho watches a whole module, whatever views a scope has.
func (c *Connector) Targets(context.Context, connector.Scope) ([]string, error) {
	return []string{""}, nil
}

// Watch opens a notification channel, whose id is the watch's own: one call.
func (c *Connector) Watch(ctx context.Context, w connector.Watch) (connector.Subscription, error) {
	return c.watch(ctx, http.MethodPost, w)
}

// Renew moves the end of a channel: one call. It leaves the channel's token as it is, which is not known here any more.
func (c *Connector) Renew(ctx context.Context, s connector.Subscription, w connector.Watch) (connector.Subscription, error) {
	w.ID, w.Secret = s.ID, ""
	return c.watch(ctx, http.MethodPatch, w)
}

func (c *Connector) watch(ctx context.Context, method string, w connector.Watch) (connector.Subscription, error) {
	until := c.clock.Now().Add(watchLife)
	if w.Until.Before(until) {
		until = w.Until
	}
	a, err := c.call(ctx, request{method: method, path: "/actions/watch", write: true, body: map[string]any{"watch": []channel{{
		ID: w.ID, Events: watchEvents, Expiry: until.UTC().Truncate(time.Second).Format(time.RFC3339), URL: w.URL, Token: w.Secret,
	}}}})
	if err != nil {
		return connector.Subscription{}, watchError(err)
	}
	var body struct {
		Watch []watched `json:"watch"`
	}
	if json.Unmarshal(a.body, &body) != nil || len(body.Watch) != 1 {
		if a.status >= http.StatusBadRequest {
			return connector.Subscription{}, watchRefusal(a.body)
		}
		return connector.Subscription{}, unsure(true, "it did not say whether it will send notifications")
	}
	got := body.Watch[0]
	if got.Code != "SUCCESS" {
		return connector.Subscription{}, watchCode(got.Code)
	}
	// What was granted counts, not what was asked for.
	if len(got.Details.Events) != 0 {
		if t, err := time.Parse(time.RFC3339, got.Details.Events[0].Expiry); err == nil {
			return connector.Subscription{ID: w.ID, Target: w.Target, Expires: t.UTC()}, nil
		}
	}
	return connector.Subscription{}, unsure(true, "it did not say how long it will send notifications")
}

// Unwatch ends a channel: one call.
func (c *Connector) Unwatch(ctx context.Context, s connector.Subscription) error {
	a, err := c.call(ctx, request{method: http.MethodDelete, path: "/actions/watch", query: url.Values{"channel_ids": {s.ID}}, write: true})
	if err != nil {
		return watchError(err)
	}
	var body struct {
		Watch []vendorError `json:"watch"`
	}
	err = nil
	switch {
	case a.status == http.StatusNoContent:
	case json.Unmarshal(a.body, &body) != nil || len(body.Watch) != 1:
		err = watchRefusal(a.body)
	case body.Watch[0].Code != "SUCCESS":
		err = watchCode(body.Watch[0].Code)
	}
	if errors.Is(err, connector.ErrNotFound) {
		return nil
	}
	return err
}

// watchError maps the error of a whole call. An authorisation from the time before notifications lets everything else go on, so it
// is not lost.
func watchError(err error) error {
	var scope *scopeError
	if errors.As(err, &scope) {
		return &connector.ForbiddenError{
			System: System, What: "be told of changes as they happen",
			Cure: "connect the account again and allow everything that is asked for; until then changes arrive at the next scheduled run",
		}
	}
	return err
}

func watchRefusal(body []byte) error {
	if e, known := wholeError(body); known {
		return watchCode(e.Code)
	}
	return unsure(true, "it did not say what it did with the notification channel")
}

// watchCode maps an error code of one channel.
func watchCode(code string) error {
	switch code {
	case "NOT_SUBSCRIBED":
		return connector.ErrNotFound
	case "NO_PERMISSION", "AUTHORIZATION_FAILED", "INVALID_MODULE", "NOT_SUPPORTED", "LIMIT_REACHED":
		return &connector.ForbiddenError{
			System: System, What: "be told of changes of contacts as they happen",
			Cure: "ask a Zoho CRM administrator to allow it in the profile of this user; until then changes arrive at the next scheduled run",
		}
	case "RATE_LIMIT_EXCEEDED", "TOO_MANY_REQUESTS":
		return &connector.ThrottledError{System: System, After: backoffMax}
	case "SERVICE_UNAVAILABLE":
		return fmt.Errorf("%w: %s opens no notification channels for a moment", connector.ErrTransient, System)
	case "INTERNAL_ERROR", "":
		return unsure(true, "it reported an internal error")
	}
	return fmt.Errorf("%w: %s refused the notification channel (%s)", connector.ErrMisconfigured, System, code)
}
