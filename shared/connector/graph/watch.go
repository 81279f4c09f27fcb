package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"meibo/shared/connector"
)

// The longest that a subscription to contacts may be asked for (sheet 13.1), a little less than Microsoft says, and what older
// documentation allows, for when the first is refused. The answer says what was granted.
const (
	longestWatch = 10_080*time.Minute - 10*time.Minute
	olderWatch   = 4_230*time.Minute - 10*time.Minute
)

// subscription is Graph's word for a watch.
type subscription struct {
	ID       string    `json:"id"`
	Resource string    `json:"resource"`
	URL      string    `json:"notificationUrl"`
	State    string    `json:"clientState"`
	Expires  time.Time `json:"expirationDateTime"`
}

// Targets implements connector.Watcher: Graph watches by folder.
func (c *Connector) Targets(ctx context.Context, scope connector.Scope) ([]string, error) {
	cur := cursor{Groups: scope.Groups}
	var ids []string
	if cur.everywhere() {
		all, err := c.folders(ctx, "")
		if err != nil {
			return nil, err
		}
		for _, f := range all {
			ids = append(ids, f.ID)
		}
		return ids, nil
	}
	for _, g := range cur.Groups {
		if id := strings.TrimPrefix(g, folderPrefix); isID(id) && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// resource is what a subscription to a folder names.
func resource(target string) string {
	if target == defaultFolder {
		return "/me/contacts"
	}
	return "/me/contactFolders/" + target + "/contacts"
}

// Watch implements connector.Watcher. Graph asks the address whether it answers before this call returns. A watch that was made before
// and forgotten is taken over; one of the same folder that sends elsewhere is another connection's, and is left alone.
func (c *Connector) Watch(ctx context.Context, w connector.Watch) (connector.Subscription, error) {
	if !isID(w.Target) {
		return connector.Subscription{}, vanished{}
	}
	a, err := c.subscribe(ctx, w, longestWatch)
	if err == nil && tooFar(a) {
		a, err = c.subscribe(ctx, w, olderWatch)
	}
	if err != nil {
		return connector.Subscription{}, err
	}
	if a.err == nil && a.status == http.StatusConflict {
		return c.takeOver(ctx, w)
	}
	if err := c.outcome(a, writing); isNotFound(err) {
		return connector.Subscription{}, vanished{}
	} else if err != nil {
		return connector.Subscription{}, watchError(err)
	}
	return granted(a, w)
}

func (c *Connector) subscribe(ctx context.Context, w connector.Watch, longest time.Duration) (answer, error) {
	s, changes, path := models.NewSubscription(), "created,updated,deleted", resource(w.Target)
	s.SetOdataType(nil)
	s.SetChangeType(&changes)
	s.SetResource(&path)
	s.SetNotificationUrl(&w.URL)
	s.SetLifecycleNotificationUrl(&w.URL)
	s.SetClientState(&w.Secret)
	until := c.until(w, longest)
	s.SetExpirationDateTime(&until)
	r, err := c.built(c.watches.ToPostRequestInformation(ctx, s, nil))
	if err != nil {
		return answer{}, err
	}
	if err := c.pace.Take(ctx, cost(1, len(r.body))...); err != nil {
		return answer{}, err
	}
	return c.send(ctx, r, writing), nil
}

// until is when a subscription is to end. Graph makes it at least 45 minutes.
func (c *Connector) until(w connector.Watch, longest time.Duration) time.Time {
	most := c.cfg.Clock.Now().Add(longest)
	if !w.Until.IsZero() && w.Until.Before(most) {
		most = w.Until
	}
	return most.UTC().Truncate(time.Second)
}

// tooFar reports whether a subscription was refused for its length.
func tooFar(a answer) bool {
	e, _ := readError(a.body)
	return a.err == nil && a.status >= 400 && strings.Contains(strings.ToLower(e.Message), "expiration can only be")
}

// watchError takes a refusal that is about the record, of which there is none here, as what it is: the connection polls.
func watchError(err error) error {
	if invalid, ok := asInvalid(err); ok {
		return &connector.ForbiddenError{System: System, What: "be told of changes (" + invalid.Reason + ")",
			Cure: "make sure that Meibo's address for notifications can be reached from the internet over HTTPS; until then Meibo looks for changes at intervals"}
	}
	return err
}

func granted(a answer, w connector.Watch) (connector.Subscription, error) {
	var s subscription
	if json.Unmarshal(a.body, &s) != nil || s.ID == "" || s.Expires.IsZero() {
		return connector.Subscription{}, unsure(writing, System+" did not return the subscription")
	}
	return connector.Subscription{ID: s.ID, Target: w.Target, Expires: s.Expires.UTC()}, nil
}

// takeOver finds the subscription that stands in the way of w's.
func (c *Connector) takeOver(ctx context.Context, w connector.Watch) (connector.Subscription, error) {
	r, err := c.built(c.watches.ToGetRequestInformation(ctx, nil))
	if err != nil {
		return connector.Subscription{}, err
	}
	var mine *subscription
	err = c.pages(ctx, r, answer{}, func(value json.RawMessage) error {
		var all []subscription
		if err := json.Unmarshal(value, &all); err != nil {
			return err
		}
		for _, s := range all {
			if s.URL == w.URL && strings.EqualFold(strings.Trim(s.Resource, "/"), strings.Trim(resource(w.Target), "/")) {
				mine = &s
			}
		}
		return nil
	})
	if err != nil {
		return connector.Subscription{}, err
	}
	if mine == nil {
		return connector.Subscription{}, &connector.ForbiddenError{System: System, What: "be told of changes of one folder twice",
			Cure: "another connection has the notifications of this folder; this one looks for changes at intervals"}
	}
	// Its secret cannot be read back, so that it is made anew.
	s := connector.Subscription{ID: mine.ID, Target: w.Target}
	if err := c.Unwatch(ctx, s); err != nil {
		return s, err
	}
	a, err := c.subscribe(ctx, w, olderWatch)
	if err == nil {
		err = c.outcome(a, writing)
	}
	if err != nil {
		return connector.Subscription{}, watchError(err)
	}
	return granted(a, w)
}

// Renew implements connector.Watcher. A new end with a fresh authorisation is also what Graph wants after it asked for one
// (reauthorizationRequired); asking for both within ten minutes is advised against (sheet 13.4).
func (c *Connector) Renew(ctx context.Context, s connector.Subscription, w connector.Watch) (connector.Subscription, error) {
	var a answer
	for _, longest := range []time.Duration{longestWatch, olderWatch} {
		m, until := models.NewSubscription(), c.until(w, longest)
		m.SetOdataType(nil)
		m.SetExpirationDateTime(&until)
		r, err := c.built(c.watch(s.ID).ToPatchRequestInformation(ctx, m, nil))
		if err != nil {
			return s, err
		}
		if err := c.pace.Take(ctx, cost(1, len(r.body))...); err != nil {
			return s, err
		}
		if a = c.send(ctx, r, writing); !tooFar(a) {
			break
		}
	}
	if a.err == nil && a.status == http.StatusNotFound { // whatever the code is
		return s, fmt.Errorf("%s: the subscription is gone: %w", System, connector.ErrNotFound)
	}
	if err := c.outcome(a, writing); err != nil {
		return s, watchError(err)
	}
	again, err := granted(a, w)
	if err == nil {
		again.Target = s.Target
	}
	return again, err
}

// Unwatch implements connector.Watcher.
func (c *Connector) Unwatch(ctx context.Context, s connector.Subscription) error {
	r, err := c.built(c.watch(s.ID).ToDeleteRequestInformation(ctx, nil))
	if err != nil {
		return err
	}
	if err := c.pace.Take(ctx, cost(1, 0)...); err != nil {
		return err
	}
	if a := c.send(ctx, r, writing); a.err != nil || a.status != http.StatusNotFound {
		return c.outcome(a, writing)
	}
	return nil
}
