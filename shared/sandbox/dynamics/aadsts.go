package dynamics

import (
	"fmt"
	"net/http"

	"meibo/shared/sandbox"
)

// aadsts is a refusal by the identity platform.
type aadsts struct {
	number int
	code   string // RFC 6749's error
	status int
	what   string
}

// refusals are the numbers that the sandbox gives.
func refusals() []aadsts {
	return []aadsts{
		{16000, "interaction_required", 400, "The account must be chosen by the user."},
		{50011, "invalid_request", 400, "The redirect URI specified in the request does not match the redirect URIs configured for the application."},
		{50020, "access_denied", 400, "The user account from another identity provider does not exist in the tenant and cannot access the application in that tenant."},
		{50034, "invalid_grant", 400, "The user account does not exist in the directory."},
		{50057, "invalid_grant", 400, "The user account is disabled."},
		{50076, "interaction_required", 400, "Due to a configuration change made by the administrator, multi-factor authentication must be used."},
		{50105, "access_denied", 400, "The signed in user is not assigned to a role for the application."},
		{50173, "invalid_grant", 400, "The provided grant has expired due to it being revoked, a fresh auth token is needed."},
		{500011, "invalid_resource", 400, "The resource principal was not found in the tenant."},
		{53003, "interaction_required", 400, "Access has been blocked by Conditional Access policies."},
		{65001, "invalid_grant", 400, "The user or administrator has not consented to use the application."},
		{65004, "access_denied", 400, "User declined to consent to access the app."},
		{70000, "invalid_grant", 400, "The provided value for the grant is not valid."},
		{70003, "unsupported_grant_type", 400, "The app used an unsupported grant type."},
		{70008, "invalid_grant", 400, "The provided authorization code or refresh token has expired due to inactivity or was redeemed."},
		{70011, "invalid_scope", 400, "The provided value for the input parameter 'scope' is not valid."},
		{700016, "unauthorized_client", 400, "The application was not found in the directory."},
		{700082, "invalid_grant", 400, "The refresh token has expired due to inactivity."},
		{90002, "invalid_request", 400, "The tenant was not found."},
		{90094, "access_denied", 400, "An administrator has set a policy that prevents the user from granting the application the permissions it is requesting. Admin consent is required."},
		{501481, "invalid_grant", 400, "The Code_Verifier does not match the code_challenge supplied in the authorization request."},
		{900144, "invalid_request", 400, "The request body must contain the required parameters."},
		{900561, "invalid_request", 405, "The endpoint only accepts POST requests."},
		{9002332, "invalid_request", 400, "The application is configured for use by directory users only."},
		{7000215, "invalid_client", 401, "Invalid client secret provided."},
		{7000218, "invalid_client", 401, "The request body must contain: 'client_assertion' or 'client_secret'."},
		{7000222, "invalid_client", 401, "The provided client secret keys are expired."},
	}
}

func findRefusal(match func(aadsts) bool) (aadsts, bool) {
	for _, r := range refusals() {
		if match(r) {
			return r, true
		}
	}
	return aadsts{90033, "temporarily_unavailable", http.StatusServiceUnavailable, "A transient error has occurred. Please try again."}, false
}

// refusal returns the refusal with a number of the table.
func refusal(number int) *aadsts {
	r, _ := findRefusal(func(a aadsts) bool { return a.number == number })
	return &r
}

// text is the beginning of error_description.
func (r *aadsts) text() string { return fmt.Sprintf("AADSTS%d: %s", r.number, r.what) }

// auth is the refusal for the hooks of the authorisation server.
func (r *aadsts) auth() *sandbox.AuthError {
	return &sandbox.AuthError{Cause: sandbox.CauseVendor, Code: r.code, Description: r.text(), Status: r.status}
}

// writeTokenError writes the documented body.
func (s *Sandbox) writeTokenError(w http.ResponseWriter, r *aadsts) {
	trace, correlation := s.requestID(), s.requestID()
	at := s.cfg.Clock.Now().UTC().Format("2006-01-02 15:04:05Z")
	sandbox.WriteJSON(w, r.status, map[string]any{
		"error":             r.code,
		"error_description": fmt.Sprintf("%s Trace ID: %s Correlation ID: %s Timestamp: %s", r.text(), trace, correlation, at),
		"error_codes":       []int{r.number}, "timestamp": at, "trace_id": trace, "correlation_id": correlation,
		"error_uri": fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", r.number),
	})
}

// cause is the number for what the authorisation server found wrong; 0 means that there is none.
func cause(c sandbox.AuthCause) int {
	return map[sandbox.AuthCause]int{
		sandbox.CauseRequest: 900144, sandbox.CauseMethod: 900561, sandbox.CauseClient: 700016, sandbox.CauseSecret: 7000215,
		sandbox.CauseRedirect: 50011, sandbox.CauseCode: 70008, sandbox.CauseVerifier: 501481, sandbox.CauseRefresh: 50173,
		sandbox.CauseGrant: 70003, sandbox.CauseScope: 70011,
	}[c]
}
