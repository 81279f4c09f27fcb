package embedded_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"meibo/shared/clock"
	"meibo/shared/queue"
	"meibo/shared/queue/embedded"
	"meibo/shared/queue/queuetest"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func openAt(t testing.TB, path string, o embedded.Options) *embedded.Queue {
	t.Helper()
	o.NoSync = true
	q, err := embedded.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}

func open(t testing.TB, o embedded.Options) (*embedded.Queue, *clock.Virtual) {
	t.Helper()
	clk := clock.NewVirtual(start, true)
	o.Clock = clk
	return openAt(t, filepath.Join(t.TempDir(), "queue"), o), clk
}

func TestQueue(t *testing.T) {
	queuetest.Run(t, func(t *testing.T) queuetest.Fixture {
		q, clk := open(t, embedded.Options{})
		return queuetest.Fixture{
			Sender: q, Deliver: q.Deliver, Advance: clk.Advance, LongWaits: true,
			Visibility: queue.Visibility, MaxReceives: queue.MaxReceives,
			Dead: func(t *testing.T) (out []queue.Message) {
				dead, err := q.Dead(t.Context(), 100)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range dead {
					out = append(out, queue.Message{Group: d.Group, Dedup: d.Dedup, Body: d.Body})
				}
				return out
			},
		}
	})
}

var errFailed = errors.New("the handler failed")

func msg(group, body string) queue.Message {
	return queue.Message{Group: group, Dedup: group + "-" + body, Body: []byte(body)}
}

func send(t testing.TB, q *embedded.Queue, ms ...queue.Message) {
	t.Helper()
	if err := q.Send(t.Context(), ms...); err != nil {
		t.Fatal(err)
	}
}

// take delivers one message and returns "group body count", or "".
func take(t testing.TB, q *embedded.Queue, result error) (got string) {
	t.Helper()
	_, err := q.Deliver(t.Context(), func(_ context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		r := e.Records[0]
		got = r.Attributes["MessageGroupId"] + " " + r.Body + " " + r.Attributes["ApproximateReceiveCount"]
		return events.SQSEventResponse{}, result
	})
	if !errors.Is(err, result) {
		t.Fatalf("got %v, want %v", err, result)
	}
	return got
}

func wantStats(t testing.TB, q *embedded.Queue, want embedded.Stats) {
	t.Helper()
	if got, err := q.Stats(t.Context()); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestFile(t *testing.T) {
	t.Run("keeps what was sent and which ids are known over a restart", func(t *testing.T) {
		path, clk := filepath.Join(t.TempDir(), "queue"), clock.NewVirtual(start, true)
		q := openAt(t, path, embedded.Options{Clock: clk})
		send(t, q, msg("g", "1"), msg("g", "2"))
		if got := take(t, q, nil); got != "g 1 1" {
			t.Errorf("got %q", got)
		}
		q.Close()
		q = openAt(t, path, embedded.Options{Clock: clk})
		send(t, q, msg("g", "1"))
		if a, b := take(t, q, nil), take(t, q, nil); a != "g 2 1" || b != "" {
			t.Errorf("got %q and %q", a, b)
		}
	})
	t.Run("delivers at once what a killed process was working on, and does not count that", func(t *testing.T) {
		path, clk := filepath.Join(t.TempDir(), "queue"), clock.NewVirtual(start, true)
		q := openAt(t, path, embedded.Options{Clock: clk})
		send(t, q, msg("g", "1"), msg("g", "2"))
		_, _ = q.Deliver(t.Context(), func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
			q.Close() // as if the process ended here
			return events.SQSEventResponse{}, nil
		})
		q = openAt(t, path, embedded.Options{Clock: clk})
		if a, b := take(t, q, nil), take(t, q, nil); a != "g 1 1" || b != "g 2 1" {
			t.Errorf("got %q and %q", a, b)
		}
	})
	t.Run("buries what ends the process again and again", func(t *testing.T) {
		path, clk := filepath.Join(t.TempDir(), "queue"), clock.NewVirtual(start, true)
		q := openAt(t, path, embedded.Options{Clock: clk, MaxReceives: 2})
		send(t, q, msg("g", "1"))
		kills := 0
		for ; kills < 1000; kills++ {
			delivered, _ := q.Deliver(t.Context(), func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
				q.Close() // as if the process ended here
				return events.SQSEventResponse{}, nil
			})
			if !delivered {
				break
			}
			q = openAt(t, path, embedded.Options{Clock: clk, MaxReceives: 2})
		}
		if kills < 20 || kills > 100 {
			t.Errorf("got it delivered %d times, want often, and not for ever", kills)
		}
		wantStats(t, q, embedded.Stats{Dead: 1})
	})
	t.Run("is readable by its owner only", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "queue")
		openAt(t, path, embedded.Options{Clock: clock.Real{}})
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := st.Mode().Perm(); got != 0o600 {
			t.Errorf("got mode %o, want 600", got)
		}
	})
	t.Run("needs a clock", func(t *testing.T) {
		if _, err := embedded.Open(filepath.Join(t.TempDir(), "queue"), embedded.Options{}); err == nil {
			t.Error("got no error")
		}
	})
}

