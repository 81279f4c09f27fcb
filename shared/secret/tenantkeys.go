package secret

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrOpen: the bytes were not sealed by this tenant for this purpose and owner, or were changed since.
var ErrOpen = errors.New("secret: the sealed bytes do not belong here or are damaged")

// TenantKeys are one tenant's keys, unwrapped. They are safe for concurrent use.
type TenantKeys struct {
	tenant string
	data   tink.AEAD
	digest []byte
}

// Seal encrypts plaintext so that only Open with the same purpose and owner, under the same tenant, returns it. Purpose says
// what kind of thing it is ("token", "journal"), owner whose (an account's or connection's id). The result is about 33 bytes
// longer.
func (k *TenantKeys) Seal(purpose, owner string, plaintext []byte) ([]byte, error) {
	return k.data.Encrypt(plaintext, bind(k.tenant, purpose, owner))
}

// Open returns what Seal was given, or ErrOpen.
func (k *TenantKeys) Open(purpose, owner string, sealed []byte) ([]byte, error) {
	b, err := k.data.Decrypt(sealed, bind(k.tenant, purpose, owner))
	if err != nil {
		return nil, ErrOpen // Tink's own error says no more
	}
	return b, nil
}

// Digest returns the HMAC-SHA256 of parts under the tenant's digest key. Different purposes give unrelated digests, and so do
// parts that are split differently.
func (k *TenantKeys) Digest(purpose string, parts ...[]byte) [32]byte {
	m := k.MAC(purpose)
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		m.Write(n[:])
		m.Write(p)
	}
	return [32]byte(m.Sum(nil))
}

// MAC returns a new HMAC-SHA256 under a key that is derived from the tenant's digest key for this purpose. It can be Reset and
// used again, which spares the derivation; it is not safe for concurrent use.
func (k *TenantKeys) MAC(purpose string) hash.Hash {
	d := hmac.New(sha256.New, k.digest)
	d.Write(bind(purpose))
	return hmac.New(sha256.New, d.Sum(nil))
}

// bind joins parts so that no two different lists give the same bytes.
func bind(parts ...string) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.BigEndian.AppendUint64(b, uint64(len(p)))
		b = append(b, p...)
	}
	return b
}

// material is what is wrapped: both keys in one, so that a tenant's keys cost one call to unwrap.
type material struct {
	Data   []byte `json:"data"`   // Tink keyset, binary
	Digest []byte `json:"digest"` // 32 bytes
}

func newMaterial(rand io.Reader) ([]byte, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewBinaryWriter(&buf)); err != nil {
		return nil, err
	}
	m := material{Data: buf.Bytes(), Digest: make([]byte, 32)}
	if _, err := io.ReadFull(rand, m.Digest); err != nil {
		return nil, err
	}
	return json.Marshal(m)
}

func parseMaterial(tenant string, b []byte) (*TenantKeys, error) {
	var m material
	if err := json.Unmarshal(b, &m); err != nil || len(m.Digest) != 32 {
		return nil, fmt.Errorf("secret: the stored keys of tenant %s are damaged: restore the item from a backup", tenant)
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(m.Data)))
	if err != nil {
		return nil, fmt.Errorf("secret: the stored data key of tenant %s is damaged: restore the item from a backup", tenant)
	}
	data, err := aead.New(h)
	if err != nil {
		return nil, fmt.Errorf("secret: the data key of tenant %s: %w", tenant, err)
	}
	return &TenantKeys{tenant: tenant, data: data, digest: m.Digest}, nil
}
