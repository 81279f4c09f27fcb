package google

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"google.golang.org/api/googleapi"

	"meibo/shared/connector"
	"meibo/shared/connector/exchange"
	"meibo/shared/oauth"
)

// kind is what a call that failed was for.
type kind int8

const (
	reading  kind = iota // nothing depends on it
	resuming             // it carried a sync or page token
	writing              // it may have changed something
)

const (
	cureReconnect = "reconnect the Google account in Meibo"
	cureScope     = "reconnect the Google account in Meibo and tick \"See, edit, download, and permanently delete your contacts\""
	cureFull      = "delete contacts that are no longer needed, and empty the trash of Google Contacts, where they count for 30 days"
)

// The waits for quotas whose answer does not say how long (sheet 4.5, 8.3).
const (
	waitMinute = time.Minute
	waitFBS    = 5 * time.Minute
	waitDaily  = 4 * time.Hour
)

// apiError is Google's error envelope (sheet 9).
type apiError struct {
	HTTP    int    `json:"-"`
	Code    int    `json:"code"`
	Status  string `json:"status"`
	Message string `json:"message"`
	Details []struct {
		Reason   string            `json:"reason"`
		Metadata map[string]string `json:"metadata"`
		// ContactErrors tells what is wrong with which entry of a batch: by index for creates, by resource name for updates.
		ContactErrors map[string]rpcStatus `json:"contactErrors"`
		Violations    []struct {
			Field string `json:"field"`
		} `json:"fieldViolations"`
	} `json:"details"`
}

// rpcStatus is a google.rpc.Status, as batch answers carry one for each entry.
type rpcStatus struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// Codes of google.rpc.Code that say more than "refused".
const (
	rpcInvalid      = 3
	rpcNotFound     = 5
	rpcForbidden    = 7
	rpcExhausted    = 8
	rpcPrecondition = 9
	rpcAborted      = 10
	rpcInternal     = 13
	rpcUnavailable  = 14
)

// parseError reads the envelope in err; false if Google's own did not come.
func parseError(err error) (apiError, *googleapi.Error, bool) {
	var g *googleapi.Error
	if !errors.As(err, &g) {
		return apiError{}, nil, false
	}
	var envelope struct {
		Error *apiError `json:"error"`
	}
	if json.Unmarshal([]byte(g.Body), &envelope) != nil || envelope.Error == nil {
		return apiError{HTTP: g.Code}, g, false
	}
	envelope.Error.HTTP = g.Code
	return *envelope.Error, g, true
}

func (e apiError) reason(want string) bool {
	for _, d := range e.Details {
		if d.Reason == want {
			return true
		}
	}
	return false
}

func (e apiError) contactErrors() map[string]rpcStatus {
	for _, d := range e.Details {
		if len(d.ContactErrors) > 0 {
			return d.ContactErrors
		}
	}
	return nil
}

// failure is the one place where what a call returned becomes an error of package connector.
func (c *Connector) failure(ctx context.Context, err error, k kind) error {
	if known := ours(err); known != nil {
		return known
	}
	e, g, envelope := parseError(err)
	if g == nil {
		return c.broken(ctx, err, k)
	}
	after := exchange.RetryAfter(g.Header, c.cfg.Clock.Now())
	switch {
	case overflow(e.Message):
		return &connector.FullError{System: System, Cure: cureFull}
	case e.HTTP == http.StatusTooManyRequests || e.Status == "RESOURCE_EXHAUSTED" || e.HTTP == http.StatusForbidden && e.reason("RATE_LIMIT_EXCEEDED"):
		return &connector.ThrottledError{System: System, After: max(after, e.wait())}
	case e.HTTP == http.StatusUnauthorized:
		return &connector.AuthLostError{System: System, Cure: cureReconnect}
	case e.HTTP >= 500 || e.HTTP == http.StatusRequestTimeout || !envelope:
		return unsure(k, fmt.Sprintf("%s answered with HTTP status %d", System, e.HTTP))
	case e.HTTP == http.StatusForbidden:
		return e.forbidden()
	case e.HTTP == http.StatusNotFound:
		return fmt.Errorf("%s: %w", System, connector.ErrNotFound)
	case e.HTTP == http.StatusConflict:
		return fmt.Errorf("%w: %s is working on another change of this account", connector.ErrTransient, System)
	case k == resuming && (e.HTTP == http.StatusBadRequest || e.HTTP == http.StatusGone):
		return fmt.Errorf("%s: %w", System, connector.ErrCursorExpired)
	case stale(e.Status, e.Message) || e.HTTP == http.StatusPreconditionFailed:
		return fmt.Errorf("%s: %w", System, connector.ErrVersionConflict)
	default:
		return e.invalid()
	}
}

// ours returns an error that was decided below the API client, by what authorises the requests.
func ours(err error) error {
	var lost *connector.AuthLostError
	var throttled *connector.ThrottledError
	switch {
	case errors.As(err, &lost), errors.As(err, &throttled), errors.Is(err, connector.ErrMisconfigured), errors.Is(err, connector.ErrTransient):
		return err
	case errors.Is(err, oauth.ErrRevoked):
		return &connector.AuthLostError{System: System, Cure: cureReconnect}
	case errors.Is(err, oauth.ErrClient):
		return fmt.Errorf("%w: %w", connector.ErrMisconfigured, err)
	}
	return nil
}

