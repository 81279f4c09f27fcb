package directory

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

	"meibo/shared/oauth"
	"meibo/shared/store"
	"meibo/shared/tenancy"
)

// The keys of the package's items.
//
//	T#<tenant>         directory#<system>  a tenant's set-up
//	O#<sha256 of code> directory           a consent that was begun; the code that travels is nowhere in the table
func key(tenant, system string) store.Key {
	return store.Key{PK: "T#" + tenant, SK: "directory#" + system}
}

func stateKey(code string) store.Key {
	sum := sha256.Sum256([]byte(code))
	return store.Key{PK: "O#" + hex.EncodeToString(sum[:]), SK: "directory"}
}

// ConsentLife is how long the address of a consent is good: who enters the directory at Meibo may have to send it to who administers
// the vendor's side.
const ConsentLife = 24 * time.Hour

// pending is a consent that was begun. It holds no secret.
type pending struct {
	Tenant     string `json:"tenant"`
	System     string `json:"system"`
	Directory  string `json:"directory"`
	Pass       string `json:"pass"`
	Capability string `json:"capability"`
}

// load returns a tenant's set-up; the zero Directory, with V 0, where there is none.
func (s *Service) load(ctx context.Context, tenant, system string) (Directory, error) {
	it, err := s.cfg.Table.Get(ctx, key(tenant, system))
	if errors.Is(err, store.ErrNotFound) {
		return Directory{Tenant: tenant, System: system, Capabilities: map[string]Capability{}}, nil
	}
	if err != nil {
		return Directory{}, fmt.Errorf("directory: %w", err)
	}
	var d Directory
	if err := json.Unmarshal(it.Body, &d); err != nil {
		return Directory{}, fmt.Errorf("directory: the stored item %s is damaged: %w", it.Key, err)
	}
	if d.Capabilities == nil {
		d.Capabilities = map[string]Capability{}
	}
	d.V = it.V
	return d, nil
}

// save writes d over the version that was read.
func (s *Service) save(ctx context.Context, d *Directory) error {
	cond := store.At(d.V)
	if d.V == 0 {
		cond = store.Cond{Absent: true}
	}
	return s.write(ctx, d, cond)
}

func (s *Service) write(ctx context.Context, d *Directory, cond store.Cond) error {
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	err = s.cfg.Table.Write(ctx, store.Put(store.Item{Key: key(d.Tenant, d.System), V: d.V + 1, Body: body}, cond))
	if err := lost(err); err != nil {
		return err
	}
	d.V++
	return nil
}

// lost makes a write that another was faster than a *tenancy.Conflict.
func lost(err error) error {
	var failed *store.ConditionError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failed), errors.Is(err, store.ErrContention):
		return &tenancy.Conflict{What: "the company's directory"}
	}
	return fmt.Errorf("directory: %w", err)
}

// attempts is how often a change that does not rest on what somebody read before is tried.
const attempts = 8

// change applies f to a tenant's set-up as it is, again while another change comes in between. False leaves it as it is.
func (s *Service) change(ctx context.Context, tenant, system string, f func(*Directory) (bool, error)) (Directory, error) {
	for n := 1; ; n++ {
		d, err := s.load(ctx, tenant, system)
		if err != nil {
			return d, err
		}
		write, err := f(&d)
		if err != nil || !write {
			return d, err
		}
		err = s.save(ctx, &d)
		var conflict *tenancy.Conflict
		if n == attempts || !errors.As(err, &conflict) {
			return d, err
		}
	}
}

// put keeps a consent that was begun, and returns the code with which it can be taken.
func (s *Service) put(ctx context.Context, p pending, until time.Time) (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(s.cfg.Rand, b[:]); err != nil {
		return "", fmt.Errorf("directory: no random bytes: %w", err)
	}
	code := base64.RawURLEncoding.EncodeToString(b[:])
	body, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	it := store.Item{Key: stateKey(code), V: 1, Expires: until, Body: body}
	if err := s.cfg.Table.Write(ctx, store.Put(it, store.Cond{Absent: true})); err != nil {
		return "", fmt.Errorf("directory: keeping the state of a consent: %w", err)
	}
	return code, nil
}

// take returns what put kept, once: of two callbacks with one code the second is refused.
func (s *Service) take(ctx context.Context, code string) (pending, error) {
	var p pending
	it, err := s.cfg.Table.Get(ctx, stateKey(code))
	if errors.Is(err, store.ErrNotFound) {
		return p, errState
	}
	if err != nil {
		return p, fmt.Errorf("directory: reading the state of a consent: %w", err)
	}
	err = s.cfg.Table.Write(ctx, store.Delete(it.Key, store.At(it.V)))
	var failed *store.ConditionError
	if errors.As(err, &failed) || errors.Is(err, store.ErrContention) {
		return p, errState
	}
	if err != nil {
		return p, fmt.Errorf("directory: using up the state of a consent: %w", err)
	}
	if !it.Expires.IsZero() && s.cfg.Clock.Now().After(it.Expires) || json.Unmarshal(it.Body, &p) != nil {
		return p, errState
	}
	return p, nil
}

// errState is one answer for every code that cannot be used, so that it tells nothing about codes that exist.
var errState error = &oauth.RefusedError{
	Code:   "admin_state",
	Reason: "this consent was started too long ago, was finished already, or was not started from Meibo",
	Cure:   "go back to Meibo and start the consent for the company again",
}
