// Package sweep deletes the rows whose time has come, of every table and in small
// batches.
//
// A batch is one short transaction. It takes the rows that have been due for
// longest, and leaves those that a request has locked. Tables take turns, batch by
// batch, so that the backlog of one does not keep the others waiting. What a round
// does not get to, the next one does, in this process or in another: the rows are
// the only state.
//
// The database's clock says which rows are due. The one thing to get right is that
// it is believed only while it agrees with the clock of the process: a wrong clock
// would delete what still protects somebody.
package sweep
