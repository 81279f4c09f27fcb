package google

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/record"
)

const cursorVersion = 1

// cursor is where a listing stands and what it was asked for.
type cursor struct {
	Version int `json:"v"`
	// Query pins what Google binds its tokens to: mask, sources and page size. A Meibo that asks otherwise starts anew.
	Query   string   `json:"q"`
	Groups  []string `json:"g,omitempty"`
	Customs []string `json:"c,omitempty"`
	Sync    string   `json:"s,omitempty"` // sync token; "" during a full listing
	Page    string   `json:"p,omitempty"` // page token; "" on a first page
	Began   int64    `json:"t,omitempty"` // when Google, by its Date header, began the listing; Unix seconds
	Seen    int      `json:"n,omitempty"` // people on the full listing's pages so far
	Last    string   `json:"d,omitempty"` // digest of the page before
}

// begin returns the cursor of a new full listing.
func (c *Connector) begin(scope connector.Scope) cursor {
	return cursor{Version: cursorVersion, Query: queryPin(), Groups: slices.Clone(scope.Groups), Customs: c.customs(scope.Fields)}
}

// customs returns the vendor keys of the custom fields that a reader must be told of even when they are empty.
func (c *Connector) customs(fields []record.Key) []string {
	ks := slices.Clone(c.cfg.CustomKeys)
	for _, k := range fields {
		if name, ok := k.CustomName(); ok && !slices.Contains(ks, name) {
			ks = append(ks, name)
		}
	}
	return ks
}

func queryPin() string {
	return digest(readMask(), contactOnly, fmt.Sprint(pageSize))
}

// digest is short: it guards against mistakes, not against people.
func digest(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return base64.RawURLEncoding.EncodeToString(h[:9])
}

func (c cursor) String() string {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseCursor returns ErrCursorExpired for what no cursor of this version and query can be.
func parseCursor(s string) (cursor, error) {
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil || c.Version != cursorVersion || c.Query != queryPin() || c.Sync == "" && c.Page == "" {
		return cursor{}, fmt.Errorf("%w: it was made by another version of Meibo or for another query", connector.ErrCursorExpired)
	}
	return c, nil
}
