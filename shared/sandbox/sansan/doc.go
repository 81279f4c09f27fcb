// Package sansan is a stand-in for Sansan's Open API v6.0, as far as contacts need it: business cards by update time and by condition,
// single cards with picture and tags, new cards, persons, tags, users and departments.
//
// It implements the project's fact sheet of Sansan (../shared/vendors/sansan.md) and is an independent reading of it: it imports
// record, clock and sandbox, and no connector. Sansan publishes no OpenAPI document and little else, so what the sheet leaves open is
// refused here or answered in the way that is harder for a client, and Quirks switches to the other:
//
//   - Unknown parameters, empty ones and repeated ones (but for entryStatus, type and tagId) are 400. Times are whole seconds with an
//     offset. updatedFrom and updatedTo lie at most 31 days apart.
//   - A page token is good for ten minutes, for the key's user and for exactly the query that it came from.
//   - The default listing has only the newest completed card of each person among those that the range covers: exchangeDate decides,
//     then registration.
//   - A card that is not completed shows none of its texts and belongs to no person yet.
//   - A merge, a split, a new owner and a new tag move no card into the window of updates, an absorbed person answers 404, and
//     GET /persons/{id} answers the newest card in the whole organization, whoever holds it.
//   - No answer has quota headers, and 429 comes without Retry-After.
//
// There is no OAuth. Each user has one key of 32 letters and digits, which the page under /v/admin/integration/apikey/index/ shows.
// Users of one e-mail domain are one organization unless User.Organization says otherwise.
//
// Not offered: the upload of card photos, and contact reports. Cards cannot be changed or deleted by the API; people
// do that here by the control routes under /sandbox/.
package sansan
