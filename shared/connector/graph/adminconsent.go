package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"meibo/shared/connector"
	"meibo/shared/connector/entra"
	"meibo/shared/oauth"
)

// ScopeMail is the scope with which mail can be read (sheet 4).
const ScopeMail = "https://graph.microsoft.com/Mail.Read"

var _ oauth.AdminConsenter = Provider{}

// Capabilities implements oauth.AdminConsenter. All are delegated: what Meibo may do stays with each member's own sign-in, and the
// administrator only spares, or permits, them the question.
func (p Provider) Capabilities() []oauth.Capability {
	open := []string{"openid", "profile", "email", "offline_access"}
	return []oauth.Capability{
		{ID: "contacts", Scopes: append(slices.Clone(open), ScopeContacts, "https://graph.microsoft.com/User.Read")},
		{ID: "mail", Scopes: append(slices.Clone(open), ScopeMail, "https://graph.microsoft.com/User.Read")},
	}
}

// AdminConsentURL implements oauth.AdminConsenter (sheet 3).
func (p Provider) AdminConsentURL(c oauth.Client, r oauth.AdminRequest) string {
	q := url.Values{"client_id": {c.ID}, "scope": {strings.Join(r.Scopes, " ")}, "redirect_uri": {r.RedirectURI}, "state": {r.State}}
	return p.authority() + "/" + url.PathEscape(r.Directory) + "/v2.0/adminconsent?" + q.Encode()
}

// AdminArrived implements oauth.AdminConsenter. That the query says admin_consent=True proves nothing, since it says so of a failure
// too: a consent that was given has no error (sheet 3).
func (p Provider) AdminArrived(callback url.Values) (string, error) {
	code, told := callback.Get("error"), entra.Numbers(callback.Get("error_description"))
	switch {
	case code == "temporarily_unavailable" || code == "server_error":
		return "", fmt.Errorf("%w: Microsoft could not take the consent: consent again in a few minutes", connector.ErrTransient)
	case code != "":
		if refused := adminRefused(told); refused != nil {
			return "", refused
		}
		if slices.Contains(registration(), code) {
			return "", oauth.ErrClient
		}
		return "", adminReason(oauth.AdminDenied)
	case !strings.EqualFold(callback.Get("admin_consent"), "True") || callback.Get("tenant") == "":
		return "", adminReason(oauth.AdminDenied)
	}
	return callback.Get("tenant"), nil
}

// registration are the errors that say that Meibo's own registration, or what it asked for, is wrong (sheet 2.5).
func registration() []string {
	return []string{"invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_resource", "invalid_scope", "invalid_client"}
}

// AdminProof implements oauth.AdminConsenter: Microsoft gives the application a token of its own only in directories that it was
// admitted to (sheet 3). The token is thrown away.
func (p Provider) AdminProof(ctx context.Context, hc *http.Client, c oauth.Client, directory string) error {
	conf := clientcredentials.Config{
		ClientID: c.ID, ClientSecret: c.Secret, AuthStyle: oauth2.AuthStyleInParams,
		TokenURL: p.authority() + "/" + url.PathEscape(directory) + "/oauth2/v2.0/token",
		Scopes:   []string{"https://graph.microsoft.com/.default"},
	}
	_, err := conf.Token(context.WithValue(ctx, oauth2.HTTPClient, hc))
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var r *oauth2.RetrieveError
	if !errors.As(err, &r) {
		return fmt.Errorf("%w: Microsoft's authorisation server gave no complete answer", connector.ErrTransient)
	}
	if refused := adminRefused(entra.Numbers(r.ErrorDescription)); refused != nil {
		return refused
	}
	switch r.ErrorCode {
	case "invalid_grant", "interaction_required", "consent_required", "access_denied":
		return adminReason(oauth.AdminDenied)
	}
	if slices.Contains(registration(), r.ErrorCode) {
		return oauth.ErrClient
	}
	return fmt.Errorf("%w: Microsoft's authorisation server did not say whether Meibo is admitted", connector.ErrTransient)
}

func (p Provider) authority() string {
	if a := strings.TrimSuffix(p.Endpoints.Authority, "/"); a != "" {
		return a
	}
	return "https://login.microsoftonline.com"
}

// reason is what a group of AADSTS numbers means for an administrator.
type reason struct {
	code, why, cure string
	numbers         []string
}

// adminReasons are what AADSTS numbers mean for an administrator's consent (sheet 2.6). The first that has a number counts.
func adminReasons() []reason {
	return []reason{
		{oauth.AdminBlocked, "a Conditional Access rule of the directory blocks Meibo", "admit the addresses that Meibo comes from in that rule, and consent again",
			[]string{"53000", "53001", "53003", "530032", "5000611"}},
		{oauth.AdminNot, "this account may not consent for the directory", "consent again as a global administrator or a privileged role administrator of it",
			[]string{"90094", "90095", "90008", "1000032", "50057"}},
		{oauth.AdminElsewhere, "this account or directory is not the one that was entered", "consent again with an administrator of the directory that was entered, or correct its id",
			[]string{"50020", "500208", "16000", "50034", "51004", "90072", "50128", "90002", "900023", "9001023"}},
		{oauth.AdminDisabled, "Meibo is switched off in this directory", "switch Meibo on among the enterprise applications, and consent again",
			[]string{"70001", "7000112"}},
		{oauth.AdminStep, "the sign-in asked for a step that was not completed", "consent again and complete the step",
			[]string{"50074", "50076", "50078", "50079"}},
		{oauth.AdminDenied, "the consent was not given for the whole organisation", "consent again, and accept on behalf of the organisation",
			[]string{"65001", "65004", "700016", "7000229", "500011", "650051", "650052", "650056", "650057"}},
	}
}

// adminRefused returns what the numbers mean, nil if none of them is known.
func adminRefused(numbers []string) error {
	for _, r := range adminReasons() {
		if slices.ContainsFunc(numbers, func(n string) bool { return slices.Contains(r.numbers, n) }) {
			return adminReason(r.code)
		}
	}
	return nil
}

// adminReason returns the refusal with a code of the table.
func adminReason(code string) error {
	all := adminReasons()
	r := all[slices.IndexFunc(all, func(r reason) bool { return r.code == code })]
	return &oauth.RefusedError{Code: r.code, Reason: r.why, Cure: r.cure}
}
