package store

import "errors"

// served says whether the table did the request's work, also when the answer was "no such item" or "condition not met".
func served(err error) bool {
	var refused *ConditionError
	return err == nil || errors.Is(err, ErrNotFound) || errors.As(err, &refused)
}

// Retry says whether the same request can be sent again because nothing was done.
func Retry(err error) bool { return errors.Is(err, ErrThrottled) || errors.Is(err, ErrContention) }

// Refused returns the indexes of the ops whose conditions failed, and whether err says so at all.
func Refused(err error) ([]int, bool) {
	var refused *ConditionError
	if !errors.As(err, &refused) {
		return nil, false
	}
	return refused.Failed, true
}

// Holds says whether the condition holds of the item it, or of no item when there is false. An expired item is not there.
func (c Cond) Holds(it Item, there bool) bool {
	return !(c.Absent && there) &&
		!(c.Exists && !there) &&
		(c.V == nil || there && it.V == *c.V) &&
		(c.Fence == nil || there && it.Fence == *c.Fence)
}
