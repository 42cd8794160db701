// Package pg opens PostgreSQL pools the one way Chancery uses them, runs a
// function in a transaction, and names the SQL errors that rules care about.
//
// The one thing to get right is the outcome of COMMIT. A commit whose answer
// was lost, or that came back with the warning that synchronous replication
// was not waited for, is neither done nor undone: [InTx] says
// [ErrUnknownOutcome], and a caller must never acknowledge on it.
package pg
