package dynamics

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"meibo/shared/sandbox"
)

// idToken signs who the account is. The caller holds s.mu.
func (s *Sandbox) idToken(m *member, g sandbox.Grant, origin string, refresh bool) (string, error) {
	key, err := s.signingKey()
	if err != nil {
		return "", err
	}
	now := s.cfg.Clock.Now()
	sub := sha256.Sum256([]byte(m.oid + "\x00" + g.Client))
	claims := map[string]any{
		"ver": "2.0", "iss": origin + "/" + m.tid + "/v2.0", "aud": g.Client, "tid": m.tid, "oid": m.oid, "sub": base64.RawURLEncoding.EncodeToString(sub[:]),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	if slices.Contains(g.Scopes, "profile") {
		claims["name"], claims["preferred_username"] = m.Name, m.Email
	}
	if slices.Contains(g.Scopes, "email") {
		claims["email"] = m.Email
	}
	if nonce := g.Query.Get("nonce"); nonce != "" && !refresh {
		claims["nonce"] = nonce
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: keyID(key)}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// signingKey makes the key at its first use: it takes a while. The caller holds s.mu.
func (s *Sandbox) signingKey() (*rsa.PrivateKey, error) {
	if s.signing != nil {
		return s.signing, nil
	}
	key := s.cfg.Signing
	if key == nil {
		var err error
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return nil, err
		}
	}
	if err := sandbox.Save(s.cfg.Keep, map[string][]byte{signingKey: x509.MarshalPKCS1PrivateKey(key)}, nil); err != nil {
		return nil, err
	}
	s.signing = key
	return key, nil
}

func keyID(k *rsa.PrivateKey) string {
	sum := sha256.Sum256(k.N.Bytes())
	return hex.EncodeToString(sum[:8])
}

func (s *Sandbox) keys(w http.ResponseWriter) {
	s.mu.Lock()
	key, err := s.signingKey()
	s.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	sandbox.WriteJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: keyID(key), Algorithm: string(jose.RS256), Use: "sig"}}})
}

// discovery answers the OpenID configuration. That of the shared tenants has a placeholder for the directory in its issuer.
func (s *Sandbox) discovery(w http.ResponseWriter, r *http.Request, name string) {
	origin := s.origin(r)
	issuer := "{tenantid}"
	s.mu.Lock()
	if id := s.directory(name); id != "" {
		issuer = id
	}
	s.mu.Unlock()
	below := origin + "/" + name
	sandbox.WriteJSON(w, http.StatusOK, map[string]any{
		"issuer": origin + "/" + issuer + "/v2.0", "authorization_endpoint": below + authorizePath, "token_endpoint": below + tokenPath,
		"jwks_uri": below + "/discovery/v2.0/keys", "response_types_supported": []string{"code"}, "response_modes_supported": []string{"query"},
		"subject_types_supported": []string{"pairwise"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported": openScopes(), "token_endpoint_auth_methods_supported": []string{"client_secret_post"},
	})
}
