package record

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
)

// Digester makes keyed digests of values, so that a link can tell what changed without keeping what was there (BX6). A digest is
// the first eight bytes of SHA-256 over the tenant's digest key and the value; without the key it says nothing about the value.
// Cutting a digest short also rules out length extension, which is why plain keyed hashing is enough here.
type Digester struct {
	key [32]byte
}

// NewDigester returns a digester with the tenant's digest key.
func NewDigester(key [32]byte) *Digester { return &Digester{key: key} }

// Domains keep digests of different meaning apart.
const (
	domExact byte = iota + 1
	domForm
	domLabel
	domKey
)

func (d *Digester) sum(dom byte, parts ...string) uint64 {
	var buf [256]byte
	b := append(buf[:0], d.key[:]...)
	b = append(b, dom)
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	h := sha256.Sum256(b)
	return binary.BigEndian.Uint64(h[:8])
}

// Exact returns the digest of v as its side returned it: text, parts and label. The primary flag is left out: vendors derive it
// from the order, Meibo never writes it, and a flag that moves is not an edit of the value.
func (d *Digester) Exact(v Value) uint64 {
	if len(v.Parts) == 0 {
		return d.sum(domExact, v.Text, v.Label)
	}
	list := make([]string, 0, len(v.Parts)+2)
	for p, s := range v.Parts {
		if s != "" {
			list = append(list, string(p)+"\x1f"+s)
		}
	}
	slices.Sort(list)
	return d.sum(domExact, append(list, v.Text, v.Label)...)
}

// Part returns the digest of one part of v as its side returned it, 0 if v lacks the part.
func (d *Digester) Part(v Value, p Part) uint64 {
	if s := v.Parts[p]; s != "" {
		return d.sum(domExact, string(p), s)
	}
	return 0
}

// Form returns the digest of a comparison form; "" gives 0.
func (d *Digester) Form(form string) uint64 {
	if form == "" {
		return 0
	}
	return d.sum(domForm, form)
}

// Label returns the digest of a label.
func (d *Digester) Label(label string) uint32 { return uint32(d.sum(domLabel, label)) }

// Key returns the digest of a match key: kind keeps, say, names and phone numbers apart.
func (d *Digester) Key(kind, form string) uint64 { return d.sum(domKey, kind, form) }

// Mark returns the mark that a create for the record id of the named source account carries at the other side, so that it can be
// recognised after a crash or a lost state. It reveals neither.
func (d *Digester) Mark(account, id string) string {
	const digits = "0123456789abcdefghjkmnpqrstvwxyz"
	var b strings.Builder
	for _, n := range []uint64{d.sum(domKey, "mark1", account, id), d.sum(domKey, "mark2", account, id)} {
		for i := 0; i < 13; i++ {
			b.WriteByte(digits[n&31])
			n >>= 5
		}
	}
	return b.String()
}
