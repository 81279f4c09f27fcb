package dynamics

import (
	"context"
	"net/http"
	"net/url"

	"meibo/shared/clock"
	"meibo/shared/connector/entra"
	"meibo/shared/oauth"
)

// ExtraSite is where Token.Extra has the host of the organisation, such as kitano.crm7.dynamics.com. Beside it are the directory and the
// user, as package entra names them.
const ExtraSite = "site"

// Endpoints are the addresses of the Microsoft identity platform. The zero value means Microsoft's own: the one of the cloud that the
// organisation is in.
type Endpoints struct {
	Authority string // origin
}

// Provider is Microsoft's side of the code flow (package entra). A token is for one organisation: the scope that is asked for names its
// host, so that the host has to be known before the consent (Sited).
type Provider struct {
	Endpoints Endpoints
	Clock     clock.Clock // clock.Real{} if nil
}

var (
	_ oauth.Provider = Provider{}
	_ oauth.Sited    = Provider{}
	_ oauth.Decliner = Provider{}
)

// Scope is the scope with which the organisation at a site can be read and written as its user.
func Scope(site string) string { return "https://" + site + "/user_impersonation" }

// platform is the registration for a site. Only accounts of work or school are members of organisations.
func (p Provider) platform(site string) entra.Platform {
	authority := p.Endpoints.Authority
	if authority == "" {
		authority = authorityOf(site)
	}
	return entra.Platform{
		Authority: authority, Tenant: entra.Organizations, Clock: p.Clock,
		Scopes: []string{Scope(site), "offline_access", "openid", "profile", "email"},
		Needed: Scope(site), What: "the organisation's contacts",
	}
}

// Site implements oauth.Sited.
func (p Provider) Site(typed string) (string, error) { return canonical(typed) }

// AuthCodeURL implements oauth.Provider.
func (p Provider) AuthCodeURL(c oauth.Client, r oauth.AuthRequest) string {
	return p.platform(r.Site).AuthCodeURL(c, r)
}

// Exchange implements oauth.Provider. The token's Extra keeps the site, the directory and the user.
func (p Provider) Exchange(ctx context.Context, hc *http.Client, c oauth.Client, r oauth.Return) (oauth.Token, error) {
	site, err := canonical(r.Site)
	if err != nil {
		return oauth.Token{}, err
	}
	t, err := p.platform(site).Exchange(ctx, hc, c, r)
	if err != nil {
		return oauth.Token{}, err
	}
	t.Extra[ExtraSite] = site
	return t, nil
}

// Refresh implements oauth.Provider. A refresh token serves every organisation of the directory, so that the scope is sent again.
func (p Provider) Refresh(ctx context.Context, hc *http.Client, c oauth.Client, t oauth.Token) (oauth.Token, error) {
	return p.platform(t.Extra[ExtraSite]).Refresh(ctx, hc, c, t)
}

// Revoke implements oauth.Provider. It does nothing: Microsoft can only end every session of the person everywhere. Forgetting the token
// is what is left.
func (p Provider) Revoke(context.Context, *http.Client, oauth.Client, oauth.Token) error { return nil }

// Authorize implements oauth.Provider.
func (p Provider) Authorize(r *http.Request, t oauth.Token) { entra.Authorize(r, t) }

// Declined implements oauth.Decliner.
func (p Provider) Declined(callback url.Values) error { return entra.Declined(callback) }
