package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/watch"
	"meibo/shared/webhook"
)

// crowd is the watches of many connections in portions, as the table gives them.
type crowd struct {
	*world
	of   map[string]int // how many connections, by organisation
	size int
}

func (c crowd) Shared(_ context.Context, _, subscription string, each func([]watch.Watch) error) error {
	n := c.of[subscription]
	for at := 0; at < n; at += c.size {
		var ws []watch.Watch
		for i := at; i < min(at+c.size, n); i++ {
			id := fmt.Sprintf("%s-%d", subscription, i)
			ws = append(ws, watch.Watch{ID: "523456789012345678", Tenant: "t" + id, Connection: "c" + id, System: "broad", Side: profile.CRM, State: watch.Active,
				Subscription: connector.Subscription{ID: subscription, Shared: true}})
		}
		if err := each(ws); err != nil {
			return err
		}
	}
	return nil
}

// One connection that cannot be told keeps the notice from no other: neither of those in later portions, nor of another organisation
// in the same delivery. And it is sent again.
func TestOneThatFailsKeepsNoOtherBack(t *testing.T) {
	w := newWorld(t)
	poor := "c77-3"
	w.h = webhook.New(webhook.Config{
		Watches: crowd{world: w, of: map[string]int{"77": 350, "78": 1}, size: 100}, Clock: w.clk, Log: slog.New(slog.NewTextHandler(&w.logs, nil)),
		Post: func(ctx context.Context, tenant, conn string, side profile.Side, n []connector.Notice) (state.Posted, error) {
			if conn == poor {
				return state.Posted{}, errors.New("its inbox is damaged")
			}
			return w.repo.Post(ctx, tenant, conn, side, n)
		},
		Ask: func(_ context.Context, a state.Ask, _ time.Time) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.asks = append(w.asks, a)
			return nil
		},
		Shared: map[string]connector.SharedHookReader{"broad": readShared}, URL: "https://meibo.example/hooks",
		Secret: func(context.Context, string) (string, error) { return w.secret, nil },
	})
	first := []connector.Notice{about("77", "1"), about("78", "2")}
	for i := range first {
		first[i].Event = fmt.Sprint("e", i)
	}
	for n := range 2 {
		if got := w.tell("/hooks/broad", w.secret, first...); got != 503 {
			t.Errorf("got %d, want 503 so that it comes again", got)
		}
		asked := w.asked()
		if len(asked) != 350 || asked["t77-3/"+poor] || !asked["t77-349/c77-349"] || !asked["t78-0/c78-0"] {
			t.Fatalf("attempt %d told %d connections, want all but one of 351", n, len(asked))
		}
		if len(w.asks) != 350 {
			t.Errorf("attempt %d: %d asks, want one for each", n, len(w.asks))
		}
	}
	poor = ""
	if got := w.tell("/hooks/broad", w.secret, first...); got != 202 || len(w.asked()) != 351 {
		t.Errorf("got %d and %d, want 202 once all have it", got, len(w.asked()))
	}
}

// What a notice for an organisation of 2,000 connections costs: a read and a write of each inbox, and when it comes again a read.
func TestTwoThousandConnections(t *testing.T) {
	w := newWorld(t)
	w.h = webhook.New(webhook.Config{
		Watches: crowd{world: w, of: map[string]int{"77": 2000}, size: 100}, Clock: w.clk, Post: w.repo.Post,
		Ask:    func(context.Context, state.Ask, time.Time) error { return nil },
		Shared: map[string]connector.SharedHookReader{"broad": readShared}, URL: "https://meibo.example/hooks",
		Secret: func(context.Context, string) (string, error) { return w.secret, nil },
	})
	n := about("77", "1")
	n.Event = "once"
	before := w.table.Snapshot()
	for i, want := range []int64{2000, 0} {
		if got := w.tell("/hooks/broad", w.secret, n); got != 202 {
			t.Fatalf("got %d", got)
		}
		now := w.table.Snapshot()
		if writes := int64(now.Writes - before.Writes); writes != want {
			t.Errorf("time %d: %d writes, want %d", i+1, writes, want)
		}
		before = now
	}
}
