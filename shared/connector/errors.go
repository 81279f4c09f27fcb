package connector

import (
	"errors"
	"fmt"
	"time"
)

// Errors that a connector returns, alone or wrapped; test with errors.Is and errors.As. Each connector has one function that
// maps a response to them. Messages are for people: they name the system, what happened and the cure, and never hold a token
// or a contact's value.
var (
	// ErrCursorExpired: list again from the empty cursor.
	ErrCursorExpired = errors.New("the change cursor is no longer valid")
	// ErrVersionConflict: the record changed since it was read. Read and plan again.
	ErrVersionConflict = errors.New("the record changed since it was read")
	// ErrNotFound: the vendor says that the record does not exist.
	ErrNotFound = errors.New("the record does not exist")
	// ErrTransient: nothing was done; the same request may succeed later.
	ErrTransient = errors.New("the system is not available for a moment")
	// ErrOutcomeUnknown: the request may have been carried out.
	ErrOutcomeUnknown = errors.New("the system did not say whether the request was carried out")
	// ErrMisconfigured: our own set-up at the vendor is wrong (client id, API not enabled). No user can cure it, and no
	// connection's state changes because of it.
	ErrMisconfigured = errors.New("the registration of Meibo with the system is not in order")
)

// AuthLostError: the authorisation is gone and only a person can renew it.
type AuthLostError struct{ System, Cure string }

func (e *AuthLostError) Error() string {
	return fmt.Sprintf("%s no longer accepts Meibo's authorisation: %s", e.System, e.Cure)
}

// ForbiddenError: the account's user may not do this.
type ForbiddenError struct{ System, What, Cure string }

func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("%s does not let this user %s: %s", e.System, e.What, e.Cure)
}

// InvalidError: the vendor refuses the record as it stands. Field is "" if the vendor does not name one.
type InvalidError struct {
	System string
	Field  string // a record.Key where it is one of ours, else the vendor's name
	Reason string // the vendor's word for it, without the value
}

func (e *InvalidError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%s refused the record: %s", e.System, e.Reason)
	}
	return fmt.Sprintf("%s refused the field %s: %s", e.System, e.Field, e.Reason)
}

// DuplicateError: the vendor names a record that the new one clashes with; it is a match candidate.
type DuplicateError struct{ System, ID, Field string }

func (e *DuplicateError) Error() string {
	return fmt.Sprintf("%s has a record with the same %s already", e.System, e.Field)
}

// FullError: the account holds as many records as the vendor allows. Creating stops; everything else goes on.
type FullError struct{ System, Cure string }

func (e *FullError) Error() string { return fmt.Sprintf("%s is full: %s", e.System, e.Cure) }

// ThrottledError: wait at least After before any further call of this account. Nothing was done.
type ThrottledError struct {
	System string
	After  time.Duration
}

func (e *ThrottledError) Error() string {
	return fmt.Sprintf("%s asks to wait %s", e.System, e.After.Round(time.Second))
}
