package store

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Names of an item's attributes in DynamoDB. They count towards an item's size on every engine.
const (
	AttrPK      = "pk"
	AttrSK      = "sk"
	AttrV       = "v"
	AttrFence   = "f"
	AttrTTL     = "ttl" // whole seconds since 1970, rounded up: what DynamoDB drops by
	AttrExpires = "x"   // nanoseconds since 1970: what reads and conditions go by
	AttrBody    = "b"
)

// Size returns the bytes that the item counts for, by DynamoDB's rule: names and values, a number as half its digits and one.
func Size(it Item) int {
	n := keySize(it.Key) + len(AttrV) + numberSize(it.V) + len(AttrFence) + numberSize(it.Fence)
	if !it.Expires.IsZero() {
		n += len(AttrTTL) + numberSize(TTL(it.Expires)) + len(AttrExpires) + numberSize(it.Expires.UnixNano())
	}
	if len(it.Body) > 0 {
		n += len(AttrBody) + len(it.Body)
	}
	return n
}

func keySize(k Key) int { return len(AttrPK) + len(k.PK) + len(AttrSK) + len(k.SK) }

func numberSize(n int64) int {
	s := strconv.FormatInt(n, 10)
	size := 1
	if strings.HasPrefix(s, "-") {
		size++
		s = s[1:]
	}
	return size + (len(strings.TrimRight(s, "0"))+1)/2
}

// TTL returns the whole second, rounded up, after which an engine may drop an item that expires at t.
func TTL(t time.Time) int64 {
	s := t.Unix()
	if t.Nanosecond() > 0 {
		s++
	}
	return s
}

// Live says whether the item is there at now: it has not expired.
func (it Item) Live(now time.Time) bool { return it.Expires.IsZero() || now.Before(it.Expires) }

// Expiry times that an item can have: what fits a count of nanoseconds since 1970.
var (
	minExpires = time.Unix(0, 1)
	maxExpires = time.Unix(0, math.MaxInt64)
)
