package google

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// How a person etag came to be: one from a listing is not good for a write by itself.
const (
	etagRead    = 0x05
	etagListing = 0x06
)

// newID is a 62-bit number that looks random and is the same for the same sandbox seed, user and n.
func (s *Sandbox) newID(what string, a *account, n uint64) uint64 {
	return hash(what, a.sub, strconv.FormatInt(s.cfg.Seed, 10), strconv.FormatUint(n, 10)) >> 2
}

func hash(parts ...string) uint64 {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return binary.BigEndian.Uint64(sum[:])
}

// sourceEtag is the CONTACT source's etag: it changes with every write, whatever is asked for.
func (s *Sandbox) sourceEtag(c *contact, v *version) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], hash("etag", strconv.FormatInt(s.cfg.Seed, 10), strconv.FormatUint(c.id, 16), strconv.FormatUint(v.seq, 10)))
	return "#" + base64.StdEncoding.EncodeToString(b[:])
}

// personEtag wraps the source etag together with the mask, as a protocol buffer: so it differs between masks for an unchanged
// contact.
func personEtag(sourceEtag string, mask uint64, how byte) string {
	var ids []byte
	for k := range 64 {
		if mask&(1<<k) != 0 {
			ids = append(ids, byte(k+1))
		}
	}
	inner := strings.TrimPrefix(sourceEtag, "#")
	b := append([]byte{0x12, byte(len(ids))}, ids...)
	b = append(b, 0x1a, 0x04, 0x02, 0x01, 0x07, how)
	b = append(b, 0x22, byte(len(inner)))
	b = append(b, inner...)
	return "%" + base64.StdEncoding.EncodeToString(b)
}

// readPersonEtag returns the source etag inside a person etag, and how the etag came to be.
func readPersonEtag(etag string) (sourceEtag string, how byte, ok bool) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(etag, "%"))
	if err != nil || !strings.HasPrefix(etag, "%") || len(b) < 2 || b[0] != 0x12 || len(b) < 2+int(b[1])+6 {
		return "", 0, false
	}
	b = b[2+int(b[1]):]
	how, b = b[5], b[6:]
	if len(b) < 2 || b[0] != 0x22 || len(b) != 2+int(b[1]) {
		return "", 0, false
	}
	return "#" + string(b[2:]), how, true
}

// checkEtag decides whether an update may go on: see the package comment.
func (s *Sandbox) checkEtag(c *contact, p personBody) *apiError {
	if p.etag == "" && p.sourceEtag == "" {
		return missingEtag()
	}
	current := s.sourceEtag(c, c.now())
	if p.hasContact && p.sourceID != "" && p.sourceID != sourceID(c.id) {
		return invalid("person.metadata.sources names another contact.")
	}
	if p.sourceEtag != "" && p.sourceEtag != current {
		return staleEtag()
	}
	if p.etag == "" {
		return nil
	}
	inner, how, ok := readPersonEtag(p.etag)
	if !ok || inner != current || (how == etagListing && p.sourceEtag == "") {
		return staleEtag()
	}
	return nil
}

func sourceID(id uint64) string { return fmt.Sprintf("%x", id) }

func personName(n uint64) string { return "people/c" + strconv.FormatUint(n, 10) }

// parsePersonName reads people/c<number>.
func parsePersonName(name string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, "people/c")
	if !ok || digits == "" || digits[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}
