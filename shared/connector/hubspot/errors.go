package hubspot

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"meibo/shared/connector"
	"meibo/shared/connector/exchange"
	"meibo/shared/record"
)

// statusMoving is HubSpot's own status for an account that is moved to another data centre.
const statusMoving = 477

// categoryGone is HubSpot's word for a record that does not exist, and errGone its error. A plain connector.ErrNotFound may as well be about
// the call.
const categoryGone = "OBJECT_NOT_FOUND"

var errGone = fmt.Errorf("%w: %s says so", connector.ErrNotFound, System)

// refusal is what Meibo reads of an error: the body of an answer, or an entry of a batch's. Every member may be missing.
type refusal struct {
	Category string  `json:"category"`
	Message  string  `json:"message"`
	Context  details `json:"context"`
	Errors   []struct {
		Code    string  `json:"code"`
		Message string  `json:"message"`
		Context details `json:"context"`
	} `json:"errors"`
}

// details are what an error is about, by name.
type details map[string]texts

// texts are several texts; what is none is left out.
type texts []string

// UnmarshalJSON takes a list of texts, or one.
func (t *texts) UnmarshalJSON(b []byte) error {
	var list []string
	var one string
	if json.Unmarshal(b, &list) == nil {
		*t = list
	} else if json.Unmarshal(b, &one) == nil {
		*t = texts{one}
	}
	return nil
}

// statusError maps an answer that is not 2xx. The vendor's own text is searched for names and codes and never repeated: it may hold the
// value that it complains about.
func (c *Connector) statusError(r request, status int, h http.Header, body []byte) error {
	var e refusal
	known := json.Unmarshal(body, &e) == nil && (e.Message != "" || e.Category != "" || len(e.Errors) > 0)
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusLocked, status == statusMoving:
		return c.throttled(status, h, body)
	case status == http.StatusUnauthorized:
		return &connector.AuthLostError{System: System, Cure: "connect the account again"}
	case status == http.StatusForbidden && e.Category == "MISSING_SCOPES":
		return missingScope(r, e.scopes(r.scope))
	case status == http.StatusForbidden:
		return forbidden(r)
	case status == http.StatusNotFound && e.Category == categoryGone:
		return errGone
	case status == http.StatusNotFound && known:
		return connector.ErrNotFound
	case (status == http.StatusBadRequest || status == http.StatusConflict || status == http.StatusUnprocessableEntity) && known:
		return c.recordError(e)
	case status == http.StatusRequestURITooLong, status == http.StatusRequestEntityTooLarge:
		return &connector.InvalidError{System: System, Reason: "the record is too large, or was merged too often"}
	case status == http.StatusMethodNotAllowed, status == http.StatusNotFound && !r.write:
		return fmt.Errorf("%w: %s does not know the call that was made", connector.ErrMisconfigured, System)
	case status >= 300 && status < 400: // redirects are not followed, so nothing was done
		return fmt.Errorf("%w: %s sent the request elsewhere", connector.ErrTransient, System)
	}
	return unsure(r.write, "HTTP status "+strconv.Itoa(status))
}

func doing(r request) string {
	if r.right != "" {
		return r.right
	}
	return "do this with contacts"
}

func forbidden(r request) error {
	return &connector.ForbiddenError{System: System, What: doing(r), Cure: "ask a HubSpot super admin to allow it for this user, or whether the subscription covers it"}
}

func missingScope(r request, scope string) error {
	if scope == "" {
		scope = "all permissions that Meibo asks for"
	}
	return &connector.ForbiddenError{System: System, What: doing(r),
		Cure: "the authorisation does not cover it; ask a HubSpot super admin to connect the account again and allow " + scope}
}

// scopes are the scopes that an error says are missing, or what was taken for needed.
func (e refusal) scopes(guess string) string {
	for _, d := range e.Errors {
		for _, list := range d.Context {
			for _, s := range list {
				if isScope(s) {
					return s
				}
			}
		}
	}
	return guess
}

