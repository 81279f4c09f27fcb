package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"meibo/shared/app"
	"meibo/shared/clock"
	"meibo/shared/local"
	"meibo/shared/notify"
)

// post is a mail system that is out of order as often as it is told.
type post struct{ fails, sent int }

func (p *post) Send(context.Context, notify.Mail) error {
	if p.fails > 0 {
		p.fails--
		return errors.New("out of order")
	}
	p.sent++
	return nil
}

func TestEvent(t *testing.T) {
	event, err := os.ReadFile("../../events/upkeep.json")
	if err != nil {
		t.Fatal(err)
	}
	clk := clock.NewVirtual(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), true)
	mailer := &post{fails: 1}
	s, err := local.Open(local.Options{Folder: t.TempDir(), NoSync: true, Clock: clk, Clients: local.SandboxClients(), PublicURL: "https://meibo.example", Mailer: mailer})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	call := func(t *testing.T) app.Upkept {
		t.Helper()
		out, err := lambda.NewHandler(handler(s.App)).Invoke(context.Background(), event)
		if err != nil {
			t.Fatal(err)
		}
		var done app.Upkept
		if err := json.Unmarshal(out, &done); err != nil {
			t.Fatal(err)
		}
		return done
	}
	t.Run("with nothing due it does nothing", func(t *testing.T) {
		if got := call(t); got != (app.Upkept{}) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a mail that could not be sent goes out", func(t *testing.T) {
		if err := s.Mails.Post(context.Background(), "m", notify.Mail{To: "hanako@example.jp", Subject: "s", Text: "t"}); err != nil {
			t.Fatal(err)
		}
		clk.Advance(10 * time.Minute)
		if got := call(t); got.Mails != 1 || mailer.sent != 1 {
			t.Errorf("got %+v and %d mails sent, want 1", got, mailer.sent)
		}
	})
}
