// Package queue carries the small messages that ask for a sync. Its meaning is that of an SQS FIFO queue: messages of one
// group are delivered in order and one at a time, a repeated deduplication id within five minutes is dropped, a message that is
// not deleted in time is delivered again, and after MaxReceives deliveries it moves to the dead-letter queue with its group.
//
// Handlers take events.SQSEvent with one record and answer events.SQSEventResponse, in Lambda and locally. FIFO order is a
// convenience, not a lock: see the engine's lease. Package queuetest proves an implementation.
package queue

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Limits and settings shared with template.yaml.
const (
	MaxBatch        = 10      // messages of one Send request; Send splits larger slices
	MaxBody         = 1 << 20 // bytes of one message
	DedupWindow     = 5 * time.Minute
	Visibility      = 5 * time.Minute // longer than a slice of a run
	MaxReceives     = 5
	RetentionPeriod = 4 * 24 * time.Hour
)

// ErrTooLarge: a message's body is over MaxBody.
var ErrTooLarge = errors.New("queue: message too large")

// Message is one message.
type Message struct {
	Group string // connection: one at a time
	Dedup string // unique per message; see the package comment
	Body  []byte
}

// Sender sends messages. After an error, some of them may have been sent; sending them again with the same Dedup is harmless.
type Sender interface {
	Send(ctx context.Context, ms ...Message) error
}

// Handler takes one delivery. A record listed in BatchItemFailures, or a returned error, is delivered again after Visibility;
// everything else is deleted.
type Handler func(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error)
