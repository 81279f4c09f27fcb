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
	// Keyed are the systems without a registration that are offered: OfferVariable.
	Keyed []string
	// SansanCardURL is the address of a card's page in Sansan: MEIBO_SANSAN_CARD_URL. Empty means what the connector knows.
	SansanCardURL string
	// EgressAddresses are the addresses that calls to vendors come from, where they are fixed: MEIBO_EGRESS_ADDRESSES, with commas.
	EgressAddresses []string
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
	if s.SecretARNs, s.Keyed, err = readOffer(env); err != nil {
		errs = append(errs, err)
	}
	s.SansanCardURL = env("MEIBO_SANSAN_CARD_URL")
	if all := env("MEIBO_EGRESS_ADDRESSES"); all != "" {
		s.EgressAddresses = strings.Split(all, ",")
	}
	s.MailFrom = env("MEIBO_MAIL_FROM")
	if l := env("MEIBO_LOG_LEVEL"); l != "" {
		if err := s.LogLevel.UnmarshalText([]byte(l)); err != nil {
			errs = append(errs, errors.New("cloud: MEIBO_LOG_LEVEL is not one of DEBUG, INFO, WARN, ERROR"))
		}
	}
	return s, errors.Join(errs...)
}

// readOffer returns the secrets of the systems that are set up, and those that are offered without one. There must be one of each side.
func readOffer(env func(string) string) (arns map[string]string, keyed []string, err error) {
	arns = map[string]string{}
	unset, offered := map[profile.Side][]string{}, map[profile.Side]bool{}
	var errs []error
	for _, sys := range system.All(system.Config{}) {
		name := SecretVariable(sys.ID)
		if sys.Key != nil {
			name = OfferVariable(sys.ID)
		}
		switch value := env(name); {
		case value == "" || sys.Key != nil && value == "false":
			unset[sys.Side] = append(unset[sys.Side], name)
			continue
		case sys.Key == nil:
			arns[sys.ID] = value
		case value == "true":
			keyed = append(keyed, sys.ID)
		default:
			errs = append(errs, fmt.Errorf("cloud: %s is neither true nor false", name))
		}
		offered[sys.Side] = true
	}
	for _, side := range []profile.Side{profile.CRM, profile.Book} {
		if !offered[side] {
			errs = append(errs, fmt.Errorf("cloud: nothing can be paired: none of %s is set: see template.yaml", strings.Join(unset[side], ", ")))
		}
	}
	return arns, keyed, errors.Join(errs...)
}

// SecretVariable returns the name of the variable that has the ARN of a system's client registration.
func SecretVariable(id string) string { return "MEIBO_" + strings.ToUpper(id) + "_CLIENT_SECRET_ARN" }

// OfferVariable returns the name of the variable that says whether a system is offered that needs no registration: "true" or "false".
func OfferVariable(id string) string { return "MEIBO_OFFER_" + strings.ToUpper(id) }

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
		Keys:            secret.New(table, secret.KMS{Client: kms.NewFromConfig(cfg), KeyID: s.KeyID}, clk, nil),
		Clients:         oauth.NewSecretsManager(secretsmanager.NewFromConfig(cfg), s.SecretARNs, clk),
		Systems:         system.Config{Offer: s.offered(), Endpoints: system.Endpoints{Sansan: system.SansanEndpoints{CardURL: s.SansanCardURL}}},
		Clock:           clk,
		HTTP:            &http.Client{Transport: transport, Timeout: VendorTimeout},
		PublicURL:       s.PublicURL,
		HookURL:         s.PublicURL + strings.TrimSuffix(webhook.Prefix, "/"),
		Mailer:          s.mailer(cfg),
		EgressAddresses: s.EgressAddresses,
		Authenticate:    Authenticate,
		Log:             slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: s.LogLevel})),
	})
}

// offered returns the systems that there are registrations for, or that need none; nil, which is all, where none are named.
func (s Settings) offered() []string { return slices.AppendSeq(s.Keyed, maps.Keys(s.SecretARNs)) }

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
