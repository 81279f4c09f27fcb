package engine

import (
	"errors"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/state"
)

var bothSides = [2]profile.Side{profile.CRM, profile.Book}

// side is one end of the connection, open.
type side struct {
	s      profile.Side
	i      int // its place in every [2]
	id     string
	open   Opened
	desc   connector.Description
	loaded bool // desc is
	scope  connector.Scope
	calls  int // made before this slice
	// floor is the floor of the work before this slice, as its run has it, and before what this slice's connector makes of the same
	// work. A connector adds what the slice's own look-ups cost, so that before is asked for before the slice's first call.
	floor, before int
	index         *state.IndexWriter
	work          connector.Work
	empty         bool // the account takes no more creates in this run
	// managed says that the scope is a folder of the connection's own, outside which nothing is touched.
	managed bool
	// unmade says that such a folder is only made when the connection starts: until then it holds nothing.
	unmade bool
	photos connector.Photographer // nil where photos do not travel
	pages  repeats                // of the listing under way
	// chooses says that the connection's options decide which of the vendor's objects its records are.
	chooses bool
	refused bool // the vendor kept something from the account in this slice; see heard
}

// account is the vendor's own id of the side's account, which marks are made of.
func (sd *side) account() string { return sd.open.Account.Identity.AccountID }

func (s *slice) other(sd *side) *side { return s.sides[1-sd.i] }

// sideError says at which side something went wrong.
type sideError struct {
	sd  *side
	err error
}

func (e *sideError) Error() string { return e.err.Error() }
func (e *sideError) Unwrap() error { return e.err }

func (sd *side) wrap(err error) error {
	if err == nil {
		return nil
	}
	sd.heard(err)
	return &sideError{sd: sd, err: err}
}

// heard notes an answer by which the vendor kept something from the account: what it does not show in such a run may be there all the
// same (see unshown.go).
func (sd *side) heard(err error) {
	var (
		lost     *connector.AuthLostError
		forbid   *connector.ForbiddenError
		throttle *connector.ThrottledError
	)
	if errors.As(err, &lost) || errors.As(err, &forbid) || errors.As(err, &throttle) {
		sd.refused = true
	}
}
