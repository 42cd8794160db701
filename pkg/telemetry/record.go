package telemetry

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// other stands for every label value that is not of a fixed set. Whoever
// chooses what is sent here cannot make a series.
const other = "other"

// RPC returns a function that notes how long a call took. Method is the full
// name of a method of gRPC; one of no contract in this binary becomes "other".
// Code is one of gRPC or of OAuth; any other becomes "other".
func (t *Telemetry) RPC() func(ctx context.Context, method, code string, took time.Duration) {
	type key struct{ method, code string }
	codes := callCodes()
	series := table[key]{
		fix: func(k key) key {
			if !knownMethod(k.method) {
				k.method = other
			}
			if !slices.Contains(codes, k.code) {
				k.code = other
			}
			return k
		},
		labels: func(k key) []attribute.KeyValue {
			return []attribute.KeyValue{
				attribute.String("method", strings.TrimPrefix(k.method, "/")), attribute.String("code", k.code),
			}
		},
	}
	return func(ctx context.Context, method, code string, took time.Duration) {
		t.rpc.Record(ctx, took.Seconds(), series.of(key{method, code})...)
	}
}

// HTTP returns a function that notes how long a request took. Endpoint is one
// of the given names of routes; any other becomes "other".
func (t *Telemetry) HTTP(endpoints ...string) func(ctx context.Context, endpoint string, status int, took time.Duration) {
	type key struct {
		endpoint string
		status   int
	}
	series := table[key]{
		fix: func(k key) key {
			if !slices.Contains(endpoints, k.endpoint) {
				k.endpoint = other
			}
			if http.StatusText(k.status) == "" {
				k.status = 0
			}
			return k
		},
		labels: func(k key) []attribute.KeyValue {
			status := other
			if k.status != 0 {
				status = strconv.Itoa(k.status)
			}
			return []attribute.KeyValue{attribute.String("endpoint", k.endpoint), attribute.String("status", status)}
		},
	}
	return func(ctx context.Context, endpoint string, status int, took time.Duration) {
		t.http.Record(ctx, took.Seconds(), series.of(key{endpoint, status})...)
	}
}

// knownMethod says whether a contract linked into this binary has the method.
func knownMethod(full string) bool {
	service, method, ok := strings.Cut(strings.TrimPrefix(full, "/"), "/")
	if !ok {
		return false
	}
	descriptor, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service))
	if err != nil {
		return false
	}
	contract, ok := descriptor.(protoreflect.ServiceDescriptor)
	return ok && contract.Methods().ByName(protoreflect.Name(method)) != nil
}

// table keeps the labels of every series that was used, so that a measurement
// costs one look-up and no allocation. Only fixed keys get in, so it is as
// bounded as they are.
type table[K comparable] struct {
	fix    func(K) K
	labels func(K) []attribute.KeyValue

	known  atomic.Pointer[map[K][]metric.RecordOption]
	growth sync.Mutex
}

// of returns the labels of key.
func (t *table[K]) of(key K) []metric.RecordOption {
	if options, ok := t.find(key); ok {
		return options
	}
	key = t.fix(key)
	if options, ok := t.find(key); ok {
		return options
	}
	t.growth.Lock()
	defer t.growth.Unlock()
	if options, ok := t.find(key); ok {
		return options
	}
	options := []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(t.labels(key)...))}
	grown := map[K][]metric.RecordOption{key: options}
	if old := t.known.Load(); old != nil {
		maps.Copy(grown, *old)
	}
	t.known.Store(&grown)
	return options
}

func (t *table[K]) find(key K) ([]metric.RecordOption, bool) {
	known := t.known.Load()
	if known == nil {
		return nil, false
	}
	options, ok := (*known)[key]
	return options, ok
}
