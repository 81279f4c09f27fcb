package hubspot

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// cursorPrefix carries the version of the format; a cursor of another one makes the engine list again.
const cursorPrefix = "h1."

// The phases of a listing: a full one lists all contacts, or the segments one after another; an incremental one searches. done is the
// cursor between two listings: the next call begins to search.
const (
	phaseAll      = "all"
	phaseSegments = "segments"
	phaseSearch   = "search"
	phaseDone     = "done"
)

// cursor is all that a listing needs to go on: the query it belongs to, where it stands, and what it may meet again.
type cursor struct {
	Phase    string       `json:"p"`
	Fields   []record.Key `json:"f"` // null for all
	Segments []string     `json:"v,omitempty"`
	// Owner is whose contacts are in scope; "" for everybody's.
	Owner string `json:"o,omitempty"`

	// What the search covers, in milliseconds since 1970: all that was modified at Since or later, and before Until. In a full listing Until
	// is when it began.
	Since int64 `json:"s,omitempty"`
	Until int64 `json:"u,omitempty"`
	// Key is the id after which the search goes on.
	Key string `json:"k,omitempty"`

	position

	// Seen is what the overlap may show again, from the listing before; Fresh is the same for the next one.
	Seen  seen `json:"a,omitempty"`
	Fresh seen `json:"b,omitempty"`
}

// position is a place in one chain of pages.
type position struct {
	Segment int    `json:"i,omitempty"` // index of the segment that is being listed
	After   string `json:"n,omitempty"` // HubSpot's token of the next page
	Last    string `json:"l,omitempty"` // digest of the page before
	Lap     lap    `json:"y,omitzero"`
}

func (c cursor) encode() string { return cursorPrefix + pack(c) }

// pack writes plain data as text.
func pack(v any) string {
	b, _ := json.Marshal(v) // strings, numbers and lists of them only: it cannot fail
	return base64.RawURLEncoding.EncodeToString(b)
}

func unpack(s string, v any) bool {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && json.Unmarshal(b, v) == nil
}

func decodeCursor(s string) (cursor, error) {
	var c cursor
	body, ok := strings.CutPrefix(s, cursorPrefix)
	if !ok || !unpack(body, &c) || c.Phase == "" {
		return cursor{}, connector.ErrCursorExpired
	}
	return c, nil
}

// finish ends the chain: what it has covered becomes the lower bound of the next one, less the overlap.
func (c *cursor) finish() {
	c.Since, c.Seen = c.Until-overlap.Milliseconds(), c.Fresh
	c.Phase, c.Until, c.Key, c.Fresh, c.position = phaseDone, 0, "", nil, position{}
}

// known reports whether the listing before had a contact as it is: any change moves the time of the last one.
func (c *cursor) known(p *contact) bool {
	at := instant(p.text(propModified))
	return !at.IsZero() && c.Seen.has(p.ID, at.String())
}

// note takes down a contact that was met, if the overlap may show it again.
func (c *cursor) note(p *contact) {
	if at := instant(p.text(propModified)); !at.IsZero() && at.UnixMilli() >= c.Until-overlap.Milliseconds() {
		c.Fresh.add(p.ID, at.String())
	}
}

// seen is a bounded set of things handed out before: six bytes of digest each. What does not fit is handed out twice, which the engine
// recognises by its content.
type seen []byte

const (
	seenWidth = 6
	seenMax   = 600 * seenWidth
)

func (s seen) has(parts ...string) bool {
	d := digest(parts...)
	for i := 0; i+seenWidth <= len(s); i += seenWidth {
		if string(s[i:i+seenWidth]) == string(d[:seenWidth]) {
			return true
		}
	}
	return false
}

func (s *seen) add(parts ...string) {
	if d := digest(parts...); len(*s) < seenMax {
		*s = append(*s, d[:seenWidth]...)
	}
}

func (c *cursor) scoped() scoped {
	return scoped{known: true, segments: len(c.Segments) > 0, owner: c.Owner}
}

// scoped is what is known of a scope without looking a contact up.
type scoped struct {
	known    bool
	segments bool
	owner    string
}

// member says whether p is in the scope, as far as its owner tells.
func (s scoped) member(p *contact) connector.Membership {
	switch {
	case !s.known:
		return connector.ScopeUnknown
	case s.owner != "" && p.text(propOwner) != s.owner:
		return connector.OutOfScope
	case s.segments:
		return connector.ScopeUnknown
	}
	return connector.InScope
}

func millis(t time.Time) int64 { return t.UnixMilli() }
