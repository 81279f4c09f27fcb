package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"meibo/shared/cache"
	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/secret"
)

// Clients are registrations by system id.
type Clients map[string]Client

// Client returns the registration, or an error that is connector.ErrMisconfigured.
func (c Clients) Client(_ context.Context, system string) (Client, error) {
	if reg, ok := c[system]; ok && reg.ID != "" {
		return reg, nil
	}
	return Client{}, fmt.Errorf("%w: there is no OAuth client for the system %q: add its client_id and client_secret to the client registrations", connector.ErrMisconfigured, system)
}

// OpenClients reads registrations from a file of mode 0600: {"<system>": {"client_id": "…", "client_secret": "…"}}.
func OpenClients(path string) (Clients, error) {
	b, err := secret.ReadPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("oauth: the client registrations: %w", err)
	}
	var c Clients
	if err := json.Unmarshal(b, &c); err != nil {
		// The decoder's own message could quote the file.
		return nil, fmt.Errorf(`oauth: %s is not of the form {"<system>": {"client_id": "…", "client_secret": "…"}}`, path)
	}
	return c, nil
}

// SecretsClient is the part of *secretsmanager.Client that is needed.
type SecretsClient interface {
	GetSecretValue(ctx context.Context, in *secretsmanager.GetSecretValueInput, opts ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// SecretsManager reads registrations from AWS Secrets Manager, each from the secret whose ARN it was given, as JSON with
// client_id and client_secret. It keeps them for 15 minutes, so that a changed secret is taken up without a deployment.
type SecretsManager struct {
	client SecretsClient
	arns   map[string]string
	cache  *cache.Cache[string, Client]
}

// NewSecretsManager returns the source; arns has the ARN of each system's secret.
func NewSecretsManager(client SecretsClient, arns map[string]string, c clock.Clock) *SecretsManager {
	return &SecretsManager{client, arns, cache.New[string, Client](c, len(arns), 15*time.Minute)}
}

// Client returns the registration of a system. A secret that cannot be read is connector.ErrTransient; one that is missing or
// malformed is connector.ErrMisconfigured.
func (s *SecretsManager) Client(ctx context.Context, system string) (Client, error) {
	arn := s.arns[system]
	if arn == "" {
		return Client{}, fmt.Errorf("%w: no secret is configured for the OAuth client of the system %q", connector.ErrMisconfigured, system)
	}
	if c, ok := s.cache.Get(system); ok {
		return c, nil
	}
	out, err := s.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(arn)})
	if err != nil {
		return Client{}, fmt.Errorf("%w: reading the OAuth client of the system %q from Secrets Manager: %w", connector.ErrTransient, system, err)
	}
	var c Client
	if err := json.Unmarshal([]byte(aws.ToString(out.SecretString)), &c); err != nil || c.ID == "" {
		return Client{}, fmt.Errorf(`%w: the secret of the system %q is not of the form {"client_id": "…", "client_secret": "…"}`, connector.ErrMisconfigured, system)
	}
	s.cache.Put(system, c)
	return c, nil
}
