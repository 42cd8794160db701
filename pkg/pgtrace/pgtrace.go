// Package pgtrace makes a span of each statement that a traced request sends to
// Postgres.
//
// A span holds the text of the statement, which is part of the program, and
// never an argument. Nor does it hold the words of an error, which may repeat
// one: only the code that Postgres gave it.
package pgtrace

import (
	"context"
	"errors"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/chancery-auth/chancery/pkg/telemetry"
)

// QueryTracer returns the tracer for a connection or pool. Statements outside of
// a sampled trace cost next to nothing, and leave no span.
func QueryTracer(t *telemetry.Telemetry) pgx.QueryTracer {
	return &tracer{otelpgx.NewTracer(
		otelpgx.WithTracerProvider(t.TracerProvider()),
		otelpgx.WithMeterProvider(noop.NewMeterProvider()),
		otelpgx.WithDisableConnectionDetailsInAttributes(),
	)}
}

// tracer replaces errors on their way into spans.
type tracer struct{ *otelpgx.Tracer }

// Every kind of work is traced.
var (
	_ pgx.QueryTracer       = (*tracer)(nil)
	_ pgx.BatchTracer       = (*tracer)(nil)
	_ pgx.CopyFromTracer    = (*tracer)(nil)
	_ pgx.PrepareTracer     = (*tracer)(nil)
	_ pgx.ConnectTracer     = (*tracer)(nil)
	_ pgxpool.AcquireTracer = (*tracer)(nil)
)

// TraceQueryEnd implements pgx.QueryTracer.
func (t *tracer) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryEndData) {
	data.Err = wordless(data.Err)
	t.Tracer.TraceQueryEnd(ctx, conn, data)
}

// TraceBatchQuery implements pgx.BatchTracer.
func (t *tracer) TraceBatchQuery(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchQueryData) {
	data.Err = wordless(data.Err)
	t.Tracer.TraceBatchQuery(ctx, conn, data)
}

// TraceBatchEnd implements pgx.BatchTracer.
func (t *tracer) TraceBatchEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchEndData) {
	data.Err = wordless(data.Err)
	t.Tracer.TraceBatchEnd(ctx, conn, data)
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (t *tracer) TraceCopyFromEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceCopyFromEndData) {
	data.Err = wordless(data.Err)
	t.Tracer.TraceCopyFromEnd(ctx, conn, data)
}

// TracePrepareEnd implements pgx.PrepareTracer.
func (t *tracer) TracePrepareEnd(ctx context.Context, conn *pgx.Conn, data pgx.TracePrepareEndData) {
	data.Err = wordless(data.Err)
	t.Tracer.TracePrepareEnd(ctx, conn, data)
}

// TraceConnectEnd implements pgx.ConnectTracer.
func (t *tracer) TraceConnectEnd(ctx context.Context, data pgx.TraceConnectEndData) {
	data.Err = wordless(data.Err)
	t.Tracer.TraceConnectEnd(ctx, data)
}

// TraceAcquireEnd implements pgxpool.AcquireTracer.
func (t *tracer) TraceAcquireEnd(ctx context.Context, pool *pgxpool.Pool, data pgxpool.TraceAcquireEndData) {
	data.Err = wordless(data.Err)
	t.Tracer.TraceAcquireEnd(ctx, pool, data)
}

// wordless returns what may be said of err. That there was no row is no error to
// the one who asked.
func wordless(err error) error {
	var failure *pgconn.PgError
	switch {
	case err == nil, errors.Is(err, pgx.ErrNoRows):
		return nil
	case errors.As(err, &failure):
		return &pgconn.PgError{Severity: failure.Severity, Code: failure.Code, Message: "refused by the database"}
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded
	default:
		return errors.New("query failed")
	}
}
