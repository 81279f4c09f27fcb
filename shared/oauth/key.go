package oauth

import (
	"context"
	"net/http"
	"strings"
)

// Key is how accounts of a system are authorised that has no consent: by a key that a person copies from it, and that lasts until
// somebody revokes it there. It is kept as an access token that does not end.
type Key struct {
	// Header carries the key in API calls.
	Header string
	// Shape reports whether a text can be a key at all.
	Shape func(key string) bool
	// Looks says what a key looks like, and Where it is found, in words for people.
	Looks, Where string
}

var _ Credential = Key{}

// token returns the key as it is kept, or a *RefusedError for what cannot be one.
func (k Key) token(system, key string) (Token, error) {
	key = strings.TrimSpace(key)
	if !k.Shape(key) {
		return Token{}, &RefusedError{"key", "this is no API key of " + system + ", which is " + k.Looks, "copy the whole key: " + k.Where}
	}
	return Token{Access: key}, nil
}

// Refresh implements Credential. A key that the vendor no longer takes cannot be renewed by anybody but a person.
func (Key) Refresh(context.Context, *http.Client, Client, Token) (Token, error) {
	return Token{}, ErrRevoked
}

// Revoke implements Credential. It does nothing: a key belongs to its owner, who may use it elsewhere. Forgetting it is what is left.
func (Key) Revoke(context.Context, *http.Client, Client, Token) error { return nil }

// Authorize implements Credential.
func (k Key) Authorize(r *http.Request, t Token) { r.Header.Set(k.Header, t.Access) }
