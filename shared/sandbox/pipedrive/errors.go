package pipedrive

import (
	"encoding/json"
	"net/http"
)

// object is a small JSON answer.
type object = map[string]any

// refusal is an error answer in one of Pipedrive's forms.
type refusal struct {
	status int
	body   object
	html   string // instead of body: the page of the network in front of the API
}

func (f *refusal) Error() string {
	text, _ := f.body["error"].(string)
	return text
}

const errorInfo = "Please check developers.pipedrive.com for more information about Pipedrive API."

// refuse makes the usual error.
func refuse(status int, text string) *refusal {
	return &refusal{status: status, body: object{"success": false, "error": text, "error_info": errorInfo, "data": nil, "additional_data": nil}}
}

func bad(text string) *refusal { return refuse(http.StatusBadRequest, text) }

func forbidden(text string) *refusal { return refuse(http.StatusForbidden, text) }

func unauthorized() *refusal {
	return &refusal{status: http.StatusUnauthorized, body: object{"success": false, "error": "unauthorized access", "errorCode": http.StatusUnauthorized, "error_info": errorInfo}}
}

// capped is the refusal of what the plan does not include.
func capped(code, text string) *refusal {
	f := forbidden(text)
	f.body["code"] = code
	return f
}

func unknownMethod() *refusal { return refuse(http.StatusNotFound, "Unknown method .") }

// overLimit is the answer to too many calls, of a burst as of a day. The vendor promises neither its body nor a Retry-After.
func overLimit() *refusal {
	return &refusal{status: http.StatusTooManyRequests, body: object{"success": false, "error": "Request over limit", "errorCode": http.StatusTooManyRequests, "error_info": errorInfo}}
}

// blocked is what the network in front of the API answers to a client that does not stop.
func blocked() *refusal {
	return &refusal{status: http.StatusForbidden, html: "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Attention Required!</title></head><body><h1>Sorry, you have been blocked</h1></body></html>\n"}
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"success":false,"error":"Internal server error"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b) // a caller that went away needs no answer
}

func fail(w http.ResponseWriter, f *refusal) {
	if f.html != "" {
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		w.WriteHeader(f.status)
		_, _ = w.Write([]byte(f.html))
		return
	}
	answer(w, f.status, f.body)
}

func failWith(w http.ResponseWriter, err error) {
	if f, ok := err.(*refusal); ok {
		fail(w, f)
		return
	}
	fail(w, refuse(http.StatusInternalServerError, "Internal server error"))
}

// success is the envelope of v2 and v1.
func success(data any) object { return object{"success": true, "data": data} }
