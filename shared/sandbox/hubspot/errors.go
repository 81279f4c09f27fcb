package hubspot

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"meibo/shared/sandbox"
)

// object is a small JSON answer.
type object = map[string]any

// refusal is an error answer. The correlation id is filled in when it is written.
type refusal struct {
	status int
	body   object
	header map[string]string
}

func (f *refusal) Error() string {
	text, _ := f.body["message"].(string)
	return text
}

// refuse makes the usual error.
func refuse(status int, category, text string) *refusal {
	return &refusal{status: status, body: object{"status": "error", "message": text, "category": category}}
}

func bad(text string) *refusal { return refuse(http.StatusBadRequest, "VALIDATION_ERROR", text) }

func missing(what string) *refusal {
	return refuse(http.StatusNotFound, "OBJECT_NOT_FOUND", what+" not found")
}

func noRoute() *refusal {
	return &refusal{status: http.StatusNotFound, body: object{"status": "error", "message": "resource not found"}}
}

func quote(s string) string { return strconv.Quote(s) }

// fault is what is wrong with one property of a record.
type fault struct {
	Valid   bool   `json:"isValid"`
	Message string `json:"message"`
	Code    string `json:"error"`
	Name    string `json:"name"`
}

// invalid is the error of property values: the detail is JSON inside the text, and again in errors.
func invalid(faults []fault) *refusal {
	b, err := json.Marshal(faults)
	if err != nil { // plain structs marshal
		return bad(err.Error())
	}
	f := bad("Property values were not valid: " + string(b))
	details := []object{}
	for _, x := range faults {
		details = append(details, object{"message": x.Message, "code": x.Code, "context": object{"propertyName": []string{x.Name}}})
	}
	f.body["errors"] = details
	return f
}

// conflict is the answer to a create whose e-mail address is taken. The id stands in the text only.
func conflict(id int64) *refusal {
	return refuse(http.StatusConflict, "CONFLICT", "Contact already exists. Existing ID: "+num(id))
}

func unauthorized(category, text string) *refusal {
	return refuse(http.StatusUnauthorized, category, text)
}

func missingScopes(wanted []string) *refusal {
	f := refuse(http.StatusForbidden, "MISSING_SCOPES", "This app hasn't been granted all required scopes to make this call. Read more about required scopes here: https://developers.hubspot.com/scopes.")
	f.body["errors"] = []object{{"message": "One or more of the following scopes are required.", "context": object{"requiredGranularScopes": wanted}}}
	f.body["links"] = object{"scopes": "https://developers.hubspot.com/scopes"}
	return f
}

// overLimit is the answer to too many calls; it has errorType where other errors have category.
func overLimit(policy string) *refusal {
	text := "You have reached your ten_secondly_rolling limit."
	if policy == policySearch {
		text = "You have reached your secondly limit."
	}
	return &refusal{status: http.StatusTooManyRequests, body: object{"status": "error", "message": text, "errorType": "RATE_LIMIT", "policyName": policy}}
}

// answer writes v as JSON; nil writes no body.
func answer(w http.ResponseWriter, status int, v any) {
	if v == nil {
		w.WriteHeader(status)
		return
	}
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"status":"error","message":"internal error"}`)
	}
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b) // a caller that went away needs no answer
}

// fail writes an error.
func (s *Sandbox) fail(w http.ResponseWriter, err error) {
	f, known := err.(*refusal)
	if !known {
		f = &refusal{status: http.StatusInternalServerError, body: object{"status": "error", "message": "internal error"}}
	}
	body := object{"correlationId": sandbox.UUID(s.random)}
	for k, v := range f.body {
		body[k] = v
	}
	if _, over := body["errorType"]; over {
		body["requestId"] = sandbox.UUID(s.random)
	}
	for k, v := range f.header {
		w.Header().Set(k, v)
	}
	answer(w, f.status, body)
}

// upper names a kind in errors, as HubSpot does: CONTACT.
func (k *kind) upper() string { return strings.ToUpper(k.name) }
