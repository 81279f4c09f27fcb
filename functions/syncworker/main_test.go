package main

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"meibo/shared/local"
)

func TestEvent(t *testing.T) {
	b, err := os.ReadFile("../../events/syncworker.json")
	if err != nil {
		t.Fatal(err)
	}
	var e events.SQSEvent
	if err := json.Unmarshal(b, &e); err != nil || len(e.Records) != 1 {
		t.Fatalf("got %d records, %v", len(e.Records), err)
	}
	s, err := local.Open(local.Options{Folder: t.TempDir(), NoSync: true, Clients: local.SandboxClients(), PublicURL: "https://meibo.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	t.Run("a message about a connection that is gone is done with", func(t *testing.T) {
		res, err := s.Worker(context.Background(), e)
		if err != nil || res.BatchItemFailures == nil || len(res.BatchItemFailures) != 0 {
			t.Errorf("got %+v, %v", res, err)
		}
	})
	t.Run("a message that cannot be read fails, and what follows it in its group waits", func(t *testing.T) {
		bad := e.Records[0]
		bad.MessageId, bad.Body = "bad", "not a message"
		after := e.Records[0]
		after.MessageId = "after"
		other := e.Records[0]
		other.MessageId, other.Attributes = "other", map[string]string{"MessageGroupId": "other"}
		res, err := s.Worker(context.Background(), events.SQSEvent{Records: []events.SQSMessage{bad, after, other}})
		if err != nil || len(res.BatchItemFailures) != 2 || res.BatchItemFailures[0].ItemIdentifier != "bad" || res.BatchItemFailures[1].ItemIdentifier != "after" {
			t.Errorf("got %+v, %v", res, err)
		}
	})
}
