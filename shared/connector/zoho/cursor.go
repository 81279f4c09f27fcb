package zoho

import (
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"strings"
	"time"

	"meibo/shared/connector"
)

// cursorPrefix carries the version of the format; a cursor of another one makes the engine list again.
const cursorPrefix = "z1."

// The phases of a listing, in the order in which a chain of pages goes through them: a full listing is all or views, and then
// done; an incremental one is changes, marks if something changed and the scope has views, deleted, and then done. done is the
// cursor between two listings: the next call starts with changes.
const (
	phaseAll     = "all"
	phaseViews   = "views"
	phaseChanges = "changes"
	phaseMarks   = "marks"
	phaseDeleted = "deleted"
	phaseDone    = "done"
)

// cursor is all that a listing needs to go on: the query it belongs to, where it stands, and what it may meet again.
type cursor struct {
	Phase string   `json:"p"`
	Names []string `json:"f"`           // API fields
	Views []string `json:"v,omitempty"` // custom views in scope
	// Me is the user whose records alone are in scope; "" if everybody's are.
	Me string `json:"m,omitempty"`

	// Since bounds the change listing from below, DeadSince the deleted-records feed: RFC 3339, "" for no bound.
	Since     string `json:"s,omitempty"`
	DeadSince string `json:"d,omitempty"`
	// Start and DeadStart are when the vendor began to answer them: the next bounds.
	Start     string `json:"t,omitempty"`
	DeadStart string `json:"e,omitempty"`
	// Until ends a listing by time: when it began, by the clock that the records' own times are from.
	Until string `json:"u,omitempty"`

	position
	// Newest is the latest Modified_Time met by the listing in the order of that time; From is where that listing was taken up
	// again, "" as long as it goes on from Since.
	Newest string `json:"n,omitempty"`
	From   string `json:"r,omitempty"`
	// Hit says that the change listing met something new.
	Hit bool `json:"h,omitempty"`

	// Seen is what the overlap may show again, from the listing before; Fresh is the same for the next one. DeadSeen and
	// DeadFresh are those of the deleted-records feed.
	Seen      seen `json:"a,omitempty"`
	Fresh     seen `json:"b,omitempty"`
	DeadSeen  seen `json:"x,omitempty"`
	DeadFresh seen `json:"y,omitempty"`
}

// position is a place in one scan of pages.
type position struct {
	View  int    `json:"i,omitempty"` // index of the view that is being listed
	Page  int    `json:"g,omitempty"` // pages read so far
	Token string `json:"k,omitempty"`
	Last  string `json:"l,omitempty"` // digest of the page before
}

func (c cursor) encode() string {
	b, _ := json.Marshal(c) // strings, numbers and booleans only: it cannot fail
	return cursorPrefix + base64.RawURLEncoding.EncodeToString(b)
}

func decodeCursor(s string) (cursor, error) {
	var c cursor
	body, ok := strings.CutPrefix(s, cursorPrefix)
	b, err := base64.RawURLEncoding.DecodeString(body)
	if !ok || err != nil || json.Unmarshal(b, &c) != nil || len(c.Names) == 0 {
		return cursor{}, connector.ErrCursorExpired
	}
	return c, nil
}

// finish ends the chain: what it has covered becomes the lower bound of the next one, less the overlap.
func (c *cursor) finish() {
	c.Since, c.Seen = back(c.Start, overlap), c.Fresh
	c.DeadSince, c.DeadSeen = c.Since, nil
	if c.DeadStart != "" {
		c.DeadSince, c.DeadSeen = back(c.DeadStart, overlap), c.DeadFresh
	}
	c.Phase, c.position = phaseDone, position{}
	c.Start, c.DeadStart, c.Until, c.Newest, c.From, c.Hit, c.Fresh, c.DeadFresh = "", "", "", "", "", false, nil, nil
}

// takeUp begins the listing by time anew at the newest time met, one second earlier since that second may not be complete. It
// serves where paging cannot go on: the ceiling of a listing, a page token that has died, a page that did not come. It reports
// false if that would be no further on than before.
func (c *cursor) takeUp() bool {
	if c.Newest == "" {
		c.position = position{}
		return false
	}
	from := back(c.Newest, time.Second)
	further := c.From == "" || !notBefore(c.From, from)
	c.From, c.position = from, position{}
	return further
}

// stamp writes a time as Zoho does, with a numeric offset.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05-07:00") }

// back returns the RFC 3339 time s, less d.
func back(s string, d time.Duration) string {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return s
	}
	return stamp(t.Add(-d))
}

// notBefore reports whether the RFC 3339 time s is at or after bound. What cannot be read counts as recent.
func notBefore(s, bound string) bool {
	t, err1 := time.Parse(time.RFC3339, s)
	b, err2 := time.Parse(time.RFC3339, bound)
	return err1 != nil || err2 != nil || !t.Before(b)
}

// later returns the later of two RFC 3339 times; a is kept where b cannot be read.
func later(a, b string) string {
	if b == "" || a != "" && !notBefore(b, a) {
		return a
	}
	if _, err := time.Parse(time.RFC3339, b); err != nil {
		return a
	}
	return b
}

// seen is a bounded set of things handed out before: six bytes of digest each. What does not fit is handed out twice, which
// the engine recognises by its version.
type seen []byte

// A record that was read within settle of its own Modified_Time is not put in: it may change once more within that second and
// look the same.
const (
	settle    = 2 * time.Second
	seenWidth = 6
	seenMax   = 400 * seenWidth
)

func digest(parts ...string) [8]byte {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	var b [8]byte
	h.Sum(b[:0])
	return b
}

func (s seen) has(id, version string) bool {
	want := digest(id, version)
	for i := 0; i+seenWidth <= len(s); i += seenWidth {
		if string(s[i:i+seenWidth]) == string(want[:seenWidth]) {
			return true
		}
	}
	return false
}

// settled reports whether a record of this version, read at that time, can no longer change without a new version.
func settled(version string, read time.Time) bool {
	v, err := time.Parse(time.RFC3339, version)
	return err == nil && read.Sub(v) >= settle
}

// add appends one, dropping the oldest when full.
func (s *seen) add(id, version string) {
	d := digest(id, version)
	*s = append(*s, d[:seenWidth]...)
	if len(*s) > seenMax {
		*s = append(seen(nil), (*s)[len(*s)-seenMax:]...)
	}
}
