package pipedrive

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
)

// refusal is what Meibo reads of an error's body; every member may be missing.
type refusal struct {
	Error  string          `json:"error"`
	Code   any             `json:"code"`
	Field  string          `json:"field_code"`
	Errors json.RawMessage `json:"errors"`
}

// statusError maps an answer that is not 2xx. The vendor's own text is only searched for names of fields and never repeated: it may
// hold the value that it complains about.
func statusError(r request, status int, body []byte) error {
	var e refusal
	known := json.Unmarshal(body, &e) == nil
	code, _ := e.Code.(string)
	switch {
	case status == http.StatusUnauthorized:
		return &connector.AuthLostError{System: System, Cure: "connect the account again"}
	case status == http.StatusPaymentRequired:
		return &connector.ForbiddenError{System: System, What: "use the API: the company's account is not open", Cure: "ask a Pipedrive administrator to settle the subscription"}
	case status == http.StatusForbidden && strings.HasPrefix(code, "feature_capping"):
		return &connector.FullError{System: System, Cure: "the plan does not allow more; remove some or choose a larger plan"}
	case status == http.StatusForbidden && strings.Contains(strings.ToLower(e.Error), "scope"):
		return &connector.ForbiddenError{System: System, What: doing(r), Cure: "the permissions that were given do not cover it; connect the account again and allow everything that is asked for"}
	case status == http.StatusForbidden:
		return &connector.ForbiddenError{System: System, What: doing(r), Cure: "ask a Pipedrive administrator to allow it in this user's permission set"}
	case status == http.StatusNotFound, status == http.StatusGone:
		return connector.ErrNotFound
	case status == http.StatusUnsupportedMediaType:
		return &connector.InvalidError{System: System, Field: member(e, body), Reason: "the feature is not enabled in this company; leave the field out of the mapping, or enable the feature in Pipedrive"}
	case (status == http.StatusBadRequest || status == http.StatusUnprocessableEntity || status == http.StatusRequestEntityTooLarge) && known:
		return &connector.InvalidError{System: System, Field: member(e, body), Reason: "the value is not accepted here; correct it or leave the field out of the mapping"}
	case status >= 300 && status < 400: // redirects are not followed, so nothing was done
		return fmt.Errorf("%w: %s: the company's address has changed; the next renewal of the authorisation tells the new one", connector.ErrTransient, System)
	case status == http.StatusMethodNotAllowed:
		return fmt.Errorf("%w: %s does not know the call that was made", connector.ErrMisconfigured, System)
	}
	return unsure(r.write, "HTTP status "+strconv.Itoa(status))
}

func doing(r request) string {
	if r.right != "" {
		return r.right
	}
	return "do this with people"
}

// named finds the names of members in an error's text: the vendor's own, and the codes of custom fields.
var named = regexp.MustCompile(`\b([0-9a-f]{40}|first_name|last_name|name|emails?|phones?|org_id|owner_id|visible_to|label_ids|postal_address|notes|ims?|birthday|job_title|subscription_url)\b`)

// member is the vendor's name of the field that an error is about, or "".
func member(e refusal, body []byte) string {
	if e.Field != "" {
		return named.FindString(e.Field)
	}
	if m := named.FindString(e.Error); m != "" {
		return m
	}
	return named.FindString(string(e.Errors))
}

// unsure is the error of an exchange that broke.
func unsure(write bool, what string) error { return exchange.Unsure(System, write, what) }

func asThrottled(err error) *connector.ThrottledError {
	var t *connector.ThrottledError
	if errors.As(err, &t) {
		return t
	}
	return nil
}
