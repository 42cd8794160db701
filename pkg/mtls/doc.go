// Package mtls is who a process is on the network inside a cluster, and whom it
// believes: a certificate, its key, the authority that signs all of them, and
// the list of those that are revoked.
//
// A certificate names roles by DNS names: token.chancery.internal is the role
// token of the domain chancery.internal. The same certificate serves and calls.
// A server takes any name of its domain and leaves it to the contracts what that
// name may do; a client takes only the name of the role that it calls. Every
// connection is TLS 1.3 and none is resumed, so that each one is checked against
// the files as they are at its start. A connection that is open stays open when
// its certificate ends: the age that a server allows its connections bounds that.
//
// Files may be replaced while the process runs; see [Identity.Watch].
package mtls
