// Package devissuer is a small OpenID Connect issuer for the local edition, so that a laptop needs no cloud account to sign in:
// discovery (OpenID Connect Discovery 1.0), keys (RFC 7517), authorization code flow with PKCE (RFC 6749, RFC 7636) for one public
// client, and a sign-in page that lists people. Nobody proves anything to it: it belongs on loopback only.
package devissuer
