package graph

import (
	"fmt"
	"net/http"
)

// apiError is a Graph error with its HTTP status.
type apiError struct {
	status  int
	code    string
	message string
	header  map[string]string
	inner   map[string]any // members of innerError besides the usual ones
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func fail(status int, code, format string, args ...any) *apiError {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func invalidProperty(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, "ErrorInvalidProperty", format, args...)
}

func badBody(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, "RequestBodyRead", format, args...)
}

func badQuery(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, "ErrorInvalidUrlQuery", format, args...)
}

func badID() *apiError {
	return fail(http.StatusBadRequest, "ErrorInvalidIdMalformed", "Id is malformed.")
}

func itemNotFound() *apiError {
	return fail(http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store.")
}

func accessDenied() *apiError {
	return fail(http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
}

func unauthenticated() *apiError {
	e := fail(http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token is empty, has expired or is not valid.")
	e.header = map[string]string{"WWW-Authenticate": `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`}
	return e
}

func stale() *apiError {
	return fail(http.StatusPreconditionFailed, "ErrorIrresolvableConflict", "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.")
}

func methodNotAllowed(method string) *apiError {
	return fail(http.StatusMethodNotAllowed, "ErrorInvalidRequest", "The OData request is not supported: method '%s' is not allowed here.", method)
}

func noMailbox() *apiError {
	return fail(http.StatusNotFound, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise.")
}

func internal(err error) *apiError {
	return fail(http.StatusInternalServerError, "InternalServerError", "The sandbox failed: %v", err)
}

// body is the error as the answer's JSON.
func (e *apiError) body(date, requestID, clientRequestID string) map[string]any {
	inner := map[string]any{"date": date, "request-id": requestID, "client-request-id": clientRequestID}
	for k, v := range e.inner {
		inner[k] = v
	}
	return map[string]any{"error": map[string]any{"code": e.code, "message": e.message, "innerError": inner}}
}
