package notify_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"meibo/shared/notify"
)

// meanwhile is a mail system that has something happen while it takes a mail.
type meanwhile struct {
	*post
	do func()
}

func (m *meanwhile) Send(ctx context.Context, x notify.Mail) error {
	if do := m.do; do != nil {
		m.do = nil
		do()
	}
	return m.post.Send(ctx, x)
}

func TestTwoUpkeepsAtOnceSendAMailOnce(t *testing.T) {
	ctx := context.Background()
	r := open(t)
	r.post.err = errors.New("busy")
	for _, id := range []string{"a", "b"} {
		if err := r.Post(ctx, id, mail); err != nil {
			t.Fatal(err)
		}
	}
	r.post.err = nil
	r.clk.Advance(time.Hour)
	r.Mailer = &meanwhile{r.post, func() {
		if _, err := r.Flush(ctx, 100); err != nil {
			t.Errorf("the second: %v", err)
		}
	}}
	if _, err := r.Flush(ctx, 100); err != nil {
		t.Errorf("the first: %v", err)
	}
	if len(r.post.sent) != 2 {
		t.Errorf("got %d mails, want each of the two once", len(r.post.sent))
	}
	r.clk.Advance(time.Hour)
	r.flush(t, 0)
}

func TestAMailWhoseSenderDiedIsSentAgain(t *testing.T) {
	ctx := context.Background()
	r := open(t)
	r.Mailer = &meanwhile{r.post, func() { panic("the process dies") }}
	func() {
		defer func() { _ = recover() }()
		_ = r.Post(ctx, "a", mail)
	}()
	r.clk.Advance(time.Hour)
	r.flush(t, 1)
	r.clk.Advance(time.Hour)
	r.flush(t, 0)
	if len(r.post.sent) != 1 {
		t.Errorf("got %d mails, want 1", len(r.post.sent))
	}
}
