package dynamics

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

// The codes that a caller branches on are the sheet's; the others are ones that Dataverse is known to answer with.
const (
	codeNotFound     = "0x80040217"
	codeEtag         = "0x80060882"
	codeExists       = "0x80040237"
	codeKeyTaken     = "0x80060892"
	codeDuplicate    = "0x80040333"
	codeTooLong      = "0x80044331"
	codeExpired      = "0x80044352"
	codePrivilege    = "0x80040220"
	codeDisabled     = "0x80040225"
	codeNotMember    = "0x80072560"
	codeURL          = "0x80060888"
	codePayload      = "0x80048d19"
	codeArgument     = "0x80040203"
	codeOutOfRange   = "0x8004431a"
	codeCharacters   = "0x80040278"
	codeRequests     = "0x80072322"
	codeTime         = "0x80072321"
	codeConcurrent   = "0x80072326"
	codeNotSupported = "0x80040800"
	codeUnexpected   = "0x80040216"
)

// apiError is a refusal.
type apiError struct {
	status  int
	code    string
	message string
	header  map[string]string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func fail(status int, code, format string, args ...any) *apiError {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func badURL(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, codeURL, format, args...)
}

func badBody(format string, args ...any) *apiError {
	return fail(http.StatusBadRequest, codePayload, "Error identified in Payload provided by the user: "+format, args...)
}

func badSegment(segment string) *apiError {
	return fail(http.StatusNotFound, codeURL, "Resource not found for the segment '%s'.", segment)
}

func badMethod(method string) *apiError {
	return fail(http.StatusMethodNotAllowed, codeURL, "The requested resource does not support http method '%s'.", method)
}

func noRow(t *table, id guid) *apiError {
	return fail(http.StatusNotFound, codeNotFound, "%s With Id = %s Does Not Exist", t.logical, id)
}

func internal(err error) *apiError {
	return fail(http.StatusInternalServerError, codeUnexpected, "An unexpected error occurred: %v", err)
}

// body is the documented envelope. With annotations asked for it has more members.
func (e *apiError) body(annotated bool) []byte {
	in := map[string]any{"code": e.code, "message": e.message}
	if annotated {
		in["@Microsoft.PowerApps.CDS.ErrorDetails.ApiExceptionSourceKey"] = "Plugin/Microsoft.Crm.Common.ObjectModel"
		in["@Microsoft.PowerApps.CDS.HelpLink"] = "http://go.microsoft.com/fwlink/?LinkID=398563&error=" + e.code
		in["@Microsoft.PowerApps.CDS.TraceText"] = ""
		in["@Microsoft.PowerApps.CDS.InnerError.Message"] = e.message
	}
	b, err := json.Marshal(map[string]any{"error": in})
	if err != nil {
		return []byte(`{"error":{"code":"","message":""}}`) // texts always encode
	}
	return b
}
