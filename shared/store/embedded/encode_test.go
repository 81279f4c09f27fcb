package embedded

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meibo/shared/store"
)

func TestEncoding(t *testing.T) {
	t.Run("of any item reads back the same", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			it := store.Item{
				Key: store.Key{PK: rapid.StringN(1, 20, -1).Draw(rt, "pk"), SK: rapid.StringN(1, 20, -1).Draw(rt, "sk")},
				V:   rapid.Int64().Draw(rt, "v"), Fence: rapid.Int64().Draw(rt, "fence"),
				Body: rapid.SliceOf(rapid.Byte()).Draw(rt, "body"),
			}
			if rapid.Bool().Draw(rt, "expires") {
				it.Expires = time.Unix(0, rapid.Int64Range(1, 1<<62).Draw(rt, "nanos"))
			}
			k, err := decodeKey(encodeKey(it.Key))
			if err != nil || k != it.Key {
				rt.Fatalf("got key %q, %v, want %q", k, err, it.Key)
			}
			got, err := decodeValue(k, encodeValue(it))
			if err != nil || got.V != it.V || got.Fence != it.Fence || !bytes.Equal(got.Body, it.Body) || !got.Expires.Equal(it.Expires) {
				rt.Fatalf("got %+v, %v, want %+v", got, err, it)
			}
		})
	})
	t.Run("of a link takes few bytes beside its body", func(t *testing.T) {
		it := store.Item{V: 40, Fence: 9, Expires: time.Unix(1_900_000_000, 0), Body: make([]byte, 600)}
		if got := len(encodeValue(it)) - len(it.Body); got > 12 {
			t.Errorf("got %d bytes", got)
		}
	})
	t.Run("keeps the order of sort keys and parts partitions", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			draw := rapid.StringN(1, 4, -1)
			pk, a, b, other := draw.Draw(rt, "pk"), draw.Draw(rt, "a"), draw.Draw(rt, "b"), draw.Draw(rt, "other")
			ka, kb := encodeKey(store.Key{PK: pk, SK: a}), encodeKey(store.Key{PK: pk, SK: b})
			if (a < b) != (bytes.Compare(ka, kb) < 0) {
				rt.Fatalf("%q and %q change their order", a, b)
			}
			if other != pk && bytes.HasPrefix(encodeKey(store.Key{PK: other, SK: a}), partition(pk)) {
				rt.Fatalf("a key of %q lies in partition %q", other, pk)
			}
		})
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(encodeKey(store.Key{PK: "p", SK: "s"}), encodeValue(store.Item{V: 1, Fence: -1, Expires: time.Unix(1, 0), Body: []byte("x")}))
	f.Add([]byte{0xff, 0xff, 1}, []byte{formOne, flagExpiry, 0x80})
	f.Add([]byte{}, []byte{2, 0})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		// Damage is an error, never a panic, and never half an item that then is written back.
		if k, err := decodeKey(key); err == nil && !bytes.Equal(encodeKey(k), key) {
			t.Errorf("key %x reads as %q", key, k)
		}
		if it, err := decodeValue(store.Key{}, value); err == nil && it.Expires.IsZero() && value[1]&flagExpiry != 0 {
			t.Errorf("value %x loses its expiry", value)
		}
	})
}
