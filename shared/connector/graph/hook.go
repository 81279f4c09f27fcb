package graph

import (
	"encoding/json"
	"strings"
	"time"

	"meibo/shared/connector"
)

// The bounds of a delivery. A validation token is short; one that is not is no handshake.
const (
	maxDelivery = 1 << 20
	maxNotices  = 1000
	maxToken    = 4096
)

// ReadHook reads a delivery of Graph (sheet 13.2 to 13.4): the handshake that asks for its token back, notifications of changes, and
// what Graph says about the subscription itself. Several subscriptions, of different customers, may come in one delivery. The proof is
// the clientState of each notice; there is no signature.
func ReadHook(d connector.Delivery) (connector.Reading, error) {
	if token := d.Query.Get("validationToken"); token != "" {
		if len(token) > maxToken {
			return connector.Reading{}, connector.ErrMalformed
		}
		return connector.Reading{Echo: token}, nil
	}
	if len(d.Body) > maxDelivery {
		return connector.Reading{}, connector.ErrMalformed
	}
	var got struct {
		Value []notification `json:"value"`
	}
	if json.Unmarshal(d.Body, &got) != nil || len(got.Value) == 0 || len(got.Value) > maxNotices {
		return connector.Reading{}, connector.ErrMalformed
	}
	var r connector.Reading
	for _, n := range got.Value {
		notice, ok := n.notice()
		if !ok {
			return connector.Reading{}, connector.ErrMalformed
		}
		r.Notices = append(r.Notices, notice)
	}
	return r, nil
}

// notification is one entry of a delivery.
type notification struct {
	ID           string `json:"id"`
	Subscription string `json:"subscriptionId"`
	State        string `json:"clientState"`
	Change       string `json:"changeType"`
	Lifecycle    string `json:"lifecycleEvent"`
	Data         struct {
		ID   string `json:"id"`
		ETag string `json:"@odata.etag"`
	} `json:"resourceData"`
}

// lifecycle maps Graph's words about a subscription.
func lifecycle() map[string]connector.NoticeKind {
	return map[string]connector.NoticeKind{
		"reauthorizationrequired": connector.NoticeRenew,
		"subscriptionremoved":     connector.NoticeRemoved,
		"missed":                  connector.NoticeMissed,
	}
}

// notice maps one entry; false if Graph sends nothing like it. What kind of change it is counts for little, since more may have
// happened by now, and an unknown kind is a change all the same.
func (n notification) notice() (connector.Notice, bool) {
	out := connector.Notice{Subscription: n.Subscription, Proof: n.State, Event: n.ID, At: time.Time{}, Kind: connector.NoticeChanged}
	if n.Subscription == "" {
		return out, false
	}
	if n.Lifecycle != "" {
		kind, known := lifecycle()[strings.ToLower(n.Lifecycle)]
		if !known {
			kind = connector.NoticeMissed // whatever it is, a listing finds out
		}
		out.Kind = kind
		return out, true
	}
	if n.Change == "" {
		return out, false
	}
	if strings.EqualFold(n.Change, "deleted") {
		out.Kind = connector.NoticeDeleted
	}
	if isID(n.Data.ID) {
		out.IDs = []string{n.Data.ID}
	}
	if out.Event == "" && n.Data.ETag != "" {
		out.Event = digest(n.Data.ID, n.Change, n.Data.ETag)
	}
	return out, true
}
