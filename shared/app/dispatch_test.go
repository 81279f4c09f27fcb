package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"meibo/shared/app"
	"meibo/shared/clock"
	"meibo/shared/queue"
	"meibo/shared/schedule"
	"meibo/shared/secret"
	"meibo/shared/state"
	"meibo/shared/store"
	"meibo/shared/store/embedded"
	"meibo/shared/tenancy"

	"log/slog"
	"path/filepath"
)

// asks is a queue that remembers which connections were asked for.
type asks struct {
	mu   sync.Mutex
	n    map[string]int
	most int // messages of one send
}

func (a *asks) Send(_ context.Context, ms ...queue.Message) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.most = max(a.most, len(ms))
	for _, m := range ms {
		var ask state.Ask
		if err := json.Unmarshal(m.Body, &ask); err != nil {
			return err
		}
		a.n[ask.Connection]++
	}
	return nil
}

type nowhere struct{}

func (nowhere) EnsureTenant(context.Context, string, time.Duration) error    { return nil }
func (nowhere) RemoveTenant(context.Context, string) error                   { return nil }
func (nowhere) Once(context.Context, string, time.Time, queue.Message) error { return nil }

// manyConnections stores active connections of one tenant that sync every ten minutes.
func manyConnections(t *testing.T, table store.Table, clk clock.Clock, tenant string, n int) {
	t.Helper()
	var items []store.Item
	for i := range n {
		c := tenancy.Connection{ID: fmt.Sprintf("01KTEST%08d", i), Tenant: tenant, State: tenancy.Active, Settings: tenancy.Settings{Every: 10}}
		body, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, store.Item{Key: store.Key{PK: "T#" + tenant, SK: "conn#" + c.ID}, V: 1, Body: body})
	}
	if err := store.PutAll(context.Background(), clk, table, items); err != nil {
		t.Fatal(err)
	}
}

func TestDispatchOfTenThousandConnections(t *testing.T) {
	const n = 10_000
	clk := clock.NewVirtual(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), true)
	file, err := embedded.Open(filepath.Join(t.TempDir(), "t.db"), embedded.Options{Clock: clk, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	table := store.NewCounted(file)
	kek, err := secret.OpenLocal(filepath.Join(t.TempDir(), "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	q := &asks{n: map[string]int{}}
	a, err := app.New(app.Config{Table: table, Queue: q, Scheduler: nowhere{}, Keys: secret.New(table, kek, clk, nil), Clock: clk,
		PublicURL: "https://meibo.example", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	manyConnections(t, table, clk, "t1", n)
	before := table.Snapshot()
	if err := a.TenantSync(context.Background(), schedule.TenantEvent{Tenant: "t1"}); err != nil {
		t.Fatal(err)
	}
	used := table.Snapshot().Sub(before)
	t.Run("one invocation asks once for each connection that never ran", func(t *testing.T) {
		if len(q.n) != n {
			t.Errorf("got %d connections, want %d", len(q.n), n)
		}
		for id, times := range q.n {
			if times != 1 {
				t.Fatalf("connection %s was asked for %d times", id, times)
			}
		}
	})
	t.Run("it sends in bounded batches and writes nothing", func(t *testing.T) {
		if q.most > state.MaxControls || used.Writes != 0 {
			t.Errorf("got %d messages in one send and %d writes, want at most %d and none", q.most, used.Writes, state.MaxControls)
		}
	})
	t.Logf("%d connections: %d items read", n, used.Reads)
}
