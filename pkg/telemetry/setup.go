package telemetry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/otlptranslator"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
)

// instrumentation names the code that spans and measurements are of.
const instrumentation = "github.com/chancery-auth/chancery"

// maxScrapes is how many scrapes are answered at once.
const maxScrapes = 4

// Options say who the process is and where its spans go.
type Options struct {
	// Service names the services that the process runs, such as "token,consent",
	// Version its release, and Instance this process among its like.
	Service, Version, Instance string
	// OTLP is the host:port of a collector that takes spans over gRPC. Empty:
	// spans have ids and go nowhere.
	OTLP string
	// OTLPInsecure sends the spans without TLS.
	OTLPInsecure bool
	// OTLPTLS is for the connection to the collector. Nil: the authorities of the
	// system, and no client certificate.
	OTLPTLS *tls.Config
	// SampleRatio is the share of the traces starting here that are exported, 0
	// to 1. A trace that a trusted peer continues follows the decision of its peer.
	SampleRatio float64
	// Log is told when the collector goes away, and when it is back.
	Log *slog.Logger
	// Now reads the time of day. It is required.
	Now func() time.Time
}

// Telemetry is the tracer and the meter of one process. It sets nothing global.
// It is safe for concurrent use.
type Telemetry struct {
	o        Options
	tracers  *sdktrace.TracerProvider
	meters   *sdkmetric.MeterProvider
	registry *prometheus.Registry
	counters *Counters
	rpc      metric.Float64Histogram
	http     metric.Float64Histogram
	polls    metric.Float64Histogram
	observed *observed

	ended   sync.Once
	stop    context.CancelFunc
	running sync.WaitGroup
}

// Setup makes the tracer and the meter of a process. It connects to nothing: a
// collector that is away is found out in the background, and only costs spans.
// Shut it down at the end.
//
// Fails if an option is not usable.
func Setup(ctx context.Context, o Options) (*Telemetry, error) {
	if o.Now == nil || o.Log == nil {
		return nil, errors.New("set up telemetry: want a clock and a log")
	}
	if o.SampleRatio < 0 || o.SampleRatio > 1 {
		return nil, fmt.Errorf("set up telemetry: sample ratio %v is not between 0 and 1", o.SampleRatio)
	}
	tracers, err := newTracers(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("set up tracing: %w", err)
	}
	t := &Telemetry{o: o, tracers: tracers, registry: prometheus.NewRegistry()}
	if err := t.setUpMetrics(); err != nil {
		return nil, fmt.Errorf("set up metrics: %w", errors.Join(err, t.Shutdown(ctx)))
	}
	return t, nil
}

// setUpMetrics names metrics as they are in the code: no suffix, scope label or
// series of the resource is added. Which process a series is from, the scraper
// knows.
func (t *Telemetry) setUpMetrics() error {
	reader, err := otelprometheus.New(
		otelprometheus.WithRegisterer(t.registry),
		otelprometheus.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithoutSuffixes),
		otelprometheus.WithoutScopeInfo(),
		otelprometheus.WithoutTargetInfo(),
	)
	if err != nil {
		return err
	}
	for _, c := range []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := t.registry.Register(c); err != nil {
			return err
		}
	}
	t.meters = sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(reader),
		sdkmetric.WithResource(resourceOf(t.o)),
		sdkmetric.WithExemplarFilter(exemplar.TraceBasedFilter),
	)
	return t.makeInstruments()
}

// makeInstruments makes every instrument there is.
func (t *Telemetry) makeInstruments() error {
	m := &maker{meter: t.Meter()}
	t.rpc = m.histogram("chancery_rpc_duration_seconds", "Time that calls took, by method and outcome.")
	t.http = m.histogram("chancery_http_duration_seconds", "Time that HTTP requests took, by endpoint and status.")
	t.polls = m.histogram("chancery_poll_duration_seconds", "Time that polls for restrictions took, as sampled four times a second.")
	t.counters = m.counters()
	t.observed = m.observed()
	return errors.Join(m.errs...)
}

// Tracer makes the spans of this process.
func (t *Telemetry) Tracer() trace.Tracer { return t.tracers.Tracer(instrumentation) }

// TracerProvider is for libraries that make spans of their own.
func (t *Telemetry) TracerProvider() trace.TracerProvider { return t.tracers }

// Meter makes instruments whose names are the ones that Prometheus shows.
func (t *Telemetry) Meter() metric.Meter { return t.meters.Meter(instrumentation) }

// Counters count what happens.
func (t *Telemetry) Counters() *Counters { return t.counters }

// MetricsHandler answers scrapes, as Prometheus text or as OpenMetrics with the
// ids of sampled traces. It is for an internal address.
func (t *Telemetry) MetricsHandler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		MaxRequestsInFlight: maxScrapes,
		ErrorHandling:       promhttp.ContinueOnError,
		ErrorLog:            slog.NewLogLogger(t.o.Log.Handler(), slog.LevelWarn),
	})
}

// Shutdown sends what spans there are and ends what was started. It takes as
// long as ctx allows while the collector is away. Fails with the error of ctx.
// A second call does nothing.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	var err error
	t.ended.Do(func() { err = t.shutdown(ctx) })
	return err
}

func (t *Telemetry) shutdown(ctx context.Context) error {
	if t.stop != nil {
		t.stop()
		t.running.Wait()
	}
	err := t.tracers.Shutdown(ctx)
	if t.meters != nil {
		err = errors.Join(err, t.meters.Shutdown(ctx))
	}
	return err
}

func resourceOf(o Options) *resource.Resource {
	return resource.NewWithAttributes(semconv.SchemaURL,
		semconv.ServiceNamespace("chancery"),
		semconv.ServiceName(o.Service),
		semconv.ServiceVersion(o.Version),
		semconv.ServiceInstanceID(o.Instance),
	)
}
