// Package local is the edition of Meibo that runs in one process, without a cloud: table, queue and schedules in files of one
// folder, keys in a keyset file beside them. It is what `functions/local` serves, demonstrates and measures, and what end-to-end
// tests drive, on the real clock or on a virtual one.
package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"meibo/shared/app"
	"meibo/shared/clock"
	"meibo/shared/notify"
	"meibo/shared/oauth"
	embeddedqueue "meibo/shared/queue/embedded"
	"meibo/shared/schedule"
	embeddedschedule "meibo/shared/schedule/embedded"
	"meibo/shared/secret"
	"meibo/shared/store"
	embeddedstore "meibo/shared/store/embedded"
	"meibo/shared/system"
	"meibo/shared/tenancy"
)

// The files of the data folder.
const (
	tableFile = "meibo.db"
	queueFile = "queue.db"
	keysFile  = "keys.json"
)

// Where the embedded scheduler keeps its items.
const (
	schedulePartition = "schedule"
	tenantSchedules   = "name/tenant/"
	onceSchedules     = "name/once/"
)

// sweepEvery is how often items that have expired are taken out of the file.
const sweepEvery = 15 * time.Minute

// Options of a Stack. Folder, Clients and PublicURL are needed.
type Options struct {
	// Folder holds everything that must survive a restart; it is made if it is not there.
	Folder string
	// Clock is the machine's if nil.
	Clock clock.Clock
	// NoSync leaves out the waits for the disk: see the option of package store/embedded.
	NoSync bool
	// Clients has Meibo's registrations at the vendors, or at their stand-ins.
	Clients oauth.ClientSource
	// Systems says where the vendors are.
	Systems system.Config
	// HTTP makes every request to a vendor; nil means Client().
	HTTP *http.Client
	// PublicURL is the origin that browsers use.
	PublicURL string
	// HookURL is the address under which vendors reach Hooks; "" means that they reach none, and every connection is polled only.
	HookURL string
	// Authenticate returns who sent a request to the API; nil refuses everybody.
	Authenticate func(*http.Request) (tenancy.Principal, error)
	// Log is nil for silence.
	Log *slog.Logger
	// Rand gives ids and states; nil means crypto/rand.
	Rand io.Reader
	// SliceTime of runs; 0 means the engine's own.
	SliceTime time.Duration
	// Mailer sends mails; nil keeps them in the outbox, where they are only shown.
	Mailer notify.Mailer
	// EgressAddresses are the fixed addresses that calls to the vendors come from; empty if there are none.
	EgressAddresses []string
	// LongestCall is how long a vendor may still work on a request that nobody waits for; 0 means the engine's own. Stand-ins
	// are done at once.
	LongestCall time.Duration
}

// Stack is the local edition, put together. It is safe for concurrent use.
type Stack struct {
	*app.App
	// Table counts what is read and written through it.
	Table     *store.Counted
	Queue     *embeddedqueue.Queue
	Schedules *embeddedschedule.Scheduler
	Keys      *secret.Keys
	Clock     clock.Clock

	log   *slog.Logger
	table *embeddedstore.Table
}

// Client returns the HTTP client for vendors: with a bound on each request, and enough idle connections for the workers.
func Client() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 16
	return &http.Client{Transport: t, Timeout: 2 * time.Minute}
}

