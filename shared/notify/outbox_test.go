package notify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"meibo/shared/clock"
	"meibo/shared/notify"
	"meibo/shared/store/embedded"
)

// post is a mail system that answers as it is told.
type post struct {
	err  error
	sent []notify.Mail
}

func (p *post) Send(_ context.Context, m notify.Mail) error {
	if p.err == nil {
		p.sent = append(p.sent, m)
	}
	return p.err
}

type rig struct {
	*notify.Outbox
	clk  *clock.Virtual
	post *post
	log  *bytes.Buffer
}

func open(t *testing.T) *rig {
	t.Helper()
	clk := clock.NewVirtual(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), true)
	table, err := embedded.Open(filepath.Join(t.TempDir(), "t.db"), embedded.Options{Clock: clk, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { table.Close() })
	p, log := &post{}, &bytes.Buffer{}
	return &rig{&notify.Outbox{Table: table, Clock: clk, Mailer: p, Log: slog.New(slog.NewTextHandler(log, nil))}, clk, p, log}
}

var mail = notify.Mail{To: "hanako@example.jp", Subject: "再接続", Text: "もう一度接続してください。"}

func (r *rig) flush(t *testing.T, want int) {
	t.Helper()
	if got, err := r.Flush(context.Background(), 100); err != nil || got != want {
		t.Errorf("flush: got %d, %v, want %d", got, err, want)
	}
}

func TestOutbox(t *testing.T) {
	ctx := context.Background()
	t.Run("a mail is sent at once, and once", func(t *testing.T) {
		r := open(t)
		for range 3 {
			if err := r.Post(ctx, "a", mail); err != nil {
				t.Fatal(err)
			}
			r.clk.Advance(time.Hour)
			r.flush(t, 0)
		}
		if len(r.post.sent) != 1 || r.post.sent[0] != mail {
			t.Errorf("got %v, want the mail once", r.post.sent)
		}
	})
	t.Run("a mail that the system does not take is sent later", func(t *testing.T) {
		r := open(t)
		r.post.err = errors.New("busy")
		if err := r.Post(ctx, "a", mail); err != nil {
			t.Fatal(err)
		}
		r.flush(t, 0) // too early
		r.clk.Advance(3 * time.Minute)
		r.flush(t, 0)
		r.post.err = nil
		r.flush(t, 0) // it waits longer now
		r.clk.Advance(time.Hour)
		r.flush(t, 1)
		r.clk.Advance(time.Hour)
		r.flush(t, 0)
		if len(r.post.sent) != 1 {
			t.Errorf("got %d mails, want 1", len(r.post.sent))
		}
	})
	for name, c := range map[string]struct {
		err   error
		after time.Duration
	}{
		"a mail that is refused is given up":           {fmt.Errorf("%w: no such mailbox", notify.ErrRefused), 2 * time.Minute},
		"a mail that nobody took for days is given up": {errors.New("down"), 4 * 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t)
			r.post.err = errors.New("down")
			if err := r.Post(ctx, "a", mail); err != nil {
				t.Fatal(err)
			}
			r.post.err = c.err
			r.clk.Advance(c.after)
			r.flush(t, 0)
			r.post.err = nil
			r.clk.Advance(24 * time.Hour)
			r.flush(t, 0)
			list, err := r.List(ctx, 10)
			if err != nil || len(list) != 1 || !list[0].Failed {
				t.Errorf("got %+v, %v, want it shown as failed", list, err)
			}
			if strings.Contains(r.log.String(), mail.To) {
				t.Error("the log names the receiver")
			}
		})
	}
	t.Run("the newest mail about something is found", func(t *testing.T) {
		r := open(t)
		for _, id := range []string{"x#1", "x#2", "y#3"} {
			if err := r.Post(ctx, id, notify.Mail{To: mail.To, Subject: id}); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := r.Newest(ctx, "x#"); err != nil || got == nil || got.Subject != "x#2" {
			t.Errorf("got %+v, %v, want x#2", got, err)
		}
		if got, err := r.Newest(ctx, "z#"); err != nil || got != nil {
			t.Errorf("got %+v, %v, want none", got, err)
		}
	})
	t.Run("without a mail system mails are shown", func(t *testing.T) {
		r := open(t)
		r.Mailer = nil
		if err := r.Post(ctx, "a", mail); err != nil {
			t.Fatal(err)
		}
		r.flush(t, 0)
		list, err := r.List(ctx, 10)
		if err != nil || len(list) != 1 || list[0].Mail != mail || list[0].Failed {
			t.Errorf("got %+v, %v, want the mail", list, err)
		}
	})
}

func TestTexts(t *testing.T) {
	for _, language := range []string{"ja", "en"} {
		subject, text := notify.Reconnect(language, "Google Contacts", "hanako@example.jp", "https://meibo.example")
		for _, want := range []string{"Google Contacts", "hanako@example.jp", "https://meibo.example"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the text lacks %q", language, want)
			}
		}
		if !strings.Contains(subject, "Google Contacts") || strings.ContainsAny(subject, "\r\n") {
			t.Errorf("%s: got subject %q", language, subject)
		}
	}
}
