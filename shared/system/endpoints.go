package system

import "meibo/shared/connector/google"

// Endpoints are the addresses of the systems. The zero value means the vendors' own.
type Endpoints struct {
	Google    GoogleEndpoints
	Zoho      ZohoEndpoints
	Microsoft MicrosoftEndpoints
	Pipedrive PipedriveEndpoints
}

// GoogleEndpoints replace Google's addresses. Empty ones are Google's own.
type GoogleEndpoints struct {
	google.Endpoints
	API      string // origin of the People API
	Userinfo string // full address
}

// ZohoEndpoints replace Zoho's addresses. Empty ones are Zoho's own.
type ZohoEndpoints struct {
	Accounts string   // origin of the accounts server
	Origins  []string // further origins that a sign-in may name as accounts server or API domain
}

// MicrosoftEndpoints replace Microsoft's addresses. Empty ones are Microsoft's own.
type MicrosoftEndpoints struct {
	Authority string // origin of the identity platform
	API       string // Microsoft Graph with its version, such as "https://graph.microsoft.com/v1.0"
}

// PipedriveEndpoints replace Pipedrive's addresses. Empty ones are Pipedrive's own.
type PipedriveEndpoints struct {
	Auth    string   // origin of the OAuth server
	Origins []string // further origins that a sign-in may name as API domain
}

// Sandboxes returns the endpoints of the stand-ins that serve at these origins, by system id. Each serves everything of its vendor
// from one. A system without an origin keeps its vendor's addresses: see Config.Offer.
func Sandboxes(origins map[string]string) Endpoints {
	var e Endpoints
	if o := origins[Google]; o != "" {
		e.Google = GoogleEndpoints{
			Endpoints: google.Endpoints{AuthURL: o + "/o/oauth2/v2/auth", TokenURL: o + "/token", RevokeURL: o + "/revoke"},
			API:       o,
			Userinfo:  o + "/oauth2/v3/userinfo",
		}
	}
	if o := origins[Zoho]; o != "" {
		e.Zoho = ZohoEndpoints{Accounts: o, Origins: []string{o}}
	}
	if o := origins[Microsoft]; o != "" {
		e.Microsoft = MicrosoftEndpoints{Authority: o, API: o + "/v1.0"}
	}
	if o := origins[Pipedrive]; o != "" {
		e.Pipedrive = PipedriveEndpoints{Auth: o, Origins: []string{o}}
	}
	return e
}
