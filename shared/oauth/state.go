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

// StateLife is how long a person may take at the vendor's consent page, and then at Meibo's own.
const StateLife = 10 * time.Minute

// What is remembered of a consent, as sort key and as the purpose under which it is sealed.
const (
	stateItem   = "state"   // pending, while the person is at the vendor
	arrivedItem = "arrived" // arrived, until the person has confirmed it
)

// states keeps what a flow must remember while the browser is away. The code that travels is 32 random bytes; the table has
// only its hash, so that reading the table is not enough to finish somebody's flow.
type states struct {
	table store.Table
	keys  *secret.Keys
	clock clock.Clock
	rand  io.Reader
}

// pending is a consent that was started.
type pending struct {
	StartRequest
	Verifier string `json:"verifier"`
}

// arrived is a consent that was given and is not confirmed yet.
type arrived struct {
	Outcome Outcome `json:"outcome"`
	Token   Token   `json:"token"`
}

// stateBody is the stored form. The tenant stands in the clear because its key is needed to open the rest.
type stateBody struct {
	Tenant string `json:"tenant"`
	Sealed []byte `json:"sealed"`
}

func stateKey(kind, code string) store.Key {
	sum := sha256.Sum256([]byte(code))
	return store.Key{PK: "O#" + hex.EncodeToString(sum[:]), SK: kind}
}

func purpose(kind string) string { return "oauth-" + kind }

// token returns 32 random bytes as text that is safe in an address; RFC 7636 takes it as a verifier.
func (s states) token() (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(s.rand, b[:]); err != nil {
		return "", fmt.Errorf("oauth: no random bytes: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// put keeps x, sealed under the tenant's key, and returns the code with which it can be taken.
func put[T any](ctx context.Context, s states, kind, tenant string, x T) (code string, err error) {
	if code, err = s.token(); err != nil {
		return "", err
	}
	key := stateKey(kind, code)
	keys, err := s.keys.For(ctx, tenant)
	if err != nil {
		return "", err
	}
	plain, err := json.Marshal(x)
	if err != nil {
		return "", err
	}
	sealed, err := keys.Seal(purpose(kind), key.PK, plain)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(stateBody{tenant, sealed})
	if err != nil {
		return "", err
	}
	it := store.Item{Key: key, V: 1, Expires: s.clock.Now().Add(StateLife), Body: body}
	if err := s.table.Write(ctx, store.Put(it, store.Cond{Absent: true})); err != nil {
		return "", fmt.Errorf("oauth: keeping the state of a consent: %w", err)
	}
	return code, nil
}

// take returns what put kept, once: of two callbacks with one state the second is refused.
func take[T any](ctx context.Context, s states, kind, code string) (T, error) {
	var none T
	key := stateKey(kind, code)
	it, err := s.table.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return none, errState
	}
	if err != nil {
		return none, fmt.Errorf("oauth: reading the state of a consent: %w", err)
	}
	err = s.table.Write(ctx, store.Delete(key, store.At(it.V)))
	var lost *store.ConditionError
	if errors.As(err, &lost) || errors.Is(err, store.ErrContention) {
		return none, errState
	}
	if err != nil {
		return none, fmt.Errorf("oauth: using up the state of a consent: %w", err)
	}
	var body stateBody
	if err := json.Unmarshal(it.Body, &body); err != nil {
		return none, errState
	}
	keys, err := s.keys.For(ctx, body.Tenant)
	if err != nil {
		return none, err
	}
	plain, err := keys.Open(purpose(kind), key.PK, body.Sealed)
	if err != nil {
		return none, errState
	}
	x := none
	if err := json.Unmarshal(plain, &x); err != nil {
		return none, errState
	}
	return x, nil
}

// errState is one answer for every state that cannot be used, so that it tells nothing about states that exist.
var errState error = &RefusedError{
	Code:   "state",
	Reason: "this consent was started too long ago, was finished already, or was not started from Meibo",
	Cure:   "go back to Meibo and connect the account again",
}
