package zoho

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/connector/exchange"
	"meibo/shared/record"
)

// Conditions of a listing that its loop handles (changes.go).
var (
	errPageToken = errors.New("the page token is no longer valid")
	errCeiling   = errors.New("the listing cannot be paged any further")
)

// scopeError is an authorisation that lacks a permission: lost for all calls that cannot do without it.
type scopeError struct{ lost *connector.AuthLostError }

func (e *scopeError) Error() string { return e.lost.Error() }
func (e *scopeError) Unwrap() error { return e.lost }

// vendorError is Zoho's error object: alone for a whole call, or one a record in the data of a write's answer.
type vendorError struct {
	Code    string  `json:"code"`
	Status  string  `json:"status"`
	Details details `json:"details"`
}

// details holds what Meibo reads of an error's or a success's details.
type details struct {
	ID           string `json:"id"`
	ModifiedTime string `json:"Modified_Time"`
	APIName      string `json:"api_name"`
	JSONPath     string `json:"json_path"`
	ExpectedType string `json:"expected_data_type"`
	MaxLength    any    `json:"maximum_length"`
	Duplicate    struct {
		ID string `json:"id"`
	} `json:"duplicate_record"`
}

// UnmarshalJSON accepts any shape: an error whose details are odd is still an error with a code.
func (d *details) UnmarshalJSON(b []byte) error {
	type plain details
	var p plain
	if json.Unmarshal(b, &p) == nil {
		*d = details(p)
	}
	return nil
}

// wholeError reads the error of a whole call, which Zoho sends bare or as the only element of data.
func wholeError(body []byte) (vendorError, bool) {
	var e struct {
		vendorError
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(body, &e) != nil {
		return vendorError{}, false
	}
	if e.Code != "" {
		return e.vendorError, true
	}
	var list []vendorError
	if json.Unmarshal(e.Data, &list) == nil && len(list) == 1 && list[0].Code != "" {
		return list[0], true
	}
	return vendorError{}, false
}

// statusError maps an answer that refuses a whole call.
func statusError(status int, body []byte, write bool) error {
	e, known := wholeError(body)
	if known {
		switch e.Code {
		case "OAUTH_SCOPE_MISMATCH":
			return &scopeError{&connector.AuthLostError{System: System, Cure: "the permissions that were given do not cover this; connect the account again and allow everything that is asked for"}}
		case "NO_PERMISSION", "AUTHORIZATION_FAILED", "INVALID_MODULE":
			return forbidden()
		case "EXPIRED_VALUE", "TOKEN_BOUND_DATA_MISMATCH":
			return errPageToken
		case "DISCRETE_PAGINATION_LIMIT_EXCEEDED", "PAGINATION_LIMIT_EXCEEDED":
			return errCeiling
		}
	}
	switch {
	case status == http.StatusUnauthorized:
		return &connector.AuthLostError{System: System, Cure: "connect the account again"}
	case status == http.StatusForbidden && known:
		return forbidden()
	case status == http.StatusNotFound && known:
		return fmt.Errorf("%w: %s does not know the address that was called (%s)", connector.ErrMisconfigured, System, e.Code)
	case status == http.StatusPreconditionFailed:
		return connector.ErrVersionConflict
	case status == http.StatusRequestEntityTooLarge:
		return &connector.InvalidError{System: System, Reason: "the record is too large"}
	case status == http.StatusBadRequest && known:
		return recordError(e, "", nil)
	}
	return unsure(write, "HTTP status "+strconv.Itoa(status))
}

func forbidden() error {
	return &connector.ForbiddenError{
		System: System, What: "do this with contacts",
		Cure: "ask a Zoho CRM administrator to allow it in the profile of this user",
	}
}

// unsure is the error of an exchange that broke.
func unsure(write bool, what string) error { return exchange.Unsure(System, write, what) }

func asThrottled(err error, t **connector.ThrottledError) bool { return errors.As(err, t) }

// recordError maps the error of one record. op is "" for what is not a write of a record; cat, if there is one, tells custom
// fields from others.
func recordError(e vendorError, op connector.Op, cat *catalogue) error {
	key := fieldKey(e.Details, cat)
	switch e.Code {
	case "DUPLICATE_DATA":
		id := e.Details.Duplicate.ID
		if id == "" {
			id = e.Details.ID
		}
		return &connector.DuplicateError{System: System, ID: id, Field: key}
	case "ALREADY_MODIFIED":
		return connector.ErrVersionConflict
	case "NO_PERMISSION", "AUTHORIZATION_FAILED":
		return forbidden()
	case "RECORD_LOCKED":
		return &connector.InvalidError{System: System, Reason: "the record is locked; unlock it in Zoho CRM"}
	case "MANDATORY_NOT_FOUND":
		return &connector.InvalidError{System: System, Field: key, Reason: "the organisation requires a value here; fill it in, or map another field to it"}
	case "INVALID_DATA":
		if op == connector.Delete || op == connector.Update && fieldName(e.Details) == "id" {
			return connector.ErrNotFound
		}
		return &connector.InvalidError{System: System, Field: key, Reason: invalidReason(e.Details)}
	case "TOO_MANY_REQUESTS":
		return &connector.ThrottledError{System: System, After: backoffMax}
	case "DEPENDENT_SERVICE_ERROR":
		return fmt.Errorf("%w: %s: a service that it depends on does not answer", connector.ErrTransient, System)
	case "INTERNAL_ERROR", "":
		return unsure(op != "", "it reported an internal error")
	}
	return &connector.InvalidError{System: System, Field: key, Reason: e.Code}
}

// invalidReason says what kind of value was expected, never the value.
func invalidReason(d details) string {
	reason := "the value is not valid here"
	if d.ExpectedType != "" {
		reason += "; expected: " + d.ExpectedType
	}
	switch n := d.MaxLength.(type) {
	case float64:
		reason += fmt.Sprintf("; at most %d characters", int(n))
	case string:
		reason += "; at most " + n + " characters"
	}
	return reason
}

// fieldKey names the field of an error by our key, where it is one of ours, else by the vendor's name.
func fieldKey(d details, cat *catalogue) string {
	name := fieldName(d)
	if p, ok := placeOf(name); ok {
		return string(p.key)
	}
	if cat != nil && cat.byAPI[name].Custom {
		return string(record.Custom(name))
	}
	return name
}

// fieldName is the API name of the field that an error is about: of a lookup, the field and not its id.
func fieldName(d details) string {
	name := d.APIName
	if _, path, ok := strings.Cut(d.JSONPath, "]."); name == "" && ok {
		name = path
	}
	name, _, _ = strings.Cut(name, ".")
	if name == "data" {
		return ""
	}
	return name
}

// recordIndex is the position of the record that an error names, or -1.
func (d details) recordIndex() int {
	rest, ok := strings.CutPrefix(d.JSONPath, "$.data[")
	if !ok {
		return -1
	}
	n, _, ok := strings.Cut(rest, "]")
	if !ok {
		return -1
	}
	i, err := strconv.Atoi(n)
	if err != nil {
		return -1
	}
	return i
}
