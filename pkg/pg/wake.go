package pg

import "github.com/jackc/pgx/v5"

// Keys of a connection's custom data: what to call, and whether to call it.
const (
	wake  = "chancery.wake"
	woken = "chancery.woken"
)

// WakeAfterCommit asks for Options.Wake to be called once the transaction, or
// the statement of [InStatement], that runs on the connection has committed. It
// is how those who wait for what was written hear of it without a NOTIFY in the
// writing transaction, which would make commits wait for each other. A rollback
// forgets the wish. The connection must be one opened by this package, and not
// in use by another goroutine.
func WakeAfterCommit(c *pgx.Conn) { c.PgConn().CustomData()[woken] = true }

// forgetWake drops the wish of a transaction that did not commit.
func forgetWake(c *pgx.Conn) { delete(c.PgConn().CustomData(), woken) }

// takeWake fulfils the wish, if there is one.
func takeWake(c *pgx.Conn) {
	data := c.PgConn().CustomData()
	_, wanted := data[woken]
	delete(data, woken)
	if call, ok := data[wake].(func()); wanted && ok {
		call()
	}
}
