package state_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meibo/shared/connector"
	"meibo/shared/profile"
	"meibo/shared/state"
	"meibo/shared/store"
)

func changed(ids ...string) connector.Notice {
	return connector.Notice{Kind: connector.NoticeChanged, IDs: ids}
}

func (p place) post(side profile.Side, notices ...connector.Notice) state.Posted {
	p.t.Helper()
	done, err := p.repo.Post(ctx, "t", "c", side, notices)
	if err != nil {
		p.t.Fatal(err)
	}
	return done
}

func (p place) take(s *state.Session) state.Inbox {
	p.t.Helper()
	in, err := s.TakeInbox(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	return in
}

func (p place) empty(s *state.Session, in state.Inbox) {
	p.t.Helper()
	if err := s.EmptyInbox(ctx, in); err != nil {
		p.t.Fatal(err)
	}
}

// hints writes hints as "side id kind", in order.
func hints(in state.Inbox) []string {
	out := []string{}
	for _, h := range in.Hints {
		out = append(out, fmt.Sprintf("%s %s %s", h.Side, h.ID, h.Kind))
	}
	return out
}

func wantHints(t *testing.T, in state.Inbox, want ...string) {
	t.Helper()
	if got := hints(in); !slices.Equal(got, want) {
		t.Errorf("got hints %q, want %q", got, want)
	}
}

func TestInboxAsks(t *testing.T) {
	t.Run("the first notice asks at once, and the next does not while a run is on its way", func(t *testing.T) {
		p := newPlace(t)
		if got := p.post(profile.CRM, changed("1")); got != (state.Posted{New: 1, Ask: start}) {
			t.Errorf("got %+v", got)
		}
		if got := p.post(profile.CRM, changed("2")); got != (state.Posted{New: 1}) {
			t.Errorf("got %+v", got)
		}
		in := p.take(p.session("r1"))
		wantHints(t, in, "crm 1 changed", "crm 2 changed")
	})
	t.Run("what comes after a run has looked in asks for another", func(t *testing.T) {
		p := newPlace(t)
		p.post(profile.CRM, changed("1"))
		s := p.session("r1")
		p.take(s)
		p.clk.Advance(100 * time.Millisecond)
		got := p.post(profile.CRM, changed("1"))
		if got.Ask.IsZero() || got.Ask.Sub(start) > 2*time.Second {
			t.Errorf("got an ask at %s, want one within two seconds", got.Ask)
		}
	})
	t.Run("a quiet inbox costs a run no write", func(t *testing.T) {
		p := newPlace(t)
		counted := store.NewCounted(p.table)
		p.table, p.repo = counted, state.NewRepo(counted, p.clk)
		s := p.session("r1")
		before := counted.Snapshot()
		p.empty(s, p.take(s))
		if got := counted.Snapshot().Sub(before); got.Writes != 0 || got.Reads != 1 {
			t.Errorf("got %+v, want one read", got)
		}
	})
	t.Run("an ask that was lost between the post and the queue is made again by the next notice, a replayed one too", func(t *testing.T) {
		p := newPlace(t)
		n := changed("1")
		n.Event = "e1"
		p.post(profile.CRM, n) // and the process dies before it asks
		p.clk.Advance(30 * time.Second)
		if got := p.post(profile.CRM, n); got != (state.Posted{}) {
			t.Errorf("got %+v, want nothing: the ask may still arrive", got)
		}
		p.clk.Advance(31 * time.Second)
		if got := p.post(profile.CRM, n); got.New != 0 || !got.Ask.Equal(p.clk.Now()) {
			t.Errorf("got %+v, want an ask now for nothing new", got)
		}
	})
}

func TestInboxRemembers(t *testing.T) {
	t.Run("an event that comes again is no news", func(t *testing.T) {
		p := newPlace(t)
		n := changed("1")
		n.Event = "e1"
		long := connector.Notice{Kind: connector.NoticeChanged, IDs: []string{"2"}, Event: strings.Repeat("e", 300)}
		p.post(profile.Book, n, long)
		s := p.session("r1")
		p.empty(s, p.take(s))
		p.clk.Advance(time.Hour)
		if got := p.post(profile.Book, n, n, long); got != (state.Posted{}) {
			t.Errorf("got %+v, want nothing", got)
		}
	})
	t.Run("a record is named once, and its deletion outlives a change that comes late", func(t *testing.T) {
		p := newPlace(t)
		p.post(profile.CRM, changed("1"), connector.Notice{Kind: connector.NoticeDeleted, IDs: []string{"1"}}, changed("1"))
		p.post(profile.Book, changed("1"))
		wantHints(t, p.take(p.session("r1")), "crm 1 deleted", "book 1 changed")
	})
	t.Run("hints stay until the run that took them is done", func(t *testing.T) {
		p := newPlace(t)
		p.post(profile.CRM, changed("1"))
		s := p.session("r1")
		first := p.take(s)
		p.post(profile.CRM, changed("2"))
		wantHints(t, p.take(s), "crm 1 changed", "crm 2 changed") // the run was killed, and its next slice looks in
		p.empty(s, first)
		wantHints(t, p.take(s), "crm 2 changed")
	})
	t.Run("a record that changes again during the run that took it stays", func(t *testing.T) {
		p := newPlace(t)
		p.post(profile.CRM, changed("1"))
		s := p.session("r1")
		in := p.take(s)
		p.post(profile.CRM, changed("1"))
		p.empty(s, in)
		wantHints(t, p.take(s), "crm 1 changed")
	})
	t.Run("more than fits, or an id that no vendor has, is remembered as lost", func(t *testing.T) {
		for name, ids := range map[string][]string{"many": numbered(1001), "long": {strings.Repeat("x", 257)}} {
			p := newPlace(t)
			p.post(profile.CRM, changed(ids...))
			s := p.session("r1")
			in := p.take(s)
			if !in.Lost || len(in.Hints) > 1000 {
				t.Errorf("%s: got %d hints, lost %t", name, len(in.Hints), in.Lost)
			}
			p.empty(s, in)
			if in = p.take(s); in.Lost || len(in.Hints) != 0 {
				t.Errorf("%s: got %d hints, lost %t after a run that is done", name, len(in.Hints), in.Lost)
			}
		}
	})
	t.Run("the fullest inbox fits into an item", func(t *testing.T) {
		p := newPlace(t)
		for i := range 6 {
			var ns []connector.Notice
			for k := range 200 {
				n := changed(fmt.Sprintf("%0256d", 200*i+k))
				n.Event = fmt.Sprintf("%064d", 200*i+k)
				ns = append(ns, n)
			}
			p.post(profile.Book, ns...)
		}
	})
	t.Run("a loss that is told during a run is not forgotten with what the run took", func(t *testing.T) {
		for _, k := range []connector.NoticeKind{connector.NoticeMissed, connector.NoticeRemoved} {
			p := newPlace(t)
			p.post(profile.CRM, connector.Notice{Kind: k})
			s := p.session("r1")
			in := p.take(s)
			if !in.Lost {
				t.Fatalf("%s: the loss is not told", k)
			}
			p.post(profile.CRM, connector.Notice{Kind: k})
			p.empty(s, in)
			if in = p.take(s); !in.Lost {
				t.Errorf("%s: the second loss is forgotten", k)
			}
			p.empty(s, in)
			if in = p.take(s); in.Lost {
				t.Errorf("%s: the loss is told for ever", k)
			}
		}
	})
}

func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(i)
	}
	return out
}

