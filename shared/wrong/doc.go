// Package wrong holds what must be true when things go wrong: expired and revoked authorisations, cursors that die, limits, broken
// answers, writes whose answer is lost, records that a vendor refuses, views and groups that vanish, a process that is killed, and
// two companies that must not see each other. It has tests only. They drive the whole local edition over its HTTP API against the
// vendors' stand-ins, and look at the books past Meibo (SPEC sections 8 and 9, INVARIANTS.md).
package wrong
