package connector

import (
	"errors"
	"net/http"
	"net/url"
	"time"
)

// Delivery is one request that claims to come from a vendor.
type Delivery struct {
	Method string
	// URL is the whole address as the vendor called it: with scheme and host, query and escapes.
	URL    string
	Header http.Header
	Query  url.Values
	Body   []byte
}

// Reading is what a delivery says, before any of it is proven.
type Reading struct {
	// Echo is what the vendor wants to read back to see that the address answers; a delivery with an echo says nothing else.
	Echo    string
	Notices []Notice
}

// NoticeKind is what a notice is about.
type NoticeKind string

// The kinds. Renew: the vendor wants the subscription renewed. Removed: it dropped the subscription. Missed: it lost notifications.
// Hello: it only says that the subscription stands.
const (
	NoticeChanged NoticeKind = "changed"
	NoticeDeleted NoticeKind = "deleted"
	NoticeRenew   NoticeKind = "renew"
	NoticeRemoved NoticeKind = "removed"
	NoticeMissed  NoticeKind = "missed"
	NoticeHello   NoticeKind = "hello"
)

// Notice is one notification. It is a hint: the records that it names are read at the vendor, and no value of it is used.
type Notice struct {
	// Subscription is the vendor's id of the subscription, and Proof what the notice proves itself with. Either is "" if the
	// vendor sends none.
	Subscription string
	Proof        string
	// Event tells a notice that comes again from a new one; "" if the vendor gives none.
	Event string
	// At is when the vendor made the notice; zero if it does not say.
	At   time.Time
	Kind NoticeKind
	IDs  []string // of records; may be empty
}

// ErrMalformed: a delivery that no vendor sends.
var ErrMalformed = errors.New("the notification is not one that this system sends")

// ErrForged: a delivery that does not prove that it comes from the vendor.
var ErrForged = errors.New("the notification is not proven to come from this system")

// SharedHookReader reads what a vendor sends to the one address for all its accounts, and checks its proof, which is made with the
// secret of Meibo's registration, at the time now. Each notice has in Subscription the organisation that it is about, and no Proof. It
// makes no call. Errors: ErrMalformed, ErrForged.
type SharedHookReader func(d Delivery, secret string, now time.Time) (Reading, error)

// HookReader reads the deliveries of one vendor. It is pure: it makes no call and checks no secret. Errors: ErrMalformed.
type HookReader func(Delivery) (Reading, error)