// isScope keeps anything but the name of a scope out of messages.
func isScope(s string) bool {
	return len(s) < 80 && strings.Contains(s, ".") && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") == ""
}

// unsure is the error of an exchange that broke.
func unsure(write bool, what string) error { return exchange.Unsure(System, write, what) }

// existing finds the id of the record that another one clashes with.
var existing = regexp.MustCompile(`(?i)(?:existing id|already has that value|existing object[^0-9]{0,20})\D{0,4}(\d+)`)

// fault is what is wrong with one property.
type fault struct{ name, code string }

// recordError maps the refusal of one record, or of a batch of which one is meant.
func (c *Connector) recordError(e refusal) error {
	text := e.Message
	for _, d := range e.Errors {
		text += "\n" + d.Message
	}
	faults := e.faults()
	unique := e.Category == "CONFLICT"
	for _, f := range faults {
		unique = unique || f.code == "CONFLICTING_UNIQUE_VALUE"
	}
	if unique || strings.Contains(text, "CONFLICTING_UNIQUE_VALUE") {
		dup := &connector.DuplicateError{System: System, Field: string(record.Email)}
		if m := existing.FindStringSubmatch(text); m != nil {
			dup.ID = m[1]
		}
		if len(faults) > 0 && faults[0].name != "" {
			dup.Field = c.key(faults[0].name)
		}
		return dup
	}
	switch e.Category {
	case categoryGone:
		return errGone
	case "RATE_LIMITS":
		return &connector.ThrottledError{System: System, After: windowBackoff}
	case "MISSING_SCOPES":
		return missingScope(request{}, e.scopes(""))
	}
	bad := &connector.InvalidError{System: System, Reason: "the record is not accepted as it is; correct it, or leave the field out of the mapping"}
	if len(faults) > 0 {
		bad.Field, bad.Reason = c.key(faults[0].name), reasonOf(faults[0].code)
	}
	return bad
}

// reasonOf says in words for people what a code means.
func reasonOf(code string) string {
	switch code {
	case "INVALID_EMAIL":
		return "the e-mail address is not valid; correct it"
	case "PROPERTY_DOESNT_EXIST":
		return "the property no longer exists in this account; leave it out of the mapping"
	case "INVALID_OPTION":
		return "the property has no such choice"
	case "READ_ONLY_VALUE":
		return "the property can only be read; leave it out of the mapping"
	}
	return "the value is not accepted here; correct it, or leave the field out of the mapping"
}

const detailsFollow = "Property values were not valid:"

// faults are the properties that an error is about: in JSON within its message, or in its details.
func (e refusal) faults() []fault {
	var out []fault
	if _, rest, ok := strings.Cut(e.Message, detailsFollow); ok {
		if end := strings.LastIndexByte(rest, ']'); end >= 0 {
			rest = rest[:end+1]
		}
		var list []struct {
			Name  string `json:"name"`
			Error string `json:"error"`
		}
		if json.Unmarshal([]byte(strings.TrimSpace(rest)), &list) == nil {
			for _, d := range list {
				out = append(out, fault{d.Name, d.Error})
			}
		}
	}
	for _, d := range e.Errors {
		for _, n := range d.Context["propertyName"] {
			out = append(out, fault{n, d.Code})
		}
	}
	if names := e.Context["propertyName"]; len(out) == 0 && len(names) > 0 {
		out = append(out, fault{name: names[0]})
	}
	return out
}

// about reports whether err refuses the field or property called name.
func about(err error, name string) bool {
	var bad *connector.InvalidError
	return errors.As(err, &bad) && bad.Field == name
}

func invalid(err error) bool {
	var bad *connector.InvalidError
	return errors.As(err, &bad)
}

func denied(err error) bool {
	var no *connector.ForbiddenError
	return errors.As(err, &no)
}
