// Package graph is a strict stand-in for the Microsoft identity platform v2.0 and for the contacts of Microsoft Graph v1.0, after
// vendors/microsoft-graph.md sections 1 to 13. It serves both, and the control routes of package sandbox, from one origin.
//
// It refuses what Microsoft documents as wrong, and what Microsoft leaves open:
//
//   - Unknown query parameters, unknown or read-only body members and values of the wrong type are 400. $search, $orderby and
//     filters other than the ones that the sheet has seen to work are refused too.
//   - A fourth e-mail address, a third business or home phone and a fourth instant messaging address fail the whole write.
//   - primaryEmailAddress and its two brothers are neither answered nor taken: emailAddresses holds the addresses.
//   - displayName is made anew by every update of a name part that does not send it, and a birthday comes back at 11:59 UTC.
//   - If-Match is checked on PATCH and DELETE, with 412; Quirks.IgnoreIfMatch is a service that does not look at it.
//   - The delta of contacts takes no $ option, and refuses any beside its own tokens. A token belongs to one mailbox and folder.
//   - The id form of an answer is that of the request's Prefer header. Requests may name a contact by either form; the ordinary one
//     changes when the contact moves.
//   - A mailbox serves 4 requests at a time and 10,000 in any 10 minutes, the parts of a batch counted singly. A batch runs its
//     parts in 4 lanes; lanes for which there is no room answer 429.
//   - Pictures are JPEG, cannot be deleted by the API, do not change the contact's etag and are not there for personal accounts.
//   - The list of categories needs MailboxSettings.Read, and a change of it MailboxSettings.ReadWrite.
//   - /me/contacts is the default folder, for listings, delta and subscriptions alike.
//   - Notifications go to https addresses, or to this machine itself, after the validation handshake. They are sent at once, whatever
//     Lag hides from delta still.
//   - An administrator's consent is kept by directory and scope, and only the two roles that may give it do. The application's own token
//     needs one; a member's sign-in is none. Pages word every refusal as access_denied or consent_required.
//   - A directory that withdrew its consent refuses refreshes and sign-ins until an administrator consents again, and what was issued
//     before is dead then too.
//
// Not offered, and refused: guests, open extensions, translateExchangeIds, permanentDelete, resource data in notifications,
// subscriptions in a batch, and everything that is about no contacts.
//
// The package reads the sheet on its own and imports no connector.
package graph
