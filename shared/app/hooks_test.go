package app_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"meibo/shared/app"
	"meibo/shared/clock"
	"meibo/shared/connector/zoho"
	"meibo/shared/local"
	"meibo/shared/profile"
	"meibo/shared/queue"
	"meibo/shared/record"
	"meibo/shared/sandbox"
	zohobox "meibo/shared/sandbox/zoho"
	"meibo/shared/state"
	"meibo/shared/system"
	"meibo/shared/tenancy"
	"meibo/shared/watch"
	"meibo/shared/webhook"
	"meibo/shared/webhook/webhooktest"
)

func TestHooksAskLaterInABurst(t *testing.T) {
	ctx := context.Background()
	b := webhooktest.New(t, system.Zoho, "123456789012345604", "123456789012345604", profile.CRM)
	h := b.Hooks()
	if res := b.Replay(h, "crmhook-zoho.json", nil); res.StatusCode != 202 || b.Asked() != 1 {
		t.Fatalf("got %+v", res)
	}
	b.Inbox() // a run looks in
	next := func(e *events.APIGatewayV2HTTPRequest) {
		e.Body = strings.Replace(e.Body, "1795338058573", "1795338058574", 1)
	}
	if res := b.Replay(h, "crmhook-zoho.json", next); res.StatusCode != 202 {
		t.Fatalf("got %+v", res)
	}
	if got := b.Asked(); got != 1 {
		t.Errorf("got %d asks at once, want 1", got)
	}
	v, ok := b.Clock.(*clock.Virtual)
	if !ok {
		t.Fatal("the clock is real")
	}
	v.Advance(2 * time.Second)
	if _, err := b.Schedules.Tick(ctx); err != nil {
		t.Fatal(err)
	}
	if got := b.Asked(); got != 2 {
		t.Errorf("got %d asks two seconds later, want 2", got)
	}
}

// broken is a queue that takes nothing.
type broken struct{}

func (broken) Send(context.Context, ...queue.Message) error { return errors.New("no answer") }

// A vendor that is told to send a notification again is not told that all is well while no run is on its way.
func TestANotificationThatComesAgainAfterTheQueueFailedAsksForARun(t *testing.T) {
	b := webhooktest.New(t, system.Zoho, "123456789012345604", "123456789012345604", profile.CRM)
	other, err := app.New(app.Config{
		Table: b.Table, Queue: broken{}, Scheduler: b.Schedules, Keys: b.Keys, Clock: b.Clock, Clients: local.SandboxClients(),
		PublicURL: "https://meibo.example", HookURL: "https://meibo.example/hooks", Log: slog.New(slog.DiscardHandler), HTTP: http.DefaultClient,
	})
	if err != nil {
		t.Fatal(err)
	}
	if res := b.Replay(other.Hooks(), "crmhook-zoho.json", nil); res.StatusCode != 503 {
		t.Fatalf("got %d while the queue takes nothing, want 503", res.StatusCode)
	}
	if res := b.Replay(b.Hooks(), "crmhook-zoho.json", nil); res.StatusCode != 202 || b.Asked() != 1 {
		t.Errorf("got %d and %d asks, want 202 and 1", res.StatusCode, b.Asked())
	}
}

func TestHooksServeTheNamedSystemsOnly(t *testing.T) {
	b := webhooktest.New(t, system.Zoho, "123456789012345604", "123456789012345604", profile.CRM)
	for _, c := range []struct {
		h    http.Handler
		want int
	}{{b.Hooks(system.Microsoft, system.Google), 404}, {b.Hooks(system.Zoho), 202}, {b.Hooks(), 202}} {
		if res := b.Replay(c.h, "crmhook-zoho.json", nil); res.StatusCode != c.want {
			t.Errorf("got %d, want %d", res.StatusCode, c.want)
		}
	}
}

// bearer authorises every request with a token that the sandbox has issued.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Zoho-oauthtoken "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// The whole way of a change: a person edits at the vendor, the vendor calls, the notification is proven, and a run is asked for; and
// once the connection has ended, the vendor has nobody to call.
func TestAChangeAtTheVendorAsksForARun(t *testing.T) {
	const user = "aiko.morita@example.jp"
	ctx := context.Background()
	b := webhooktest.New(t, system.Zoho, "123456789012345604", "123456789012345604", profile.CRM)
	box, err := zohobox.New(zohobox.Config{Clock: b.Clock, Client: sandbox.Client{ID: "c", Secret: "s"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(box.Close)
	if err := box.AddUser(zohobox.User{Email: user, Name: "Aiko Morita"}); err != nil {
		t.Fatal(err)
	}
	token, _, err := box.Issue(user, zoho.Scopes()...)
	if err != nil {
		t.Fatal(err)
	}
	vendor := httptest.NewServer(box)
	t.Cleanup(vendor.Close)
	con, err := zoho.New(zoho.Config{Client: &http.Client{Transport: bearer(token)}, APIDomain: vendor.URL, Clock: b.Clock})
	if err != nil {
		t.Fatal(err)
	}

	asked := make(chan state.Ask, 10)
	mux := http.NewServeMux()
	meibo := httptest.NewServer(mux)
	t.Cleanup(meibo.Close)
	conn := tenancy.Connection{ID: "c2", Tenant: "t1", CRM: "a1", Book: "a2", State: tenancy.Active}
	conn.Settings.Rules.Direction = profile.CRMToBook
	watches := watch.New(watch.Config{
		Table: b.Table, Clock: b.Clock, HookURL: meibo.URL + "/hooks",
		Open: func(context.Context, string, string) (watch.Opened, error) {
			return watch.Opened{System: system.Zoho, Connector: con}, nil
		},
		Connection: func(context.Context, string, string) (tenancy.Connection, error) { return conn, nil },
	})
	mux.Handle(webhook.Prefix, webhook.New(webhook.Config{
		Watches: watches, Post: b.State.Post, Readers: system.Hooks(b.Systems), Clock: b.Clock,
		Ask: func(_ context.Context, a state.Ask, _ time.Time) error { asked <- a; return nil },
	}))
	settled := func() {
		t.Helper()
		wait, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if err := box.Pusher().Wait(wait); err != nil {
			t.Fatal(err)
		}
	}

	if err := watches.Ensure(ctx, conn); err != nil {
		t.Fatal(err)
	}
	if _, err := box.Fill(user, []sandbox.Seed{{Record: record.Record{Kind: record.Contact, Fields: record.Fields{record.NameFamily: {{Text: "Oda"}}}}}}); err != nil {
		t.Fatal(err)
	}
	settled()
	if len(asked) != 1 {
		t.Fatalf("got %d asks, want 1", len(asked))
	}
	if a := <-asked; a.Tenant != "t1" || a.Connection != "c2" || a.Reason != state.ReasonHook {
		t.Errorf("got %+v", a)
	}

	conn.State = tenancy.Stopped
	if err := watches.Ensure(ctx, conn); err != nil {
		t.Fatal(err)
	}
	before := box.Pusher().Counts().Sent
	if _, err := box.Fill(user, []sandbox.Seed{{Record: record.Record{Kind: record.Contact, Fields: record.Fields{record.NameFamily: {{Text: "Ota"}}}}}}); err != nil {
		t.Fatal(err)
	}
	settled()
	if got := box.Pusher().Counts().Sent; got != before || len(asked) != 0 {
		t.Errorf("got %d calls and %d asks after the end", got-before, len(asked))
	}
}
