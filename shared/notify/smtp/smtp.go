// Package smtp hands mails to an SMTP server, through go-mail.
package smtp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/wneessen/go-mail"

	"meibo/shared/notify"
)

// Mailer is a notify.Mailer.
type Mailer struct {
	client *mail.Client
	from   string
}

const timeout = 20 * time.Second

// New returns a mailer for an address such as "smtps://user:password@mail.example.com:465" or "smtp://mail.example.com:587", which
// sends from an address. smtp:// uses STARTTLS, and goes without only to this machine.
func New(address, from string) (*Mailer, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, errors.New("the mail server: give an address such as smtps://user:password@mail.example.com:465")
	}
	opts := []mail.Option{mail.WithTimeout(timeout)}
	port := 587
	switch {
	case u.Scheme == "smtps":
		port = 465
		opts = append(opts, mail.WithSSL())
	case u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1":
		opts = append(opts, mail.WithTLSPortPolicy(mail.TLSOpportunistic))
	default:
		opts = append(opts, mail.WithTLSPortPolicy(mail.TLSMandatory))
	}
	if p := u.Port(); p != "" {
		if port, err = strconv.Atoi(p); err != nil {
			return nil, fmt.Errorf("the mail server: %q is no port", p)
		}
	}
	opts = append(opts, mail.WithPort(port))
	if u.User != nil {
		password, _ := u.User.Password()
		opts = append(opts, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	c, err := mail.NewClient(u.Hostname(), opts...)
	if err != nil {
		return nil, fmt.Errorf("the mail server: %w", err)
	}
	m := mail.NewMsg()
	if err := m.From(from); err != nil {
		return nil, fmt.Errorf("the sender %q is not an e-mail address", from)
	}
	return &Mailer{c, from}, nil
}

// Send implements notify.Mailer.
func (s *Mailer) Send(ctx context.Context, m notify.Mail) error {
	msg := mail.NewMsg()
	if err := msg.From(s.from); err != nil {
		return fmt.Errorf("%w: the sender is not an e-mail address", notify.ErrRefused)
	}
	if err := msg.To(m.To); err != nil {
		return fmt.Errorf("%w: the receiver is not an e-mail address", notify.ErrRefused)
	}
	msg.Subject(m.Subject)
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	err := s.client.DialAndSendWithContext(ctx, msg)
	var failed *mail.SendError
	if errors.As(err, &failed) && !failed.IsTemp() && (failed.Reason == mail.ErrSMTPRcptTo || failed.Reason == mail.ErrSMTPMailFrom) {
		return fmt.Errorf("%w: the server does not take it", notify.ErrRefused) // its own words may name the person
	}
	if err != nil {
		return errors.New("notify: the mail server did not take the mail")
	}
	return nil
}
