// Package cloud puts Meibo together from AWS: DynamoDB, SQS, EventBridge Scheduler, KMS and Secrets Manager, named by the MEIBO_*
// variables that template.yaml sets. No secret is among the variables: client registrations are read by ARN when they are needed.
package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"meibo/shared/app"
	"meibo/shared/authn"
	"meibo/shared/clock"
	"meibo/shared/lambdahttp"
	"meibo/shared/oauth"
	sqsqueue "meibo/shared/queue/sqs"
	"meibo/shared/schedule/eventbridge"
	"meibo/shared/secret"
	"meibo/shared/store/dynamo"
	"meibo/shared/system"
	"meibo/shared/tenancy"
)

// Settings are what the variables say.
type Settings struct {
	Table           string // MEIBO_TABLE
	KeyID           string // MEIBO_KEY_ID
	QueueURL        string // MEIBO_QUEUE_URL
	ScheduleGroup   string // MEIBO_SCHEDULE_GROUP
	ScheduleRoleARN string // MEIBO_SCHEDULE_ROLE_ARN
	TenantSyncARN   string // MEIBO_TENANTSYNC_ARN
	GoogleSecretARN string // MEIBO_GOOGLE_CLIENT_SECRET_ARN
	ZohoSecretARN   string // MEIBO_ZOHO_CLIENT_SECRET_ARN
	PublicURL       string // MEIBO_PUBLIC_URL
	LogLevel        slog.Level
}

// Read returns the settings that env holds; os.Getenv is one. It names every variable that is missing.
func Read(env func(string) string) (Settings, error) {
	var s Settings
	var errs []error
	for name, to := range map[string]*string{
		"MEIBO_TABLE": &s.Table, "MEIBO_KEY_ID": &s.KeyID, "MEIBO_QUEUE_URL": &s.QueueURL,
		"MEIBO_SCHEDULE_GROUP": &s.ScheduleGroup, "MEIBO_SCHEDULE_ROLE_ARN": &s.ScheduleRoleARN, "MEIBO_TENANTSYNC_ARN": &s.TenantSyncARN,
		"MEIBO_GOOGLE_CLIENT_SECRET_ARN": &s.GoogleSecretARN, "MEIBO_ZOHO_CLIENT_SECRET_ARN": &s.ZohoSecretARN,
		"MEIBO_PUBLIC_URL": &s.PublicURL,
	} {
		if *to = env(name); *to == "" {
			errs = append(errs, fmt.Errorf("cloud: the variable %s is not set: see template.yaml", name))
		}
	}
	if l := env("MEIBO_LOG_LEVEL"); l != "" {
		if err := s.LogLevel.UnmarshalText([]byte(l)); err != nil {
			errs = append(errs, errors.New("cloud: MEIBO_LOG_LEVEL is not one of DEBUG, INFO, WARN, ERROR"))
		}
	}
	return s, errors.Join(errs...)
}

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
		Keys: secret.New(table, secret.KMS{Client: kms.NewFromConfig(cfg), KeyID: s.KeyID}, clk, nil),
		Clients: oauth.NewSecretsManager(secretsmanager.NewFromConfig(cfg), map[string]string{
			system.Google: s.GoogleSecretARN, system.Zoho: s.ZohoSecretARN,
		}, clk),
		Clock:        clk,
		HTTP:         &http.Client{Transport: transport, Timeout: VendorTimeout},
		PublicURL:    s.PublicURL,
		Authenticate: Authenticate,
		Log:          slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: s.LogLevel})),
	})
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
