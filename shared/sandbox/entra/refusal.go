// Package entra is what the stand-ins of Microsoft's products share of its sign-in: refusals, the page's answers, tokens.
package entra

import (
	"fmt"
	"net/http"
	"time"

	"meibo/shared/sandbox"
)

// Refusal is a refusal by the identity platform.
type Refusal struct {
	Number int
	Code   string // RFC 6749's error
	Status int
	What   string
}

// refusals are the numbers that the stand-ins give.
func refusals() []Refusal {
	return []Refusal{
		{16000, "interaction_required", 400, "The account must be chosen by the user."},
		{50011, "invalid_request", 400, "The redirect URI specified in the request does not match the redirect URIs configured for the application."},
		{50020, "access_denied", 400, "The user account from another identity provider does not exist in the tenant and cannot access the application in that tenant."},
		{50034, "invalid_grant", 400, "The user account does not exist in the directory."},
		{50057, "invalid_grant", 400, "The user account is disabled."},
		{50074, "interaction_required", 400, "Strong authentication is required."},
		{50076, "interaction_required", 400, "Due to a configuration change made by the administrator, multi-factor authentication must be used."},
		{50105, "access_denied", 400, "The signed in user is not assigned to a role for the application."},
		{50173, "invalid_grant", 400, "The provided grant has expired due to it being revoked, a fresh auth token is needed."},
		{53003, "interaction_required", 400, "Access has been blocked by Conditional Access policies."},
		{65001, "invalid_grant", 400, "The user or administrator has not consented to use the application."},
		{65004, "access_denied", 400, "User declined to consent to access the app."},
		{70000, "invalid_grant", 400, "The provided value for the grant is not valid."},
		{70003, "unsupported_grant_type", 400, "The app used an unsupported grant type."},
		{70008, "invalid_grant", 400, "The provided authorization code or refresh token has expired due to inactivity or was redeemed."},
		{70011, "invalid_scope", 400, "The provided value for the input parameter 'scope' is not valid."},
		{90002, "invalid_request", 400, "The tenant was not found."},
		{90014, "invalid_request", 400, "A required field is missing from the credential."},
		{90094, "access_denied", 400, "An administrator has set a policy that prevents the user from granting the application the permissions it is requesting. Admin consent is required."},
		{500011, "invalid_resource", 400, "The resource principal was not found in the tenant."},
		{500208, "access_denied", 400, "The domain is not a valid login domain for the account type."},
		{501481, "invalid_grant", 400, "The Code_Verifier does not match the code_challenge supplied in the authorization request."},
		{700016, "unauthorized_client", 400, "The application was not found in the directory."},
		{700082, "invalid_grant", 400, "The refresh token has expired due to inactivity."},
		{900144, "invalid_request", 400, "The request body must contain the required parameters."},
		{900561, "invalid_request", 405, "The endpoint only accepts POST requests."},
		{1002012, "invalid_scope", 400, "The provided value for scope is not valid: client credential flows must have a scope value with /.default."},
		{7000215, "invalid_client", 401, "Invalid client secret provided."},
		{7000218, "invalid_client", 401, "The request body must contain: 'client_assertion' or 'client_secret'."},
		{7000222, "invalid_client", 401, "The provided client secret keys are expired."},
		{9001023, "invalid_request", 400, "The grant type is not supported over the /common or /consumers endpoints. Use the tenant-specific endpoint."},
		{9002332, "invalid_request", 400, "The application is configured for use by directory users only."},
	}
}

// causes are the numbers for what the authorisation server finds wrong.
func causes() map[sandbox.AuthCause]int {
	return map[sandbox.AuthCause]int{
		sandbox.CauseRequest: 900144, sandbox.CauseMethod: 900561, sandbox.CauseClient: 700016, sandbox.CauseSecret: 7000215,
		sandbox.CauseRedirect: 50011, sandbox.CauseCode: 70008, sandbox.CauseVerifier: 501481, sandbox.CauseRefresh: 50173,
		sandbox.CauseGrant: 70003, sandbox.CauseScope: 70011,
	}
}

// Known says whether there is a refusal with a number.
func Known(number int) bool {
	_, ok := find(func(r Refusal) bool { return r.Number == number })
	return ok
}

// Refuse returns the refusal with a number, or a transient one for a number that is not known.
func Refuse(number int) *Refusal {
	if r, ok := find(func(r Refusal) bool { return r.Number == number }); ok {
		return r
	}
	return transient("Please try again.")
}

// Numbered returns the refusal for what the authorisation server, or a hook of it, found wrong with r. An application whose secret
// expired is told so.
func Numbered(r *http.Request, e *sandbox.AuthError, secretExpired bool) *Refusal {
	switch {
	case e.Cause == sandbox.CauseSecret && secretExpired:
		return Refuse(7000222)
	case e.Cause == sandbox.CauseSecret && r.PostForm.Get("client_secret") == "":
		return Refuse(7000218)
	}
	if n, ok := causes()[e.Cause]; ok {
		return Refuse(n)
	}
	if x, ok := find(func(x Refusal) bool { return x.Text() == e.Description }); ok {
		return x
	}
	return transient(e.Description)
}

func find(match func(Refusal) bool) (*Refusal, bool) {
	for _, r := range refusals() {
		if match(r) {
			return &r, true
		}
	}
	return nil, false
}

func transient(why string) *Refusal {
	return &Refusal{90033, "temporarily_unavailable", http.StatusServiceUnavailable, "A transient error has occurred. " + why}
}

// Text is the beginning of error_description.
func (r *Refusal) Text() string { return fmt.Sprintf("AADSTS%d: %s", r.Number, r.What) }

// Auth is the refusal for the hooks of the authorisation server.
func (r *Refusal) Auth() *sandbox.AuthError {
	return &sandbox.AuthError{Cause: sandbox.CauseVendor, Code: r.Code, Description: r.Text(), Status: r.Status}
}

// Write answers a token request with the documented body; id makes an identifier.
func (r *Refusal) Write(w http.ResponseWriter, now time.Time, id func() string) {
	trace, correlation := id(), id()
	at := now.UTC().Format("2006-01-02 15:04:05Z")
	sandbox.WriteJSON(w, r.Status, map[string]any{
		"error":             r.Code,
		"error_description": fmt.Sprintf("%s Trace ID: %s Correlation ID: %s Timestamp: %s", r.Text(), trace, correlation, at),
		"error_codes":       []int{r.Number}, "timestamp": at, "trace_id": trace, "correlation_id": correlation,
		"error_uri": fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", r.Number),
	})
}
