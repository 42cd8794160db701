// Package database is what a store stands on: PostgreSQL through pgx, or SQLite
// through database/sql.
//
// A statement is written once, in PostgreSQL's words, where both databases
// understand it. For SQLite its text is changed as little as these rules say:
//
//	schema.table              schema_table, behind FROM, JOIN, INTO and UPDATE
//	$1                        ?1
//	statement_timestamp()     microseconds of the Unix epoch, read once a statement
//	least(, greatest(         min(, max(
//	$1::type                  ?1: a cast is left out
//	= ANY ($1)                IN (SELECT value FROM json_each(?1))
//	unnest($1::text[]) AS x (value)   json_each(?1) AS x
//	FOR UPDATE and its like   nothing: write transactions run one after another
//
// Where an argument of min or max is NULL, the result is, unlike that of least and
// greatest. In lists, ::uuid[] and ::bytea[] say that the elements are bytes; where
// SQLite has UUIDs as text, they are ::text[]::uuid[]. Where the two need different
// statements, both stand side by side: see [Conn]. A name as @id takes its value from
// [Args].
//
// Values are the same in Go: time.Time and time.Duration are timestamptz and
// interval, or microseconds; uuid.UUID is uuid, or 16 bytes; []string, [][]byte and
// []uuid.UUID are arrays, or JSON. A pointer is what it points to. A nil list is an
// empty one, and bytes that are empty are read as nil from SQLite. Times are read in
// UTC. See [Null] for columns that may be NULL.
//
// # Errors
//
// No row is [ErrNoRows], and the violation of a unique index is [Unique]. A
// transaction that lost against others on PostgreSQL runs again, and fails with
// [pg.ErrBusy] at last; one that cannot have the file of SQLite is
// [sqlite.Unavailable]. A commit that may or may not have happened is
// [pg.ErrUnknownOutcome]. The error of a context that has ended is in the chain.
package database
