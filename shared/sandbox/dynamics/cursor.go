package dynamics

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
)

// cursor is what a $skiptoken or $deltatoken holds. It is sealed, so that a token that was not issued here, or for another query, is
// noticed.
type cursor struct {
	Kind  string   `json:"k"` // page: of a listing; round: of a tracked one; delta: a round's end
	Org   string   `json:"o"`
	Table string   `json:"t"`
	Query string   `json:"q,omitempty"` // digest of the query that a page belongs to
	User  string   `json:"u,omitempty"`
	Page  int      `json:"n,omitempty"`
	Pos   uint64   `json:"p,omitempty"` // the last seq, or version, that was walked over
	Keys  []string `json:"v,omitempty"` // the last row's values, in an ordered listing

	From  uint64 `json:"f,omitempty"` // of a round: the version that it began after
	Until uint64 `json:"e,omitempty"` // the version up to which deletions are shown, once they are
	Gen   uint64 `json:"g,omitempty"`
	At    int64  `json:"a,omitempty"` // Unix seconds of the round's end
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

func (s *Sandbox) open(token string) (c cursor, ok bool) {
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
