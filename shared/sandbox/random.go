package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"sync"
)

// Seeded is a reader that gives the same bytes for the same vendor and seed. It may be used at the same time.
func Seeded(vendor string, seed int64) io.Reader {
	var key [32]byte
	copy(key[:], fmt.Sprintf("%s sandbox %d", vendor, seed))
	return Locked(mathrand.NewChaCha8(key))
}

// Random is r; without it a reader that gives the same bytes for the same seed, or crypto/rand's for a seed of 0. It may be used at the
// same time.
func Random(r io.Reader, seed int64) io.Reader {
	if r == nil && seed == 0 {
		r = rand.Reader
	}
	if r == nil {
		var key [32]byte
		for i := range 8 {
			key[i] = byte(seed >> (8 * i))
		}
		r = mathrand.NewChaCha8(key)
	}
	return Locked(r)
}

// Locked lets several servers draw from one source at the same time.
func Locked(r io.Reader) io.Reader { return &locked{r: r} }

type locked struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *locked) Read(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(b)
}

// HexText is n bytes of r in hexadecimal digits.
func HexText(r io.Reader, n int) string {
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		panic("sandbox: no randomness: " + err.Error()) // crypto/rand never fails, and a test's reader must not
	}
	return hex.EncodeToString(b)
}

// UUID is an identifier from r in UUID's look.
func UUID(r io.Reader) string {
	h := HexText(r, 16)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
}
