package tenancy

import (
	"slices"

	"meibo/shared/profile"
)

// Rebase returns the settings of a draft whose pair of systems has become another: what nobody chose differently from the profile
// before is as the new profile has it, and so is what that one does not leave to a person. Choices stay.
func Rebase(t Tenant, set Settings, before, now profile.Profile) Settings {
	from, to := DefaultSettings(t, before), DefaultSettings(t, now)
	r, f, n := set.Rules, from.Rules, to.Rules
	r.MatchFirst, r.Overwrite = n.MatchFirst, n.Overwrite // nobody chooses them
	r.Direction = chosen(r.Direction, f.Direction, n.Direction)
	if !slices.Contains(now.Directions, r.Direction) {
		r.Direction = n.Direction
	}
	r.Winner = chosen(r.Winner, f.Winner, n.Winner)
	r.EmptyRemoves = chosen(r.EmptyRemoves, f.EmptyRemoves, n.EmptyRemoves)
	r.Deletes.ToCRM = chosen(r.Deletes.ToCRM, f.Deletes.ToCRM, n.Deletes.ToCRM)
	r.Deletes.ToBook = chosen(r.Deletes.ToBook, f.Deletes.ToBook, n.Deletes.ToBook)
	r.SkipImported = chosen(r.SkipImported, f.SkipImported, n.SkipImported)
	r.RequireEmail = chosen(r.RequireEmail, f.RequireEmail, n.RequireEmail)
	r.Owned = chosen(r.Owned, f.Owned, n.Owned) || n.Owned
	r.Photos = chosen(r.Photos, f.Photos, n.Photos) && n.Photos
	r.Caps = chosen(r.Caps, f.Caps, n.Caps)
	r.Budget = chosen(r.Budget, f.Budget, n.Budget)
	r.ApproveFirst = chosen(r.ApproveFirst, f.ApproveFirst, n.ApproveFirst)
	set.Rules = r
	set.Every = min(max(chosen(set.Every, from.Every, to.Every), now.EveryMin), now.EveryMax)
	if now.Folder != "" {
		set.BookGroups = nil
	}
	return normal(set)
}

// chosen returns a person's own value, or to where it is what it was without a choice.
func chosen[T comparable](own, from, to T) T {
	if own == from {
		return to
	}
	return own
}
