// Package hubspot is a stand-in for HubSpot's OAuth server and API, as far as contacts need them: contacts and companies with search,
// batches and merges, their properties, associations, segments (lists), owners, the account, and webhooks v3.
//
// It implements the project's fact sheet of HubSpot (../shared/vendors/hubspot.md, written from HubSpot's public documents) and is an
// independent reading of it: it imports record, clock and sandbox, and no connector. It is stricter than the vendor. What the
// documents call wrong is refused; so is what they leave open (unknown members and parameters, numbers where the wire has text, the
// same record twice in a batch), because a client that passes here must not depend on a kindness that nobody promised. Where the
// sheet does not know which of two answers is right, Quirks switches between them.
//
// One Sandbox serves everything from one origin: /oauth/..., the API in its versions (v3, v4, 2026-03 and 2026-09 by one table of
// routes) and, for people and tests, /sandbox/.... Users that share User.Portal are one account and share its contacts; the token
// tells which account a call is for.
//
// What search sees lags behind (Config.Lag): until then a new record is not found, and a changed one is found as it was.
package hubspot
