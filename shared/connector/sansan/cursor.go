package sansan

import (
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"meibo/shared/connector"
	"meibo/shared/record"
)

// cursorPrefix carries the version of the format; a cursor of another one makes the engine list again.
const cursorPrefix = "s1."

// cursor is all that a listing needs to go on: the scope it belongs to, where it stands, and what it may meet again. It does not grow with
// the number of cards.
type cursor struct {
	Fields []record.Key `json:"f"` // null for all
	Groups []string     `json:"v,omitempty"`
	Walk   walk         `json:"w"`
	// Seen is what the overlap may show again, from the listing before; Fresh is the same for the next one.
	Seen  seen `json:"a,omitempty"`
	Fresh seen `json:"b,omitempty"`
}

func (c cursor) encode() string {
	b, _ := json.Marshal(c) // strings, numbers and booleans only: it cannot fail
	return cursorPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// decodeCursor returns the state to go on from: between two listings, the start of the next one.
func decodeCursor(s string) (cursor, error) {
	var c cursor
	body, ok := strings.CutPrefix(s, cursorPrefix)
	b, err := base64.RawURLEncoding.DecodeString(body)
	if !ok || err != nil || json.Unmarshal(b, &c) != nil || c.Walk.From == 0 {
		return cursor{}, connector.ErrCursorExpired
	}
	return c, nil
}

// finish ends the listing: the next one begins a little before this one did.
func (c *cursor) finish() {
	start := c.Walk.Start
	c.Walk = walk{Width: c.Walk.Width, From: start - int64(overlap/time.Second)}
	c.Seen, c.Fresh = c.Fresh, nil
}

// seen is a bounded list of what was handed out lately, the oldest first: of each four bytes of digest of the id and six of what was told. What
// does not fit is handed out twice, which the engine recognises by its content.
type seen []byte

const (
	seenID    = 4
	seenWidth = seenID + 6
	seenMax   = 300 * seenWidth
)

func seenEntry(it *connector.Item) (e [seenWidth]byte) {
	id, told := fnv.New32a(), fnv.New64a()
	put(id, it.ID)
	put(told, it.ID, it.Version, strconv.Itoa(int(it.Scope)))
	copy(e[:], id.Sum(nil))
	copy(e[seenID:], told.Sum(nil))
	return e
}

// has reports whether the item was handed out as it is.
func (s seen) has(it *connector.Item) bool {
	e := seenEntry(it)
	for i := 0; i+seenWidth <= len(s); i += seenWidth {
		if string(s[i:i+seenWidth]) == string(e[:]) {
			return true
		}
	}
	return false
}

// add takes the item down in place of what was known of the same id.
func (s *seen) add(it *connector.Item) {
	e := seenEntry(it)
	for i := 0; i+seenWidth <= len(*s); i += seenWidth {
		if string((*s)[i:i+seenID]) == string(e[:seenID]) {
			*s = append((*s)[:i], (*s)[i+seenWidth:]...)
			break
		}
	}
	*s = append(*s, e[:]...)
	if over := len(*s) - seenMax; over > 0 {
		*s = append(seen(nil), (*s)[over:]...)
	}
}
