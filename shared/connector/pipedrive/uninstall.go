package pipedrive

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"meibo/shared/connector"
)

// ErrForged: a call that says that a user removed Meibo, and does not prove that it comes from Pipedrive.
var ErrForged = errors.New("pipedrive: the call does not carry this installation's own credentials")

const maxUninstall = 64 << 10

// ReadUninstall reads the call that Pipedrive's OAuth server makes when a user removes Meibo: a DELETE of the address of the callback,
// proven with our own client credentials, which are compared in constant time. The ids are those of Identity.AccountID: "company:user".
// The answer to it is not looked at. Errors: ErrForged, connector.ErrMalformed.
func ReadUninstall(r *http.Request, clientID, secret string) (company, user string, err error) {
	id, pass, ok := r.BasicAuth()
	genuine := same(id, clientID) & same(pass, secret)
	if !ok || genuine != 1 || clientID == "" || secret == "" {
		return "", "", ErrForged
	}
	var body struct {
		Client  string `json:"client_id"`
		Company num    `json:"company_id"`
		User    num    `json:"user_id"`
	}
	b, err := io.ReadAll(io.LimitReader(r.Body, maxUninstall))
	if r.Method != http.MethodDelete || err != nil || json.Unmarshal(b, &body) != nil || body.Company <= 0 || body.User <= 0 {
		return "", "", connector.ErrMalformed
	}
	if body.Client != "" && body.Client != clientID {
		return "", "", ErrForged
	}
	return body.Company.String(), body.User.String(), nil
}

// same compares without telling by its time where two texts differ, or how long they are.
func same(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}
