// Package coherent keeps an answer from memory true.
//
// Whatever takes something away (revoked, demoted, removed, deleted, retired)
// is a [Restriction]: a small value that only grows, so that it may arrive
// twice and in any order. The transaction that restricts also appends the
// restriction to a log. A [Replica] polls that log and joins what it finds into
// its [State]; [Hints] bring most restrictions milliseconds after the commit,
// but nothing depends on them.
//
// The promise: a check that begins more than the bound after a restriction was
// acknowledged never permits what it forbids. The replica notes its clock
// before a poll leaves, and is complete as of that instant once the poll has
// come back whole; a permissive answer needs that instant to be recent. When it
// is not, the answer is [ErrStale], never "active".
//
// What to get right: the clock is read before the query and not after it; the
// state is read after the lease; and the cursor of a source must not miss a
// transaction that commits late. Each is a test here, and each was seen to
// break the promise when it was wrong.
package coherent
