package tenancy

import (
	"errors"
	"fmt"
)

// ErrNotFound: there is no such thing, or it is not the asker's to see. Both look the same.
var ErrNotFound = errors.New("tenancy: not found")

// Codes of refusals that callers tell apart. The others are as stable, for messages in other languages; see where they are used.
const (
	// CodeForbidden: the person lacks a permission in Meibo.
	CodeForbidden = "forbidden"
	// CodeState: the connection's state does not allow it.
	CodeState = "state"
	// CodeAlready: the connection is in that state. Machinery that repeats itself takes it for done.
	CodeAlready = "already"
)

// Refusal says why a rule does not allow what was asked, and what to do. Nothing was changed.
type Refusal struct{ Code, Reason, Cure string }

func (e *Refusal) Error() string { return e.Reason + ": " + e.Cure }

// FieldError says what is wrong with a field of the input, and what to do. Nothing was changed.
type FieldError struct{ Field, Reason, Cure string }

func (e *FieldError) Error() string { return e.Field + ": " + e.Reason + ": " + e.Cure }

// Conflict: somebody else changed it since it was read. Nothing was changed.
type Conflict struct{ What string }

func (e *Conflict) Error() string {
	return fmt.Sprintf("%s was changed by somebody else in the meantime: load it again and repeat the change", e.What)
}

// ScheduleError: the connection's move was made, but the tenant's schedule could not be changed with it. Service.Reschedule
// does that again.
type ScheduleError struct{ Err error }

func (e *ScheduleError) Error() string {
	return "the connection's state was changed, but the tenant's schedule was not: try again: " + e.Err.Error()
}

// Unwrap returns the scheduler's error.
func (e *ScheduleError) Unwrap() error { return e.Err }
