package pg

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// warning is SQLSTATE 01000. At COMMIT it is how the server says that it
// stopped waiting for the standby: committed here, perhaps nowhere else.
const warning = "01000"

// warned is the key of the mark in a connection's custom data.
const warned = "chancery.warned"

// noteWarning marks the connection. It runs in the goroutine that uses the
// connection, as every access to the custom data does.
func noteWarning(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.Code == warning {
		c.CustomData()[warned] = true
	}
}

// TakeWarning says whether a NOTICE with code 01000 has arrived on the
// connection since the last call, and forgets it. The connection must be one
// opened by this package, and not in use by another goroutine.
func TakeWarning(c *pgx.Conn) bool {
	data := c.PgConn().CustomData()
	_, seen := data[warned]
	delete(data, warned)
	return seen
}
