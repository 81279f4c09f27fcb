// Package notify mails people about their connections: once for each thing that happened, again while the mail system does not
// answer, in the tenant's language. The mails name systems and what to do, and hold no contact data.
package notify

import (
	"context"
	"errors"
	"time"
)

// Mail is one mail, in plain text.
type Mail struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// Mailer hands a mail to a mail system. Errors: ErrRefused if it will never take this mail; any other error may pass.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// ErrRefused: the mail system does not take this mail, however often it is sent.
var ErrRefused = errors.New("notify: the mail system refuses the mail")

// Shown is a mail as the outbox page and the dashboard show it.
type Shown struct {
	Mail
	Made time.Time `json:"made"`
	// Sent is when the mail system took it; zero if it has not, and Failed says that it never will.
	Sent   time.Time `json:"sent,omitzero"`
	Failed bool      `json:"failed,omitempty"`
}
