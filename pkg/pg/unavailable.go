package pg

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Unavailable reports whether err says that the database cannot do it now: it is
// away, full, shutting down or too busy, or nobody knows what became of a
// transaction. The same request may succeed later.
func Unavailable(err error) bool {
	if errors.Is(err, ErrUnknownOutcome) || errors.Is(err, ErrBusy) || pgconn.Timeout(err) {
		return true
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return true
	}
	var e *pgconn.PgError
	if errors.As(err, &e) {
		// PostgreSQL Appendix A: connection exception, insufficient resources,
		// operator intervention, system error.
		switch class := e.Code[:min(2, len(e.Code))]; class {
		case "08", "53", "57", "58":
			return true
		}
		return false
	}
	// pgx has no type for a connection that was lost under a statement.
	return err != nil && (strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "unexpected EOF") || strings.Contains(err.Error(), "connection reset"))
}