// asked is a message that asks for a run.
type asked struct{ at, asked time.Time }

// office plays the engine: it takes messages in order of time, skips those that a run has answered, and runs.
type office struct {
	place
	queue []asked
	began time.Time
	runs  int
	owed  map[string]bool // ids whose newest notice no run has seen
}

func (o *office) notice(id, event string) {
	n := changed(id)
	n.Event = event
	done := o.post(profile.CRM, n)
	if done.New > 0 {
		o.owed[id] = true
	}
	if !done.Ask.IsZero() {
		o.queue = append(o.queue, asked{at: done.Ask, asked: o.clk.Now()})
	}
}

// run is one run from its take to its end. A run that dies leaves its hints, and the message that it answered comes again.
func (o *office) run(dies bool) {
	o.clk.Advance(time.Millisecond)
	o.began = o.clk.Now()
	o.runs++
	s := o.session(fmt.Sprint("r", o.runs))
	in := o.take(s)
	if !dies {
		for _, h := range in.Hints {
			delete(o.owed, h.ID)
		}
		o.empty(s, in)
	}
	s.Control.Run = ""
	if err := s.Release(ctx); err != nil {
		o.t.Fatal(err)
	}
}

// work takes the messages that are due.
func (o *office) work(dies bool) {
	for len(o.queue) > 0 {
		slices.SortStableFunc(o.queue, func(a, b asked) int { return a.at.Compare(b.at) })
		m := o.queue[0]
		if m.at.After(o.clk.Now()) {
			return
		}
		o.queue = o.queue[1:]
		if o.began.After(m.asked) {
			continue
		}
		o.run(dies)
		if dies {
			o.queue = append(o.queue, asked{at: o.clk.Now().Add(30 * time.Second), asked: o.began})
			return
		}
	}
}

