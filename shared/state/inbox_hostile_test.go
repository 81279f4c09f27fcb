package state_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/store"
)

func TestInboxHostileText(t *testing.T) {
	for name, c := range map[string]string{"marks": "<", "controls": "\x01", "bytes that are no text": "\xff", "separators": "\u2028"} {
		t.Run(name+" in ids and events do not fill the inbox until nothing fits any more", func(t *testing.T) {
			p := newPlace(t)
			for i := range 6 {
				var ns []connector.Notice
				for k := range 200 {
					n := fmt.Sprintf("%06d", 200*i+k)
					ns = append(ns, connector.Notice{
						Kind: connector.NoticeChanged, IDs: []string{strings.Repeat(c, 250/len(c)) + n}, Event: strings.Repeat(c, 58/len(c)) + n,
					})
				}
				p.post(profile.Book, ns...)
			}
			if in := p.take(p.session("r1")); !in.Lost {
				t.Error("what was not kept is not remembered as lost")
			}
		})
	}
	t.Run("an id of nothing names no record", func(t *testing.T) {
		p := newPlace(t)
		p.post(profile.Book, changed(""))
		if in := p.take(p.session("r1")); len(in.Hints) != 0 {
			t.Errorf("got hints %q", hints(in))
		}
	})
}

func TestInboxWhenTheClockJumps(t *testing.T) {
	for name, burst := range map[string]int{"after a burst": 50, "after a single notice": 1} {
		t.Run(name+", a clock that goes back does not keep notices waiting", func(t *testing.T) {
			p := newPlace(t)
			p.clk.Advance(6 * time.Hour)
			s := p.session("r1")
			for range 4 {
				for i := range burst {
					p.post(profile.CRM, changed(fmt.Sprint(i)))
				}
				p.clk.Advance(time.Second)
				p.empty(s, p.take(s))
			}
			right := corrected(p)
			got := right.post(profile.CRM, changed("late"))
			if wait := got.Ask.Sub(start); got.Ask.IsZero() || wait > time.Minute {
				t.Errorf("got an ask at %s, want one within a minute of %s", got.Ask, start)
			}
		})
	}
	t.Run("an ask of the future is no reason to be silent", func(t *testing.T) {
		p := newPlace(t)
		p.clk.Advance(6 * time.Hour)
		p.post(profile.CRM, changed("1")) // asked then, by a clock that was wrong
		right := corrected(p)
		right.clk.Advance(2 * time.Minute)
		if got := right.post(profile.CRM, changed("2")); got.Ask.IsZero() || got.Ask.After(start.Add(4*time.Minute)) {
			t.Errorf("got %+v, want an ask now", got)
		}
	})
}

// corrected is the same table, seen by a process whose clock shows the start.
func corrected(p place) place {
	p.clk = clock.NewVirtual(start, true)
	p.repo = state.NewRepo(p.table, p.clk)
	return p
}

// crowded is a table whose answers take long enough that others write meanwhile.
type crowded struct{ store.Table }

func (c crowded) Get(ctx context.Context, k store.Key) (store.Item, error) {
	it, err := c.Table.Get(ctx, k)
	for range 200 {
		runtime.Gosched()
	}
	return it, err
}

func TestAnAskThatFailedIsMadeAgain(t *testing.T) {
	p := newPlace(t)
	n := changed("1")
	n.Event = "e1"
	done := p.post(profile.CRM, n)
	if err := p.repo.Unasked(ctx, "t", "c", done); err != nil {
		t.Fatal(err)
	}
	p.clk.Advance(3 * time.Second) // the vendor sends it again
	again := p.post(profile.CRM, n)
	if again.New != 0 || !again.Ask.Equal(p.clk.Now()) {
		t.Errorf("got %+v, want an ask now", again)
	}
	if got := p.post(profile.CRM, n); got != (state.Posted{}) {
		t.Errorf("got %+v, want nothing: the ask is on its way", got)
	}
	p.take(p.session("r1"))
	if err := p.repo.Unasked(ctx, "t", "c", again); err != nil {
		t.Fatal(err)
	}
	if got := p.post(profile.CRM, n); got != (state.Posted{}) {
		t.Errorf("got %+v, want nothing: a run has looked in", got)
	}
}

func TestTwentyPostsAtATimeAreAllTaken(t *testing.T) {
	p := newPlace(t)
	p.repo = state.NewRepo(crowded{p.table}, p.clk)
	var wg sync.WaitGroup
	var mu sync.Mutex
	busy := 0
	for i := range 20 {
		wg.Go(func() {
			for k := range 20 {
				_, err := p.repo.Post(ctx, "t", "c", profile.CRM, []connector.Notice{changed(fmt.Sprint(i, "-", k))})
				if errors.Is(err, state.ErrInboxBusy) {
					mu.Lock()
					busy++
					mu.Unlock()
				} else if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if in := p.take(p.session("r1")); len(in.Hints)+busy != 400 || busy > 0 {
		t.Errorf("got %d hints of 400, %d notices were turned away", len(in.Hints), busy)
	}
}
