// Package pipedrive is a stand-in for Pipedrive's OAuth server and API, as far as contacts need them: persons and organizations v2,
// their fields, search and followers, pictures, users, permissions, merges, saved filters, recent changes and webhooks v1.
//
// It implements the project's fact sheet of Pipedrive (../shared/vendors/pipedrive.md, written from Pipedrive's public documents) and
// is an independent reading of it: it imports record, clock and sandbox, and no connector. It is stricter than the vendor. What the
// documents call wrong is refused; so is what they leave open (unknown members and parameters, fractions of seconds, a cursor used
// with other parameters, updated_since together with filter_id), because a client that passes here must not depend on a kindness
// that nobody promised. Where the sheet does not know which of two answers is right, Quirks switches between them.
//
// One Sandbox serves everything from one origin: /oauth/..., /api/v2/..., /api/v1/... (and /v1/...), /pictures/... and, for people and
// tests, /sandbox/.... Users that share User.Company are one company; the token tells which company a call is for, because all
// companies share the origin.
//
// Deleting is soft. A deleted record is absent from every list and search. For 30 days a single read answers 200 with is_deleted
// true (or 404, with Quirks.HideDeleted), and 404 after that.
package pipedrive
