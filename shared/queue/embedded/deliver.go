package embedded

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"runtime"
	"strconv"

	"github.com/aws/aws-lambda-go/events"

	"meibo/shared/queue"
)

// Source is what a delivered message says of where it comes from.
const (
	SourceARN    = "arn:aws:sqs:local:000000000000:meibo-sync.fifo"
	sourceRegion = "local"
	sourceSender = "local"
)

// Deliver hands the next message that is due to h and reports whether there was one. The error is h's own, in which case the
// message is delivered again after the visibility timeout, or the queue's.
func (q *Queue) Deliver(ctx context.Context, h queue.Handler) (delivered bool, err error) {
	delivered, failed, err := q.deliver(ctx, h)
	if err != nil {
		return delivered, err
	}
	return delivered, failed
}

// deliver keeps apart what failed in the handler and what failed in the queue.
func (q *Queue) deliver(ctx context.Context, h queue.Handler) (delivered bool, failed, err error) {
	if err := ctx.Err(); err != nil {
		return false, nil, err
	}
	m, ok, err := q.receive()
	if err != nil || !ok {
		return false, nil, err
	}
	failed = handle(ctx, h, m)
	defer q.bell.ring() // its group is free, or it is due again at a known time
	if failed != nil {
		q.o.Log.WarnContext(ctx, "a handler failed; the message will be delivered again", "message", id(m.seq), "group", m.Group, "receives", m.Receives, "error", failed)
		if ctx.Err() != nil {
			return true, failed, nil // the process is ending: Open makes good for it
		}
		return true, failed, q.update(func(l ledger) error { return l.land(m) })
	}
	return true, nil, q.finish(ctx, m)
}

func (q *Queue) receive() (m message, ok bool, err error) {
	now := q.o.Clock.Now()
	// Most calls of an idle worker find nothing: look before taking the write lock and waiting for the disk.
	at, ok, err := q.next()
	if err != nil || !ok || at.After(now) {
		return m, false, err
	}
	var died []message
	err = q.update(func(l ledger) (err error) {
		m, ok, died, err = l.receive(now, q.o.Visibility, q.o.MaxReceives)
		return err
	})
	if err != nil {
		return m, false, err
	}
	for _, d := range died {
		q.o.Log.Error("a message went to the dead letters", "message", id(d.seq), "group", d.Group, "receives", d.Receives)
	}
	return m, ok, nil
}

// finish deletes a message that was handled, unless its time was up: then somebody else has it or will.
func (q *Queue) finish(ctx context.Context, m message) error {
	now := q.o.Clock.Now()
	late := false
	err := q.update(func(l ledger) error {
		is, found, err := l.find(m.seq)
		if err != nil {
			return err
		}
		if late = !found || is.Receives != m.Receives || !now.Before(is.Due); late {
			return nil
		}
		return l.drop(is, now)
	})
	if late {
		q.o.Log.WarnContext(ctx, "a handler took longer than the visibility timeout; the message is delivered again", "message", id(m.seq), "group", m.Group)
	}
	return err
}

// handle calls h and turns what it reports into an error.
func handle(ctx context.Context, h queue.Handler, m message) (err error) {
	defer func() {
		// A panic is one more failed delivery, as in Lambda. Its value may hold anything: only the runtime's is repeated.
		switch p := recover().(type) {
		case nil:
		case runtime.Error:
			err = fmt.Errorf("the handler panicked: %w", p)
		default:
			err = fmt.Errorf("the handler panicked with a %T", p)
		}
	}()
	answer, err := h(ctx, events.SQSEvent{Records: []events.SQSMessage{record(m)}})
	if err != nil {
		return err
	}
	if len(answer.BatchItemFailures) > 0 {
		return fmt.Errorf("the handler reported message %s as failed", id(m.seq))
	}
	return nil
}

func record(m message) events.SQSMessage {
	sum := md5.Sum(m.Body) // what SQS promises beside the body
	return events.SQSMessage{
		MessageId:     id(m.seq),
		ReceiptHandle: fmt.Sprintf("%s-%d", id(m.seq), m.Receives),
		Body:          string(m.Body),
		Md5OfBody:     hex.EncodeToString(sum[:]),
		Attributes: map[string]string{
			"ApproximateReceiveCount":          strconv.Itoa(m.Receives),
			"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.First.UnixMilli(), 10),
			"SentTimestamp":                    strconv.FormatInt(m.Sent.UnixMilli(), 10),
			"SequenceNumber":                   fmt.Sprintf("%020d", m.seq),
			"MessageGroupId":                   m.Group,
			"MessageDeduplicationId":           m.Dedup,
			"SenderId":                         sourceSender,
		},
		MessageAttributes: map[string]events.SQSMessageAttribute{},
		EventSource:       "aws:sqs",
		EventSourceARN:    SourceARN,
		AWSRegion:         sourceRegion,
	}
}

// id is the message id of a sequence number, in the form of SQS's ids.
func id(seq uint64) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", seq>>48, seq&(1<<48-1)) }
