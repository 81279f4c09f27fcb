package main

import (
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"meibo/shared/profile"
	"meibo/shared/system"
	"meibo/shared/webhook/webhooktest"
)

func bench(t *testing.T) *webhooktest.Bench {
	return webhooktest.New(t, system.Microsoft, "123456789012345601", "7f105c7d-0000-4000-8000-00000000aaaa", profile.Book)
}

func TestEvents(t *testing.T) {
	t.Run("the handshake is echoed as plain text", func(t *testing.T) {
		b := bench(t)
		res := b.Replay(b.Hooks(system.Microsoft), "graphhook-validation.json", nil)
		want := "Validation: Testing client application reachability for subscription Request-Id: 6a1b2c3d-0000-4000-8000-00000000dddd"
		if res.StatusCode != 200 || res.Body != want || res.Headers["Content-Type"] != "text/plain; charset=utf-8" || res.Headers["X-Content-Type-Options"] != "nosniff" {
			t.Errorf("got %+v", res)
		}
		if b.Asked() != 0 {
			t.Error("the handshake asks for a run")
		}
	})
	t.Run("notifications of one delivery ask for one run and leave hints", func(t *testing.T) {
		b := bench(t)
		for range 2 { // Graph repeats itself
			if res := b.Replay(b.Hooks(system.Microsoft), "graphhook.json", nil); res.StatusCode != 202 {
				t.Fatalf("got %+v", res)
			}
		}
		if got := b.Asked(); got != 1 {
			t.Errorf("got %d asks, want 1", got)
		}
		if got, want := b.Inbox(), "book AAkALgAAinventedContact1 changed\nbook AAkALgAAinventedContact2 deleted"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("a subscription that was removed is made anew, and a run repairs", func(t *testing.T) {
		b := bench(t)
		if res := b.Replay(b.Hooks(system.Microsoft), "graphhook-lifecycle.json", nil); res.StatusCode != 202 {
			t.Fatalf("got %+v", res)
		}
		if asked, due, inbox := b.Asked(), b.Due(), b.Inbox(); asked != 1 || !due || inbox != "lost" {
			t.Errorf("got %d asks, due %t, inbox %q", asked, due, inbox)
		}
	})
	t.Run("what is forged, or for another function, changes nothing", func(t *testing.T) {
		b := bench(t)
		for _, file := range []string{"graphhook.json", "graphhook-lifecycle.json"} {
			if res := b.Replay(b.Hooks(system.Microsoft), file, webhooktest.Forge); res.StatusCode != 202 || res.Body != "" {
				t.Errorf("%s: got %+v, want 202 and nothing", file, res)
			}
		}
		if res := b.Replay(b.Hooks(system.Google), "graphhook.json", nil); res.StatusCode != 404 {
			t.Errorf("got %+v, want 404", res)
		}
		other := func(e *events.APIGatewayV2HTTPRequest) { e.RawPath = "/hooks/microsoft/123456789012345699" }
		if res := b.Replay(b.Hooks(system.Microsoft), "graphhook.json", other); res.StatusCode != 404 {
			t.Errorf("got %+v, want 404", res)
		}
		if b.Asked() != 0 || b.Due() || b.Inbox() != "" {
			t.Error("something changed")
		}
	})
}
