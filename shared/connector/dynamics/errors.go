package dynamics

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/exchange"
)

// The codes that decide (sheet 2, 8, 10). The status alone does not: 412 has three meanings, and a duplicate comes with several.
const (
	codeNotFound    = 0x80040217
	codeVersion     = 0x80060882
	codeExists      = 0x80040237
	codeKeyTaken    = 0x80060892
	codeDuplicate   = 0x80040333
	codeTooLong     = 0x80044331
	codeToken       = 0x80044352
	codePlugin      = 0x80040265
	codePrivilege   = 0x80040220
	codeUserOff     = 0x80040225
	codeNotMember   = 0x80072560
	codeDeadlock    = 0x80044150
	codeRequests    = 0x80072322
	codeTime        = 0x80072321
	codeConcurrent  = 0x80072326
	codeThrottledA  = 0x8005f103
	codeThrottledB  = 0x80060308
	waitUnsaid      = 10 * time.Second
	cureReconnect   = "connect the account again"
	cureMembership  = "ask the Dynamics 365 administrator to enable this user in the organisation and to give it a security role"
	whatToTell      = "ask the Dynamics 365 administrator for a security role with the privilege "
	reasonTooLong   = "the text is too long for the column"
	reasonPlugin    = "a rule that the organisation has set up does not accept it"
	reasonRefused   = "the value is not accepted here; correct it or leave the field out of the mapping"
	reasonTooLarge  = "the record is larger than a request may be"
	reasonDuplicate = "record"
)

// refusal is an answer that is no success.
type refusal struct {
	status int
	code   uint32
	text   string // the vendor's own, which is only searched for names of columns: it may hold a value
	err    error  // of package connector
}

func (f *refusal) Error() string { return f.err.Error() }
func (f *refusal) Unwrap() error { return f.err }

// refused returns the refusal in an error; false if it is something else.
func refused(err error) (*refusal, bool) { return errors.AsType[*refusal](err) }

// refusedWith reports whether the vendor answered with a status.
func refusedWith(err error, status int) bool {
	r, ok := refused(err)
	return ok && r.status == status
}

