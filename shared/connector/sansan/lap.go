package sansan

import (
	"encoding/base64"
	"hash/fnv"
)

// lap notices a chain of page tokens that comes round to where it was, and remembers one of them only: which one is renewed after 1, 2,
// 4, … steps (Brent's cycle detection).
type lap struct {
	Mark  string `json:"m,omitempty"` // digest of the token that is waited for
	Steps int    `json:"s,omitempty"` // since it was noted
	Until int    `json:"u,omitempty"` // steps until another one is
}

// closes takes the next token and reports whether the chain has come round.
func (l *lap) closes(next string) bool {
	h := fnv.New64a()
	put(h, next)
	d := base64.RawURLEncoding.EncodeToString(h.Sum(nil))
	if d == l.Mark {
		return true
	}
	if l.Steps++; l.Steps > l.Until {
		*l = lap{Mark: d, Until: max(1, 2*l.Until)}
	}
	return false
}
