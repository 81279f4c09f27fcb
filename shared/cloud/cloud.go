// Package cloud puts Meibo together from AWS: DynamoDB, SQS, EventBridge Scheduler, KMS and Secrets Manager, named by the MEIBO_*
// variables that template.yaml sets. No secret is among the variables: client registrations are read by ARN when they are needed.
package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"meibo/shared/app"
	"meibo/shared/authn"
	"meibo/shared/clock"
	"meibo/shared/lambdahttp"
	"meibo/shared/notify"
	"meibo/shared/notify/ses"
	"meibo/shared/oauth"
	"meibo/shared/profile"
	sqsqueue "meibo/shared/queue/sqs"
	"meibo/shared/schedule/eventbridge"
	"meibo/shared/secret"
	"meibo/shared/store/dynamo"
	"meibo/shared/system"
	"meibo/shared/tenancy"
	"meibo/shared/webhook"
)

// Settings are what the variables say.
type Settings struct {
	Table           string // MEIBO_TABLE
	KeyID           string // MEIBO_KEY_ID
	QueueURL        string // MEIBO_QUEUE_URL
	ScheduleGroup   string // MEIBO_SCHEDULE_GROUP
	ScheduleRoleARN string // MEIBO_SCHEDULE_ROLE_ARN
	TenantSyncARN   string // MEIBO_TENANTSYNC_ARN
	PublicURL       string // MEIBO_PUBLIC_URL
	// SecretARNs has the secret of each system's client registration, by system id: SecretVariable. A system without one is not
	// offered.
	SecretARNs map[string]string
	// MailFrom is the address that mails come from, verified in SES: MEIBO_MAIL_FROM. Empty means that none are sent.
	MailFrom string
	LogLevel slog.Level
}

// Read returns the settings that env holds; os.Getenv is one. It names every variable that is missing.
func Read(env func(string) string) (Settings, error) {
	var s Settings
	var errs []error
	for name, to := range map[string]*string{
		"MEIBO_TABLE": &s.Table, "MEIBO_KEY_ID": &s.KeyID, "MEIBO_QUEUE_URL": &s.QueueURL,
		"MEIBO_SCHEDULE_GROUP": &s.ScheduleGroup, "MEIBO_SCHEDULE_ROLE_ARN": &s.ScheduleRoleARN, "MEIBO_TENANTSYNC_ARN": &s.TenantSyncARN,
		"MEIBO_PUBLIC_URL": &s.PublicURL,
	} {
		if *to = env(name); *to == "" {
			errs = append(errs, fmt.Errorf("cloud: the variable %s is not set: see template.yaml", name))
		}
	}
	var err error
	if s.SecretARNs, err = readSecretARNs(env); err != nil {
		errs = append(errs, err)
	}
	s.MailFrom = env("MEIBO_MAIL_FROM")
	if l := env("MEIBO_LOG_LEVEL"); l != "" {
		if err := s.LogLevel.UnmarshalText([]byte(l)); err != nil {
			errs = append(errs, errors.New("cloud: MEIBO_LOG_LEVEL is not one of DEBUG, INFO, WARN, ERROR"))
		}
	}
	return s, errors.Join(errs...)
}

// readSecretARNs returns the secrets of the systems that are set up. There must be one of each side.
func readSecretARNs(env func(string) string) (map[string]string, error) {
	arns, unset := map[string]string{}, map[profile.Side][]string{}
	set := map[profile.Side]bool{}
	for _, sys := range system.All(system.Config{}) {
		name := SecretVariable(sys.ID)
		if arn := env(name); arn != "" {
			arns[sys.ID], set[sys.Side] = arn, true
		} else {
			unset[sys.Side] = append(unset[sys.Side], name)
		}
	}
	var errs []error
	for _, side := range []profile.Side{profile.CRM, profile.Book} {
		if !set[side] {
			errs = append(errs, fmt.Errorf("cloud: nothing can be paired: none of %s is set: see template.yaml", strings.Join(unset[side], ", ")))
		}
	}
	return arns, errors.Join(errs...)
}

// SecretVariable returns the name of the variable that has the ARN of a system's client registration.
func SecretVariable(id string) string { return "MEIBO_" + strings.ToUpper(id) + "_CLIENT_SECRET_ARN" }

// VendorTimeout bounds one request to a vendor. A slice of a run and one request more end before the worker's time is up: see
// template.yaml.
const VendorTimeout = 80 * time.Second

// Open puts Meibo together. It makes no call: clients connect when they are first used, so that a function starts at once.
func Open(s Settings, cfg aws.Config, log io.Writer) (*app.App, error) {
	clk := clock.Real{}
	table := dynamo.New(dynamodb.NewFromConfig(cfg), s.Table, clk)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 8
	return app.New(app.Config{
		Table: table,
		Queue: sqsqueue.New(sqs.NewFromConfig(cfg), s.QueueURL, clk),
		Scheduler: eventbridge.New(scheduler.NewFromConfig(cfg), eventbridge.Config{
			Group: s.ScheduleGroup, RoleARN: s.ScheduleRoleARN, TenantSyncARN: s.TenantSyncARN, QueueURL: s.QueueURL,
		}, clk),
		Keys:         secret.New(table, secret.KMS{Client: kms.NewFromConfig(cfg), KeyID: s.KeyID}, clk, nil),
		Clients:      oauth.NewSecretsManager(secretsmanager.NewFromConfig(cfg), s.SecretARNs, clk),
		Systems:      system.Config{Offer: s.offered()},
		Clock:        clk,
		HTTP:         &http.Client{Transport: transport, Timeout: VendorTimeout},
		PublicURL:    s.PublicURL,
		HookURL:      s.PublicURL + strings.TrimSuffix(webhook.Prefix, "/"),
		Mailer:       s.mailer(cfg),
		Authenticate: Authenticate,
		Log:          slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: s.LogLevel})),
	})
}

// offered returns the systems that there are registrations for; nil, which is all, where none are named.
func (s Settings) offered() []string { return slices.Sorted(maps.Keys(s.SecretARNs)) }

// mailer returns the way out for mails, or nil where none are sent.
func (s Settings) mailer(cfg aws.Config) notify.Mailer {
	if s.MailFrom == "" {
		return nil
	}
	return ses.Mailer{Client: sesv2.NewFromConfig(cfg), From: s.MailFrom}
}

// FromEnv puts Meibo together in a Lambda function: variables from env, region and credentials from the machine, logs to log.
func FromEnv(ctx context.Context, env func(string) string, log io.Writer) (*app.App, error) {
	s, err := Read(env)
	if err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("cloud: the AWS configuration: %w", err)
	}
	return Open(s, cfg, log)
}

// Authenticate returns the person whom the gateway's JWT authorizer has let through.
func Authenticate(r *http.Request) (tenancy.Principal, error) {
	e, ok := lambdahttp.EventFrom(r.Context())
	if !ok {
		return tenancy.Principal{}, authn.ErrUnauthenticated
	}
	return authn.FromAPIGateway(e)
}
