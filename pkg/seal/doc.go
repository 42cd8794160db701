// Package seal turns a payload into a credential that nobody can read, change
// or pass off as another: access tokens, authorization codes, refresh tokens.
//
// A sealed value names the key it is under, and is bound to its [Kind] and to
// the issuer: each kind has keys of its own, derived from the root of the
// [Key], and kind, issuer and key id are associated data besides. What opens
// is therefore what this issuer sealed as that kind, byte for byte. Whether it
// is still good (expired, revoked, used before) is not known here.
//
// A [Form] gives the text that clients see. Its checksum and strict alphabet
// are filters that keep garbage away from the cryptography, not proofs.
package seal
