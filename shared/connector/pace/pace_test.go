package pace_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/connector/pace"
)

var start = time.Date(2026, 11, 22, 9, 0, 30, 0, time.UTC)

func perMinute(name string, n int) pace.Limit {
	return pace.Limit{Name: name, Units: n, Per: time.Minute}
}

func TestNoSpanOfAWindowHoldsMoreThanTheLimit(t *testing.T) {
	c := clock.NewVirtual(start, true)
	p := pace.New("X", c, time.Hour, perMinute("read", 7))
	var at []time.Time
	for i := range 100 {
		if err := p.Wait(context.Background(), "read", 1); err != nil {
			t.Fatal(err)
		}
		at = append(at, c.Now())
		c.Advance(time.Duration(i*i%13) * time.Second)
	}
	for i := 7; i < len(at); i++ {
		if span := at[i].Sub(at[i-7]); span < time.Minute {
			t.Fatalf("calls %d to %d lie within %s", i-7, i, span)
		}
	}
}

func TestCallsBelowTheLimitDoNotWait(t *testing.T) {
	c := clock.NewVirtual(start, true)
	p := pace.New("X", c, time.Hour, perMinute("read", 60))
	for range 60 {
		if err := p.Wait(context.Background(), "read", 1); err != nil {
			t.Fatal(err)
		}
	}
	if !c.Now().Equal(start) {
		t.Errorf("waited %s, want not at all", c.Now().Sub(start))
	}
}

func TestAWaitBeyondPatienceIsRefusedAndCostsNothing(t *testing.T) {
	c := clock.NewVirtual(start, true)
	p := pace.New("X", c, 10*time.Second, perMinute("write", 6), perMinute("read", 60))
	ctx := context.Background()
	both := []pace.Cost{{Name: "read", Units: 6}, {Name: "write", Units: 6}}
	if err := p.Take(ctx, both...); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		var th *connector.ThrottledError
		if err := p.Take(ctx, both...); !errors.As(err, &th) || th.After != time.Minute || th.System != "X" {
			t.Fatalf("got %v, want to be told to wait a minute", err)
		}
	}
	for range 54 { // the refused ones took nothing of the other limit
		if err := p.Wait(ctx, "read", 1); err != nil {
			t.Fatal(err)
		}
	}
	if !c.Now().Equal(start) {
		t.Errorf("waited %s, want not at all", c.Now().Sub(start))
	}
	c.Advance(55 * time.Second)
	if err := p.Wait(ctx, "write", 6); err != nil {
		t.Errorf("five seconds are within patience: %v", err)
	}
	if got := c.Now().Sub(start); got != time.Minute {
		t.Errorf("the call went out after %s, want a minute", got)
	}
}

func TestZeroMeansUnlimitedAndUnknownNamesAreFree(t *testing.T) {
	c := clock.NewVirtual(start, true)
	p := pace.New("X", c, 0, perMinute("write", 0))
	for range 1000 {
		if err := p.Take(context.Background(), pace.Cost{Name: "write", Units: 9}, pace.Cost{Name: "other", Units: 9}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestACostAboveTheLimitTakesTheWholeWindow(t *testing.T) {
	c := clock.NewVirtual(start, true)
	p := pace.New("X", c, time.Hour, perMinute("write", 5))
	for range 3 {
		if err := p.Wait(context.Background(), "write", 50); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.Now().Sub(start); got != 2*time.Minute {
		t.Errorf("three calls took %s, want two minutes", got)
	}
}

func TestAnEndedContextStopsTheWait(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p := pace.New("X", clock.NewVirtual(start, true), time.Hour, perMinute("write", 5))
	if err := p.Wait(ctx, "write", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestAPeekTellsTheWaitAndCostsNothing(t *testing.T) {
	c := clock.NewVirtual(start, true)
	p := pace.New("X", c, time.Hour, perMinute("write", 6), perMinute("read", 60))
	costs := []pace.Cost{{Name: "read", Units: 6}, {Name: "write", Units: 6}}
	for range 3 {
		if got := p.Peek(costs...); got != 0 {
			t.Fatalf("got %s before any call, want none", got)
		}
	}
	if err := p.Take(context.Background(), costs...); err != nil {
		t.Fatal(err)
	}
	c.Advance(20 * time.Second)
	if got := p.Peek(costs...); got != 40*time.Second {
		t.Errorf("got %s, want 40 s", got)
	}
	if got := p.Peek(costs[0]); got != 0 {
		t.Errorf("got %s for a limit that has room, want none", got)
	}
	if got := c.Now().Sub(start); got != 20*time.Second {
		t.Errorf("%s went by", got)
	}
}
