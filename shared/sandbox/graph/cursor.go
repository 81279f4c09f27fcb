package graph

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
)

// cursor is what a $skiptoken or $deltatoken holds. It is sealed, so that a token that was not issued here, or for another listing,
// is noticed.
type cursor struct {
	Kind string `json:"k"` // which listing, and whether it is a page's or a round's
	User string `json:"u"`
	Of   uint64 `json:"f,omitempty"` // the folder
	Pos  uint64 `json:"p,omitempty"` // the last seq or pos that was walked over
	Full bool   `json:"a,omitempty"` // the round began without a token
	Gen  uint64 `json:"g,omitempty"`
	// Blank says that the page before this one was an empty one, and Again is the seq of an item to repeat.
	Blank bool   `json:"b,omitempty"`
	Again uint64 `json:"r,omitempty"`
}

func (s *Sandbox) seal(c cursor) string {
	b, err := json.Marshal(c)
	if err != nil {
		return "" // a cursor is numbers and texts
	}
	return base64.RawURLEncoding.EncodeToString(append(b, s.mac(b)...))
}

func (s *Sandbox) mac(b []byte) []byte {
	m := hmac.New(sha256.New, s.secret)
	m.Write(b)
	return m.Sum(nil)[:12]
}

func (s *Sandbox) open(token string) (cursor, bool) {
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) < 12 {
		return c, false
	}
	body, mac := b[:len(b)-12], b[len(b)-12:]
	if !hmac.Equal(mac, s.mac(body)) {
		return c, false
	}
	return c, json.Unmarshal(body, &c) == nil
}
