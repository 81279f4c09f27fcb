package google

import (
	"fmt"
	"net/http"

	"meibo/shared/sandbox"
)

// apiError is a google.rpc.Status with its HTTP code.
type apiError struct {
	http    int
	status  string
	message string
	details []any
}

// rpcCodes are the google.rpc.Code numbers of the statuses used here.
var rpcCodes = map[string]int{
	"INVALID_ARGUMENT": 3, "NOT_FOUND": 5, "ALREADY_EXISTS": 6, "PERMISSION_DENIED": 7, "RESOURCE_EXHAUSTED": 8,
	"FAILED_PRECONDITION": 9, "INTERNAL": 13, "UNAUTHENTICATED": 16,
}

func (e *apiError) Error() string { return e.message }

// rpc is the error as a google.rpc.Status inside an answer.
func (e *apiError) rpc() map[string]any {
	return map[string]any{"code": rpcCodes[e.status], "message": e.message}
}

func writeError(w http.ResponseWriter, e *apiError) {
	body := map[string]any{"code": e.http, "message": e.message, "status": e.status}
	if len(e.details) > 0 {
		body["details"] = e.details
	}
	if e.http == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://accounts.google.com/", error="invalid_token"`)
	}
	sandbox.WriteJSON(w, e.http, map[string]any{"error": body})
}

func invalid(format string, args ...any) *apiError {
	return &apiError{http: 400, status: "INVALID_ARGUMENT", message: fmt.Sprintf(format, args...)}
}

// badPayload is how Google's front end refuses JSON or parameters that do not fit the request message.
func badPayload(format string, args ...any) *apiError {
	e := invalid("Invalid JSON payload received. "+format, args...)
	e.details = []any{map[string]any{
		"@type":           "type.googleapis.com/google.rpc.BadRequest",
		"fieldViolations": []any{map[string]any{"description": e.message}},
	}}
	return e
}

// corrupt is the answer to a token that was never issued, or is no longer known.
func corrupt() *apiError { return invalid("Request contains an invalid argument.") }

func notFound() *apiError {
	return &apiError{http: 404, status: "NOT_FOUND", message: "Requested entity was not found."}
}

func precondition(message string) *apiError {
	return &apiError{http: 400, status: "FAILED_PRECONDITION", message: message}
}

func staleEtag() *apiError {
	return precondition("Request person.etag is different than the current person.etag. Clear local cache and get the latest person.")
}

func missingEtag() *apiError {
	return invalid("Request must set person.etag or person.metadata.sources.etag for the source that is being updated.")
}

func errorInfo(reason, domain string, metadata map[string]string) map[string]any {
	info := map[string]any{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": domain}
	if metadata != nil {
		info["metadata"] = metadata
	}
	return info
}

func expiredSync() *apiError {
	e := precondition("Sync token is expired. Clear local cache and retry call without the sync token.")
	e.details = []any{errorInfo("EXPIRED_SYNC_TOKEN", "people.googleapis.com", nil)}
	return e
}

func unauthenticated() *apiError {
	return &apiError{http: 401, status: "UNAUTHENTICATED", message: "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."}
}

func missingScope(method string) *apiError {
	return &apiError{http: 403, status: "PERMISSION_DENIED", message: "Request had insufficient authentication scopes.", details: []any{
		errorInfo("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "googleapis.com", map[string]string{"method": "google.people.v1." + method, "service": "people.googleapis.com"}),
	}}
}

func serviceDisabled() *apiError {
	const url = "https://console.developers.google.com/apis/api/people.googleapis.com/overview?project=" + projectNumber
	return &apiError{http: 403, status: "PERMISSION_DENIED",
		message: "People API has not been used in project " + projectNumber + " before or it is disabled. Enable it by visiting " + url + " then retry.",
		details: []any{errorInfo("SERVICE_DISABLED", "googleapis.com", map[string]string{
			"activationUrl": url, "consumer": "projects/" + projectNumber, "service": "people.googleapis.com", "serviceTitle": "People API",
		})}}
}

// concurrentMutation is this sandbox's own strictness: see the package comment.
func concurrentMutation() *apiError {
	return &apiError{http: 429, status: "RESOURCE_EXHAUSTED",
		message: "Another mutate request of this user is still being handled. Mutate requests for the same user should be sent sequentially.",
		details: []any{errorInfo("CONCURRENT_MUTATE_REQUESTS", "people.googleapis.com", nil)}}
}

// overflow is the account's contact limit. Google's HTTP code for it is not known; the text is.
func overflow() *apiError {
	return precondition("MY_CONTACTS_OVERFLOW_COUNT: the account has reached its contact limit.")
}

func internal(err error) *apiError {
	return &apiError{http: 500, status: "INTERNAL", message: "Internal error encountered: " + err.Error()}
}

// batchErrors refuses a whole batch for the entries in errs (keyed by index or resource name).
func batchErrors(message string, errs map[string]*apiError) *apiError {
	m := map[string]any{}
	for k, e := range errs {
		m[k] = e.rpc()
	}
	e := corrupt()
	e.details = []any{map[string]any{"@type": "type.googleapis.com/google.people.v1." + message, "contactErrors": m}}
	return e
}
