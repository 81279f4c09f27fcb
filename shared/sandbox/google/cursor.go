package google

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"
)

const (
	pageTokenLife = time.Hour
	syncTokenLife = 7 * 24 * time.Hour
)

// cursor is what a page or sync token holds. It is opaque and sealed, so that a token that was not issued here, or for another
// call, is noticed.
type cursor struct {
	Kind  string `json:"k"` // the listing, and "page" or "sync"
	User  string `json:"u"`
	Query string `json:"q"` // digest of every other parameter of the first call
	// From is where an incremental listing began (0 for a full one), Pos the last seq that was walked over, Until what the
	// next sync token will say, and Offset a place in a listing that is not in order of writes.
	From   uint64 `json:"f,omitempty"`
	Sync   bool   `json:"s,omitempty"` // incremental
	Pos    uint64 `json:"p,omitempty"`
	Until  uint64 `json:"n,omitempty"`
	Offset int    `json:"o,omitempty"`
	Full   int64  `json:"t"` // Unix seconds: the first page of the full listing that began the chain
	Issued int64  `json:"i"`
	Gen    uint64 `json:"g,omitempty"`
}

func (s *Sandbox) seal(c cursor) (string, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(b, s.mac(b)...)), nil
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

// resume checks the tokens of a listing call and returns where it goes on. A call without tokens starts a full listing:
// ok is then false.
func (s *Sandbox) resume(listing string, a *account, query, pageToken, syncToken string, now time.Time) (c cursor, ok bool, e *apiError) {
	var sync cursor
	if syncToken != "" {
		if sync, e = s.resumeSync(listing, a, query, syncToken, now); e != nil {
			return c, false, e
		}
	}
	if pageToken == "" {
		if syncToken == "" {
			return c, false, nil
		}
		return cursor{Sync: true, From: sync.Until, Pos: sync.Until, Full: sync.Full}, true, nil
	}
	c, valid := s.open(pageToken)
	if !valid || c.Kind != listing+"/page" || c.User != a.sub || c.Gen != a.generation || now.Sub(time.Unix(c.Issued, 0)) >= pageTokenLife {
		return c, false, corrupt()
	}
	if c.Query != query {
		return c, false, invalid("When page_token is set, every other parameter must equal that of the call that returned it.")
	}
	if c.Sync != (syncToken != "") || c.From != sync.Until {
		return c, false, invalid("When page_token is set, sync_token must be as in the call that returned it.")
	}
	return c, true, nil
}

func (s *Sandbox) resumeSync(listing string, a *account, query, token string, now time.Time) (cursor, *apiError) {
	c, valid := s.open(token)
	if !valid || c.Kind != listing+"/sync" || c.User != a.sub {
		return c, corrupt()
	}
	if c.Gen != a.generation || now.Sub(time.Unix(c.Full, 0)) >= syncTokenLife {
		return c, expiredSync()
	}
	if c.Query != query {
		return c, invalid("When sync_token is set, every other parameter must equal that of the first call, which returned it.")
	}
	return c, nil
}

// tokens returns what a page ends with: a page token for c, or with last the sync token.
func (s *Sandbox) tokens(listing string, a *account, query string, c cursor, last bool, now time.Time) (string, error) {
	c.User, c.Query, c.Gen, c.Issued = a.sub, query, a.generation, now.Unix()
	if last {
		c = cursor{Kind: listing + "/sync", User: c.User, Query: c.Query, Gen: c.Gen, Issued: c.Issued, Full: c.Full, Until: c.Until}
	} else {
		c.Kind = listing + "/page"
	}
	return s.seal(c)
}
