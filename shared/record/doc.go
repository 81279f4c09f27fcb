// Package record is the neutral record that every connector reads and writes: a kind, and per field key an ordered list of
// values.
//
// Each field type owns three things: the exact form of a value (what one side returned, compared on that side only), the
// comparison form (what makes two values mean the same, across sides and spellings), and how lists of values merge.
// What is written to a vendor is always what a person typed; comparison forms are never written anywhere.
//
// The package imports nothing of HTTP, AWS or a vendor. Field names follow RFC 6350 (vCard) and RFC 9553 (JSContact) where
// those have a word for it.
package record
