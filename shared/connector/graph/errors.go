package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/connector/exchange"
)

// kind is what a call was for.
type kind int8

const (
	reading  kind = iota // nothing depends on it
	resuming             // it carried a token of a change listing
	writing              // it may have changed something
)

const (
	cureReconnect = "reconnect the Microsoft account in Meibo"
	cureStep      = cureReconnect + "; the company asks for an additional step to sign in"
	cureConsent   = "reconnect the Microsoft account in Meibo and allow contacts; where the company reserves that, ask the Microsoft 365 administrator to approve Meibo"
	cureMailbox   = "ask the Microsoft 365 administrator for an Exchange Online mailbox for this user; mailboxes on the company's own servers cannot be synced"
	cureFull      = "free some space in the mailbox, and empty Deleted Items"
)

// waitUnsaid is how long to wait where Microsoft asks for it without saying how long.
const waitUnsaid = 5 * time.Second

// apiError is Graph's error (sheet 12).
type apiError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// is compares codes without case, since their spelling varies.
func (e apiError) is(codes ...string) bool {
	return slices.ContainsFunc(codes, func(c string) bool { return strings.EqualFold(c, e.Code) })
}

// readError returns the error in an answer; false if Graph's own did not come.
func readError(body []byte) (apiError, bool) {
	var envelope struct {
		Error apiError `json:"error"`
	}
	if json.Unmarshal(body, &envelope) != nil || envelope.Error.Code == "" {
		return apiError{}, false
	}
	return envelope.Error, true
}

// isThrottled reports whether an answer says to come back later, in which case nothing was done.
func isThrottled(a answer) bool {
	switch a.status {
	case http.StatusTooManyRequests, 509:
		return true
	case http.StatusServiceUnavailable:
		e, _ := readError(a.body)
		return a.header.Get("Retry-After") != "" || e.is("TooManyRequests", "ApplicationThrottled", "ErrorServerBusy", "MailboxConcurrency")
	}
	return false
}

// refusal is the one place where an answer that is no success becomes an error of package connector.
func (c *Connector) refusal(a answer, k kind) error {
	e, envelope := readError(a.body)
	switch s := a.status; {
	case isThrottled(a):
		after := exchange.RetryAfter(a.header, c.cfg.Clock.Now())
		if after == 0 {
			after = waitUnsaid
		}
		return &connector.ThrottledError{System: System, After: after}
	case s == http.StatusUnauthorized && strings.Contains(a.header.Get("WWW-Authenticate"), "claims="):
		return &connector.AuthLostError{System: System, Cure: cureStep}
	case s == http.StatusUnauthorized:
		return &connector.AuthLostError{System: System, Cure: cureReconnect}
	case s == http.StatusInsufficientStorage, e.is("ErrorQuotaExceeded", "ErrorMessageSizeExceeded") && s < 500:
		return &connector.FullError{System: System, Cure: cureFull}
	case s == http.StatusRequestEntityTooLarge: // whoever answers, it was not carried out
		return &connector.InvalidError{System: System, Reason: "the record is larger than a request may be"}
	case s == http.StatusGone, e.is("syncStateNotFound", "syncStateInvalid", "resyncRequired"):
		return fmt.Errorf("%s: %w", System, connector.ErrCursorExpired)
	case s >= 500 || s == http.StatusRequestTimeout || !envelope:
		return unsure(k, fmt.Sprintf("%s answered with HTTP status %d", System, s))
	case e.is("MailboxNotEnabledForRESTAPI", "MailboxNotSupportedForRESTAPI", "ResourceNotFound", "Request_ResourceNotFound"):
		return &connector.ForbiddenError{System: System, What: "use a mailbox", Cure: cureMailbox}
	case s == http.StatusForbidden, e.is("ExtensionError"):
		return &connector.ForbiddenError{System: System, What: "use the contacts", Cure: cureConsent}
	case s == http.StatusNotFound:
		return fmt.Errorf("%s: %w", System, connector.ErrNotFound)
	case k == resuming && s == http.StatusBadRequest:
		return fmt.Errorf("%s: %w", System, connector.ErrCursorExpired)
	case s == http.StatusPreconditionFailed, s == http.StatusConflict, e.is("ErrorIrresolvableConflict"):
		return fmt.Errorf("%s: %w", System, connector.ErrVersionConflict)
	case s == http.StatusFailedDependency:
		return fmt.Errorf("%w: %s did not come to this part of the batch", connector.ErrTransient, System)
	case e.is("ErrorInvalidIdMalformed", "ErrorInvalidId"):
		return &connector.InvalidError{System: System, Field: fieldID, Reason: "it is no id of a record here"}
	}
	return invalid(e)
}

// fieldID is the field of an id that Graph cannot read. It is no word about whether the record is there.
const fieldID = "id"

// invalid says which field was refused, as far as Graph tells. Its own words are not repeated, because they may hold a value.
func invalid(e apiError) error {
	reason := "the value is not accepted, or there are more values than a contact holds"
	if !e.is("ErrorInvalidProperty") {
		reason = "the record is not accepted as it is (" + word(e.Code) + ")"
	}
	return &connector.InvalidError{System: System, Field: fieldIn(e.Message), Reason: reason}
}

// word returns s if it is an error's name, so that nothing else of an answer gets into a message.
func word(s string) string {
	letter := func(r rune) bool { return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }
	if s == "" || len(s) > 60 || strings.ContainsFunc(s, func(r rune) bool { return !letter(r) }) {
		return "unknown"
	}
	return s
}

// fieldIn finds the member that a message names, and returns its field, or "" if it names none.
func fieldIn(message string) string {
	plain := strings.ToLower(message)
	found, at := "", len(plain)
	for _, m := range members() {
		if i := strings.Index(plain, strings.ToLower(m.name)); i >= 0 && i < at {
			found, at = string(m.key), i
		}
	}
	return found
}

// vanished is the error of a scope of which a folder is gone. It is what a person must cure, and it is an ErrNotFound.
type vanished struct{}

func (vanished) Error() string {
	return "a folder that was chosen is no longer in " + System + "; nothing was deleted. Choose the contact groups again"
}

func (vanished) Unwrap() []error {
	return []error{connector.ErrNotFound, &connector.InvalidError{System: System, Reason: "a folder that was chosen is no longer there"}}
}

func unsure(k kind, what string) error {
	if k == writing {
		return fmt.Errorf("%w: %s", connector.ErrOutcomeUnknown, what)
	}
	return fmt.Errorf("%w: %s", connector.ErrTransient, what)
}

// broken is for calls without an answer.
func broken(ctx context.Context, err error, k kind) error {
	return exchange.Broken(ctx, System, err, k == writing)
}

func isNotFound(err error) bool { return errors.Is(err, connector.ErrNotFound) }

func asInvalid(err error) (*connector.InvalidError, bool) {
	return errors.AsType[*connector.InvalidError](err)
}
