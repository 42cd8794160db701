// Package event is what Chancery tells others about itself: an [Event] for each
// change, kept in the audit log and published on NATS JetStream.
//
// The transaction that changes something also appends its events, with Append
// of eventdb, to the audit log and to an outbox; if that fails,
// the change fails. A [Relay] publishes what is in the outbox, at least once and
// in no promised order, and [Tail] reads it back.
//
// What to get right: nothing in Chancery is correct because an event arrived.
// Whoever needs the present state asks for it; what must stop is a restriction
// (see pkg/coherent), not an event. And an event holds ids, never a token, a
// secret, a name or an address: it is kept for long, and read by many.
package event
