package secret_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"meibo/shared/secret"
)

// fakeKMS answers Encrypt and Decrypt as the service does: a ciphertext opens with the context that it was made with only.
type fakeKMS struct {
	t        *testing.T
	contexts []map[string]string
}

type kmsCall struct {
	KeyId             string            `json:"KeyId"`
	Plaintext         []byte            `json:"Plaintext,omitempty"`
	CiphertextBlob    []byte            `json:"CiphertextBlob,omitempty"`
	EncryptionContext map[string]string `json:"EncryptionContext"`
}

func (f *fakeKMS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in kmsCall
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		f.t.Error(err)
	}
	f.contexts = append(f.contexts, in.EncryptionContext)
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	switch r.Header.Get("X-Amz-Target") {
	case "TrentService.Encrypt":
		blob, err := json.Marshal(in)
		if err != nil {
			f.t.Error(err)
		}
		for i := range blob {
			blob[i] ^= 0x5a
		}
		json.NewEncoder(w).Encode(map[string]any{"CiphertextBlob": blob, "KeyId": in.KeyId})
	case "TrentService.Decrypt":
		var made kmsCall
		for i := range in.CiphertextBlob {
			in.CiphertextBlob[i] ^= 0x5a
		}
		err := json.Unmarshal(in.CiphertextBlob, &made)
		if err != nil || made.KeyId != in.KeyId || !maps.Equal(made.EncryptionContext, in.EncryptionContext) {
			w.WriteHeader(http.StatusBadRequest)
			json.NewEncoder(w).Encode(map[string]string{"__type": "InvalidCiphertextException"})
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"Plaintext": made.Plaintext, "KeyId": in.KeyId})
	default:
		f.t.Errorf("unexpected call %q", r.Header.Get("X-Amz-Target"))
	}
}

func TestKMS(t *testing.T) {
	fake := &fakeKMS{t: t}
	srv := httptest.NewServer(fake)
	defer srv.Close()
	client := kms.New(kms.Options{Region: "ap-northeast-1", BaseEndpoint: aws.String(srv.URL), HTTPClient: srv.Client(), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "id", SecretAccessKey: "key"}, nil
		})})
	w := secret.KMS{Client: client, KeyID: "arn:aws:kms:ap-northeast-1:1:key/k"}

	t.Run("the tenant is the encryption context, both ways", func(t *testing.T) {
		now := virtual()
		tb := table(t, now)
		sealed, err := keysFor(t, secret.New(tb, w, now, nil), "a").Seal("p", "o", []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keysFor(t, secret.New(tb, w, now, nil), "a").Open("p", "o", sealed); err != nil {
			t.Error(err)
		}
		for i, got := range fake.contexts {
			if want := map[string]string{"tenant": "a"}; !maps.Equal(got, want) {
				t.Errorf("context of call %d = %v, want %v", i, got, want)
			}
		}
		if len(fake.contexts) < 2 {
			t.Errorf("%d calls, want Encrypt and Decrypt", len(fake.contexts))
		}
	})

	t.Run("another tenant's wrapped keys are refused", func(t *testing.T) {
		wrapped, err := w.Wrap(t.Context(), "a", []byte("keys"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Unwrap(t.Context(), "b", wrapped); err == nil {
			t.Error("unwrapped for another tenant")
		}
		if got, err := w.Unwrap(t.Context(), "a", wrapped); err != nil || string(got) != "keys" {
			t.Errorf("Unwrap = %q, %v", got, err)
		}
	})
}
