// Package secret makes and checks opaque random values: client secrets,
// registration access tokens, session handles, request_uri handles.
//
// A [Secret] shows "[redacted]" wherever it is formatted, logged or marshalled;
// only [Secret.Reveal] gives its text. Stores keep a [Digest], never the secret:
// the values made here have 256 bits of entropy, so one SHA-256 is enough, and
// looking one up by its digest leaks nothing through timing. Passwords do not
// belong here.
package secret
