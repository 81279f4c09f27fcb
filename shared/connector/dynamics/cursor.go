package dynamics

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"meibo/shared/connector"
)

const cursorVersion = 1

// cursor is where a listing stands and what it was asked for.
type cursor struct {
	Version int      `json:"v"`
	Object  string   `json:"o"`           // entity set
	Groups  []string `json:"g,omitempty"` // of the scope
	Me      string   `json:"m,omitempty"` // the user whose rows are in scope; "" for everybody's
	// Tracks says that the listing follows change tracking; else it goes by the time of change.
	Tracks bool `json:"c,omitempty"`
	Full   bool `json:"a,omitempty"`
	// Rest says that the listing is between two runs: Link is then a delta link, or "".
	Rest bool `json:"z,omitempty"`
	// Link is the query of the page to read next, as the vendor gave it; "" begins. Links are only ever followed on the table's own address.
	Link  string `json:"l,omitempty"`
	Began int64  `json:"t,omitempty"` // when Dynamics began to answer, Unix seconds
	Since int64  `json:"s,omitempty"` // bounds a listing by time from below, Unix seconds
	Last  string `json:"d,omitempty"` // digest of the page before
	Lap   lap    `json:"p,omitzero"`
	// Seen is what a listing by time may show again, from the one before; Fresh is the same for the next one.
	Seen  seen `json:"x,omitempty"`
	Fresh seen `json:"y,omitempty"`
}

func (c cursor) String() string {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings, numbers and booleans always marshal
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseCursor returns ErrCursorExpired for what no cursor of this version and table can be.
func parseCursor(s, object string) (cursor, error) {
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || json.Unmarshal(b, &c) != nil || c.Version != cursorVersion || c.Object != object || c.Rest && c.Tracks && c.Link == "" {
		return cursor{}, fmt.Errorf("%w: it was made by another version of Meibo, or for other records", connector.ErrCursorExpired)
	}
	return c, nil
}

// finish ends a listing: what it has covered is the lower bound of the next one.
func (c *cursor) finish() {
	c.Since, c.Seen, c.Fresh = c.Began-int64(overlap/time.Second), c.Fresh, nil
	c.Rest, c.Full, c.Began, c.Last, c.Lap = true, false, 0, "", lap{}
	if c.Tracks {
		c.Since, c.Seen = 0, nil
	}
}

// inside returns the query of a link to a further page, if the link leads to where the page came from. Nothing is ever sent anywhere else.
func (a *account) inside(link, path string) (string, error) {
	if link == "" {
		return "", nil
	}
	u, err := url.Parse(link)
	if err != nil || u.User != nil || u.Opaque != "" || u.RawQuery == "" {
		return "", unsure(false, "it named a next page that cannot be read")
	}
	if host := strings.Replace(u.Host, ".api.", ".", 1); u.Host != "" && u.Host != a.base.Host && host != a.cfg.Site {
		return "", unsure(false, "it named a next page at another address, which was not asked for")
	}
	if !strings.HasSuffix(strings.TrimPrefix(u.Path, a.base.Path), path) || strings.TrimPrefix(u.Path, a.base.Path) != path && u.Path != path {
		return "", unsure(false, "it named a next page of something else")
	}
	return u.RawQuery, nil
}

// digest is short: it guards against mistakes, not against people.
func digest(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return base64.RawURLEncoding.EncodeToString(h[:9])
}

// overlap is how far a listing by time reaches back before the start of the one before it: times are in whole seconds, and a write may
// carry one a little before it becomes visible.
const overlap = 60 * time.Second

// seen is a bounded set of things handed out before: eight bytes of digest each. What does not fit is handed out twice, which the engine
// recognises by its content.
type seen []byte

const (
	seenWidth = 8
	seenMax   = 400 * seenWidth
)

func (s seen) has(id, version string) bool {
	d := digest(id, version)[:seenWidth]
	for i := 0; i+seenWidth <= len(s); i += seenWidth {
		if string(s[i:i+seenWidth]) == d {
			return true
		}
	}
	return false
}

func (s *seen) add(id, version string) {
	if len(*s) < seenMax && !s.has(id, version) {
		*s = append(*s, digest(id, version)[:seenWidth]...)
	}
}
