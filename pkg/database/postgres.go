package database

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// postgres runs statements as they are written.
type postgres struct{ on pgxConn }

// pgxConn is a pool, a connection or a transaction.
type pgxConn interface {
	Exec(ctx context.Context, text string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, text string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, text string, args ...any) pgx.Row
}

func (p postgres) Exec(ctx context.Context, text string, args ...any) (int64, error) {
	tag, err := p.on.Exec(ctx, text, pgxArgs(args)...)
	return tag.RowsAffected(), err
}

func (p postgres) QueryRow(ctx context.Context, text string, args ...any) Row {
	return postgresRow{p.on.QueryRow(ctx, text, pgxArgs(args)...)}
}

func (p postgres) Each(ctx context.Context, f func(Row) error, text string, args ...any) error {
	rows, err := p.on.Query(ctx, text, pgxArgs(args)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(postgresRow{rows}); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (postgres) IsSQLite() bool { return false }

func (postgres) Either(postgres, _ string) string { return postgres }

type postgresRow struct{ pgx.Row }

func (r postgresRow) Scan(into ...any) error { return scan(r.Row, into, utc) }

// pgxArgs returns args as pgx takes them.
func pgxArgs(args []any) []any {
	values := make([]any, len(args))
	for i, arg := range args {
		named, ok := arg.(Args)
		if !ok {
			values[i] = toPgx(arg)
			continue
		}
		byName := make(pgx.NamedArgs, len(named))
		for name, arg := range named {
			byName[name] = toPgx(arg)
		}
		values[i] = byName
	}
	return values
}

func toPgx(arg any) any {
	switch arg := arg.(type) {
	case formed:
		return toPgx(arg.value())
	case []string:
		return notNil(arg)
	case [][]byte:
		return notNil(arg)
	case []uuid.UUID:
		return notNil(arg)
	case []int64:
		return notNil(arg)
	default:
		if to, ok := pointed(arg); ok {
			return toPgx(to)
		}
		return arg
	}
}

func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
