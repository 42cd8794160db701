package pg

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	uniqueViolation      = "23505"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	lockNotAvailable     = "55P03"
)

// Unique says whether err is the violation of the unique constraint or index
// of that name. An empty name stands for any.
func Unique(err error, constraint string) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == uniqueViolation &&
		(constraint == "" || e.ConstraintName == constraint)
}

// LockNotAvailable says whether the statement gave up because others hold what it
// has to lock.
func LockNotAvailable(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == lockNotAvailable
}

// lostRace says whether the transaction failed only because of others.
func lostRace(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == serializationFailure || e.Code == deadlockDetected)
}
