package system

import (
	"errors"
	"fmt"
	"net/http"

	"meibo/shared/connector/pipedrive"
	"meibo/shared/oauth"
)

// Uninstall reads the call by which a vendor tells that a user removed Meibo there, and returns the id that the vendor gives the
// account (connector.Identity.AccountID). The call comes to the address of the consent callback. Errors: ErrForged,
// connector.ErrMalformed.
type Uninstall func(r *http.Request, c oauth.Client) (account string, err error)

// ErrForged: the call does not prove that it comes from the vendor.
var ErrForged = errors.New("system: the call does not prove that it comes from the vendor")

// Uninstalls returns the readers of the systems that make such calls, by system id.
func Uninstalls(systems []System) map[string]Uninstall {
	m := map[string]Uninstall{}
	if _, offered := Find(systems, Pipedrive); offered {
		m[Pipedrive] = pipedriveUninstall
	}
	return m
}

func pipedriveUninstall(r *http.Request, c oauth.Client) (string, error) {
	company, user, err := pipedrive.ReadUninstall(r, c.ID, c.Secret)
	if errors.Is(err, pipedrive.ErrForged) {
		return "", fmt.Errorf("%w: %w", ErrForged, err)
	}
	return company + ":" + user, err
}