// readCode reads a code, which comes in hexadecimal or as a signed number; 0 if there is none.
func readCode(s string) uint32 {
	s = strings.ToLower(strings.TrimSpace(s))
	if hex, ok := strings.CutPrefix(s, "0x"); ok {
		n, err := strconv.ParseUint(hex, 16, 32)
		if err != nil {
			return 0
		}
		return uint32(n)
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < math.MinInt32 || n > math.MaxUint32 {
		return 0
	}
	return uint32(n)
}

// outcome maps an answer to an error, nil for a success.
func (a answer) outcome(r request, write bool) error {
	switch {
	case a.err != nil:
		return a.err
	case a.status >= 200 && a.status < 300:
		return nil
	}
	var envelope struct {
		Error *struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	f := &refusal{status: a.status}
	known := json.Unmarshal(a.body, &envelope) == nil && envelope.Error != nil
	if known {
		f.code, f.text = readCode(envelope.Error.Code), envelope.Error.Message
	}
	f.err = f.meaning(a, r, write, known)
	return f
}

// meaning is the one place where an answer that is no success becomes an error of package connector.
func (f *refusal) meaning(a answer, r request, write, known bool) error {
	switch f.code {
	case codeRequests, codeTime, codeConcurrent, codeThrottledA, codeThrottledB:
		return throttled(a.header, f.code)
	case codeDeadlock: // the transaction was rolled back
		return fmt.Errorf("%w: %s: two changes met in its database", connector.ErrTransient, System)
	case codeToken:
		return fmt.Errorf("%s: %w", System, connector.ErrCursorExpired)
	case codeVersion:
		return fmt.Errorf("%s: %w", System, connector.ErrVersionConflict)
	case codeDuplicate, codeExists, codeKeyTaken:
		return &connector.DuplicateError{System: System, Field: reasonDuplicate}
	case codeTooLong:
		return &connector.InvalidError{System: System, Reason: reasonTooLong}
	case codePlugin:
		return &connector.InvalidError{System: System, Reason: reasonPlugin}
	case codeUserOff, codeNotMember:
		return &connector.ForbiddenError{System: System, What: "use this organisation", Cure: cureMembership}
	}
	switch s := a.status; {
	case s == http.StatusTooManyRequests, s == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "":
		return throttled(a.header, f.code)
	case s == http.StatusUnauthorized:
		return &connector.AuthLostError{System: System, Cure: cureReconnect}
	case s == http.StatusRequestEntityTooLarge: // whoever answers, it was not carried out
		return &connector.InvalidError{System: System, Reason: reasonTooLarge}
	case s >= 300 && s < 400: // redirects are not followed, so nothing was done
		return fmt.Errorf("%w: %s: the organisation does not answer at its address; if it has moved, connect the account again", connector.ErrTransient, System)
	case s >= 500 && s != http.StatusNotImplemented, s == http.StatusRequestTimeout, !known:
		return unsure(write, "HTTP status "+strconv.Itoa(s))
	case s == http.StatusForbidden, f.code == codePrivilege:
		return forbidden(r)
	case s == http.StatusNotFound:
		return fmt.Errorf("%s: %w", System, connector.ErrNotFound)
	case s == http.StatusPreconditionFailed:
		return fmt.Errorf("%s: %w", System, connector.ErrVersionConflict)
	case s == http.StatusMethodNotAllowed, s == http.StatusNotImplemented:
		return fmt.Errorf("%w: %s does not know the call that was made", connector.ErrMisconfigured, System)
	}
	return &connector.InvalidError{System: System, Reason: reasonRefused}
}

func forbidden(r request) error {
	what := r.right
	if what == "" {
		what = "do this"
	}
	cure := "ask the Dynamics 365 administrator for a security role that allows it"
	if r.privilege != "" {
		cure = whatToTell + r.privilege
	}
	return &connector.ForbiddenError{System: System, What: what, Cure: cure}
}

// throttled is the error of a limit, and says which one (sheet 10).
func throttled(h http.Header, code uint32) error {
	after, why := retryAfter(h), "the service is busy"
	switch code {
	case codeRequests:
		why = "this user has made too many requests within five minutes"
	case codeTime:
		why = "this user's requests took too long, all together, within five minutes"
	case codeConcurrent:
		why = "too many requests of this user are under way at a time"
	}
	return fmt.Errorf("%w: %s", &connector.ThrottledError{System: System, After: after}, why)
}

// retryAfter is how long the vendor asks to wait, or a little while if it does not say.
func retryAfter(h http.Header) time.Duration {
	now, err := http.ParseTime(h.Get("Date"))
	if d := exchange.RetryAfter(h, now); d > 0 && (err == nil || d < exchange.LongestWait) {
		return d
	}
	return waitUnsaid
}

// throttledFor is how long an error says to wait; 0 if it is no throttling.
func throttledFor(err error) time.Duration {
	if t, ok := errors.AsType[*connector.ThrottledError](err); ok {
		return t.After
	}
	return 0
}

func isInvalid(err error) bool {
	_, ok := errors.AsType[*connector.InvalidError](err)
	return ok
}

func isForbidden(err error) bool {
	_, ok := errors.AsType[*connector.ForbiddenError](err)
	return ok
}

func isAuthLost(err error) bool {
	_, ok := errors.AsType[*connector.AuthLostError](err)
	return ok
}

func isDuplicate(err error) bool {
	_, ok := errors.AsType[*connector.DuplicateError](err)
	return ok
}

// named puts our key for the column that a refusal's text names into the error.
func (c *Connector) named(err error) error {
	f, ok := refused(err)
	bad, invalid := errors.AsType[*connector.InvalidError](err)
	if !ok || !invalid {
		return err
	}
	out := *bad
	for _, word := range strings.FieldsFunc(strings.ToLower(f.text), func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	}) {
		if k, ok := c.keyOf(word); ok {
			out.Field = string(k)
			break
		}
	}
	return &out
}
