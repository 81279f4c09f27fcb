// Package secret keeps what must not be readable at rest: each tenant has a data key that seals tokens, journal and previews,
// and a digest key that makes digests of contact values meaningless outside the tenant (DESIGN section 7, SPEC BX6).
//
// Both keys lie in the table, wrapped by a key-encryption key that never does: one of KMS in the cloud, a keyset file of mode
// 0600 in the local edition. The tenant is the encryption context of the wrapping, so that one tenant's keys cannot be unwrapped
// as another's. Sealing is Tink's AES256-GCM; sealed bytes begin with the id of the key that sealed them, so that a keyset can
// gain a key and still open what the older ones sealed.
package secret
