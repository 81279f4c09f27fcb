// Package app puts Meibo together: the same parts for every function and for both editions. What differs between the editions
// (table, queue, schedules, keys, sign-in, addresses of the vendors) comes in as Config; see packages cloud and local.
package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"meibo/shared/cache"
	"meibo/shared/clock"
	"meibo/shared/connector"
	directories "meibo/shared/directory"
	"meibo/shared/engine"
	"meibo/shared/httpapi"
	"meibo/shared/notify"
	"meibo/shared/oauth"
	"meibo/shared/queue"
	"meibo/shared/schedule"
	"meibo/shared/secret"
	"meibo/shared/setup"
	"meibo/shared/state"
	"meibo/shared/store"
	"meibo/shared/system"
	"meibo/shared/tenancy"
	"meibo/shared/watch"
)

// Config is the parts that Meibo is made of. All are needed, except where they say otherwise.
type Config struct {
	Table     store.Table
	Queue     queue.Sender
	Scheduler schedule.Scheduler
	Keys      *secret.Keys
	// Clients has Meibo's registrations at the vendors.
	Clients oauth.ClientSource
	Clock   clock.Clock
	// Systems says where the vendors are and how they are paced. Its Clock is taken from here.
	Systems system.Config
	// HTTP makes every request to a vendor. It should have a timeout.
	HTTP *http.Client
	// PublicURL is the origin under which browsers reach this installation, such as "https://sync.example.com".
	PublicURL string
	// HookURL is the address under which vendors reach Hooks, such as "https://sync.example.com/hooks"; "" means that they reach
	// none, and every connection is polled only.
	HookURL string
	// Authenticate returns who sent a request to the API.
	Authenticate func(*http.Request) (tenancy.Principal, error)
	Log          *slog.Logger
	// Rand gives ids and states; nil means crypto/rand.
	Rand io.Reader
	// SliceTime is how long one slice of a run works; 0 means the engine's own.
	SliceTime time.Duration
	// Mailer sends mails; nil keeps them in the outbox, where they are only shown.
	Mailer notify.Mailer
	// EgressAddresses are the fixed addresses that requests to the vendors come from, as administrators enter them where a vendor admits
	// certain addresses only (SM9); empty if there are none.
	EgressAddresses []string
	// LongestCall is how long a vendor may still work on a request that nobody waits for; 0 means the engine's own.
	LongestCall time.Duration
}

// App is Meibo, put together. It is safe for concurrent use.
type App struct {
	c Config
	// The parts that decide. They are here for demonstrations, benchmarks and tests; functions need the handlers only.
	Tenancy *tenancy.Service
	State   *state.Repo
	Keeper  *oauth.Keeper
	Engine  *engine.Engine
	Opener  *system.Opener
	Systems []system.System
	Watches *watch.Service
	Mails   *notify.Outbox
	// Directories are the organisations' directories that administrators have connected.
	Directories *directories.Service

	flows map[string]*oauth.Flow
	known *cache.Cache[string, connector.Description]
	// watched are connections that had their subscriptions a moment ago.
	watched *cache.Cache[string, struct{}]
	newID   func() string
}

// catalogueLife is how long an account's fields are remembered for checks of settings: long enough for one visit to a settings
// page, short enough that a field that somebody has just made at the vendor is there.
const catalogueLife = time.Minute

