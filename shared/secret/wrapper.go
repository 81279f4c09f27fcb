package secret

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Wrapper encrypts and decrypts a tenant's keys under a key-encryption key. What was wrapped for one tenant cannot be unwrapped
// for another.
type Wrapper interface {
	Wrap(ctx context.Context, tenant string, plain []byte) ([]byte, error)
	Unwrap(ctx context.Context, tenant string, wrapped []byte) ([]byte, error)
}

// contextKey is the name under which the encryption context carries the tenant. Key policies and audit logs see it.
const contextKey = "tenant"

// KMSClient is the part of *kms.Client that wrapping needs.
type KMSClient interface {
	Encrypt(ctx context.Context, in *kms.EncryptInput, opts ...func(*kms.Options)) (*kms.EncryptOutput, error)
	Decrypt(ctx context.Context, in *kms.DecryptInput, opts ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// KMS wraps under a symmetric KMS key, with {"tenant": id} as encryption context.
//
// It calls KMS itself: tink-go-awskms (v3.0.0) puts the associated data in hexadecimal under a name of its own choice, and an
// encryption context that a key policy or an audit can read by tenant is not expressible with it.
type KMS struct {
	Client KMSClient
	KeyID  string // key ARN
}

// Wrap calls Encrypt, which takes at most 4 KiB.
func (k KMS) Wrap(ctx context.Context, tenant string, plain []byte) ([]byte, error) {
	out, err := k.Client.Encrypt(ctx, &kms.EncryptInput{
		KeyId: aws.String(k.KeyID), Plaintext: plain, EncryptionContext: map[string]string{contextKey: tenant},
	})
	if err != nil {
		return nil, fmt.Errorf("secret: wrapping a tenant's keys with KMS: %w", err)
	}
	return out.CiphertextBlob, nil
}

// Unwrap calls Decrypt. KeyId is given, so that nothing wrapped under a key of someone else's is accepted.
func (k KMS) Unwrap(ctx context.Context, tenant string, wrapped []byte) ([]byte, error) {
	out, err := k.Client.Decrypt(ctx, &kms.DecryptInput{
		KeyId: aws.String(k.KeyID), CiphertextBlob: wrapped, EncryptionContext: map[string]string{contextKey: tenant},
	})
	if err != nil {
		return nil, fmt.Errorf("secret: unwrapping a tenant's keys with KMS: %w", err)
	}
	return out.Plaintext, nil
}

// Local wraps under a Tink keyset that lies in a file, for the local edition.
type Local struct{ kek tink.AEAD }

// OpenLocal reads the keyset file at path, or makes one of mode 0600. It refuses a file that others can read.
func OpenLocal(path string) (*Local, error) {
	raw, err := LoadOrCreate(path, func() ([]byte, error) {
		h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
		if err != nil {
			return nil, err
		}
		var buf bytes.Buffer
		err = insecurecleartextkeyset.Write(h, keyset.NewJSONWriter(&buf))
		return buf.Bytes(), err
	})
	if err != nil {
		return nil, fmt.Errorf("secret: the keyset file: %w", err)
	}
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, fmt.Errorf("secret: %s is not a Tink keyset: restore it from a backup; without it nothing sealed can be opened: %w", path, err)
	}
	kek, err := aead.New(h)
	if err != nil {
		return nil, fmt.Errorf("secret: %s: %w", path, err)
	}
	return &Local{kek}, nil
}

// Wrap encrypts with the tenant as associated data.
func (l *Local) Wrap(_ context.Context, tenant string, plain []byte) ([]byte, error) {
	return l.kek.Encrypt(plain, bind(contextKey, tenant))
}

// Unwrap decrypts what Wrap made for the same tenant.
func (l *Local) Unwrap(_ context.Context, tenant string, wrapped []byte) ([]byte, error) {
	b, err := l.kek.Decrypt(wrapped, bind(contextKey, tenant))
	if err != nil {
		return nil, errors.New("secret: a tenant's keys cannot be unwrapped with this keyset file: restore the file that belongs to this data folder")
	}
	return b, nil
}
