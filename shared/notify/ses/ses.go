// Package ses hands mails to Amazon SES, through aws-sdk-go-v2.
package ses

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"meibo/shared/notify"
)

// API is what the mailer uses of SES.
type API interface {
	SendEmail(ctx context.Context, in *sesv2.SendEmailInput, opts ...func(*sesv2.Options)) (*sesv2.SendEmailOutput, error)
}

// Mailer is a notify.Mailer that sends from an address that SES has verified.
type Mailer struct {
	Client API
	From   string
}

// Send implements notify.Mailer.
func (s Mailer) Send(ctx context.Context, m notify.Mail) error {
	utf8 := aws.String("UTF-8")
	_, err := s.Client.SendEmail(ctx, &sesv2.SendEmailInput{
		FromEmailAddress: &s.From,
		Destination:      &types.Destination{ToAddresses: []string{m.To}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: &types.Content{Data: &m.Subject, Charset: utf8},
			Body:    &types.Body{Text: &types.Content{Data: &m.Text, Charset: utf8}},
		}},
	})
	var rejected *types.MessageRejected
	var bad *types.BadRequestException
	if errors.As(err, &rejected) || errors.As(err, &bad) {
		return fmt.Errorf("%w: %s", notify.ErrRefused, code(err)) // the message may name the person
	}
	if err != nil {
		return fmt.Errorf("notify: SES did not take the mail: %s", code(err))
	}
	return nil
}

// code is the error's name at AWS, without its message.
func code(err error) string {
	var named interface{ ErrorCode() string }
	if errors.As(err, &named) {
		return named.ErrorCode()
	}
	return "no answer"
}
