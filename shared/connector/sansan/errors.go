package sansan

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/exchange"
)

// throttleWait is how long to stay away after too many calls: Sansan sends no Retry-After, and others' experience is five minutes.
const throttleWait = 5 * time.Minute

// errRefused says that Sansan does not take what was asked for: a window that is too wide, a page token that has ended, an id that is none.
var errRefused = errors.New("the request is not accepted")

// statusError maps an answer that is not 2xx. Only the status is read: the body's shape is not documented, and it may hold what was asked
// for.
func statusError(status int, h http.Header, body []byte, now time.Time) error {
	switch {
	case status == http.StatusUnauthorized:
		return &connector.AuthLostError{System: System, Cure: "the API key was revoked or replaced; enter the account's API key again"}
	case status == http.StatusForbidden:
		return &connector.ForbiddenError{System: System, What: "read business cards through the API",
			Cure: "ask a Sansan administrator to allow the API for this user (管理者設定 > 外部サービス連携 > API)"}
	case status == http.StatusTooManyRequests:
		return &connector.ThrottledError{System: System, After: retryAfter(h, now)}
	case status == http.StatusNotFound, status == http.StatusGone:
		return connector.ErrNotFound
	case (status == http.StatusBadRequest || status == http.StatusUnprocessableEntity) && !isPage(body):
		return errRefused
	}
	return unsure("HTTP status " + strconv.Itoa(status))
}

// isPage reports whether a body is a web page, as something between Meibo and the API would send it.
func isPage(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

// retryAfter is how long the vendor asks to wait, in either form of RFC 9110, or throttleWait.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if d := exchange.RetryAfter(h, now); d > 0 {
		return d
	}
	return throttleWait
}

// unsure is the error of an exchange that broke.
func unsure(what string) error { return exchange.Unsure(System, false, what) }

// unknownCall is the error of a call of which not even the simplest form is taken: the version of the API is over, or has changed.
func unknownCall(what string) error {
	return fmt.Errorf("%w: %s does not take the call that lists %s; the operator should look whether this version of its API still stands",
		connector.ErrMisconfigured, System, what)
}

func forbidden(err error) bool {
	var f *connector.ForbiddenError
	return errors.As(err, &f)
}
