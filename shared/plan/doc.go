// Package plan decides. Given what a link remembers and what both sides hold now, it says what to write where: it is pure, does
// no I/O and knows no vendor. DESIGN section 6 has its promises as tables; the tests of this package are those tables.
//
// Merge works per mapped field and, inside a field, per element: an e-mail address, a phone number, an address part. Decide works
// per record: deletions, departures from the scope, absences. Match finds partners for records that have none.
package plan
