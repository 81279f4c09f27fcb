package hubspot

import "net/url"

// HubSpot's versions are dated and expire, so each stands here and nowhere else.
//
// Properties, segments, owners, associations, account and uninstall are called by 2026-09, the newest, whose answers are those of the
// versions before. Contacts and companies are called by 2026-03: from 2026-09 on a write has to pass the validation rules that admins set
// for people at HubSpot's forms, so that a record which is fine today is refused, and its document no longer promises the status that tells
// single errors of a batch. Tokens come from v3: the document of 2026-09 has no answer for them.
const (
	objectsVersion = "2026-03"
	restVersion    = "2026-09"
	oauthVersion   = "v3"
)

// The types of objects, as paths and filters name them.
const (
	typeContacts  = "contacts"
	typeCompanies = "companies"
	contactTypeID = "0-1"
)

func contactsPath(rest string) string {
	return "/crm/objects/" + objectsVersion + "/" + typeContacts + rest
}

func contactPath(id string) string { return contactsPath("/" + url.PathEscape(id)) }

func companiesPath(rest string) string {
	return "/crm/objects/" + objectsVersion + "/" + typeCompanies + rest
}

func propertiesPath(rest string) string {
	return "/crm/properties/" + restVersion + "/" + typeContacts + rest
}

func listsPath(rest string) string { return "/crm/lists/" + restVersion + rest }

func listPath(id, rest string) string { return listsPath("/" + url.PathEscape(id) + rest) }

func ownersPath() string { return "/crm/owners/" + restVersion }

func associationsPath(rest string) string {
	return "/crm/associations/" + restVersion + "/contact/company" + rest
}

func accountPath() string { return "/account-info/" + restVersion + "/details" }

func uninstallPath() string { return "/appinstalls/" + restVersion + "/external-install" }

func tokenPath(rest string) string { return "/oauth/" + oauthVersion + "/token" + rest }
