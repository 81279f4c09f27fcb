package dynamics

// lap notices a chain of links that leads back to where it was, however long the way round is, and remembers one link only: the one
// that it waits for is renewed after 1, 2, 4, … steps (Brent's cycle detection).
type lap struct {
	Mark  string `json:"m,omitempty"` // digest of the link that is waited for
	Steps int    `json:"s,omitempty"` // since it was noted
	Until int    `json:"u,omitempty"` // steps until another one is
}

// closes takes the next link and reports whether the chain has come round.
func (l *lap) closes(link string) bool {
	d := digest(link)
	if d == l.Mark {
		return true
	}
	if l.Steps++; l.Steps > l.Until {
		*l = lap{Mark: d, Until: max(1, 2*l.Until)}
	}
	return false
}
