package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"meibo/shared/agenda"
	"meibo/shared/clock"
	"meibo/shared/store"
)

// Outbox keeps mails until the mail system has taken them. It is safe for concurrent use.
type Outbox struct {
	Table store.Table
	Clock clock.Clock
	// Mailer is nil where mails are only shown.
	Mailer Mailer
	Log    *slog.Logger
}

const (
	partition = "O#mail"
	// retention is how long a mail is remembered, so that it is not sent twice; giveUp how long it is tried.
	retention = 30 * 24 * time.Hour
	giveUp    = 3 * 24 * time.Hour
	firstWait = time.Minute
	longWait  = time.Hour
	claimFor  = time.Minute // longer than a mail system takes to answer
)

type mailItem struct {
	Shown
	Tries int `json:"tries,omitempty"`
	// Claimed is until when the mail is left to whoever is sending it.
	Claimed time.Time `json:"claimed,omitzero"`
}

func (o *Outbox) agenda() agenda.Agenda { return agenda.Agenda{Table: o.Table, Name: "mail"} }

func mailKey(id string) store.Key { return store.Key{PK: partition, SK: id} }

// Post keeps a mail and tries to send it. A mail with an id that was posted before is not sent again, whatever it says: the id
// names what happened. Only an error of the table is an error.
func (o *Outbox) Post(ctx context.Context, id string, m Mail) error {
	now := o.Clock.Now()
	// The agenda comes first: an entry without its mail is dropped, a mail without its entry would never be sent.
	if o.Mailer != nil {
		if _, err := o.Table.Get(ctx, mailKey(id)); err == nil {
			return nil
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err := o.agenda().Set(ctx, id, now.Add(firstWait)); err != nil {
			return err
		}
	}
	it := mailItem{Shown: Shown{Mail: m, Made: now}, Claimed: now.Add(claimFor)}
	if fresh, err := o.put(ctx, id, it, 0); err != nil || !fresh || o.Mailer == nil {
		return err
	}
	_, err := o.send(ctx, id, it, 1)
	return err
}

// put stores a mail over version v, and reports false if somebody else has changed it.
func (o *Outbox) put(ctx context.Context, id string, m mailItem, v int64) (bool, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return false, err
	}
	cond := store.At(v)
	if v == 0 {
		cond = store.Cond{Absent: true}
	}
	err = o.Table.Write(ctx, store.Put(store.Item{Key: mailKey(id), V: v + 1, Body: b, Expires: m.Made.Add(retention)}, cond))
	var lost *store.ConditionError
	if errors.As(err, &lost) {
		return false, nil
	}
	return err == nil, err
}

// Flush sends what waits to be sent again, up to limit mails, and returns how many the mail system took.
func (o *Outbox) Flush(ctx context.Context, limit int) (int, error) {
	if o.Mailer == nil {
		return 0, nil
	}
	due, err := o.agenda().Due(ctx, o.Clock.Now(), limit)
	if err != nil {
		return 0, err
	}
	sent := 0
	for _, e := range due {
		it, err := o.Table.Get(ctx, mailKey(e.ID))
		if errors.Is(err, store.ErrNotFound) {
			if err := o.agenda().Remove(ctx, e.ID); err != nil {
				return sent, err
			}
			continue
		}
		if err != nil {
			return sent, err
		}
		var m mailItem
		if err := json.Unmarshal(it.Body, &m); err != nil {
			return sent, fmt.Errorf("notify: the stored mail %s is damaged: %w", e.ID, err)
		}
		done, err := o.try(ctx, e.ID, m, it.V)
		if err != nil {
			return sent, err
		}
		if done {
			sent++
		}
	}
	return sent, nil
}

// try claims a mail that is due and sends it, unless it is done or somebody else is at it.
func (o *Outbox) try(ctx context.Context, id string, m mailItem, v int64) (bool, error) {
	if !m.Sent.IsZero() || m.Failed {
		return false, o.agenda().Remove(ctx, id)
	}
	now := o.Clock.Now()
	if left := m.Claimed.Sub(now); left > 0 && left <= claimFor {
		return false, nil
	}
	m.Claimed = now.Add(claimFor)
	if mine, err := o.put(ctx, id, m, v); err != nil || !mine {
		return false, err
	}
	return o.send(ctx, id, m, v+1)
}

// send sends a mail that was claimed, notes what came of it and reports whether it went out. A mail that was sent just before a crash
// is sent again: twice is better than never.
func (o *Outbox) send(ctx context.Context, id string, m mailItem, v int64) (bool, error) {
	now := o.Clock.Now()
	err := o.Mailer.Send(ctx, m.Mail)
	m.Tries, m.Claimed = m.Tries+1, time.Time{}
	switch {
	case err == nil:
		m.Sent = now
	case errors.Is(err, ErrRefused) || now.Sub(m.Made) > giveUp:
		m.Failed = true
		o.Log.Error("a mail was given up", "mail", id, "error", err.Error())
	default:
		o.Log.Warn("a mail was not sent and will be tried again", "mail", id, "tries", m.Tries, "error", err.Error())
	}
	if mine, err := o.put(ctx, id, m, v); err != nil || !mine {
		return false, err
	}
	if m.Sent.IsZero() && !m.Failed {
		return false, o.agenda().Set(ctx, id, now.Add(min(firstWait<<min(m.Tries, 10), longWait)))
	}
	return !m.Sent.IsZero(), o.agenda().Remove(ctx, id)
}

// Newest returns the mail with the highest id that begins with prefix, or nil if there is none.
func (o *Outbox) Newest(ctx context.Context, prefix string) (*Shown, error) {
	p, err := o.Table.Query(ctx, store.Query{PK: partition, Prefix: prefix, Limit: 1, Reverse: true})
	if err != nil || len(p.Items) == 0 {
		return nil, err
	}
	var m mailItem
	if err := json.Unmarshal(p.Items[0].Body, &m); err != nil {
		return nil, fmt.Errorf("notify: the stored mail %s is damaged: %w", p.Items[0].SK, err)
	}
	return &m.Shown, nil
}

// List returns the mails that are remembered, up to limit, in the order of their ids.
func (o *Outbox) List(ctx context.Context, limit int) ([]Shown, error) {
	p, err := o.Table.Query(ctx, store.Query{PK: partition, Limit: limit, Reverse: true})
	if err != nil {
		return nil, err
	}
	out := make([]Shown, 0, len(p.Items))
	for _, it := range p.Items {
		var m mailItem
		if err := json.Unmarshal(it.Body, &m); err != nil {
			return nil, fmt.Errorf("notify: the stored mail %s is damaged: %w", it.SK, err)
		}
		out = append(out, m.Shown)
	}
	return out, nil
}
