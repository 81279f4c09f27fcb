package engine

import (
	"meibo/shared/connector"
	"meibo/shared/plan"
	"meibo/shared/record"
	"meibo/shared/state"
)

// A connection that wants valid e-mail addresses (HD7) leaves out records without one. What is linked already keeps its link, parked, and
// neither side is written until there is an address again; then all that changed meanwhile travels.

// lacksEmail reports whether a new record is left out.
func (s *slice) lacksEmail(it *connector.Item) bool {
	return s.rules.RequireEmail && !plan.AnyEmail(it.Record.Fields[record.Email])
}

// withoutEmail reports whether a pairing is left out: what is planned would leave a record that is read for the other side without the
// valid address that it had, or no such record has any.
func (s *slice) withoutEmail(p *pairing) bool {
	if !s.rules.RequireEmail || p.now[0] == nil || p.now[1] == nil {
		return false // of a new record, the source was looked at when it was taken in
	}
	some := false
	for i := range p.now {
		if !s.rules.Direction.Writes(bothSides[1-i]) {
			continue
		}
		vs, written := p.out.Write[i][record.Email]
		if !written {
			vs = p.now[i].Record.Fields[record.Email]
		}
		if plan.AnyEmail(vs) {
			some = true
		} else if had, _ := p.base[i].Find(record.Email); len(had) > 0 {
			return true
		}
	}
	return !some
}

// isWithoutEmail reports whether a link is parked for that reason.
func isWithoutEmail(l *state.Link) bool {
	return l.State == state.LinkParked && l.Code == state.CodeNoEmail
}