// broken is for calls without an answer, or with one that is none of the API's. The text of err is left out: it may hold an
// address with ids, or a piece of the answer.
func (c *Connector) broken(ctx context.Context, err error, k kind) error {
	if cause := ctx.Err(); cause != nil {
		if k == writing {
			return fmt.Errorf("%w: %w", connector.ErrOutcomeUnknown, cause)
		}
		return cause
	}
	var op *net.OpError
	var dns *net.DNSError
	if errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns) {
		return fmt.Errorf("%w: no connection to %s", connector.ErrTransient, System)
	}
	var netErr net.Error
	if errors.As(err, &netErr) && netErr.Timeout() {
		return unsure(k, System+" did not answer in time")
	}
	return unsure(k, System+" gave no complete answer")
}

func unsure(k kind, what string) error {
	if k == writing {
		return fmt.Errorf("%w: %s", connector.ErrOutcomeUnknown, what)
	}
	return fmt.Errorf("%w: %s", connector.ErrTransient, what)
}

func (e apiError) forbidden() error {
	switch {
	case e.reason("ACCESS_TOKEN_SCOPE_INSUFFICIENT"):
		return &connector.AuthLostError{System: System, Cure: cureScope}
	case e.reason("SERVICE_DISABLED"):
		return fmt.Errorf("%w: the People API is not enabled in Meibo's Google Cloud project: enable it in the Cloud console", connector.ErrMisconfigured)
	default:
		return &connector.ForbiddenError{System: System, What: "use the contacts", Cure: "ask the Google Workspace administrator to allow it"}
	}
}

// wait is how long the quota that was exceeded takes to clear.
func (e apiError) wait() time.Duration {
	if strings.Contains(e.Message, "FBS quota") {
		return waitFBS
	}
	for _, d := range e.Details {
		q := d.Metadata["quota_limit"]
		if strings.Contains(q, "PerDay") || strings.Contains(q, "Daily") {
			return waitDaily
		}
	}
	return waitMinute
}

func overflow(message string) bool { return strings.Contains(message, "MY_CONTACTS_OVERFLOW_COUNT") }

// stale reports whether a refusal is about an etag that is no longer current (sheet 4.1). A request without any etag is refused
// with a text about etags as well; that is no conflict.
func stale(status, message string) bool {
	return strings.Contains(message, "etag is different") || status == "FAILED_PRECONDITION" && strings.Contains(message, "etag")
}

// invalid says which field Google refuses, as far as it tells.
func (e apiError) invalid() error {
	where := e.Message
	for _, d := range e.Details {
		for _, v := range d.Violations {
			where = v.Field + " " + where
		}
	}
	return refused(where, e.Message)
}

func refused(where, message string) error {
	return &connector.InvalidError{System: System, Field: fieldIn(where), Reason: reason(message)}
}

// fieldIn finds the member that a message of Google's is about, and returns its field, or the member's name if it holds
// several; "" if the message is about none.
func fieldIn(where string) string {
	plain := strings.ToLower(strings.ReplaceAll(where, "_", ""))
	for _, m := range members() {
		if strings.Contains(plain, strings.ToLower(m.name)) || strings.Contains(plain, strings.ToLower(strings.TrimSuffix(m.name, "s"))+" ") {
			if len(m.keys) == 1 {
				return string(m.keys[0])
			}
			return m.name
		}
	}
	return ""
}

// plainReason stands for words of Google's that may hold a value.
const plainReason = "it does not accept one of the values"

// reason keeps of a message what is not likely to hold a contact's value: its first sentence up to anything quoted. A write also
// compares it with the values that it has; see discreet.
func reason(message string) string {
	const most = 120
	if i := strings.IndexAny(message, "\"'`:\n@<{[(“"); i >= 0 {
		message = message[:i]
	}
	message = strings.TrimSpace(message)
	ascii := strings.IndexFunc(message, func(r rune) bool { return r > '~' || r < ' ' || r >= '0' && r <= '9' }) < 0
	if message == "" || len(message) > most || !ascii {
		return plainReason
	}
	return message
}

// entryError maps the status that a batch gives one of its entries. Nothing was done for that entry.
func entryError(s rpcStatus) error {
	switch {
	case overflow(s.Message):
		return &connector.FullError{System: System, Cure: cureFull}
	case s.Code == rpcNotFound:
		return fmt.Errorf("%s: %w", System, connector.ErrNotFound)
	case s.Code == rpcPrecondition && stale("FAILED_PRECONDITION", s.Message), stale("", s.Message):
		return fmt.Errorf("%s: %w", System, connector.ErrVersionConflict)
	case s.Code == rpcForbidden:
		return &connector.ForbiddenError{System: System, What: "change this contact", Cure: "look at the contact in Google Contacts"}
	case s.Code == rpcExhausted:
		return &connector.ThrottledError{System: System, After: waitMinute}
	case s.Code == rpcAborted, s.Code == rpcInternal, s.Code == rpcUnavailable:
		return fmt.Errorf("%w: %s could not take this contact", connector.ErrTransient, System)
	default:
		return refused(s.Message, s.Message)
	}
}

func isNotFound(err error) bool { return errors.Is(err, connector.ErrNotFound) }
