package ses_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"meibo/shared/notify"
	"meibo/shared/notify/ses"
)

// mailer returns a mailer whose SES answers with a status, an error name and a body.
func mailer(t *testing.T, status int, name string, got *string) ses.Mailer {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		*got = r.URL.Path + " " + string(b)
		w.Header().Set("Content-Type", "application/json")
		if name != "" {
			w.Header().Set("X-Amzn-ErrorType", name)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"MessageId":"1","message":"hanako@example.jp is not verified"}`)
	}))
	t.Cleanup(srv.Close)
	c := sesv2.New(sesv2.Options{Region: "ap-northeast-1", BaseEndpoint: aws.String(srv.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})
	return ses.Mailer{Client: c, From: "meibo@example.com"}
}

var mail = notify.Mail{To: "hanako@example.jp", Subject: "再接続", Text: "もう一度"}

func TestSend(t *testing.T) {
	var got string
	if err := mailer(t, 200, "", &got).Send(context.Background(), mail); err != nil {
		t.Fatal(err)
	}
	path, body, _ := strings.Cut(got, " ")
	var in struct {
		FromEmailAddress string
		Destination      struct{ ToAddresses []string }
		Content          struct {
			Simple struct {
				Subject struct{ Data string }
				Body    struct{ Text struct{ Data string } }
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &in); err != nil {
		t.Fatal(err)
	}
	if path != "/v2/email/outbound-emails" || in.FromEmailAddress != "meibo@example.com" || in.Destination.ToAddresses[0] != mail.To ||
		in.Content.Simple.Subject.Data != mail.Subject || in.Content.Simple.Body.Text.Data != mail.Text {
		t.Errorf("got %s", got)
	}
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		code    string
		refused bool
	}{
		"a rejected message is refused for good": {400, "MessageRejected", true},
		"throttling may pass":                    {429, "TooManyRequestsException", false},
		"an outage may pass":                     {500, "InternalFailure", false},
	} {
		t.Run(name, func(t *testing.T) {
			var got string
			err := mailer(t, c.status, c.code, &got).Send(context.Background(), mail)
			if err == nil || errors.Is(err, notify.ErrRefused) != c.refused {
				t.Fatalf("got %v, want refused %v", err, c.refused)
			}
			if strings.Contains(err.Error(), "hanako") {
				t.Errorf("the error names the person: %v", err)
			}
		})
	}
}
