package sansan

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
)

// token is where a listing goes on. It is the whole state, so a token outlives a restart.
type token struct {
	Epoch   int    `json:"e"`
	Expires int64  `json:"x"`
	User    int64  `json:"u"`
	Query   string `json:"q"` // digest of path and parameters
	After   place  `json:"a"`
}

const sealLength = 12

func (c *call) queryDigest() string {
	q := maps.Clone(c.q)
	q.Del("nextPageToken")
	sum := sha256.Sum256([]byte(c.path + "?" + q.Encode()))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

func (s *Sandbox) sealOf(b []byte) []byte {
	h := hmac.New(sha256.New, s.seal)
	h.Write(b)
	return h.Sum(nil)[:sealLength]
}

// next makes the token for what comes after a place.
func (c *call) next(after place) string {
	life := 60 * limit(int64(c.s.cfg.Limits.Token), defaultToken)
	b, err := json.Marshal(token{c.u.org.Epoch, c.s.cfg.Clock.Now().Unix() + life, c.u.ID, c.queryDigest(), after})
	if err != nil { // numbers and text marshal
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(c.s.sealOf(b), b...))
}

// after opens the request's token; nil without one.
func (c *call) after() (*place, error) {
	if !c.q.Has("nextPageToken") {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(c.q.Get("nextPageToken"))
	var t token
	if err != nil || len(b) < sealLength || !hmac.Equal(b[:sealLength], c.s.sealOf(b[sealLength:])) || json.Unmarshal(b[sealLength:], &t) != nil {
		return nil, bad("The nextPageToken is not valid.")
	}
	if t.Epoch != c.u.org.Epoch || c.s.cfg.Clock.Now().Unix() >= t.Expires || t.User != c.u.ID || t.Query != c.queryDigest() {
		return nil, bad("The nextPageToken has expired or belongs to another query.")
	}
	return &t.After, nil
}

// pageOf is the answer of a listing. A next of "" is the last page.
func pageOf(data []object, next string) (*reply, error) {
	out := object{"hasMore": next != "", "nextPageToken": nil, "data": data}
	if next != "" {
		out["nextPageToken"] = next
	}
	return ok(out)
}

// slicePage cuts a page out of a short list that has no order of its own; the token counts.
func slicePage[T any](c *call, all []T, render func(T) object) (*reply, error) {
	n, err := c.limit(othersMost)
	if err != nil {
		return nil, err
	}
	at, err := c.after()
	if err != nil {
		return nil, err
	}
	from, next := 0, ""
	if at != nil {
		from = min(int(at.A), len(all))
	}
	to := min(from+n, len(all))
	if to < len(all) {
		next = c.next(place{A: int64(to)})
	}
	data := make([]object, 0, to-from)
	for _, x := range all[from:to] {
		data = append(data, render(x))
	}
	return pageOf(data, next)
}
