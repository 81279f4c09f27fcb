package graph

import (
	"slices"
	"strings"
	"time"
)

const (
	leastLife    = 45 * time.Minute
	mostLife     = 10_080 * time.Minute
	clientMost   = 128
	handshakeFor = 10 * time.Second
)

// subscription asks for notifications of the changes in one folder.
type subscription struct {
	ID        string    `json:"id"`
	User      string    `json:"user"`             // whose mailbox
	Owner     string    `json:"owner,omitempty"`  // the user whose token made it; "" for the application
	Tenant    string    `json:"tenant,omitempty"` // of the application's token
	Client    string    `json:"client"`
	Resource  string    `json:"resource"` // as it was asked for
	Folder    uint64    `json:"folder"`
	Changes   []string  `json:"changes"`
	URL       string    `json:"url"`
	Lifecycle string    `json:"lifecycle,omitempty"`
	State     string    `json:"state,omitempty"` // clientState
	TLS       string    `json:"tls,omitempty"`
	Expires   time.Time `json:"expires"`
	Immutable bool      `json:"immutable,omitempty"`
	// Paused is one that waits to be reauthorized: nothing is delivered.
	Paused bool   `json:"paused,omitempty"`
	Seq    uint64 `json:"seq"` // order of creation
}

// mine says whether a token may see sub.
func (sub *subscription) mine(who caller) bool {
	return sub.Client == who.client && sub.Owner == who.user && sub.Tenant == who.tenant
}

func (sub *subscription) json(origin string, context string) map[string]any {
	null := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	out := map[string]any{
		"id": sub.ID, "resource": sub.Resource, "applicationId": sub.Client, "changeType": strings.Join(sub.Changes, ","),
		"clientState": null(sub.State), "notificationUrl": sub.URL, "lifecycleNotificationUrl": null(sub.Lifecycle),
		"expirationDateTime": sub.Expires.UTC().Format(time.RFC3339), "creatorId": guid("user", strings.ToLower(sub.Owner+sub.Tenant)),
		"includeResourceData": nil, "latestSupportedTlsVersion": sub.TLS, "notificationQueryOptions": nil,
	}
	if context != "" {
		out["@odata.context"] = origin + "/v1.0/$metadata#" + context
	}
	return out
}

// asked are the members of a subscription's body.
type asked map[string]string

// subscriptionBody reads the members, of which only known may be there.
func subscriptionBody(body []byte, known ...string) (asked, *apiError) {
	m, e := object(body)
	if e != nil {
		return nil, e
	}
	out := asked{}
	for name, raw := range m {
		switch {
		case name == "@odata.type":
			continue
		case name == "includeResourceData" && string(raw) == "false":
			continue
		case !slices.Contains(known, name):
			return nil, unknownMember(name, "microsoft.graph.subscription")
		}
		text, ok, e := stringOf(name, raw)
		if e != nil {
			return nil, e
		}
		if ok {
			out[name] = text
		}
	}
	return out, nil
}

func invalidRequest(format string, args ...any) *apiError {
	return fail(400, "InvalidRequest", format, args...)
}

// changeTypes reads changeType.
func changeTypes(text string) ([]string, *apiError) {
	var out []string
	for _, t := range strings.Split(text, ",") {
		t = strings.ToLower(strings.TrimSpace(t))
		if !slices.Contains([]string{"created", "updated", "deleted"}, t) || slices.Contains(out, t) {
			return nil, invalidRequest("The changeType is not supported for this resource.")
		}
		out = append(out, t)
	}
	slices.Sort(out)
	return out, nil
}

// until reads an expiry: less than 45 minutes become 45, and more than the maximum is refused.
func (s *Sandbox) until(text string, now time.Time) (time.Time, *apiError) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return at, badBody("Cannot convert the literal to the expected type 'Edm.DateTimeOffset' for the property 'expirationDateTime'.")
	}
	life := at.Sub(now)
	switch {
	case life <= 0:
		return at, invalidRequest("Subscription expiration must be in the future.")
	case life > mostLife:
		return at, fail(400, "ExtensionError", "Operation: Create; Exception: [Status Code: BadRequest; Reason: Subscription expiration can only be %d minutes in the future.]", int(mostLife.Minutes()))
	}
	life = max(life, leastLife)
	if q := s.quirks.ShortExpiry; q > 0 {
		life = min(life, time.Duration(q)*time.Minute)
	}
	return now.Add(life).UTC().Truncate(time.Second), nil
}

// watched finds the mailbox and the folder that a resource names.
func (s *Sandbox) watched(who caller, resource string) (*mailbox, *folder, *apiError) {
	path := "/" + strings.TrimPrefix(resource, "/")
	owner, rest, ok := below(path)
	inner, isFolder := strings.CutPrefix(rest, "/contactFolders/")
	id, isContacts := strings.CutSuffix(inner, "/contacts")
	if !ok || rest != "/contacts" && !(isFolder && isContacts && !strings.Contains(id, "/")) {
		return nil, nil, fail(400, "ExtensionError", "Operation: Create; Exception: [Status Code: BadRequest; Reason: the resource is not supported.]")
	}
	m, e := s.resolve(who, owner)
	if e != nil {
		return nil, nil, e
	}
	if m.NoMailbox {
		return nil, nil, noMailbox()
	}
	if rest == "/contacts" {
		return m, m.folders[defaultFolder], nil
	}
	f, e := m.findFolder(id)
	return m, f, e
}

// sweep forgets the subscriptions whose time is over.
func (s *Sandbox) sweep() {
	now := s.cfg.Clock.Now()
	for id, sub := range s.subs {
		if !now.Before(sub.Expires) {
			s.dropSubscription(id)
		}
	}
}

func (s *Sandbox) dropSubscription(id string) {
	delete(s.subs, id)
	s.dirty.deletes = append(s.dirty.deletes, subPrefix+id)
}

// room says whether a mailbox can have one more subscription like sub.
func (s *Sandbox) room(sub *subscription) *apiError {
	count := 0
	for _, o := range s.subs {
		if o.User != sub.User {
			continue
		}
		count++
		if o.Client == sub.Client && o.Owner == sub.Owner && o.Folder == sub.Folder && slices.Equal(o.Changes, sub.Changes) {
			return fail(409, "Conflict", "A subscription already exists for the specified combination of properties.")
		}
	}
	if l := s.limits.Subscriptions; l > 0 && count >= l {
		return fail(403, "ExtensionError", "Operation: Create; Exception: [Status Code: Forbidden; Reason: the mailbox has reached its %d subscriptions.]", l)
	}
	return nil
}
