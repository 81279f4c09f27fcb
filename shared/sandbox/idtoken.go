package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// IDTokens signs the ID tokens of a vendor with one key, which it makes at its first use, because that takes a while, and keeps.
type IDTokens struct {
	Keep Keep
	Name string // the key's in Keep
	// First, if not nil, is the key to begin with.
	First *rsa.PrivateKey

	mu  sync.Mutex
	key *rsa.PrivateKey
}

// Load takes the key up that was kept.
func (t *IDTokens) Load(kept []byte) error {
	key, err := x509.ParsePKCS1PrivateKey(kept)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.key = key
	return nil
}

// Sign returns the token with the claims, in its compact form.
func (t *IDTokens) Sign(claims map[string]any) (string, error) {
	key, err := t.signing()
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: keyID(key)}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// Keys is the document with which applications check the tokens.
func (t *IDTokens) Keys() (jose.JSONWebKeySet, error) {
	key, err := t.signing()
	if err != nil {
		return jose.JSONWebKeySet{}, err
	}
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: keyID(key), Algorithm: string(jose.RS256), Use: "sig"}}}, nil
}

func (t *IDTokens) signing() (*rsa.PrivateKey, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.key != nil {
		return t.key, nil
	}
	key := t.First
	if key == nil {
		var err error
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return nil, err
		}
	}
	if err := Save(t.Keep, map[string][]byte{t.Name: x509.MarshalPKCS1PrivateKey(key)}, nil); err != nil {
		return nil, err
	}
	t.key = key
	return key, nil
}

func keyID(k *rsa.PrivateKey) string {
	sum := sha256.Sum256(k.N.Bytes())
	return hex.EncodeToString(sum[:8])
}
