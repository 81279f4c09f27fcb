package oauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"meibo/shared/clock"
	"meibo/shared/connector"
	"meibo/shared/oauth"
)

func TestOpenClients(t *testing.T) {
	write := func(t *testing.T, content string, mode os.FileMode) string {
		path := filepath.Join(t.TempDir(), "clients.json")
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Run("gives each system its registration", func(t *testing.T) {
		c, err := oauth.OpenClients(write(t, `{"zoho":{"client_id":"i","client_secret":"s"}}`, 0o600))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.Client(t.Context(), "zoho"); err != nil || got != (oauth.Client{ID: "i", Secret: "s"}) {
			t.Errorf("Client = %v, %v", got, err)
		}
		if _, err := c.Client(t.Context(), "google"); !errors.Is(err, connector.ErrMisconfigured) || !strings.Contains(err.Error(), "google") {
			t.Errorf("error = %v, want ErrMisconfigured that names google", err)
		}
	})
	t.Run("refuses a file that others can read", func(t *testing.T) {
		if _, err := oauth.OpenClients(write(t, `{}`, 0o644)); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("error = %v, want one that says chmod 600", err)
		}
	})
	t.Run("refuses a malformed file without quoting it", func(t *testing.T) {
		if _, err := oauth.OpenClients(write(t, `{"zoho":"hush`, 0o600)); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("error = %v, want one without the content", err)
		}
	})
}

func TestSecretsManager(t *testing.T) {
	calls, status, value := 0, http.StatusOK, `{"client_id":"i","client_secret":"s"}`
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ SecretId string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.SecretId != "arn:zoho" || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" {
			t.Errorf("request %s for %q, %v", r.Header.Get("X-Amz-Target"), in.SecretId, err)
		}
		calls++
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"SecretString": value, "__type": "InternalServiceError"})
	}))
	defer srv.Close()
	client := secretsmanager.New(secretsmanager.Options{Region: "ap-northeast-1", BaseEndpoint: aws.String(srv.URL), HTTPClient: srv.Client(), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "key"}, nil
		})})
	now := clock.NewVirtual(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), true)
	s := oauth.NewSecretsManager(client, map[string]string{"zoho": "arn:zoho"}, now)

	t.Run("reads a secret once in a quarter of an hour", func(t *testing.T) {
		for range 2 {
			if got, err := s.Client(t.Context(), "zoho"); err != nil || got != (oauth.Client{ID: "i", Secret: "s"}) {
				t.Fatalf("Client = %v, %v", got, err)
			}
		}
		if calls != 1 {
			t.Errorf("%d calls, want 1", calls)
		}
		now.Advance(15 * time.Minute)
		value = `{"client_id":"i","client_secret":"new"}`
		if got, err := s.Client(t.Context(), "zoho"); err != nil || got.Secret != "new" {
			t.Errorf("Client = %v, %v, want the changed secret", got, err)
		}
	})
	t.Run("a system without a secret is misconfigured", func(t *testing.T) {
		_, err := s.Client(t.Context(), "google")
		wantIs(t, err, connector.ErrMisconfigured)
	})
	t.Run("a malformed secret is misconfigured, and not quoted", func(t *testing.T) {
		now.Advance(15 * time.Minute)
		value = `hush`
		_, err := s.Client(t.Context(), "zoho")
		wantIs(t, err, connector.ErrMisconfigured)
		if strings.Contains(err.Error(), "hush") {
			t.Errorf("%q quotes the secret", err)
		}
	})
	t.Run("a service that is away is transient", func(t *testing.T) {
		status = http.StatusInternalServerError
		_, err := s.Client(t.Context(), "zoho")
		wantIs(t, err, connector.ErrTransient)
	})
}
