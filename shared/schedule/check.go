package schedule

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"meibo/shared/queue"
)

// Limits of a schedule, EventBridge Scheduler's on every implementation.
const (
	MinEvery = time.Minute
	MaxEvery = 365 * 24 * time.Hour
	MaxName  = 512 // bytes of a tenant or of a one-time schedule's name

	maxYear = 9999 // times are written with four digits
)

// ErrInvalid: the schedule cannot be kept as asked for.
var ErrInvalid = errors.New("schedule: invalid")

// Every returns the interval that a recurring schedule has: whole minutes, rounded up. It returns ErrInvalid, wrapped, outside
// MinEvery to MaxEvery.
func Every(d time.Duration) (time.Duration, error) {
	if d < MinEvery || d > MaxEvery {
		return 0, fmt.Errorf("%w: an interval of %s, it takes %s to %s", ErrInvalid, d, MinEvery, MaxEvery)
	}
	return (d + time.Minute - 1).Truncate(time.Minute), nil
}

// CheckName returns ErrInvalid, wrapped, for a tenant or name that is empty, longer than MaxName or not UTF-8.
func CheckName(name string) error {
	if name == "" || len(name) > MaxName || !utf8.ValidString(name) {
		return fmt.Errorf("%w: a name of %d bytes, it takes 1 to %d of UTF-8", ErrInvalid, len(name), MaxName)
	}
	return nil
}

// CheckOnce checks what Once is given.
func CheckOnce(name string, at time.Time, m queue.Message) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if at.Year() > maxYear {
		return fmt.Errorf("%w: a time in the year %d", ErrInvalid, at.Year())
	}
	if err := queue.Check(m); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}
