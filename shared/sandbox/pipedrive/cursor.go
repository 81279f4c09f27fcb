package pipedrive

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
)

// cursorLife is how long a cursor works. The vendor states nothing, so a client must not count on more.
const cursorLife = 3600

// cursor is where a listing goes on. It is the whole state, so a cursor outlives a restart.
type cursor struct {
	Epoch   int    `json:"e"`
	Expires int64  `json:"x"`
	User    int64  `json:"u"`
	Query   string `json:"q"` // digest of path and parameters: a cursor is good for the listing that made it
	After   place  `json:"a"`
}

func (c *call) queryDigest() string {
	q := url.Values{}
	for k, v := range c.q {
		if k != "cursor" && k != "limit" {
			q[k] = v
		}
	}
	sum := sha256.Sum256([]byte(c.r.URL.Path + "?" + q.Encode()))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

func (s *Sandbox) seal(b []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write(b)
	return h.Sum(nil)[:12]
}

// next makes the cursor for what comes after a place.
func (c *call) next(after place) string {
	b, err := json.Marshal(cursor{c.o.Epoch, c.s.now() + cursorLife, c.m.ID, c.queryDigest(), after})
	if err != nil { // numbers and text marshal
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(c.s.seal(b), b...))
}

// after opens the request's cursor; nil without one.
func (c *call) after() (*place, error) {
	if !c.q.Has("cursor") {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(c.q.Get("cursor"))
	var cur cursor
	if err != nil || len(b) < 12 || !hmac.Equal(b[:12], c.s.seal(b[12:])) || json.Unmarshal(b[12:], &cur) != nil {
		return nil, bad("Validation failed: cursor: is not valid")
	}
	if cur.Epoch != c.o.Epoch || c.s.now() >= cur.Expires || cur.User != c.m.ID || cur.Query != c.queryDigest() {
		return nil, bad("Validation failed: cursor: has expired or belongs to another listing")
	}
	return &cur.After, nil
}

// slicePage cuts a page out of a short list that has no order of its own; the cursor counts.
func slicePage[T any](c *call, all []T) ([]T, string, error) {
	n, err := c.limit()
	if err != nil {
		return nil, "", err
	}
	at, err := c.after()
	if err != nil {
		return nil, "", err
	}
	from := 0
	if at != nil {
		from = min(int(at.A), len(all))
	}
	if to := from + n; to < len(all) {
		return all[from:to], c.next(place{A: int64(to)}), nil
	}
	return all[from:], "", nil
}
