package pg

import (
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
)

// readOnly is what a server says to a write that was a primary, or is not one yet.
const readOnly = "25006"

// Unavailable reports whether err says that the database cannot do it now: it is
// away, full, shutting down or too busy, or nobody knows what became of a
// transaction. The same request may succeed later.
func Unavailable(err error) bool {
	if errors.Is(err, ErrUnknownOutcome) || errors.Is(err, ErrBusy) || pgconn.Timeout(err) || disconnected(err) {
		return true
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	// PostgreSQL Appendix A: connection exception, insufficient resources,
	// operator intervention, system error.
	switch class := e.Code[:min(2, len(e.Code))]; class {
	case "08", "53", "57", "58":
		return true
	default:
		return e.Code == readOnly
	}
}

// disconnected says whether there was no connection, or it was lost.
func disconnected(err error) bool {
	var (
		connect *pgconn.ConnectError
		network *net.OpError // whatever the kernel or TLS says of a connection
	)
	return errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, io.ErrUnexpectedEOF)
}
