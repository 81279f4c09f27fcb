package plan

import "meibo/shared/profile"

// Presence is what one side of a link is now.
type Presence int8

const (
	// Here: the record is there and in scope, or was made by Meibo, which keeps it in scope.
	Here Presence = iota
	// Left: the record is there, outside the scope.
	Left
	// Gone: the record is deleted, and that is proven (DESIGN section 6, evidence of a delete).
	Gone
	// Absent: the record was not seen, and nothing is proven.
	Absent
)

// Action is what to do about a whole record.
type Action int8

const (
	// Merge: both are there; see Planner.Merge.
	Merge Action = iota
	// DeleteOther: one side is gone and the deletion travels.
	DeleteOther
	// Recreate: one side is gone, but the other was edited since, and the edit survives.
	Recreate
	// Detach: one side is gone and stays so; the other stays too, and its id stays claimed.
	Detach
	// Drop: both are gone.
	Drop
	// Park: one side left the scope; nothing is deleted.
	Park
	// Miss: one side was not seen; find out before anything else.
	Miss
)

// Decide is the second table of DESIGN section 6. now has each side's presence, edited whether its record changed since the
// base. The side it returns is the one that the action writes to (DeleteOther, Recreate), that is to be looked for (Miss), that
// left (Park) or that stays (Detach); "" for Merge and Drop. What left the scope is never written anew on the other side.
func Decide(rules profile.Rules, now [2]Presence, edited [2]bool) (Action, profile.Side) {
	if now[0] == Gone && now[1] == Gone {
		return Drop, ""
	}
	for s, side := range sides {
		if now[s] != Gone {
			continue
		}
		t := 1 - s
		switch {
		case now[t] == Absent:
			return Miss, sides[t]
		case now[t] == Left:
			return Detach, sides[t]
		case edited[t] && rules.Direction.Writes(side):
			return Recreate, side
		case edited[t]:
			return Detach, sides[t]
		case rules.Direction.Writes(sides[t]) && rules.Deletes.To(sides[t]):
			return DeleteOther, sides[t]
		default:
			return Detach, sides[t]
		}
	}
	for s, side := range sides {
		if now[s] == Absent {
			return Miss, side
		}
	}
	for s, side := range sides {
		if now[s] == Left {
			return Park, side
		}
	}
	return Merge, ""
}