// New puts the parts together. It makes no call to anything.
func New(c Config) (*App, error) {
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	c.Systems.Clock = c.Clock
	a := &App{
		c: c, Systems: system.All(c.Systems), State: state.NewRepo(c.Table, c.Clock),
		known:   cache.New[string, connector.Description](c.Clock, 200, catalogueLife),
		watched: cache.New[string, struct{}](c.Clock, 10_000, ensuredLife),
		newID:   tenancy.NewIDs(c.Clock, c.Rand),
	}
	byID := system.ByID(a.Systems)
	a.Keeper = oauth.NewKeeper(oauth.KeeperConfig{
		Table: c.Table, Keys: c.Keys, Clock: c.Clock, Systems: byID, Clients: c.Clients, HTTP: c.HTTP, OnLost: a.lost,
	})
	a.Tenancy = tenancy.New(tenancy.Config{
		Table: c.Table, Clock: c.Clock, Scheduler: c.Scheduler, IDs: a.newID,
		SystemName: a.systemName, Describe: a.describe, Prepare: a.prepare, Revoke: a.revoke, Stopped: a.stopped, TenantEvery: tick,
		Admit: a.admit,
	})
	a.Directories = a.newDirectories(byID)
	a.Mails = &notify.Outbox{Table: c.Table, Clock: c.Clock, Mailer: c.Mailer, Log: c.Log}
	a.Opener = system.NewOpener(a.Systems, a.Tenancy, a.Keeper, c.Clock)
	a.Watches = a.newWatches()
	a.Engine = engine.New(engine.Config{
		Table: c.Table, Clock: c.Clock, Directory: directory{a},
		Keys: func(ctx context.Context, tenant string) (engine.TenantKeys, error) {
			return c.Keys.For(ctx, tenant)
		},
		Opener: a.Opener, Queue: c.Queue, Scheduler: c.Scheduler, Log: c.Log, NewID: a.newID, SliceTime: c.SliceTime, LongestCall: c.LongestCall,
	})
	a.flows = map[string]*oauth.Flow{}
	for id, s := range byID {
		// Each flow knows its own system only, so that a code of one vendor is never sent to another.
		a.flows[id] = oauth.NewFlow(oauth.FlowConfig{
			Table: c.Table, Keys: c.Keys, Clock: c.Clock, Systems: map[string]oauth.System{id: s}, Clients: c.Clients,
			Keeper: a.Keeper, RedirectURI: c.PublicURL + httpapi.CallbackPath(id), HTTP: c.HTTP, Accept: a.accept, Rand: c.Rand,
		})
	}
	return a, nil
}

// API returns the handler of the HTTP API.
func (a *App) API() http.Handler {
	return httpapi.New(httpapi.Config{
		Table: a.c.Table, Keys: a.c.Keys, Clock: a.c.Clock, Tenancy: a.Tenancy, State: a.State, Systems: a.Systems,
		Consent: a.consent, Enter: a.enter, Directories: a.Directories, EgressAddresses: a.c.EgressAddresses, Opener: a.Opener, Describe: a.describe, Watches: a.push, LastMail: a.lastMail, NextRun: Next, Ask: a.Ask,
		Authenticate: a.c.Authenticate, Log: a.c.Log, NewID: a.newID,
	})
}

// Consent returns the handler of the consent callbacks.
func (a *App) Consent() http.Handler {
	flows := map[string]httpapi.Flow{}
	for id, f := range a.flows {
		flows[id] = f
	}
	return httpapi.NewConsent(httpapi.ConsentConfig{
		Flows: flows, SystemName: a.systemName, Asker: a.asker, Connected: a.connected, Uninstall: a.uninstalls(), Uninstalled: a.uninstalled,
		Directories: a.Directories, Company: a.company, EgressAddresses: a.c.EgressAddresses, PublicURL: a.c.PublicURL, Log: a.c.Log, NewID: a.newID,
	})
}

// Ask sends the message that asks for a run.
func (a *App) Ask(ctx context.Context, asks state.Ask) error {
	m, err := a.message(asks)
	if err != nil {
		return err
	}
	return a.c.Queue.Send(ctx, m)
}

// message makes the message of an ask. Its group is the connection, so that one connection's messages go one at a time.
func (a *App) message(ask state.Ask) (queue.Message, error) {
	b, err := json.Marshal(ask)
	if err != nil {
		return queue.Message{}, fmt.Errorf("app: encoding an ask: %w", err)
	}
	return queue.Message{Group: ask.Tenant + "/" + ask.Connection, Dedup: a.newID(), Body: b}, nil
}