// Open puts the edition together in a folder, with what the folder holds. Only one process can have it open.
//
// An error leaves nothing open.
func Open(o Options) (_ *Stack, err error) {
	if o.Clock == nil {
		o.Clock = clock.Real{}
	}
	if o.HTTP == nil {
		o.HTTP = Client()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Authenticate == nil {
		o.Authenticate = func(*http.Request) (tenancy.Principal, error) {
			return tenancy.Principal{}, errors.New("local: nobody can sign in: Options.Authenticate is not set")
		}
	}
	if err := os.MkdirAll(o.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("local: the data folder: %w", err)
	}
	s := &Stack{Clock: o.Clock, log: o.Log}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.table, err = embeddedstore.Open(filepath.Join(o.Folder, tableFile), embeddedstore.Options{Clock: o.Clock, NoSync: o.NoSync}); err != nil {
		return nil, err
	}
	s.Table = store.NewCounted(s.table)
	s.Queue, err = embeddedqueue.Open(filepath.Join(o.Folder, queueFile), embeddedqueue.Options{Clock: o.Clock, NoSync: o.NoSync, Log: o.Log})
	if err != nil {
		return nil, err
	}
	kek, err := secret.OpenLocal(filepath.Join(o.Folder, keysFile))
	if err != nil {
		return nil, err
	}
	s.Keys = secret.New(s.Table, kek, o.Clock, o.Rand)
	s.Schedules, err = embeddedschedule.New(embeddedschedule.Options{
		Table: s.Table, Clock: o.Clock, Queue: s.Queue, Log: o.Log,
		Tenant: func(ctx context.Context, e schedule.TenantEvent) error { return s.TenantSync(ctx, e) },
	})
	if err != nil {
		return nil, err
	}
	s.App, err = app.New(app.Config{
		Table: s.Table, Queue: s.Queue, Scheduler: s.Schedules, Keys: s.Keys, Clients: o.Clients, Clock: o.Clock,
		Systems: o.Systems, HTTP: o.HTTP, PublicURL: o.PublicURL, HookURL: o.HookURL, Authenticate: o.Authenticate, Log: o.Log, Rand: o.Rand,
		SliceTime: o.SliceTime, LongestCall: o.LongestCall, Mailer: o.Mailer, EgressAddresses: o.EgressAddresses,
	})
	if err != nil {
		return nil, err
	}
	return s, s.freeLeases(context.Background())
}

// freeLeases ends the leases that a process before this one left behind. The files are locked, so none of its workers lives; waiting
// for the leases to end would hold up every connection for minutes after a crash.
func (s *Stack) freeLeases(ctx context.Context) error {
	q := store.Query{PK: schedulePartition, Prefix: tenantSchedules}
	return store.QueryAll(ctx, s.table, q, func(it store.Item) error {
		tenant := strings.TrimPrefix(it.SK, tenantSchedules)
		return s.Tenancy.EachConnection(ctx, tenant, func(c tenancy.Connection) error {
			return s.State.FreeLease(ctx, tenant, c.ID)
		})
	})
}

// Close closes the files. It must not be called while Run or a handler is at work.
func (s *Stack) Close() error {
	var errs []error
	if s.Queue != nil {
		errs = append(errs, s.Queue.Close())
	}
	if s.table != nil {
		errs = append(errs, s.table.Close())
	}
	return errors.Join(errs...)
}

// Run works on the queue and fires schedules until ctx ends and what is under way has come to an end. It is for the real clock;
// with a virtual one, see Drain.
func (s *Stack) Run(ctx context.Context, workers int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.Queue.Run(ctx, s.Worker, workers) })
	g.Go(func() error { return s.Schedules.Loop(ctx) })
	g.Go(func() error { return s.sweep(ctx) })
	g.Go(func() error { return s.keepUp(ctx) })
	return g.Wait()
}

// keepUp does upkeep at once and then as often as the cloud's schedule does.
func (s *Stack) keepUp(ctx context.Context) error {
	for ctx.Err() == nil {
		if _, err := s.Upkeep(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("upkeep did not do everything", "error", err.Error())
		}
		if s.Clock.Sleep(ctx, app.UpkeepEvery) != nil {
			break
		}
	}
	return nil
}

func (s *Stack) sweep(ctx context.Context) error {
	for s.Clock.Sleep(ctx, sweepEvery) == nil {
		if _, err := s.table.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("expired items were not swept", "error", err.Error())
		}
	}
	return nil
}
