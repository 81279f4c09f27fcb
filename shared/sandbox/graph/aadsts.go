package graph

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
var refusals = map[int]aadsts{
	16000:   {0, "interaction_required", 400, "The account must be chosen by the user."},
	50011:   {0, "invalid_request", 400, "The redirect URI specified in the request does not match the redirect URIs configured for the application."},
	50020:   {0, "access_denied", 400, "The user account from another identity provider does not exist in the tenant and cannot access the application in that tenant."},
	50034:   {0, "invalid_grant", 400, "The user account does not exist in the directory."},
	50057:   {0, "invalid_grant", 400, "The user account is disabled."},
	50074:   {0, "interaction_required", 400, "Strong authentication is required."},
	50076:   {0, "interaction_required", 400, "Due to a configuration change made by the administrator, multi-factor authentication must be used."},
	50105:   {0, "access_denied", 400, "The signed in user is not assigned to a role for the application."},
	50173:   {0, "invalid_grant", 400, "The provided grant has expired due to it being revoked, a fresh auth token is needed."},
	500208:  {0, "access_denied", 400, "The domain is not a valid login domain for the account type."},
	53003:   {0, "interaction_required", 400, "Access has been blocked by Conditional Access policies."},
	65001:   {0, "invalid_grant", 400, "The user or administrator has not consented to use the application."},
	65004:   {0, "access_denied", 400, "User declined to consent to access the app."},
	70000:   {0, "invalid_grant", 400, "The provided value for the grant is not valid."},
	70003:   {0, "unsupported_grant_type", 400, "The app used an unsupported grant type."},
	70008:   {0, "invalid_grant", 400, "The provided authorization code or refresh token has expired due to inactivity or was redeemed."},
	70011:   {0, "invalid_scope", 400, "The provided value for the input parameter 'scope' is not valid."},
	700016:  {0, "unauthorized_client", 400, "The application was not found in the directory."},
	700082:  {0, "invalid_grant", 400, "The refresh token has expired due to inactivity."},
	90002:   {0, "invalid_request", 400, "The tenant was not found."},
	90014:   {0, "invalid_request", 400, "A required field is missing from the credential."},
	90094:   {0, "access_denied", 400, "An administrator has set a policy that prevents the user from granting the application the permissions it is requesting. Admin consent is required."},
	501481:  {0, "invalid_grant", 400, "The Code_Verifier does not match the code_challenge supplied in the authorization request."},
	900144:  {0, "invalid_request", 400, "The request body must contain the required parameters."},
	900561:  {0, "invalid_request", 405, "The endpoint only accepts POST requests."},
	9001023: {0, "invalid_request", 400, "The grant type is not supported over the /common or /consumers endpoints. Use the tenant-specific endpoint."},
	9002332: {0, "invalid_request", 400, "The application is configured for use by directory users only."},
	7000215: {0, "invalid_client", 401, "Invalid client secret provided."},
	7000218: {0, "invalid_client", 401, "The request body must contain: 'client_assertion' or 'client_secret'."},
	7000222: {0, "invalid_client", 401, "The provided client secret keys are expired."},
	1002012: {0, "invalid_scope", 400, "The provided value for scope is not valid: client credential flows must have a scope value with /.default."},
}

// refusal returns the refusal with a number of the table.
func refusal(number int) *aadsts {
	r := refusals[number]
	r.number = number
	return &r
}

// pageCode is what a page answers to the application: whatever a policy or a person refused there is access_denied, since the codes of
// the token path are for requests without a person.
func (r *aadsts) pageCode() string {
	if r.code == "invalid_grant" || r.code == "interaction_required" {
		return "access_denied"
	}
	return r.code
}

// consentCode is what the page of admin consent answers.
func (r *aadsts) consentCode() string {
	if r.number == 65004 {
		return "consent_required"
	}
	return r.pageCode()
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

// causes are the numbers for what the authorisation server finds wrong.
var causes = map[sandbox.AuthCause]int{
	sandbox.CauseRequest: 900144, sandbox.CauseMethod: 900561, sandbox.CauseClient: 700016, sandbox.CauseSecret: 7000215,
	sandbox.CauseRedirect: 50011, sandbox.CauseCode: 70008, sandbox.CauseVerifier: 501481, sandbox.CauseRefresh: 50173,
	sandbox.CauseGrant: 70003, sandbox.CauseScope: 70011,
}
