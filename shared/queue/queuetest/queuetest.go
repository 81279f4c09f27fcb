// Package queuetest proves a queue: one suite for the embedded queue and for SQS, so that they mean the same by a message. It
// knows package queue only. A test file of the implementation calls Run.
package queuetest

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"meibo/shared/queue"
)

// Fixture is an empty queue with an empty dead-letter queue.
type Fixture struct {
	Sender queue.Sender
	// Deliver hands the next message that is due to h, deletes it if h took it, and reports whether there was one.
	Deliver func(ctx context.Context, h queue.Handler) (delivered bool, err error)
	// Advance lets time pass, at most about the visibility timeout if LongWaits is not set.
	Advance func(d time.Duration)
	// Dead returns the dead letters, in order.
	Dead func(t *testing.T) []queue.Message
	// Settings of the queue.
	Visibility  time.Duration
	MaxReceives int
	// LongWaits says that Advance can pass the five minutes of the deduplication window.
	LongWaits bool
	// Where a stand-in for SQS is known to differ: it takes less than SQS's megabyte in a request, or lets a handler whose time
	// was up delete its message.
	SmallRequests, LateDelete bool
}

// Run runs the suite. open is called for each test.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, Fixture)
	}{
		{"a message arrives in the shape of Lambda's event", shape},
		{"messages of a group arrive in order and one at a time", order},
		{"a group that is locked does not hold up another", groups},
		{"a repeated deduplication id is dropped, also after its message is done", dedup},
		{"a failed message comes again after the timeout, before the rest of its group", failure},
		{"a message reported in the answer comes again", reported},
		{"a message that keeps failing goes to the dead letters with its group", deadLetter},
		{"a handler that takes too long has its message delivered again", late},
		{"many and large messages go in one call", many},
		{"what SQS would refuse is refused, and nothing of the call is sent", refused},
		{"bodies arrive as they were sent", bodies},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func msg(group, body string) queue.Message {
	return queue.Message{Group: group, Dedup: "id-" + group + "-" + body, Body: []byte(body)}
}

func send(t *testing.T, f Fixture, ms ...queue.Message) {
	t.Helper()
	if err := f.Sender.Send(t.Context(), ms...); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// take delivers one message to a handler that answers with result and returns its body, or "" if there is none.
func take(t *testing.T, f Fixture, result error) string {
	t.Helper()
	got := ""
	delivered, err := f.Deliver(t.Context(), func(_ context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		got = e.Records[0].Body
		return events.SQSEventResponse{}, result
	})
	if err != nil && !errors.Is(err, result) {
		t.Fatalf("deliver: %v", err)
	}
	if delivered != (got != "") {
		t.Fatalf("got delivered %v with body %q", delivered, got)
	}
	return got
}

// want takes messages until there are none and compares their bodies.
func want(t *testing.T, f Fixture, bodies ...string) {
	t.Helper()
	var got []string
	for range len(bodies) + 1 {
		b := take(t, f, nil)
		if b == "" {
			break
		}
		got = append(got, b)
	}
	if !slices.Equal(got, bodies) {
		t.Errorf("got %q, want %q", got, bodies)
	}
}

var errFailed = errors.New("the handler failed")

func shape(t *testing.T, f Fixture) {
	send(t, f, queue.Message{Group: "group-1", Dedup: "dedup-1", Body: []byte(`{"tenant":"t"}`)})
	delivered, err := f.Deliver(t.Context(), func(_ context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		if len(e.Records) != 1 {
			t.Fatalf("got %d records, want 1", len(e.Records))
		}
		r := e.Records[0]
		for name, got := range map[string]string{
			"message id": r.MessageId, "receipt handle": r.ReceiptHandle, "source": r.EventSource, "source ARN": r.EventSourceARN,
			"SentTimestamp": r.Attributes["SentTimestamp"], "ApproximateFirstReceiveTimestamp": r.Attributes["ApproximateFirstReceiveTimestamp"],
			"SequenceNumber": r.Attributes["SequenceNumber"],
		} {
			if got == "" {
				t.Errorf("got no %s", name)
			}
		}
		for name, pair := range map[string][2]string{
			"body":  {r.Body, `{"tenant":"t"}`},
			"count": {r.Attributes["ApproximateReceiveCount"], "1"},
			"group": {r.Attributes["MessageGroupId"], "group-1"}, "dedup": {r.Attributes["MessageDeduplicationId"], "dedup-1"},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s: got %q, want %q", name, pair[0], pair[1])
			}
		}
		if sum := fmt.Sprintf("%x", md5.Sum([]byte(r.Body))); r.Md5OfBody != sum {
			t.Errorf("got MD5 %q, want %q", r.Md5OfBody, sum)
		}
		return events.SQSEventResponse{}, nil
	})
	if err != nil || !delivered {
		t.Errorf("got delivered %v, %v", delivered, err)
	}
	want(t, f)
}

func order(t *testing.T, f Fixture) {
	send(t, f, msg("g", "1"), msg("g", "2"))
	send(t, f, msg("g", "3"))
	delivered, err := f.Deliver(t.Context(), func(_ context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		if e.Records[0].Body != "1" {
			t.Errorf("got %q first", e.Records[0].Body)
		}
		if b := take(t, f, nil); b != "" {
			t.Errorf("got %q while another of its group was in flight", b)
		}
		return events.SQSEventResponse{}, nil
	})
	if err != nil || !delivered {
		t.Errorf("got delivered %v, %v", delivered, err)
	}
	want(t, f, "2", "3")
}

func groups(t *testing.T, f Fixture) {
	send(t, f, msg("a", "a1"), msg("a", "a2"), msg("b", "b1"))
	_, err := f.Deliver(t.Context(), func(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		other := map[string]string{"a1": "b1", "b1": "a1"}[e.Records[0].Body]
		if got := take(t, f, nil); got != other {
			t.Errorf("while handling %q: got %q, want %q", e.Records[0].Body, got, other)
		}
		return events.SQSEventResponse{}, nil
	})
	if err != nil {
		t.Error(err)
	}
	want(t, f, "a2")
}

func dedup(t *testing.T, f Fixture) {
	m := msg("g", "x")
	other := queue.Message{Group: "h", Dedup: m.Dedup, Body: []byte("y")}
	send(t, f, m, msg("g", "z"))
	send(t, f, m, other)
	want(t, f, "x", "z")
	send(t, f, m)
	want(t, f)
	if !f.LongWaits {
		return
	}
	f.Advance(queue.DedupWindow - time.Second)
	send(t, f, m)
	want(t, f)
	f.Advance(time.Second) // the window began with the first, not with the repeats
	send(t, f, m)
	want(t, f, "x")
	send(t, f, m)
	want(t, f)
}

func failure(t *testing.T, f Fixture) {
	send(t, f, msg("g", "1"), msg("g", "2"), msg("h", "other"))
	if got := take(t, f, errFailed); got != "1" {
		t.Fatalf("got %q", got)
	}
	want(t, f, "other") // "1" is locked, and "2" waits behind it
	f.Advance(f.Visibility)
	delivered, err := f.Deliver(t.Context(), func(_ context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		if r := e.Records[0]; r.Body != "1" || r.Attributes["ApproximateReceiveCount"] != "2" {
			t.Errorf("got %q for the %s. time, want \"1\" for the 2.", r.Body, r.Attributes["ApproximateReceiveCount"])
		}
		return events.SQSEventResponse{}, nil
	})
	if err != nil || !delivered {
		t.Errorf("got delivered %v, %v", delivered, err)
	}
	want(t, f, "2")
}

func reported(t *testing.T, f Fixture) {
	send(t, f, msg("g", "1"))
	_, _ = f.Deliver(t.Context(), func(_ context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		return events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{{ItemIdentifier: e.Records[0].MessageId}}}, nil
	})
	want(t, f)
	f.Advance(f.Visibility)
	want(t, f, "1")
}

