package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"meibo/shared/store"
)

// How long an answer can be had again, and how long a request that never ended holds its key: longer than any request lasts.
const (
	answerLife  = 24 * time.Hour
	pendingLife = 2 * time.Minute
)

const answerPurpose = "idempotency"

// remembered is the stored form of one use of a key. It holds no part of the request but a keyed digest. An answer about a
// tenant is sealed under its key; one about none (the tenant that was made) holds nothing that is not in the clear elsewhere.
type remembered struct {
	Request []byte    `json:"q"`
	Began   time.Time `json:"t"`
	Done    bool      `json:"d,omitempty"`
	Answer  []byte    `json:"a,omitempty"`
}

// repeat carries the request out under a key: once, however often and however close together it comes. An error is not
// remembered, since an operation that fails has changed nothing; the request can be sent again with the same key.
func repeat[I, O any](ctx context.Context, s *Server, o op, c caller, tenant, key string, in *I, do func() (*O, error)) (*O, error) {
	u, err := s.use(ctx, o, c, tenant, key, in)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	before, err := u.begin(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if before != nil {
		out := new(O)
		if err := json.Unmarshal(before, out); err != nil {
			return nil, s.problem(ctx, fmt.Errorf("httpapi: reading a remembered answer: %w", err))
		}
		return out, nil
	}
	out, err := do()
	if err != nil {
		p := s.problem(ctx, err)
		if err := u.forget(ctx); err != nil {
			s.log(ctx).Warn("an idempotency key was not freed", "error", err.Error())
		}
		return nil, p
	}
	if err := u.finish(ctx, out); err != nil {
		// The work is done: a repeat within the life of the pending item is told to wait, later ones find it done.
		s.log(ctx).Warn("an answer was not remembered", "error", err.Error())
	}
	return out, nil
}

// use is one use of one key.
type use struct {
	s      *Server
	tenant string
	item   store.Item
	body   remembered
}

func (s *Server) use(ctx context.Context, o op, c caller, tenant, key string, in any) (*use, error) {
	request, err := json.Marshal(in) // as understood: spaces and the order of members do not matter
	if err != nil {
		return nil, fmt.Errorf("httpapi: %w", err)
	}
	name := sha256.New()
	for _, part := range []string{c.principal.Issuer, c.principal.Subject, o.id, key} {
		fmt.Fprintf(name, "%d:%s", len(part), part)
	}
	u := &use{s: s, tenant: tenant}
	u.body.Began = s.Clock.Now()
	u.item.SK = "once#" + hex.EncodeToString(name.Sum(nil))
	if tenant == "" {
		who := sha256.Sum256([]byte(c.principal.Issuer + "|" + c.principal.Subject))
		u.item.PK = "P#" + hex.EncodeToString(who[:])
		sum := sha256.Sum256(request)
		u.body.Request = sum[:]
		return u, nil
	}
	u.item.PK = "T#" + tenant
	keys, err := s.Keys.For(ctx, tenant)
	if err != nil {
		return nil, err
	}
	sum := keys.Digest(answerPurpose, request)
	u.body.Request = sum[:]
	return u, nil
}

// begin takes the key, or returns the answer that was given under it.
func (u *use) begin(ctx context.Context) ([]byte, error) {
	cond := store.Cond{Absent: true}
	old, err := u.s.Table.Get(ctx, u.item.Key)
	switch {
	case err == nil:
		var was remembered
		if err := json.Unmarshal(old.Body, &was); err != nil {
			return nil, fmt.Errorf("httpapi: reading an idempotency key: %w", err)
		}
		switch {
		case string(was.Request) != string(u.body.Request):
			return nil, keyReused.say(ctx)
		case was.Done:
			return u.open(ctx, was.Answer)
		case u.body.Began.Sub(was.Began) < pendingLife:
			return nil, u.busy(ctx)
		}
		u.item.V, cond = old.V, store.At(old.V) // its process is gone
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	err = u.put(ctx, cond)
	var lost *store.ConditionError
	if errors.As(err, &lost) || errors.Is(err, store.ErrContention) {
		return nil, u.busy(ctx)
	}
	return nil, err
}

func (u *use) busy(ctx context.Context) *Problem {
	p := keyBusy.say(ctx)
	p.retryAfter = 1
	return p
}

func (u *use) put(ctx context.Context, c store.Cond) error {
	body, err := json.Marshal(u.body)
	if err != nil {
		return err
	}
	u.item.V++
	u.item.Body = body
	u.item.Expires = u.s.Clock.Now().Add(answerLife)
	return u.s.Table.Write(ctx, store.Put(u.item, c))
}

func (u *use) finish(ctx context.Context, out any) error {
	answer, err := json.Marshal(out)
	if err != nil {
		return err
	}
	if u.tenant != "" {
		keys, err := u.s.Keys.For(ctx, u.tenant)
		if err != nil {
			return err
		}
		if answer, err = keys.Seal(answerPurpose, u.item.SK, answer); err != nil {
			return err
		}
	}
	u.body.Done, u.body.Answer = true, answer
	return u.put(ctx, store.At(u.item.V))
}

func (u *use) open(ctx context.Context, answer []byte) ([]byte, error) {
	if u.tenant == "" {
		return answer, nil
	}
	keys, err := u.s.Keys.For(ctx, u.tenant)
	if err != nil {
		return nil, err
	}
	return keys.Open(answerPurpose, u.item.SK, answer)
}

// forget frees the key of a request that changed nothing, so that it can be corrected and sent again.
func (u *use) forget(ctx context.Context) error {
	return u.s.Table.Write(context.WithoutCancel(ctx), store.Delete(u.item.Key, store.At(u.item.V)))
}
