package graph

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"meibo/shared/connector"
)

const (
	cursorVersion  = 1
	folderPrefix   = "folder:"
	categoryPrefix = "category:"
)

// cursor is where a listing stands and what it was asked for.
type cursor struct {
	Version int      `json:"v"`
	Groups  []string `json:"g,omitempty"` // of the scope
	Places  []place  `json:"f"`           // the folders to list, in order
	At      int      `json:"i,omitempty"` // the one that is being listed
	Full    bool     `json:"a,omitempty"`
	Began   int64    `json:"t,omitempty"` // when Microsoft, by its Date header, began the listing; Unix seconds
	Walked  int64    `json:"w,omitempty"` // when the folders were last looked for; Unix seconds
	Last    string   `json:"d,omitempty"` // digest of the page before
	Lap     lap      `json:"p,omitzero"`  // of the folder that is being listed
	Left    []string `json:"r,omitempty"` // contacts that left a folder during the full listing, for the next one to tell
}

// maxLeft bounds what a cursor carries of contacts that leave during a full listing. Those beyond it are found by the next full listing.
const maxLeft = 200

// place is one folder of a listing.
type place struct {
	ID string `json:"i"`
	// Link is where its listing goes on: a nextLink, or after its end a deltaLink, below the base URL.
	Link string `json:"l"`
	// New says that its first listing is not complete yet.
	New bool `json:"n,omitempty"`
}

// everywhere reports whether the cursor lists every folder: for everything, or to find the members of categories.
func (c cursor) everywhere() bool {
	return len(c.Groups) == 0 || slices.ContainsFunc(c.Groups, func(g string) bool { return !strings.HasPrefix(g, folderPrefix) })
}

// member says whether a contact of the folder is in the scope.
func (c cursor) member(folder string, it contact) connector.Membership {
	if len(c.Groups) == 0 {
		return connector.InScope
	}
	for _, g := range c.Groups {
		if name, ok := strings.CutPrefix(g, categoryPrefix); ok {
			if slices.ContainsFunc(it.texts("categories"), func(s string) bool { return strings.EqualFold(s, name) }) {
				return connector.InScope
			}
		} else if strings.TrimPrefix(g, folderPrefix) == folder {
			return connector.InScope
		}
	}
	return connector.OutOfScope
}

// holds says whether a contact that was read by id is in the scope, as far as its folder's id and its categories prove it. They prove no
// more, since the default folder's own id may not be known.
func (c cursor) holds(it contact) connector.Membership {
	if c.Version == 0 || c.member(it.text("parentFolderId"), it) != connector.InScope {
		return connector.ScopeUnknown
	}
	return connector.InScope
}

func (c cursor) String() string {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings, numbers and booleans always marshal
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseCursor returns ErrCursorExpired for what no cursor of this version can be.
func parseCursor(s string) (cursor, error) {
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	bad := err != nil || c.Version != cursorVersion || len(c.Places) == 0 || c.At < 0 || c.At >= len(c.Places) ||
		slices.ContainsFunc(c.Places, func(p place) bool { return !strings.HasPrefix(p.Link, "/") })
	if bad {
		return cursor{}, fmt.Errorf("%w: it was made by another version of Meibo", connector.ErrCursorExpired)
	}
	return c, nil
}

// digest is short: it guards against mistakes, not against people.
func digest(parts ...string) string {
	h := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return base64.RawURLEncoding.EncodeToString(h[:9])
}
