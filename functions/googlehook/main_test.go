package main

import (
	"testing"

	"meibo/shared/profile"
	"meibo/shared/system"
	"meibo/shared/webhook/webhooktest"
)

func TestEvents(t *testing.T) {
	bench := func(t *testing.T) *webhooktest.Bench {
		return webhooktest.New(t, system.Google, "123456789012345602", "123456789012345602", profile.Book)
	}
	t.Run("the first message of a channel is only a greeting", func(t *testing.T) {
		b := bench(t)
		if res := b.Replay(b.Hooks(system.Google), "googlehook-sync.json", nil); res.StatusCode != 202 {
			t.Errorf("got %+v", res)
		}
		if b.Asked() != 0 {
			t.Error("it asks for a run")
		}
	})
	t.Run("a change asks for one run, however often it comes", func(t *testing.T) {
		b := bench(t)
		for range 3 {
			if res := b.Replay(b.Hooks(system.Google), "googlehook.json", nil); res.StatusCode != 202 {
				t.Errorf("got %+v", res)
			}
		}
		if got := b.Asked(); got != 1 || b.Inbox() != "" {
			t.Errorf("got %d asks, want 1 without hints: the message names no record", got)
		}
	})
	t.Run("a wrong token is refused", func(t *testing.T) {
		b := bench(t)
		if res := b.Replay(b.Hooks(system.Google), "googlehook.json", webhooktest.Forge); res.StatusCode != 403 || b.Asked() != 0 {
			t.Errorf("got %+v", res)
		}
	})
}
