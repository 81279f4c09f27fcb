package main

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"meibo/shared/local"
	"meibo/shared/schedule"
)

func TestEvent(t *testing.T) {
	b, err := os.ReadFile("../../events/tenantsync.json")
	if err != nil {
		t.Fatal(err)
	}
	var e schedule.TenantEvent
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	s, err := local.Open(local.Options{Folder: t.TempDir(), NoSync: true, Clients: local.SandboxClients(), PublicURL: "https://meibo.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	t.Run("a tenant without connections asks for nothing", func(t *testing.T) {
		if err := s.TenantSync(context.Background(), e); err != nil {
			t.Fatal(err)
		}
		if st, err := s.Queue.Stats(context.Background()); err != nil || st.Waiting != 0 {
			t.Errorf("got %+v, %v, want an empty queue", st, err)
		}
	})
	t.Run("an event without a tenant is an error", func(t *testing.T) {
		if err := s.TenantSync(context.Background(), schedule.TenantEvent{}); err == nil {
			t.Error("got no error")
		}
	})
}
