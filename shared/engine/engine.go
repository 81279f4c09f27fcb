package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/queue"
	"meibo/shared/schedule"
	"meibo/shared/state"
	"meibo/shared/store"
	"meibo/shared/tenancy"
)

// SliceTime is how long a slice works before it hands over to the next. What it has begun by then may wait a minute more for a
// vendor's limit, which is still below the worker's and the message's limits.
const SliceTime = 150 * time.Second

// Directory tells who is who. What does not exist is tenancy.ErrNotFound.
type Directory interface {
	Tenant(ctx context.Context, tenant string) (tenancy.Tenant, error)
	Connection(ctx context.Context, tenant, id string) (tenancy.Connection, error)
	// Move changes a connection's state, or refuses.
	Move(ctx context.Context, tenant, id string, to tenancy.State, reason string) error
	// LostAccount notes that an account's authorisation is gone.
	LostAccount(ctx context.Context, tenant, account string) error
	// Folder is the name of the folder in the book that a connection of both accounts keeps its records in; "" if it has none of its
	// own.
	Folder(crm, book tenancy.Account) string
}

// TenantKeys are one tenant's keys.
type TenantKeys interface {
	state.Sealer
	// Digest returns a key derived for purpose.
	Digest(purpose string, parts ...[]byte) [32]byte
}

// Opened is an account that is ready to be called.
type Opened struct {
	Account   tenancy.Account
	Connector connector.Connector
	// Calls returns how many vendor calls were made since it was opened.
	Calls func() int
	// Close, if set, hands the connector back, so that the next slice need not read again what this one knows of the account.
	Close func()
}

// Opener opens accounts.
type Opener interface {
	Open(ctx context.Context, tenant, account string) (Opened, error)
}

// Config is what an engine works with. All fields but the last two are needed.
type Config struct {
	Table     store.Table
	Clock     clock.Clock
	Directory Directory
	Keys      func(ctx context.Context, tenant string) (TenantKeys, error)
	Opener    Opener
	Queue     queue.Sender
	Scheduler schedule.Scheduler
	Log       *slog.Logger
	NewID     func() string // sorts by time
	// SliceTime is the time of a slice; 0 means the constant of that name.
	SliceTime time.Duration
	// LongestCall is how long after its intent a create may still take effect at a vendor, although nobody waits for the answer;
	// 0 means the constant of that name.
	LongestCall time.Duration
}

// LongestCall is longer than any vendor works on one request.
const LongestCall = 2 * time.Minute

// Engine runs syncs. It is safe for concurrent use.
type Engine struct{ c Config }

// New returns an engine.
func New(c Config) *Engine {
	if c.SliceTime == 0 {
		c.SliceTime = SliceTime
	}
	if c.LongestCall == 0 {
		c.LongestCall = LongestCall
	}
	return &Engine{c: c}
}

// Handle answers one ask with at most one slice of one run. An error means that the ask should be delivered again; whatever must
// wait for a vendor, a limit or another worker is no error and asks again by itself.
func (e *Engine) Handle(ctx context.Context, ask state.Ask) error {
	table := store.NewCounted(e.c.Table)
	repo := state.NewRepo(table, e.c.Clock)
	ctl, err := repo.Control(ctx, ask.Tenant, ask.Connection)
	if err != nil {
		return err
	}
	seen, err := e.covered(ctx, repo, ctl, ask)
	if seen || err != nil {
		return err
	}
	conn, err := e.c.Directory.Connection(ctx, ask.Tenant, ask.Connection)
	if errors.Is(err, tenancy.ErrNotFound) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	if !answers(conn.State, ask, ctl) {
		return nil
	}
	if deferred, err := e.deferred(ctx, ctl, ask); deferred || err != nil {
		return err
	}
	run := ask.Run
	if run == "" {
		run = e.c.NewID()
	}
	unfinished := ctl.Run != ""
	sess, err := repo.Acquire(ctx, ask.Tenant, ask.Connection, ctl, run)
	var busy *state.BusyError
	if errors.As(err, &busy) {
		return e.later(ctx, ask, e.slot(ask), busy.Until)
	}
	if err != nil {
		return err
	}
	sess.Control.Recount = ctl.Recount || !ctl.LeaseUntil.IsZero()
	s := &slice{e: e, ask: ask, conn: conn, sess: sess, repo: repo, table: table, deadline: e.c.Clock.Now().Add(e.c.SliceTime),
		log: e.c.Log.With("tenant", ask.Tenant, "connection", ask.Connection, "run", sess.Control.Run)}
	err = s.end(ctx, s.run(ctx, unfinished))
	if errors.Is(err, state.ErrLeaseLost) {
		s.log.WarnContext(ctx, "lease lost: another worker goes on")
		return e.keep(ctx, ask)
	}
	if err != nil || s.own || ask.Reason == state.ReasonResume {
		return err
	}
	if s.finished {
		return e.send(ctx, ask) // the ask came after that run began
	}
	return e.keep(ctx, ask)
}