func TestABurstCausesFewRunsAndTheLastChangeIsSeen(t *testing.T) {
	o := &office{place: newPlace(t), owed: map[string]bool{}}
	for i := range 1000 {
		o.notice(fmt.Sprint(i%50), "")
		o.clk.Advance(time.Minute / 1000)
		o.work(false)
	}
	if o.runs > 8 {
		t.Errorf("got %d runs in the minute, want at most 8", o.runs)
	}
	for o.clk.Advance(time.Second); len(o.queue) > 0; o.clk.Advance(time.Second) {
		o.work(false)
	}
	if len(o.owed) != 0 {
		t.Errorf("%d records were never looked at", len(o.owed))
	}
	if o.runs > 9 {
		t.Errorf("got %d runs in all, want at most 9", o.runs)
	}
	t.Run("and what comes at a person's pace afterwards is answered at once", func(t *testing.T) {
		for range 5 {
			o.clk.Advance(2 * time.Minute)
			before := o.runs
			o.notice("x", "")
			o.clk.Advance(time.Second)
			o.work(false)
			if o.runs != before+1 {
				t.Errorf("got %d runs within a second, want 1", o.runs-before)
			}
		}
	})
}

func TestNoNoticeIsLeftWithoutALaterRun(t *testing.T) {
	var shared place
	n := 0
	p := newPlace(t)
	shared = p
	rapid.Check(t, func(r *rapid.T) {
		n++
		o := &office{place: shared, owed: map[string]bool{}}
		prefix := fmt.Sprint("try", n, "-")
		for i := range rapid.IntRange(1, 60).Draw(r, "steps") {
			switch rapid.IntRange(0, 9).Draw(r, "act") {
			case 0: // a scheduled run, without a message
				o.run(false)
			case 1:
				o.work(true)
			case 2, 3:
				o.work(false)
			case 4:
				o.clk.Advance(time.Duration(rapid.IntRange(1, 120_000).Draw(r, "pause")) * time.Millisecond)
			case 5: // comes twice
				e := fmt.Sprint(prefix, "e", i)
				o.notice(prefix+"a", e)
				o.notice(prefix+"a", e)
			default:
				o.notice(prefix+rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "id"), "")
			}
			o.clk.Advance(time.Millisecond)
		}
		for range 200 {
			o.clk.Advance(time.Second)
			o.work(false)
		}
		if len(o.queue) != 0 || len(o.owed) != 0 {
			r.Fatalf("%d messages wait and %d records were never looked at", len(o.queue), len(o.owed))
		}
	})
}

func TestPostsAtTheSameTimeAllCount(t *testing.T) {
	p := newPlace(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	asks, busy := 0, 0
	for i := range 40 {
		wg.Go(func() {
			for {
				done, err := p.repo.Post(ctx, "t", "c", profile.CRM, []connector.Notice{changed(fmt.Sprint(i))})
				mu.Lock()
				if errors.Is(err, state.ErrInboxBusy) {
					busy++
					mu.Unlock()
					continue // the vendor sends it again
				}
				if err != nil {
					t.Error(err)
				}
				if !done.Ask.IsZero() {
					asks++
				}
				mu.Unlock()
				return
			}
		})
	}
	wg.Wait()
	if in := p.take(p.session("r1")); len(in.Hints) != 40 || asks != 1 {
		t.Errorf("got %d hints and %d asks, want 40 and 1 (%d were busy)", len(in.Hints), asks, busy)
	}
}
