// Package zoho is a stand-in for Zoho's accounts server and CRM REST API v8, as far as contacts need them: OAuth with several data
// centres, users, profiles, field catalogue, custom views, Contacts and Accounts, the deleted feed, search, COQL, timeline,
// photos, merges, notification channels, credits and concurrency.
//
// It implements the project's fact sheet of Zoho CRM (../shared/vendors/zoho-crm.md, written from Zoho's public documents) and is
// an independent reading of it: it imports record, clock and sandbox, and no connector. It is stricter than the vendor. What the
// documents call wrong is refused; so is what they leave open (unknown members and parameters, values of the wrong type, fields
// that are read-only for the caller, scopes separated by blanks), because a client that passes here must not depend on a kindness
// that nobody promised.
//
// One Sandbox serves everything from one origin: /oauth/v2/..., /crm/v8/... and, for people and tests, /sandbox/.... Data centres
// other than the first have the path prefix /dc/<location>. Users that share User.Org are one Zoho organisation.
package zoho
