package embedded_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"meibo/shared/clock"
	"meibo/shared/queue"
	"meibo/shared/queue/embedded"
)

// waiting is what the model knows of a message.
type waiting struct {
	body     string
	receives int
	due      time.Time
}

// TestModel holds the queue against plain lists: whatever is sent, handled, failed or left to time out, each delivery is the
// first of its group, and there is none only when no group has one due.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		path, clk := t.TempDir()+"/queue", clock.NewVirtual(start, true)
		reopen := func() *embedded.Queue {
			q, err := embedded.Open(path, embedded.Options{Clock: clk, NoSync: true, MaxReceives: 2})
			if err != nil {
				rt.Fatal(err)
			}
			return q
		}
		q := reopen()
		defer func() { q.Close() }()
		groups, known, dead := map[string][]*waiting{}, map[string]time.Time{}, []string{}
		// settle moves to the dead letters what the queue moves when it looks for work.
		settle := func() {
			for g, list := range groups {
				for len(list) > 0 && list[0].receives >= 2 && !list[0].due.After(clk.Now()) {
					dead, list = append(dead, list[0].body), list[1:]
				}
				groups[g] = list
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"send": func(rt *rapid.T) {
				g, n := rapid.SampledFrom([]string{"a", "aa", "b"}).Draw(rt, "group"), rapid.IntRange(0, 30).Draw(rt, "id")
				id := fmt.Sprint("id", n)
				body := fmt.Sprint(g, "/", n, "/", clk.Now().UnixNano())
				if err := q.Send(rt.Context(), queue.Message{Group: g, Dedup: id, Body: []byte(body)}); err != nil {
					rt.Fatal(err)
				}
				if !clk.Now().Before(known[id]) {
					known[id] = clk.Now().Add(queue.DedupWindow)
					groups[g] = append(groups[g], &waiting{body: body})
				}
			},
			"deliver": func(rt *rapid.T) {
				settle()
				fails := rapid.Bool().Draw(rt, "fails")
				var got events.SQSMessage
				ok, err := q.Deliver(rt.Context(), func(_ context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
					got = e.Records[0]
					if fails {
						return events.SQSEventResponse{}, errFailed
					}
					return events.SQSEventResponse{}, nil
				})
				if (err != nil) != (ok && fails) {
					rt.Fatalf("got delivered %v, %v", ok, err)
				}
				if !ok {
					for g, list := range groups {
						if len(list) > 0 && !list[0].due.After(clk.Now()) {
							rt.Fatalf("got nothing, but %q of group %s is due", list[0].body, g)
						}
					}
					return
				}
				g := got.Attributes["MessageGroupId"]
				if len(groups[g]) == 0 || groups[g][0].body != got.Body || groups[g][0].due.After(clk.Now()) {
					rt.Fatalf("got %q of group %s, which is not the first there or not due", got.Body, g)
				}
				first := groups[g][0]
				first.receives++
				if got.Attributes["ApproximateReceiveCount"] != fmt.Sprint(first.receives) {
					rt.Fatalf("got receive %s, want %d", got.Attributes["ApproximateReceiveCount"], first.receives)
				}
				if fails {
					first.due = clk.Now().Add(queue.Visibility)
				} else {
					groups[g] = groups[g][1:]
				}
			},
			"time": func(rt *rapid.T) {
				clk.Advance(time.Duration(rapid.IntRange(1, 200).Draw(rt, "seconds")) * time.Second)
			},
			"restart": func(rt *rapid.T) {
				q.Close()
				q = reopen()
				for _, list := range groups {
					if len(list) > 0 && list[0].due.After(clk.Now()) {
						list[0].due = clk.Now()
					}
				}
			},
			"": func(rt *rapid.T) {
				n := 0
				for _, list := range groups {
					n += len(list)
				}
				s, err := q.Stats(rt.Context())
				// The queue may not have looked yet at what the model has moved.
				if err != nil || s.Waiting+s.InFlight+s.Dead != n+len(dead) || s.Dead > len(dead) {
					rt.Fatalf("got %+v, %v, want %d alive and %d dead", s, err, n, len(dead))
				}
			},
		})
	})
}
