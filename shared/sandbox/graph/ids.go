package graph

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// The beginnings of ids: of contacts in the immutable form, and of contacts and folders in the ordinary one.
const (
	immutablePrefix = "AAkALgAA"
	ordinaryPrefix  = "AAMkAGI2"
	folderPrefix    = "AAMkAGI1"
	changeKeyPrefix = "EQAAABYAAAD"
)

// digest is a stable number for texts.
func digest(texts ...string) uint64 {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	return binary.BigEndian.Uint64(sum[:8])
}

// guid is a stable GUID for texts.
func guid(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\x00")))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	h := hex.EncodeToString(sum[:16])
	return fmt.Sprintf("%s-%s-%s-%s-%s", h[:8], h[8:12], h[12:16], h[16:20], h[20:])
}

// isGUID says whether s has the form of a GUID.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range s {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if !strings.ContainsRune("0123456789abcdefABCDEF", c) {
			return false
		}
	}
	return true
}

// spell writes numbers as an id: 8 bytes each, and what is left of a group of three filled up with "=" as the vendor does.
func spell(prefix string, numbers ...uint64) string {
	b := make([]byte, 8*len(numbers))
	for i, n := range numbers {
		binary.BigEndian.PutUint64(b[8*i:], n)
	}
	return prefix + base64.URLEncoding.EncodeToString(b)
}

// numbers reads an id that spell wrote with count numbers.
func numbers(id, prefix string, count int) ([]uint64, bool) {
	rest, ok := strings.CutPrefix(id, prefix)
	if !ok {
		return nil, false
	}
	b, err := base64.URLEncoding.DecodeString(rest)
	if err != nil || len(b) != 8*count {
		return nil, false
	}
	out := make([]uint64, count)
	for i := range out {
		out[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return out, true
}

// itemID is the id of an item. The ordinary form tells the folder, so that it changes when the item moves.
func (m *mailbox) itemID(it *item, immutable bool) string {
	if immutable {
		return spell(immutablePrefix, m.number, it.id)
	}
	return spell(ordinaryPrefix, m.number, it.folder, it.pos, it.id)
}

// placeID is the id that an item has, or had, in a place.
func (m *mailbox) placeID(it *item, p *place, immutable bool) string {
	if immutable {
		return spell(immutablePrefix, m.number, it.id)
	}
	return spell(ordinaryPrefix, m.number, p.folder, p.pos, it.id)
}

func (m *mailbox) folderID(id uint64) string { return spell(folderPrefix, m.number, id) }

// findItem returns the item with an id in either form.
func (m *mailbox) findItem(id string) (*item, *apiError) {
	n, immutable := numbers(id, immutablePrefix, 2)
	if !immutable {
		var ok bool
		if n, ok = numbers(id, ordinaryPrefix, 4); !ok {
			return nil, badID()
		}
	}
	it := m.items[n[len(n)-1]]
	if n[0] != m.number || it == nil || it.deleted() || !immutable && (n[1] != it.folder || n[2] != it.pos) {
		return nil, itemNotFound()
	}
	return it, nil
}

// findFolder returns the folder with an id, or the default one by its well-known name.
func (m *mailbox) findFolder(id string) (*folder, *apiError) {
	if strings.EqualFold(id, "contacts") {
		return m.folders[defaultFolder], nil
	}
	n, ok := numbers(id, folderPrefix, 2)
	if !ok {
		return nil, badID()
	}
	f, ok := m.folder(n[1])
	if !ok || n[0] != m.number {
		return nil, itemNotFound()
	}
	return f, nil
}

func (m *mailbox) changeKey(seq uint64) string {
	return spell(changeKeyPrefix, m.number&0xffffff, seq)
}

func (m *mailbox) etag(seq uint64) string { return `W/"` + m.changeKey(seq) + `"` }
