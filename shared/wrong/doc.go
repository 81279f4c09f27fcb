// Package wrong holds what must be true when things go wrong: expired, withdrawn and exchanged authorisations, cursors that die,
// limits and spent budgets, broken answers, writes whose answer is lost, records that a vendor refuses, views, groups and folders that
// vanish, notifications that are lost, doubled, reordered, late or forged, removals that are cut off, a process that is killed, and
// two companies that must not see each other. It has tests only. They drive the whole local edition over its HTTP API and its hooks
// against the vendors' stand-ins, and look at the books past Meibo (SPEC sections 3, 5, 8 and 9, INVARIANTS.md).
package wrong
