// Package google is a strict stand-in for Google's OAuth 2.0 server and the People API v1, after vendors/google.md sections 1 to 9
// and Google's discovery document. It serves both, and the control routes of package sandbox, from one origin.
//
// It refuses what Google documents as wrong, and what Google leaves open:
//
//   - Unknown query parameters, repeated single ones, unknown or snake_case body members, and values of the wrong type are 400.
//   - An answer has etag and metadata only if the mask names metadata.
//   - A page or sync token is bound to the user and to every other parameter of its first call, requestSyncToken and page size
//     included. Page tokens live an hour; sync tokens end 7 days after the full listing's first page, and incremental calls do not
//     extend that.
//   - An update is checked against the CONTACT source's etag. A person etag from a listing is accepted only beside the source
//     entry; a source etag in person.etag is refused; both must be current where both are sent.
//   - A batch is all or nothing. A batch delete that names an absent contact is 404 and deletes nothing.
//   - Two mutate requests of one user in flight at once: the second is refused with 429, because Google asks for one after another
//     and does not say what happens otherwise. Nothing of the refused one was done.
//   - Every call counts against the per-minute limits, which are windows of the clock's minute.
//   - Pictures are stored re-encoded, and change the contact's etag.
//
// The package reads the sheet on its own and imports no connector.
package google
