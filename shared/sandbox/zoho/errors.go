package zoho

import (
	"encoding/json"
	"net/http"
)

// object is a small JSON answer.
type object = map[string]any

// fault is a refusal in Zoho's envelope. As the answer to a whole call it stands at the top level; as the answer for one record
// it is an element of the answer's array.
type fault struct {
	status  int
	code    string
	message string
	details object
}

func (f *fault) Error() string { return f.code + ": " + f.message }

// body is the vendor's envelope.
func (f *fault) body() object {
	d := f.details
	if d == nil {
		d = object{}
	}
	return object{"code": f.code, "details": d, "message": f.message, "status": "error"}
}

// refuse makes a whole-call error.
func refuse(status int, code, message string, details object) *fault {
	return &fault{status: status, code: code, message: message, details: details}
}

func badParam(name string) *fault {
	return refuse(http.StatusBadRequest, "INVALID_DATA", "invalid data", object{"param_name": name})
}

func missingParam(name string) *fault {
	return refuse(http.StatusBadRequest, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", object{"param_name": name, "param": name})
}

func ambiguous(a, b string) *fault {
	return refuse(http.StatusBadRequest, "AMBIGUITY_DURING_PROCESSING", "ambiguity while processing the request",
		object{"ambiguity_due_to": []object{{"param_name": a}, {"param_name": b}}})
}

func badModule(index int) *fault {
	return refuse(http.StatusBadRequest, "INVALID_MODULE", "the module name given seems to be invalid", object{"resource_path_index": index})
}

func badID(id string) *fault {
	return refuse(http.StatusBadRequest, "INVALID_DATA", "the id given seems to be invalid", object{"id": id, "resource_path_index": 1})
}

func badURL() *fault {
	return refuse(http.StatusNotFound, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one", nil)
}

func badMethod() *fault {
	return refuse(http.StatusBadRequest, "INVALID_REQUEST_METHOD", "The http request method type is not a valid one", nil)
}

func notPermitted(permissions ...string) *fault {
	return refuse(http.StatusForbidden, "NO_PERMISSION", "permission denied", object{"permissions": permissions})
}

func tooMany() *fault {
	return refuse(http.StatusTooManyRequests, "TOO_MANY_REQUESTS", "Too many requests", nil)
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"code":"INTERNAL_ERROR","details":{},"message":"Internal Server Error","status":"error"}`)
	}
	answerRaw(w, status, b)
}

func answerRaw(w http.ResponseWriter, status int, b []byte) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write(b) // a caller that went away needs no answer
}

func fail(w http.ResponseWriter, f *fault) { answer(w, f.status, f.body()) }