func deadLetter(t *testing.T, f Fixture) {
	send(t, f, msg("g", "poison"), msg("g", "next"))
	for n := range f.MaxReceives {
		if got := take(t, f, errFailed); got != "poison" {
			t.Fatalf("delivery %d: got %q", n+1, got)
		}
		f.Advance(f.Visibility)
	}
	want(t, f, "next")
	dead := f.Dead(t)
	if len(dead) != 1 || string(dead[0].Body) != "poison" || dead[0].Group != "g" {
		t.Errorf("got dead letters %q, want \"poison\" of group g", dead)
	}
}

func late(t *testing.T, f Fixture) {
	send(t, f, msg("g", "slow"))
	_, _ = f.Deliver(t.Context(), func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
		f.Advance(f.Visibility)
		return events.SQSEventResponse{}, nil
	})
	if f.LateDelete {
		t.Skip("this server lets a late handler delete its message, which SQS does not")
	}
	want(t, f, "slow")
}

func many(t *testing.T, f Fixture) {
	var ms []queue.Message
	var bodies []string
	for i := range 2*queue.MaxBatch + 3 {
		ms = append(ms, msg("g", fmt.Sprintf("%03d", i)))
		bodies = append(bodies, string(ms[i].Body))
	}
	for i := range 5 { // together more than one request takes
		if f.SmallRequests {
			break
		}
		m := msg("g", fmt.Sprintf("large%d", i))
		m.Body = []byte(strings.Repeat(fmt.Sprint(i), 240<<10))
		ms, bodies = append(ms, m), append(bodies, string(m.Body))
	}
	send(t, f, ms...)
	for i, b := range bodies {
		if got := take(t, f, nil); got != b {
			t.Fatalf("message %d: got %.10q of %d bytes, want %.10q", i, got, len(got), b)
		}
	}
	want(t, f)
	send(t, f) // nothing
	want(t, f)
}

