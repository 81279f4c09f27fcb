package system

import "meibo/shared/connector/google"

// Endpoints are the addresses of the systems. The zero value means the vendors' own.
type Endpoints struct {
	Dynamics  DynamicsEndpoints
	Google    GoogleEndpoints
	HubSpot   HubSpotEndpoints
	Microsoft MicrosoftEndpoints
	Pipedrive PipedriveEndpoints
	Sansan    SansanEndpoints
	Zoho      ZohoEndpoints
}

// DynamicsEndpoints replace Dynamics 365's addresses. Empty ones are Microsoft's own.
type DynamicsEndpoints struct {
	Authority string // origin of the identity platform
	API       string // origin that serves every organisation, instead of the organisation's own
}

// HubSpotEndpoints replace HubSpot's addresses. Empty ones are HubSpot's own.
type HubSpotEndpoints struct {
	App string // origin of the consent page
	API string // origin of the API and the token endpoint
}

// SansanEndpoints replace Sansan's addresses. Empty ones are Sansan's own.
type SansanEndpoints struct {
	API string // origin of the Open API
	// CardURL is the address of a card's page, with {card}, {person} or {query} in it.
	CardURL string
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
	if o := origins[HubSpot]; o != "" {
		e.HubSpot = HubSpotEndpoints{App: o, API: o}
	}
	if o := origins[Sansan]; o != "" {
		e.Sansan = SansanEndpoints{API: o}
	}
	if o := origins[Dynamics]; o != "" {
		e.Dynamics = DynamicsEndpoints{Authority: o, API: o}
	}
	return e
}
