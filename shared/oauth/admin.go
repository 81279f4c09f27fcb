package oauth

import (
	"context"
	"net/http"
	"net/url"
)

// Capability is something that an administrator allows for a whole directory, in a consent of its own.
type Capability struct {
	ID     string   // such as "contacts"
	Scopes []string // what the vendor calls it
}

// AdminRequest is what an administrator's browser is sent to the vendor with.
type AdminRequest struct {
	Directory   string // id of the organisation's directory at the vendor
	Scopes      []string
	RedirectURI string
	State       string
}

// AdminConsenter is a Provider at whose vendor an administrator consents for all accounts of an organisation's directory. A
// *RefusedError of it has one of the Admin codes.
type AdminConsenter interface {
	// Capabilities are what can be consented to, each by itself.
	Capabilities() []Capability
	// AdminConsentURL returns the address to send the administrator's browser to.
	AdminConsentURL(c Client, r AdminRequest) string
	// AdminArrived reads the vendor's callback and returns the directory that it names. That is no proof yet: anybody can write an
	// address. Errors: *RefusedError, ErrClient, connector.ErrTransient.
	AdminArrived(callback url.Values) (directory string, err error)
	// AdminProof asks the vendor whether Meibo is admitted to the directory. Errors as above.
	AdminProof(ctx context.Context, hc *http.Client, c Client, directory string) error
}

// Why an administrator's consent came to nothing; of these, AdminBlocked and AdminWithdrawn are what Credential.Refresh says as well.
const (
	AdminNot       = "not_admin"       // whoever consented may not do so for the directory
	AdminDenied    = "not_consented"   // it was not given, or not for the whole organisation
	AdminElsewhere = "wrong_directory" // it was given for another directory, or there is none with the id
	AdminBlocked   = "blocked"         // a rule of the directory about addresses or devices stands in the way
	AdminStep      = "extra_step"      // the sign-in asks for a step that was not completed
	AdminDisabled  = "switched_off"    // the directory's administrators have switched Meibo off
	AdminWithdrawn = "withdrawn"       // it was given once, and no longer holds
)
