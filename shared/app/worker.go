package app

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-lambda-go/events"

	"meibo/shared/state"
)

// Worker takes messages of the sync queue; it is a queue.Handler. A message that failed is reported, and so are those of the same
// connection that came after it, so that their order stays. A message that cannot be read fails every time and so ends among the
// dead letters.
func (a *App) Worker(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	res := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	failed := map[string]bool{}
	for _, m := range e.Records {
		group := m.Attributes["MessageGroupId"]
		if !failed[group] && a.work(ctx, m) {
			continue
		}
		failed[group] = true
		res.BatchItemFailures = append(res.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
	}
	return res, nil
}

// work reports whether the message is done with.
func (a *App) work(ctx context.Context, m events.SQSMessage) bool {
	log := a.c.Log.With("message", m.MessageId, "receives", m.Attributes["ApproximateReceiveCount"])
	var ask state.Ask
	if err := json.Unmarshal([]byte(m.Body), &ask); err != nil || ask.Tenant == "" || ask.Connection == "" || ask.Reason == "" {
		log.Error("a message of the sync queue cannot be read", "bytes", len(m.Body)) // what it holds is not logged
		return false
	}
	log = log.With("tenant", ask.Tenant, "connection", ask.Connection, "reason", ask.Reason)
	if err := a.Engine.Handle(ctx, ask); err != nil {
		log.Error("a slice failed and will be tried again", "error", err.Error())
		return false
	}
	a.watch(ctx, ask)
	return true
}