func TestDeliver(t *testing.T) {
	t.Run("takes turns between groups", func(t *testing.T) {
		q, clk := open(t, embedded.Options{})
		send(t, q, msg("a", "1"), msg("a", "2"), msg("a", "3"))
		clk.Advance(time.Second)
		send(t, q, msg("b", "1"))
		clk.Advance(time.Second)
		var got []string
		for range 4 {
			got = append(got, take(t, q, nil))
			clk.Advance(time.Second)
		}
		if s := strings.Join(got, ", "); s != "a 1 1, b 1 1, a 2 1, a 3 1" {
			t.Errorf("got %s", s)
		}
	})
	t.Run("counts a panic as a failure and keeps its value to itself", func(t *testing.T) {
		var out bytes.Buffer
		q, clk := open(t, embedded.Options{Log: slog.New(slog.NewTextHandler(&out, nil))})
		send(t, q, msg("g", "1"))
		delivered, err := q.Deliver(t.Context(), func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
			panic("taro@example.com")
		})
		if !delivered || err == nil || strings.Contains(err.Error()+out.String(), "taro") || !strings.Contains(out.String(), "panicked") {
			t.Errorf("got delivered %v, %v; logged %s", delivered, err, out.String())
		}
		clk.Advance(queue.Visibility)
		if got := take(t, q, nil); got != "g 1 2" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("says when the next one is due", func(t *testing.T) {
		q, clk := open(t, embedded.Options{})
		if _, ok, err := q.Next(t.Context()); ok || err != nil {
			t.Errorf("got one of an empty queue, %v", err)
		}
		send(t, q, msg("g", "1"), msg("g", "2"))
		take(t, q, errFailed)
		at, ok, err := q.Next(t.Context())
		if !ok || err != nil || !at.Equal(clk.Now().Add(queue.Visibility)) {
			t.Errorf("got %v, %v, %v", at, ok, err)
		}
		clk.AdvanceTo(at)
		if got := take(t, q, nil); got != "g 1 2" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("drops what has waited for the whole retention period", func(t *testing.T) {
		q, clk := open(t, embedded.Options{})
		send(t, q, msg("g", "old"))
		clk.Advance(queue.RetentionPeriod - time.Second)
		send(t, q, msg("g", "new"))
		clk.Advance(time.Second)
		if a, b := take(t, q, nil), take(t, q, nil); a != "g new 1" || b != "" {
			t.Errorf("got %q and %q", a, b)
		}
		wantStats(t, q, embedded.Stats{})
	})
}

func TestInspection(t *testing.T) {
	q, clk := open(t, embedded.Options{MaxReceives: 2})
	send(t, q, msg("a", "1"), msg("a", "2"))
	clk.Advance(time.Minute)
	send(t, q, msg("b", "1"))
	wantStats(t, q, embedded.Stats{Waiting: 3, Oldest: time.Minute})
	take(t, q, errFailed)
	wantStats(t, q, embedded.Stats{Waiting: 2, InFlight: 1, Oldest: time.Minute})
	peek, err := q.Peek(t.Context(), 2)
	if err != nil || len(peek) != 2 || !peek[0].InFlight || peek[0].Receives != 1 || string(peek[1].Body) != "2" || peek[1].InFlight {
		t.Errorf("got %+v, %v", peek, err)
	}
	clk.Advance(queue.Visibility)
	take(t, q, nil)       // b 1
	take(t, q, errFailed) // a 1 for the second time
	clk.Advance(queue.Visibility)
	if got := take(t, q, errFailed); got != "a 2 1" {
		t.Errorf("got %q", got)
	}
	clk.Advance(queue.Visibility)
	take(t, q, errFailed)
	clk.Advance(queue.Visibility)
	if got := take(t, q, nil); got != "" {
		t.Errorf("got %q", got)
	}
	wantStats(t, q, embedded.Stats{Dead: 2})
	dead, err := q.Dead(t.Context(), 1)
	if err != nil || len(dead) != 1 || string(dead[0].Body) != "1" || dead[0].Receives != 2 || dead[0].Died.IsZero() || dead[0].InFlight {
		t.Errorf("got %+v, %v", dead, err)
	}
	if n, err := q.Redrive(t.Context(), 1); err != nil || n != 1 {
		t.Errorf("got %d, %v", n, err)
	}
	wantStats(t, q, embedded.Stats{Waiting: 1, Dead: 1})
	if got := take(t, q, nil); got != "a 1 1" {
		t.Errorf("got %q after the redrive", got)
	}
	clk.Advance(embedded.DeadRetention)
	wantStats(t, q, embedded.Stats{})
	if n, err := q.Redrive(t.Context(), 10); err != nil || n != 0 {
		t.Errorf("got %d dead letters back after their time, %v", n, err)
	}
}

// longest ends a test whose queue delivers nothing any more.
const longest = 20 * time.Second

func TestRun(t *testing.T) {
	t.Run("delivers everything, in order within each group, one of it at a time, and ends with its context", func(t *testing.T) {
		q := openAt(t, filepath.Join(t.TempDir(), "queue"), embedded.Options{Clock: clock.Real{}})
		const groups, each = 12, 8
		ctx, cancel := context.WithTimeout(t.Context(), longest)
		defer cancel()
		var (
			mu    sync.Mutex
			got   = map[string][]string{}
			busy  = map[string]bool{}
			total int
		)
		h := func(_ context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
			r := e.Records[0]
			g := r.Attributes["MessageGroupId"]
			mu.Lock()
			if busy[g] {
				t.Errorf("two of group %s at once", g)
			}
			busy[g] = true
			mu.Unlock()
			mu.Lock()
			defer mu.Unlock()
			busy[g] = false
			got[g] = append(got[g], r.Body)
			if total++; total == groups*each {
				cancel()
			}
			return events.SQSEventResponse{}, nil
		}
		done := make(chan error)
		go func() { done <- q.Run(ctx, h, 4) }()
		for i := range each { // while it runs
			for g := range groups {
				send(t, q, msg(fmt.Sprint("g", g), fmt.Sprintf("%02d", i)))
			}
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if len(got) != groups {
			t.Errorf("got messages of %d groups, want %d", len(got), groups)
		}
		for g, bodies := range got {
			if want := "00 01 02 03 04 05 06 07"; strings.Join(bodies, " ") != want {
				t.Errorf("group %s: got %q, want %q", g, bodies, want)
			}
		}
		wantStats(t, q, embedded.Stats{})
	})
	t.Run("delivers again at the very end of the timeout, and waits without looking in between", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { // clock.Real runs on the bubble's time
			began := time.Now()
			q := openAt(t, filepath.Join(t.TempDir(), "queue"), embedded.Options{Clock: clock.Real{}})
			ctx, cancel := context.WithCancel(t.Context())
			var got []string
			h := func(_ context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
				body := e.Records[0].Body
				got = append(got, fmt.Sprint(body, " after ", time.Since(began)))
				if len(got) == 1 {
					return events.SQSEventResponse{}, errFailed
				}
				if len(got) == 3 {
					cancel()
				}
				return events.SQSEventResponse{}, nil
			}
			send(t, q, msg("g", "1"))
			done := make(chan error)
			go func() { done <- q.Run(ctx, h, 2) }()
			time.Sleep(time.Minute)
			send(t, q, msg("h", "2"))
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if s := strings.Join(got, ", "); s != "1 after 0s, 2 after 1m0s, 1 after 5m0s" {
				t.Errorf("got %s", s)
			}
		})
	})
	t.Run("ends with an error when the file is gone", func(t *testing.T) {
		q, _ := open(t, embedded.Options{})
		q.Close()
		if err := q.Run(t.Context(), nil, 2); err == nil {
			t.Error("got no error")
		}
	})
}

func BenchmarkQueue(b *testing.B) {
	for _, sync := range []bool{false, true} {
		b.Run(map[bool]string{false: "send and deliver without waiting for the disk", true: "send and deliver waiting for the disk"}[sync], func(b *testing.B) {
			q, err := embedded.Open(filepath.Join(b.TempDir(), "queue"), embedded.Options{Clock: clock.Real{}, NoSync: !sync})
			if err != nil {
				b.Fatal(err)
			}
			defer q.Close()
			h := func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
				return events.SQSEventResponse{}, nil
			}
			for i := 0; b.Loop(); i++ {
				send(b, q, msg(fmt.Sprint("g", i%100), fmt.Sprint(i)))
				if ok, err := q.Deliver(b.Context(), h); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
