package telemetry

import (
	"context"
	"crypto/tls"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc/credentials"
)

// Limits of the export. A batch that cannot be sent within exportTimeout is
// dropped, and what does not fit the queue meanwhile too: no request waits.
const (
	exportTimeout = 10 * time.Second
	retryFirst    = time.Second
	retryMost     = 5 * time.Second
)

// newTracers returns the provider of spans. Without a collector it is
// [NewTracerProvider].
func newTracers(ctx context.Context, o Options) (*sdktrace.TracerProvider, error) {
	if o.OTLP == "" {
		return NewTracerProvider(), nil
	}
	exporter, err := otlptracegrpc.New(ctx, exportOptions(o)...)
	if err != nil {
		return nil, err
	}
	return sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.SampleRatio))),
		sdktrace.WithResource(resourceOf(o)),
		sdktrace.WithBatcher(&reporting{SpanExporter: exporter, log: o.Log}, sdktrace.WithExportTimeout(exportTimeout)),
	), nil
}

func exportOptions(o Options) []otlptracegrpc.Option {
	secure := otlptracegrpc.WithInsecure()
	if !o.OTLPInsecure {
		config := o.OTLPTLS
		if config == nil {
			config = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		secure = otlptracegrpc.WithTLSCredentials(credentials.NewTLS(config))
	}
	return []otlptracegrpc.Option{
		otlptracegrpc.WithEndpoint(o.OTLP),
		otlptracegrpc.WithTimeout(exportTimeout),
		otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{
			Enabled: true, InitialInterval: retryFirst, MaxInterval: retryMost, MaxElapsedTime: exportTimeout,
		}),
		secure,
	}
}

// reporting says once that the collector is away, and once that it is back. It
// keeps the errors from the error handler of the OpenTelemetry SDK, which is
// global.
type reporting struct {
	sdktrace.SpanExporter
	log  *slog.Logger
	away atomic.Bool
}

// ExportSpans implements sdktrace.SpanExporter. It never fails: a span that
// cannot be sent is nobody's business but the log's.
func (r *reporting) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := r.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err != nil && r.away.CompareAndSwap(false, true):
		r.log.WarnContext(ctx, "trace collector does not take spans, they are dropped", slog.String("error", err.Error()))
	case err == nil && r.away.CompareAndSwap(true, false):
		r.log.InfoContext(ctx, "trace collector takes spans again")
	}
	return nil
}
