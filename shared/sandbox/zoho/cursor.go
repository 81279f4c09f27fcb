package zoho

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"time"
)

const pageTokenLife = 24 * time.Hour

// place is where a listing goes on: after the record with this key. It is the whole state of a page token, so a token
// outlives a restart.
type place struct {
	epoch   uint32
	expires int64
	user    int64
	query   [8]byte // digest of the query that the token belongs to
	key     int64   // sort key of the last record (its sequence, or its id)
	listed  uint32  // records listed so far
	page    uint32
}

// queryDigest binds a token to a query.
func queryDigest(parts ...string) (d [8]byte) {
	h := sha256.New()
	for _, p := range parts {
		_ = binary.Write(h, binary.BigEndian, uint32(len(p)))
		h.Write([]byte(p))
	}
	copy(d[:], h.Sum(nil))
	return d
}

const placeSize = 4 + 8 + 8 + 8 + 8 + 4 + 4

func (s *Sandbox) sealPlace(p place) string {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, placeSize+12), p.epoch)
	b = binary.BigEndian.AppendUint64(b, uint64(p.expires))
	b = binary.BigEndian.AppendUint64(b, uint64(p.user))
	b = append(b, p.query[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(p.key))
	b = binary.BigEndian.AppendUint32(b, p.listed)
	b = binary.BigEndian.AppendUint32(b, p.page)
	return base64.RawURLEncoding.EncodeToString(append(b, s.seal(b)...))
}

func (s *Sandbox) seal(b []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write(b)
	return h.Sum(nil)[:12]
}

// openPlace checks a page token against the user, the query and the time.
func (c *call) openPlace(token string, query [8]byte) (place, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != placeSize+12 || !hmac.Equal(c.s.seal(b[:placeSize]), b[placeSize:]) {
		return place{}, badParam("page_token")
	}
	p := place{
		epoch: binary.BigEndian.Uint32(b), expires: int64(binary.BigEndian.Uint64(b[4:])), user: int64(binary.BigEndian.Uint64(b[12:])),
		key: int64(binary.BigEndian.Uint64(b[28:])), listed: binary.BigEndian.Uint32(b[36:]), page: binary.BigEndian.Uint32(b[40:]),
	}
	copy(p.query[:], b[20:28])
	switch {
	case p.epoch != c.o.Epoch || c.s.now() >= p.expires:
		return place{}, refuse(http.StatusBadRequest, "EXPIRED_VALUE", "the page token has expired", object{"param_name": "page_token"})
	case p.user != c.m.ID || p.query != query:
		return place{}, refuse(http.StatusBadRequest, "TOKEN_BOUND_DATA_MISMATCH", "the page token does not belong to this user and query", object{"param_name": "page_token"})
	}
	return p, nil
}