func (a *App) systemName(id string) string {
	if s, ok := system.Find(a.Systems, id); ok {
		return s.Name
	}
	return id
}

// describe returns what an account can do under a connection's options, as its system has it now, or had it a moment ago.
func (a *App) describe(ctx context.Context, tenant, account string, options map[string]string) (connector.Description, error) {
	key := describedKey(tenant, account, options)
	if d, ok := a.known.Get(key); ok {
		return d, nil
	}
	o, err := a.Opener.Open(ctx, tenant, account)
	if err != nil {
		return connector.Description{}, err
	}
	defer o.Close()
	c, err := setup.Chosen(o.Connector, options)
	if err != nil {
		return connector.Description{}, err
	}
	d, err := c.Describe(ctx)
	if err != nil {
		return connector.Description{}, err
	}
	a.known.Put(key, d)
	return d, nil
}

// describedKey is what the account's description is remembered under.
func describedKey(tenant, account string, options map[string]string) string {
	q := url.Values{}
	for k, v := range options {
		q.Set(k, v)
	}
	return tenant + "/" + account + "?" + q.Encode()
}

func (a *App) consent(ctx context.Context, r oauth.StartRequest) (string, error) {
	f, ok := a.flows[r.System]
	if !ok {
		return "", fmt.Errorf("app: no consent flow for the system %q", r.System)
	}
	return f.Start(ctx, r)
}

// enter takes the key of an account, and sees to the connections of the account.
func (a *App) enter(ctx context.Context, r oauth.StartRequest, key string) (oauth.Outcome, error) {
	f, ok := a.flows[r.System]
	if !ok {
		return oauth.Outcome{StartRequest: r}, fmt.Errorf("app: no flow for the system %q", r.System)
	}
	o, err := f.Enter(ctx, r, key)
	if err == nil {
		err = a.connected(ctx, o)
	}
	return o, err
}

// accept records the account that a person has just authorised. Its token is stored before the connections that waited for it go
// on.
func (a *App) accept(ctx context.Context, o oauth.Outcome, keep func(ctx context.Context, account string) error) error {
	err := a.Tenancy.Admissible(ctx, tenancy.Intent{
		Tenant: o.Tenant, System: o.System, Side: o.Side, Connection: o.Connection, Account: o.Account, Identity: &o.Identity,
	})
	if err != nil {
		return err
	}
	acc, err := a.Tenancy.Connect(ctx, tenancy.Authorised{
		Tenant: o.Tenant, Member: o.Member, Account: o.Account, System: o.System, Side: o.Side, Identity: o.Identity, Keep: keep,
	})
	var late *tenancy.ScheduleError
	if errors.As(err, &late) { // connections go on again; only the tenant's schedule is late
		err = a.Tenancy.Reschedule(ctx, o.Tenant)
	}
	if err != nil {
		return err
	}
	return a.probes().Set(ctx, probeID(o.Tenant, acc.ID), a.c.Clock.Now().Add(probeEvery))
}

// connected sees to the connections of an account that has just been authorised, once its token is stored: the one that the
// consent was started for gets the account, and those that use it already run at once.
func (a *App) connected(ctx context.Context, o oauth.Outcome) error {
	now := a.c.Clock.Now()
	return a.Tenancy.EachConnection(ctx, o.Tenant, func(c tenancy.Connection) error {
		uses := c.CRM == o.Account || c.Book == o.Account
		switch {
		case uses && c.State == tenancy.Active:
			return a.Ask(ctx, state.Ask{Tenant: o.Tenant, Connection: c.ID, Reason: state.ReasonUpdate, Asked: now})
		case !uses && c.ID == o.Connection:
			actor := tenancy.Member{ID: o.Member, Tenant: o.Tenant, Role: tenancy.Regular}
			_, err := a.Tenancy.Attach(ctx, actor, c.ID, o.Account)
			return err
		}
		return nil
	})
}
