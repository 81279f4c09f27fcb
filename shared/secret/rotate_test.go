package secret

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
)

// TestNewerKey is inside the package because nothing outside sees a tenant's keyset.
func TestNewerKey(t *testing.T) {
	raw, err := newMaterial(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	old, err := parseMaterial("a", raw)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := old.Seal("p", "o", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}

	var m material
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(m.Data)))
	if err != nil {
		t.Fatal(err)
	}
	mgr := keyset.NewManagerFromHandle(h)
	id, err := mgr.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	if err := mgr.SetPrimary(id); err != nil {
		t.Fatal(err)
	}
	if h, err = mgr.Handle(); err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := insecurecleartextkeyset.Write(h, keyset.NewBinaryWriter(&buf)); err != nil {
		t.Fatal(err)
	}
	m.Data = buf.Bytes()
	if raw, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	newer, err := parseMaterial("a", raw)
	if err != nil {
		t.Fatal(err)
	}

	t.Run("opens what the older key sealed", func(t *testing.T) {
		if got, err := newer.Open("p", "o", sealed); err != nil || string(got) != "x" {
			t.Errorf("Open = %q, %v, want x", got, err)
		}
	})
	t.Run("seals under another key id", func(t *testing.T) {
		again, err := newer.Seal("p", "o", []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(again[:5], sealed[:5]) {
			t.Errorf("both begin with key id %x", again[:5])
		}
	})
	t.Run("damaged material is refused", func(t *testing.T) {
		for _, bad := range [][]byte{nil, []byte("{}"), []byte(`{"data":"AAAA","digest":"AAAA"}`)} {
			if _, err := parseMaterial("a", bad); err == nil {
				t.Errorf("parseMaterial(%q) succeeded", bad)
			}
		}
	})
}
