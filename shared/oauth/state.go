package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"meibo/shared/clock"
	"meibo/shared/secret"
	"meibo/shared/store"
)

// StateLife is how long a person may take at the vendor's consent page.
const StateLife = 10 * time.Minute

const statePurpose = "oauth-state"

// states keeps what a flow must remember while the browser is away. The state that travels is 32 random bytes; the table has
// only its hash, so that reading the table is not enough to finish somebody's flow.
type states struct {
	table store.Table
	keys  *secret.Keys
	clock clock.Clock
	rand  io.Reader
}

// pending is what is remembered, sealed.
type pending struct {
	StartRequest
	Verifier string `json:"verifier"`
}

// stateBody is the stored form. The tenant stands in the clear because its key is needed to open the rest.
type stateBody struct {
	Tenant string `json:"tenant"`
	Sealed []byte `json:"sealed"`
}

func stateKey(state string) store.Key {
	sum := sha256.Sum256([]byte(state))
	return store.Key{PK: "O#" + hex.EncodeToString(sum[:]), SK: "state"}
}

// token returns 32 random bytes as text that is safe in an address; RFC 7636 takes it as a verifier.
func (s states) token() (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(s.rand, b[:]); err != nil {
		return "", fmt.Errorf("oauth: no random bytes: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

func (s states) put(ctx context.Context, p pending) (state string, err error) {
	if state, err = s.token(); err != nil {
		return "", err
	}
	key := stateKey(state)
	keys, err := s.keys.For(ctx, p.Tenant)
	if err != nil {
		return "", err
	}
	plain, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	sealed, err := keys.Seal(statePurpose, key.PK, plain)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(stateBody{p.Tenant, sealed})
	if err != nil {
		return "", err
	}
	it := store.Item{Key: key, V: 1, Expires: s.clock.Now().Add(StateLife), Body: body}
	if err := s.table.Write(ctx, store.Put(it, store.Cond{Absent: true})); err != nil {
		return "", fmt.Errorf("oauth: keeping the state of a consent: %w", err)
	}
	return state, nil
}

// take returns what put kept, once: of two callbacks with one state the second is refused.
func (s states) take(ctx context.Context, state string) (pending, error) {
	key := stateKey(state)
	it, err := s.table.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return pending{}, errState
	}
	if err != nil {
		return pending{}, fmt.Errorf("oauth: reading the state of a consent: %w", err)
	}
	err = s.table.Write(ctx, store.Delete(key, store.At(it.V)))
	var lost *store.ConditionError
	if errors.As(err, &lost) || errors.Is(err, store.ErrContention) {
		return pending{}, errState
	}
	if err != nil {
		return pending{}, fmt.Errorf("oauth: using up the state of a consent: %w", err)
	}
	var body stateBody
	if err := json.Unmarshal(it.Body, &body); err != nil {
		return pending{}, errState
	}
	keys, err := s.keys.For(ctx, body.Tenant)
	if err != nil {
		return pending{}, err
	}
	plain, err := keys.Open(statePurpose, key.PK, body.Sealed)
	if err != nil {
		return pending{}, errState
	}
	var p pending
	if err := json.Unmarshal(plain, &p); err != nil {
		return pending{}, errState
	}
	return p, nil
}

// errState is one answer for every state that cannot be used, so that it tells nothing about states that exist.
var errState error = &RefusedError{
	Code:   "state",
	Reason: "this consent was started too long ago, was finished already, or was not started from Meibo",
	Cure:   "go back to Meibo and connect the account again",
}
