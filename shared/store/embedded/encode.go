package embedded

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"meibo/shared/store"
)

// The stored form. A key is the length of the partition key in two bytes, the partition key, and the sort key: the items of a
// partition lie together in the byte order of their sort keys, and no partition can reach into another. A value is the form's
// number, a flag, the version and fence as varints, the expiry in eight bytes where there is one, and the body.
const (
	formOne    = 1
	flagExpiry = 1
)

func partition(pk string) []byte {
	b := make([]byte, 2, 2+len(pk)+store.MaxSKBytes/8)
	binary.BigEndian.PutUint16(b, uint16(len(pk))) // MaxPKBytes fits
	return append(b, pk...)
}

func encodeKey(k store.Key) []byte { return append(partition(k.PK), k.SK...) }

func decodeKey(b []byte) (store.Key, error) {
	if len(b) < 2 || len(b) < 2+int(binary.BigEndian.Uint16(b)) {
		return store.Key{}, errDamaged
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	return store.Key{PK: string(b[2:n]), SK: string(b[n:])}, nil
}

var errDamaged = errors.New("embedded store: the file is damaged: restore it from a copy")

func encodeValue(it store.Item) []byte {
	b := make([]byte, 2, 2+2*binary.MaxVarintLen64+8+len(it.Body))
	b[0] = formOne
	b = binary.AppendVarint(b, it.V)
	b = binary.AppendVarint(b, it.Fence)
	if !it.Expires.IsZero() {
		b[1] |= flagExpiry
		b = binary.BigEndian.AppendUint64(b, uint64(it.Expires.UnixNano()))
	}
	return append(b, it.Body...)
}

// decodeValue reads a value. The body is a part of b, which belongs to the transaction: see own.
func decodeValue(k store.Key, b []byte) (store.Item, error) {
	it := store.Item{Key: k}
	if len(b) < 2 {
		return it, errDamaged
	}
	if b[0] != formOne {
		return it, fmt.Errorf("embedded store: an item is stored in form %d, which this version does not know: use a newer one", b[0])
	}
	flags, rest := b[1], b[2:]
	for _, n := range []*int64{&it.V, &it.Fence} {
		v, used := binary.Varint(rest)
		if used <= 0 {
			return it, errDamaged
		}
		*n, rest = v, rest[used:]
	}
	if flags&flagExpiry != 0 {
		if len(rest) < 8 {
			return it, errDamaged
		}
		it.Expires = time.Unix(0, int64(binary.BigEndian.Uint64(rest))).UTC()
		rest = rest[8:]
	}
	if len(rest) > 0 {
		it.Body = rest
	}
	return it, nil
}

// own gives the item a body that outlives the transaction.
func own(it store.Item) store.Item {
	it.Body = bytes.Clone(it.Body)
	return it
}

func load(b *bolt.Bucket, k store.Key) (store.Item, bool, error) {
	v := b.Get(encodeKey(k))
	if v == nil {
		return store.Item{}, false, nil
	}
	it, err := decodeValue(k, v)
	return it, true, err
}

func put(tx *bolt.Tx, it store.Item) error {
	if err := forget(tx, it.Key); err != nil {
		return err
	}
	key := encodeKey(it.Key)
	if !it.Expires.IsZero() {
		if err := tx.Bucket(expiryBucket).Put(expiryKey(it.Expires, key), nil); err != nil {
			return err
		}
	}
	return tx.Bucket(itemsBucket).Put(key, encodeValue(it))
}

func remove(tx *bolt.Tx, k store.Key) error {
	if err := forget(tx, k); err != nil {
		return err
	}
	return tx.Bucket(itemsBucket).Delete(encodeKey(k))
}

// forget takes the item that is there out of the expiry index.
func forget(tx *bolt.Tx, k store.Key) error {
	old, found, err := load(tx.Bucket(itemsBucket), k)
	if err != nil || !found || old.Expires.IsZero() {
		return err
	}
	return tx.Bucket(expiryBucket).Delete(expiryKey(old.Expires, encodeKey(k)))
}

func expiryKey(t time.Time, key []byte) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(key)), uint64(t.UnixNano()))
	return append(b, key...)
}
