// Package dynamics is a strict stand-in for the Dataverse Web API v9.2 of Dynamics 365, with its sign-in by Microsoft Entra, after
// vendors/dynamics365.md and sections 1 and 2 of vendors/microsoft-graph.md. It serves the tables that a contact sync meets (contacts,
// leads, accounts, systemusers, lists, listmembers, savedqueries, userqueries, privileges), and the control routes of package sandbox,
// from one origin. The organisation that a request is about is the one that the access token is for.
//
// It refuses what Microsoft documents as wrong, and what the documents leave open:
//
//   - Requests without OData-MaxVersion, OData-Version and Accept, and reads without $select (Quirks.AllColumns), are 400.
//   - Unknown query parameters, unknown or read-only columns and values of the wrong type are 400. Texts that are too long fail the
//     write with 0x80044331; lengths count UTF-16 units. An empty text is stored as null.
//   - $filter knows eq, ne, gt, ge, lt, le, and, or, not, startswith, endswith, contains and Microsoft.Dynamics.CRM.In; not the
//     operator in, which Dataverse does not document. $expand is for the options of choices in metadata only.
//   - PATCH makes a row that is not there. If-Match: * only changes (404), If-None-Match: * only makes (412, 0x80040237), and a stale
//     If-Match is 412 with 0x80060882. A deleted row that is made again keeps its id.
//   - Rows that are not active take no change but one of their state (Quirks.WriteInactive).
//   - A lookup is cleared by DELETE of its $ref, and by null with Quirks.NullLookups only.
//   - Change tracking wants read privileges of depth organization and a table that tracks, takes $select only, shows rows in the order
//     of change and then deletions, and its tokens work for 7 days. A table's new column ends them.
//   - Privileges have a depth: "user" covers the user's own rows, "business" all rows here, but no change tracking.
//   - A batch must be multipart with lines that end in CR LF, of at most 1,000 operations; change sets are all or nothing.
//   - Service protection is per user: 6,000 requests and 20 minutes of execution in any 300 s, 52 requests at a time. A batch is one
//     request; each operation has a cost in execution time that is the sandbox's own.
//   - AddListMembersList exists unbound, with List and Members, and bound to a list, with Members: the sheet leaves
//     open which one it is.
//
// Not offered, and refused: teams as owners, impersonation, application users, webhooks, activities, deep inserts, ETags on metadata,
// discovery. A page of a user is about contacts or leads: see User.Object.
//
// The package reads the sheet on its own and imports no connector.
package dynamics
