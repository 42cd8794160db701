package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"
)

const (
	// StreamName is that of the stream that keeps events.
	StreamName = "CHANCERY_EVENTS"
	// duplicateWindow is how long the stream knows the ids of events, and drops
	// the second copy of one.
	duplicateWindow = 2 * time.Minute
	// publishTimeout bounds a batch. It is far below the time that the database
	// lets a transaction idle, and short because the rows are locked so long.
	publishTimeout = 5 * time.Second

	defaultMaxAge = 7 * 24 * time.Hour
)

// Headers of a message.
const (
	contentType       = "application/x-protobuf"
	traceparentHeader = "traceparent" // W3C Trace Context §3.2
	contentTypeHeader = "Content-Type"
)

var errAway = errors.New("NATS is out of reach")

// StreamOptions adjust the stream that keeps events. The zero value is usable.
type StreamOptions struct {
	// Replicas is how many servers keep the stream: 1 or 3. Zero means 1.
	Replicas int
	// MaxAge is how long events can be read again. Zero means 7 days.
	MaxAge time.Duration
}

// Publisher publishes to JetStream, and sees to the stream. It is safe for
// concurrent use.
type Publisher struct {
	js     jetstream.JetStream
	stream jetstream.StreamConfig
	log    *slog.Logger
	// found says that the stream was there when last used.
	found atomic.Bool
}

// NewPublisher returns a publisher over nc, which the caller closes. It neither
// connects nor waits.
func NewPublisher(nc *nats.Conn, o StreamOptions, log *slog.Logger) (*Publisher, error) {
	js, err := jetstream.New(nc,
		jetstream.WithPublishAsyncMaxPending(relayBatch),
		jetstream.WithPublishAsyncTimeout(publishTimeout),
		jetstream.WithDefaultTimeout(publishTimeout))
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	if o.MaxAge == 0 {
		o.MaxAge = defaultMaxAge
	}
	return &Publisher{js: js, log: log, stream: jetstream.StreamConfig{
		Name:        StreamName,
		Description: "What has changed in Chancery, one message for each change.",
		Subjects:    []string{everySubject},
		Storage:     jetstream.FileStorage,
		Replicas:    max(1, o.Replicas),
		MaxAge:      o.MaxAge,
		Discard:     jetstream.DiscardOld,
		Duplicates:  duplicateWindow,
	}}, nil
}

// Publish returns nil once the stream has acknowledged every event. Otherwise
// some may have been published, and the caller publishes all again. A stream that
// is gone is made anew, without what it had: the audit log has that.
func (p *Publisher) Publish(ctx context.Context, records []Record) error {
	if !p.js.Conn().IsConnected() {
		return errAway // rather than keep rows locked until the time is over
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	if err := p.ensureStream(ctx); err != nil {
		return err
	}
	if err := p.publish(ctx, records); err != nil {
		p.found.Store(false)
		return err
	}
	return nil
}

func (p *Publisher) ensureStream(ctx context.Context) error {
	if p.found.Load() {
		return nil
	}
	// One that is there is the operator's: it stays as it was set.
	_, err := p.js.Stream(ctx, StreamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = p.js.CreateStream(ctx, p.stream)
	}
	if err != nil && !errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return fmt.Errorf("see to stream %s: %w", StreamName, err)
	}
	p.found.Store(true)
	return nil
}

// publish sends everything before it waits for the first acknowledgement.
func (p *Publisher) publish(ctx context.Context, records []Record) error {
	acks := make([]jetstream.PubAckFuture, 0, len(records))
	for _, r := range records {
		m, err := message(r)
		if err != nil {
			// Nobody could read it however often it is tried, and it must not hold up
			// what can be read. The audit log has it.
			p.log.ErrorContext(ctx, "event is not published", slog.String("event_id", r.ID.String()), slog.Any("error", err))
			continue
		}
		ack, err := p.js.PublishMsgAsync(m, jetstream.WithExpectStream(StreamName))
		if err != nil {
			return fmt.Errorf("publish event: %w", err)
		}
		acks = append(acks, ack)
	}
	for _, ack := range acks {
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			return fmt.Errorf("publish event: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("publish event: %w", ctx.Err())
		}
	}
	return nil
}

// message is what is published of a record. Its subject comes from the type alone.
func message(r Record) (*nats.Msg, error) {
	subject, ok := r.Type.subject()
	if !ok {
		return nil, fmt.Errorf("%w: type %q", ErrInvalid, r.Type)
	}
	e, err := r.Event()
	if err != nil {
		return nil, err
	}
	encoded, err := proto.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	m := nats.NewMsg(subject)
	m.Data = encoded
	m.Header.Set(nats.MsgIdHdr, e.GetId())
	m.Header.Set(contentTypeHeader, contentType)
	if r.TraceParent != "" {
		m.Header.Set(traceparentHeader, r.TraceParent)
	}
	return m, nil
}