// followWithin is how soon a run's next slice must have begun; until then another ask leaves the unfinished run alone.
const followWithin = 15 * time.Minute

// deferred puts off an ask that comes while the connection waits for a vendor, or while the next slice of its run is on its way:
// a vendor that asked to be left alone is, and one run has one chain of slices.
func (e *Engine) deferred(ctx context.Context, c state.Control, a state.Ask) (bool, error) {
	now := e.c.Clock.Now()
	if a.Reason == state.ReasonAnswer {
		return false, nil
	}
	if c.Wait.After(now) {
		switch a.Reason {
		case state.ReasonSchedule, state.ReasonResume:
			follow := state.Ask{Tenant: a.Tenant, Connection: a.Connection, Reason: state.ReasonResume, Asked: now}
			return true, e.later(ctx, follow, "resume", c.Wait)
		}
		return true, e.later(ctx, a, e.slot(a), c.Wait.Add(time.Second))
	}
	if c.Run == "" || a.Reason == state.ReasonResume || now.Sub(c.Follow) > followWithin {
		return false, nil
	}
	return true, e.keep(ctx, a)
}

// hookAgain is how soon the ask of a notification comes again that met a run under way: the run may have looked already.
const hookAgain = 5 * time.Second

// keep has an ask that could not be taken in come again, unless the next tick of the schedule does as well.
func (e *Engine) keep(ctx context.Context, a state.Ask) error {
	after := time.Minute
	switch a.Reason {
	case state.ReasonSchedule, state.ReasonResume:
		return nil
	case state.ReasonHook:
		after = hookAgain
	}
	return e.later(ctx, a, e.slot(a), e.c.Clock.Now().Add(after))
}

// slot is the name of the schedule that brings an ask back. What stands for itself has one of its own; the others may take each
// other's place.
func (e *Engine) slot(a state.Ask) string {
	if a.Run != "" || a.Review != nil || a.Reason == state.ReasonAnswer {
		return string(a.Reason) + "-" + e.c.NewID()
	}
	return string(a.Reason) + "-again"
}

// covered reports whether a run that began after the ask has answered it already. A person's ask with a run id of its own is
// always answered. A run sees what was posted before it took the inbox, so that a notification's ask is covered only if nothing was
// posted since, whatever the clocks say.
func (e *Engine) covered(ctx context.Context, repo *state.Repo, c state.Control, a state.Ask) (bool, error) {
	if a.Run != "" || c.Run != "" || !c.Began.After(a.Asked) {
		return false, nil
	}
	switch a.Reason {
	case state.ReasonSchedule, state.ReasonUpdate, state.ReasonResume:
		return true, nil
	case state.ReasonHook:
		more, err := repo.Posted(ctx, a.Tenant, a.Connection)
		return !more, err
	}
	return false, nil
}

// answers reports whether a connection in state st does what the ask wants.
func answers(st tenancy.State, a state.Ask, c state.Control) bool {
	switch a.Reason {
	case state.ReasonPreview:
		return st == tenancy.Ready || st == tenancy.Active || st == tenancy.Paused
	case state.ReasonAnswer:
		return st == tenancy.NeedsApproval
	case state.ReasonReview:
		return st == tenancy.Active
	case state.ReasonDisable:
		return st == tenancy.Active || st == tenancy.Paused
	case state.ReasonResume: // also the next slice of a preview, or of a paused connection's last run
		return st == tenancy.Active || (st == tenancy.Ready || st == tenancy.Paused) && c.Run != ""
	}
	return st == tenancy.Active
}

// send puts an ask on the queue.
func (e *Engine) send(ctx context.Context, a state.Ask) error {
	m, err := e.message(a)
	if err != nil {
		return err
	}
	return e.c.Queue.Send(ctx, m)
}

// later puts an ask on the queue at a time. name keeps one schedule per purpose and connection.
func (e *Engine) later(ctx context.Context, a state.Ask, name string, at time.Time) error {
	m, err := e.message(a)
	if err != nil {
		return err
	}
	return e.c.Scheduler.Once(ctx, a.Connection+"-"+name, at, m)
}

func (e *Engine) message(a state.Ask) (queue.Message, error) {
	b, err := json.Marshal(a)
	if err != nil {
		return queue.Message{}, fmt.Errorf("engine: encoding an ask: %w", err)
	}
	return queue.Message{Group: a.Tenant + "/" + a.Connection, Dedup: e.c.NewID(), Body: b}, nil
}
