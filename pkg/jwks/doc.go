// Package jwks signs our JWTs and publishes the keys that verify them, and
// verifies what clients sign with keys of theirs. It is the only importer of
// the JOSE library.
//
// Which algorithm counts is decided here and by registration, never by the
// token (RFC 8725 §3.1): a header can only agree with the key it names. No
// header leads to a key outside the set, so nothing is fetched and no file is
// read. The package knows neither the clock nor which claims a token needs,
// except those of a client assertion (RFC 7523 §3).
package jwks
