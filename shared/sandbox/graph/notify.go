package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"meibo/shared/sandbox"
)

// noticesMost is how many notifications share one POST.
const noticesMost = 100

// notice is one notification on its way out.
type notice struct {
	url  string
	body map[string]any
}

// delivery is how Graph delivers: an answer within 3 seconds, and retries for 4 hours.
func delivery() sandbox.Policy {
	return sandbox.Policy{Timeout: 3 * time.Second, Retries: []time.Duration{
		10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, time.Hour, time.Hour,
	}}
}

// tell notes a change of an item for the subscriptions to the folder.
func (s *Sandbox) tell(m *mailbox, it *item, folder uint64, what string) {
	if len(s.subs) == 0 {
		return
	}
	now := s.cfg.Clock.Now()
	for _, sub := range s.subsInOrder() {
		if sub.User != m.Email || sub.Folder != folder || sub.Paused || !now.Before(sub.Expires) || !slices.Contains(sub.Changes, what) {
			continue
		}
		id := m.placeID(it, it.place(folder), sub.Immutable)
		path := "Users/" + m.oid + "/Contacts/" + id
		data := map[string]any{"@odata.type": "#Microsoft.Graph.Contact", "@odata.id": path, "id": id}
		if what != "deleted" {
			data["@odata.etag"] = m.etag(it.seq)
		}
		s.noticeSeq++
		s.outbox = append(s.outbox, notice{sub.URL, merged(sub.head(m), map[string]any{
			"id": guid("notice", sub.ID, itoa(int(s.noticeSeq))), "changeType": what, "resource": path, "resourceData": data,
		})})
	}
}

// head are the members that every notification of a subscription has.
func (sub *subscription) head(m *mailbox) map[string]any {
	out := map[string]any{"subscriptionId": sub.ID, "subscriptionExpirationDateTime": sub.Expires.UTC().Format(time.RFC3339), "tenantId": m.tid}
	if sub.State != "" {
		out["clientState"] = sub.State
	}
	return out
}

func merged(m, more map[string]any) map[string]any {
	for k, v := range more {
		m[k] = v
	}
	return m
}

// post hands notifications to the pusher. Those of one request for one address share a POST, whatever subscription they are of.
func (s *Sandbox) post(out []notice) error {
	var urls []string
	byURL := map[string][]map[string]any{}
	for _, n := range out {
		if byURL[n.url] == nil {
			urls = append(urls, n.url)
		}
		byURL[n.url] = append(byURL[n.url], n.body)
	}
	for _, u := range urls {
		for list := range slices.Chunk(byURL[u], noticesMost) {
			body, err := json.Marshal(map[string]any{"value": list})
			if err != nil {
				return err
			}
			s.pusher.Send(sandbox.Push{Key: u, URL: u, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: body}, delivery())
		}
	}
	return nil
}

// The lifecycle events.
const (
	LifecycleReauthorize = "reauthorizationRequired"
	LifecycleRemoved     = "subscriptionRemoved"
	LifecycleMissed      = "missed"
)

// Lifecycle sends an event to the user's subscriptions. After reauthorizationRequired nothing is delivered until the subscription
// is reauthorized or renewed; subscriptionRemoved ends it. A subscription without a lifecycle address is not told.
func (s *Sandbox) Lifecycle(user, event string) error {
	if !slices.Contains([]string{LifecycleReauthorize, LifecycleRemoved, LifecycleMissed}, event) {
		return fmt.Errorf("there is no lifecycle event %q", event)
	}
	return s.withBox(user, func(m *mailbox) error {
		for _, sub := range s.subsInOrder() {
			if sub.User != m.Email {
				continue
			}
			if sub.Lifecycle != "" {
				s.outbox = append(s.outbox, notice{sub.Lifecycle, merged(sub.head(m), map[string]any{"lifecycleEvent": event})})
			}
			switch event {
			case LifecycleReauthorize:
				sub.Paused = true
				s.dirty.subscription(sub)
			case LifecycleRemoved:
				s.dropSubscription(sub.ID)
			}
		}
		return nil
	})
}

// RemoveSubscriptions ends the user's subscriptions without a word.
func (s *Sandbox) RemoveSubscriptions(user string) error {
	return s.withBox(user, func(m *mailbox) error {
		for _, sub := range s.subsInOrder() {
			if sub.User == m.Email {
				s.dropSubscription(sub.ID)
			}
		}
		return nil
	})
}

// Subscription is one as the control route lists it.
type Subscription struct {
	ID        string    `json:"id"`
	User      string    `json:"user"`
	Resource  string    `json:"resource"`
	URL       string    `json:"url"`
	Lifecycle string    `json:"lifecycle,omitempty"`
	Expires   time.Time `json:"expires"`
	Paused    bool      `json:"paused,omitempty"`
}

// Subscriptions lists the user's, in order of creation.
func (s *Sandbox) Subscriptions(user string) ([]Subscription, error) {
	out := []Subscription{}
	err := s.withBox(user, func(m *mailbox) error {
		s.sweep()
		for _, sub := range s.subsInOrder() {
			if sub.User == m.Email {
				out = append(out, Subscription{sub.ID, sub.User, sub.Resource, sub.URL, sub.Lifecycle, sub.Expires, sub.Paused})
			}
		}
		return nil
	})
	return out, err
}
