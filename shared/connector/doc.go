// Package connector is the contract between the sync engine and a vendor's API.
//
// A connector is small: Describe, Changes, Get, Apply. Everything else is an optional interface (Grouper, Identifier,
// MemberScanner, FieldMaker, ProvenanceReader) that is absent when the vendor cannot. What a vendor does differently is said as data in its
// Description, never as a branch on its name in the engine.
//
// Errors are behaviours: see errors.go. A connector holds no state between calls but what its cursors carry, imports no other
// connector, no store and no engine, logs nothing, and never puts a token or a contact's value into an error.
// Package connectortest proves an implementation.
package connector
