package pipedrive

import (
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// cursorPrefix carries the version of the format; a cursor of another one makes the engine list again.
const cursorPrefix = "p1."

// The phases of a listing, in the order in which a chain of pages goes through them: a full listing is all or filters, and then done;
// an incremental one is changes, marks if something changed and the scope has filters, and then done. done is the cursor between
// two listings: the next call starts with changes.
const (
	phaseAll     = "all"
	phaseFilters = "filters"
	phaseChanges = "changes"
	phaseMarks   = "marks"
	phaseDone    = "done"
)

// cursor is all that a listing needs to go on: the query it belongs to, where it stands, and what it may meet again. Of Pipedrive's own
// cursors it holds one only between two pages.
type cursor struct {
	Phase   string       `json:"p"`
	Fields  []record.Key `json:"f"` // null for all
	Filters []string     `json:"v,omitempty"`
	// Me is the user whose people are in scope; 0 for everybody's.
	Me num `json:"o,omitempty"`

	// Since bounds the change listing from below, Start is when the vendor began to answer it, Until the same by the clock that the
	// records' own times are from: it ends the listing. RFC 3339 in whole seconds.
	Since string `json:"s,omitempty"`
	Start string `json:"t,omitempty"`
	Until string `json:"u,omitempty"`

	position
	// Newest is the latest update_time met by the change listing, From where it was taken up again, "" as long as it goes on from
	// Since.
	Newest string `json:"n,omitempty"`
	From   string `json:"r,omitempty"`
	// Hit says that the change listing met something new.
	Hit bool `json:"h,omitempty"`

	// Seen is what the overlap may show again, from the listing before; Fresh is the same for the next one.
	Seen  seen `json:"a,omitempty"`
	Fresh seen `json:"b,omitempty"`
}

// position is a place in one scan of pages.
type position struct {
	Filter int    `json:"i,omitempty"` // index of the filter that is being listed
	Next   string `json:"k,omitempty"` // Pipedrive's cursor of the next page
	Last   string `json:"l,omitempty"` // digest of the page before
	Lap    lap    `json:"y,omitzero"`
}

func (c cursor) encode() string {
	b, _ := json.Marshal(c) // strings, numbers and booleans only: it cannot fail
	return cursorPrefix + base64.RawURLEncoding.EncodeToString(b)
}

func decodeCursor(s string) (cursor, error) {
	var c cursor
	body, ok := strings.CutPrefix(s, cursorPrefix)
	b, err := base64.RawURLEncoding.DecodeString(body)
	if !ok || err != nil || json.Unmarshal(b, &c) != nil || c.Phase == "" {
		return cursor{}, connector.ErrCursorExpired
	}
	return c, nil
}

// finish ends the chain: what it has covered becomes the lower bound of the next one, less the overlap.
func (c *cursor) finish() {
	c.Since, c.Seen = back(c.Start, overlap), c.Fresh
	c.Phase, c.position = phaseDone, position{}
	c.Start, c.Until, c.Newest, c.From, c.Hit, c.Fresh = "", "", "", "", false, nil
}

// takeUp begins the change listing anew at the newest time met, which is inclusive. It returns false if that is where it began the last
// time: more records share that second than Pipedrive shows before it gives its cursor up.
func (c *cursor) takeUp() bool {
	c.position = position{}
	if c.Newest == "" || c.Newest == c.From {
		return false
	}
	c.From = c.Newest
	return true
}

// stamp writes a time as Pipedrive takes it: fractions of seconds are refused.
func stamp(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

// back returns the RFC 3339 time s, less d.
func back(s string, d time.Duration) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return s
	}
	return stamp(t.Add(-d))
}

// before reports whether the RFC 3339 time s is before bound. What cannot be read counts as recent.
func before(s, bound string) bool {
	t, err1 := time.Parse(time.RFC3339, s)
	b, err2 := time.Parse(time.RFC3339, bound)
	return err1 == nil && err2 == nil && t.Before(b)
}

// later returns the later of two RFC 3339 times; a is kept where b cannot be read.
func later(a, b string) string {
	if t, err := time.Parse(time.RFC3339, b); err != nil || a != "" && !before(a, b) {
		return a
	} else {
		return stamp(t)
	}
}

// seen is a bounded set of things handed out before: six bytes of digest each. What does not fit is handed out twice, which
// the engine recognises by its content.
type seen []byte

const (
	seenWidth = 6
	seenMax   = 400 * seenWidth
)

func digest(parts ...string) [8]byte {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return [8]byte(h.Sum(nil))
}

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
