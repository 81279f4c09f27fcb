// Package sqs sends to the sync queue on Amazon SQS, a FIFO queue without content-based deduplication, through aws-sdk-go-v2.
// Lambda's event source mapping receives. It imports queue, backoff and clock.
package sqs

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"meibo/shared/backoff"
	"meibo/shared/clock"
	"meibo/shared/queue"
)

// attempts is how often each request is sent at most.
const attempts = 6

// maxRequest is how many bytes the bodies of one request may have together.
const maxRequest = queue.MaxBody

// Sender is a queue.Sender.
type Sender struct {
	api   *sqs.Client
	url   string
	pause backoff.Policy
}

// New returns the sender to the queue at url. The clock is for the pauses before a request is sent again; the SDK's own retries
// are switched off, since they do not see the entries that failed inside a successful request.
func New(client *sqs.Client, url string, clk clock.Clock) *Sender {
	return &Sender{api: client, url: url, pause: backoff.Policy{Clock: clk}}
}

// Send implements queue.Sender. Messages of one group that SQS refuses for a moment may be overtaken by those sent with them.
func (s *Sender) Send(ctx context.Context, ms ...queue.Message) error {
	if err := queue.CheckAll(ms); err != nil {
		return err
	}
	for len(ms) > 0 {
		n, size := 0, 0
		for n < len(ms) && n < queue.MaxBatch && (n == 0 || size+len(ms[n].Body) <= maxRequest) {
			size += len(ms[n].Body)
			n++
		}
		if err := s.send(ctx, ms[:n]); err != nil {
			return err
		}
		ms = ms[n:]
	}
	return ctx.Err()
}

// send sends one request's messages, and again those that failed for a moment. A message that did arrive is not doubled: its
// deduplication id is known.
func (s *Sender) send(ctx context.Context, ms []queue.Message) error {
	var last error
	for n := range attempts {
		if err := s.pause.Wait(ctx, n); err != nil {
			return err
		}
		out, err := s.api.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &s.url, Entries: entries(ms)}, once)
		if ended := ctx.Err(); ended != nil && err != nil {
			return ended
		}
		if err != nil {
			if !again(err) {
				return fmt.Errorf("queue: SQS refused the request: %w", err)
			}
			last = err
			continue
		}
		if ms, err = left(ms, out.Failed); err != nil || len(ms) == 0 {
			return err
		}
		last = fmt.Errorf("%d messages failed, the first with %s", len(ms), aws.ToString(out.Failed[0].Code))
	}
	return fmt.Errorf("queue: SQS did not take the messages in %d attempts: %w", attempts, last)
}

func once(o *sqs.Options) { o.Retryer = aws.NopRetryer{} }

func again(err error) bool {
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary ||
		retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err) == aws.TrueTernary
}

func entries(ms []queue.Message) []types.SendMessageBatchRequestEntry {
	out := make([]types.SendMessageBatchRequestEntry, len(ms))
	for i, m := range ms {
		out[i] = types.SendMessageBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(string(m.Body)),
			MessageGroupId: aws.String(m.Group), MessageDeduplicationId: aws.String(m.Dedup),
		}
	}
	return out
}

// left returns the messages to send again, in order. One that SQS says is our own fault ends it all: it would fail for ever.
func left(ms []queue.Message, failed []types.BatchResultErrorEntry) ([]queue.Message, error) {
	again := make(map[int]bool, len(failed))
	for _, f := range failed {
		i, err := strconv.Atoi(aws.ToString(f.Id))
		if err != nil || i < 0 || i >= len(ms) {
			return nil, errors.New("queue: SQS answered for a message that was not sent")
		}
		if f.SenderFault {
			return nil, fmt.Errorf("queue: SQS refused message %d of the request: %s", i, aws.ToString(f.Code))
		}
		again[i] = true
	}
	var out []queue.Message
	for i, m := range ms {
		if again[i] {
			out = append(out, m)
		}
	}
	return out, nil
}
