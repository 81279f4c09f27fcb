package hubspot

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"meibo/shared/connector"
)

// hookAge is how old a delivery may be, and how far in the future.
const hookAge = 5 * time.Minute

// The headers of a delivery.
const (
	headerSignature = "X-HubSpot-Signature-v3"
	headerTimestamp = "X-HubSpot-Request-Timestamp"
)

// unescape undoes the escapes in an address that HubSpot undoes before it signs.
var unescape = strings.NewReplacer(
	"%3A", ":", "%2F", "/", "%3F", "?", "%40", "@", "%21", "!", "%24", "$", "%27", "'", "%28", "(", "%29", ")", "%2A", "*", "%2C", ",", "%3B", ";",
	"%3a", ":", "%2f", "/", "%3f", "?", "%2a", "*", "%2c", ",", "%3b", ";",
)

var _ connector.SharedHookReader = ReadSharedHook

// event is what Meibo reads of one event. Of values that it carries nothing is used.
type event struct {
	Subscription int64   `json:"subscriptionId"`
	Portal       int64   `json:"portalId"`
	Occurred     int64   `json:"occurredAt"`
	Type         string  `json:"subscriptionType"`
	OldType      string  `json:"eventType"`
	Object       int64   `json:"objectId"`
	ObjectType   string  `json:"objectTypeId"`
	Property     string  `json:"propertyName"`
	Primary      int64   `json:"primaryObjectId"`
	Merged       []int64 `json:"mergedObjectIds"`
	New          int64   `json:"newObjectId"`
}

// ReadSharedHook reads what HubSpot sends to the one address of Meibo's app: up to 100 events of any accounts, signed (version 3) with the
// app's client secret. A merge is two notices: the contacts that went, and the one that they are in now. Events of other objects only say
// hello.
func ReadSharedHook(d connector.Delivery, secret string, now time.Time) (connector.Reading, error) {
	if !proven(d, secret, now) {
		return connector.Reading{}, connector.ErrForged
	}
	var events []event
	dec := json.NewDecoder(bytes.NewReader(d.Body))
	if dec.Decode(&events) != nil || dec.More() {
		return connector.Reading{}, connector.ErrMalformed
	}
	out := connector.Reading{}
	for _, e := range events {
		if e.Portal <= 0 {
			return connector.Reading{}, connector.ErrMalformed
		}
		out.Notices = append(out.Notices, e.notices()...)
	}
	return out, nil
}

// proven checks the signature of a delivery.
func proven(d connector.Delivery, secret string, now time.Time) bool {
	stamp := d.Header.Get(headerTimestamp)
	ms, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || secret == "" {
		return false
	}
	if age := now.Sub(time.UnixMilli(ms)); age > hookAge || age < -hookAge {
		return false
	}
	given, err := base64.StdEncoding.DecodeString(d.Header.Get(headerSignature))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	for _, part := range []string{d.Method, unescape.Replace(d.URL), string(d.Body), stamp} {
		mac.Write([]byte(part))
	}
	return hmac.Equal(given, mac.Sum(nil))
}

// notices are what an event tells.
func (e event) notices() []connector.Notice {
	kind := e.Type
	if kind == "" {
		kind = e.OldType
	}
	n := connector.Notice{Subscription: id(e.Portal), Event: e.key(), Kind: connector.NoticeHello}
	if e.Occurred > 0 {
		n.At = time.UnixMilli(e.Occurred).UTC()
	}
	object, what, _ := strings.Cut(kind, ".")
	contact := object == "contact" || object == "object" && e.ObjectType == contactTypeID
	if !contact || e.Object <= 0 && e.New <= 0 {
		return []connector.Notice{n}
	}
	switch what {
	case "merge":
		return e.merge(n)
	case "deletion", "privacyDeletion":
		n.Kind = connector.NoticeDeleted
	default: // whatever else is done to a contact is a change
		n.Kind = connector.NoticeChanged
	}
	n.IDs = []string{id(e.Object)}
	return []connector.Notice{n}
}

// merge are the notices of a merge.
func (e event) merge(n connector.Notice) []connector.Notice {
	into := e.New
	if into <= 0 {
		into = e.Object
	}
	gone := n
	for _, m := range append(slices.Clone(e.Merged), e.Primary) {
		if s := id(m); s != "" && m != into && !slices.Contains(gone.IDs, s) {
			gone.IDs = append(gone.IDs, s)
		}
	}
	n.Kind, n.IDs = connector.NoticeChanged, []string{id(into)}
	out := []connector.Notice{n}
	if len(gone.IDs) > 0 {
		gone.Kind = connector.NoticeDeleted
		gone.Event += "/merged"
		out = append(out, gone)
	}
	return out
}

// key tells an event that comes again from a new one: HubSpot's own id of it is not unique.
func (e event) key() string {
	return strings.Join([]string{id(e.Portal), id(e.Subscription), id(cmp.Or(e.Object, e.New)), id(e.Occurred), e.Property}, "/")
}