func refused(t *testing.T, f Fixture) {
	good := msg("g", "good")
	for _, c := range []struct {
		name string
		bad  queue.Message
		want error
	}{
		{"a body too large", queue.Message{Group: "g", Dedup: "d", Body: make([]byte, queue.MaxBody+1)}, queue.ErrTooLarge},
		{"no body", queue.Message{Group: "g", Dedup: "d"}, queue.ErrInvalid},
		{"a body that is not UTF-8", queue.Message{Group: "g", Dedup: "d", Body: []byte("\xff")}, queue.ErrInvalid},
		{"a body with a control character", queue.Message{Group: "g", Dedup: "d", Body: []byte("a\x00")}, queue.ErrInvalid},
		{"no group", queue.Message{Dedup: "d", Body: []byte("x")}, queue.ErrInvalid},
		{"a group too long", queue.Message{Group: strings.Repeat("g", 129), Dedup: "d", Body: []byte("x")}, queue.ErrInvalid},
		{"a group with a space", queue.Message{Group: "a b", Dedup: "d", Body: []byte("x")}, queue.ErrInvalid},
		{"a group in Japanese", queue.Message{Group: "名簿", Dedup: "d", Body: []byte("x")}, queue.ErrInvalid},
		{"no deduplication id", queue.Message{Group: "g", Body: []byte("x")}, queue.ErrInvalid},
		{"a deduplication id too long", queue.Message{Group: "g", Dedup: strings.Repeat("d", 129), Body: []byte("x")}, queue.ErrInvalid},
	} {
		if err := f.Sender.Send(t.Context(), good, c.bad); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	want(t, f)
	ids := queue.Message{Group: strings.Repeat("!", 64) + strings.Repeat("~", 64), Dedup: strings.Repeat("z", 128), Body: []byte("x")}
	send(t, f, ids)
	want(t, f, "x")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Sender.Send(ended, good); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: got %v, want context.Canceled", err)
	}
	want(t, f)
}

func bodies(t *testing.T, f Fixture) {
	bodies := []string{`{"a":"<&>\"\\"}`, "line\nand\ttab", "名簿 🧑‍🤝‍🧑", " ", "\u200f", "\U0010ffff", "]]>"}
	for i, b := range bodies {
		send(t, f, queue.Message{Group: "g", Dedup: fmt.Sprint("d", i), Body: []byte(b)})
	}
	want(t, f, bodies...)
}
