package entra

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"meibo/shared/sandbox"
)

// Person is whom an ID token is about.
type Person struct {
	Tenant, Object string // GUIDs
	Name, Email    string
}

// Claims are those of an ID token for a grant; a token from a refresh has no nonce.
func Claims(p Person, g sandbox.Grant, origin string, now time.Time, refresh bool) map[string]any {
	sub := sha256.Sum256([]byte(p.Object + "\x00" + g.Client))
	claims := map[string]any{
		"ver": "2.0", "iss": origin + "/" + p.Tenant + "/v2.0", "aud": g.Client, "tid": p.Tenant, "oid": p.Object, "sub": base64.RawURLEncoding.EncodeToString(sub[:]),
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	if slices.Contains(g.Scopes, "profile") {
		claims["name"], claims["preferred_username"] = p.Name, p.Email
	}
	if slices.Contains(g.Scopes, "email") {
		claims["email"] = p.Email
	}
	if nonce := g.Query.Get("nonce"); nonce != "" && !refresh {
		claims["nonce"] = nonce
	}
	return claims
}

// Spell gives tokens Microsoft's look.
func Spell(kind sandbox.TokenKind, random string) string {
	return map[sandbox.TokenKind]string{sandbox.KindCode: "0.AXcode.", sandbox.KindAccess: "eyJ0eXAi.", sandbox.KindRefresh: "0.AXYA."}[kind] + random
}

// Offline says whether a grant comes with a refresh token.
func Offline(g sandbox.Grant, _ bool) bool { return slices.Contains(g.Scopes, "offline_access") }

// Rotate refreshes: every refresh answers with a new refresh token too, and the old one goes on working. It returns an error, and
// answers nothing, where no token can be issued.
func Rotate(w http.ResponseWriter, r *http.Request, auth *sandbox.AuthServer) error {
	rec := sandbox.NewRecorder()
	auth.ServeHTTP(rec, r)
	var answer map[string]any
	if rec.Status != http.StatusOK || json.Unmarshal(rec.Body, &answer) != nil {
		w.Header().Set("Content-Type", rec.Head.Get("Content-Type"))
		w.WriteHeader(rec.Status)
		_, _ = w.Write(rec.Body)
		return nil
	}
	name, _ := answer["access_token"].(string)
	if g, ok := auth.Check(name); ok {
		access, refresh, err := auth.Issue(g.User, g.Client, g.Scopes...)
		if err != nil {
			return err
		}
		answer["access_token"], answer["refresh_token"] = access, refresh
	}
	w.Header().Set("Cache-Control", "no-store")
	sandbox.WriteJSON(w, http.StatusOK, answer)
	return nil
}

// Keys answers with what checks ID tokens.
func Keys(w http.ResponseWriter, tokens *sandbox.IDTokens) {
	keys, err := tokens.Keys()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	sandbox.WriteJSON(w, http.StatusOK, keys)
}

// Discovery answers the OpenID configuration of the tenant that a path names. issuer is the directory's id; for the shared tenants it is
// empty, and the document has a placeholder.
func Discovery(w http.ResponseWriter, origin, tenant, issuer string) {
	if issuer == "" {
		issuer = "{tenantid}"
	}
	below := origin + "/" + tenant
	sandbox.WriteJSON(w, http.StatusOK, map[string]any{
		"issuer": origin + "/" + issuer + "/v2.0", "authorization_endpoint": below + AuthorizePath, "token_endpoint": below + TokenPath,
		"jwks_uri": below + "/discovery/v2.0/keys", "response_types_supported": []string{"code"}, "response_modes_supported": []string{"query"},
		"subject_types_supported": []string{"pairwise"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported": OpenScopes(), "token_endpoint_auth_methods_supported": []string{"client_secret_post"},
	})
}
