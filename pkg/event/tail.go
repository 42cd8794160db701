package event

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
)

const (
	// tailCheck is how long a silent stream is believed to be the same.
	tailCheck = 2 * time.Second
	// tailWait is the time between two looks for a stream that is not there.
	tailWait = time.Second
)

var (
	errUnreadable = errors.New("message is no event")
	errChanged    = errors.New("the stream is another than before")
)

// TailOptions say what to read. The zero value reads every event from now on.
type TailOptions struct {
	// FromStart begins with the oldest event that the stream keeps.
	FromStart bool
	// Type is a type, or its first words, as in [Filter]. Empty means all.
	Type string
	// Skipped is told of each message that is no event, or one of a type that this
	// version does not know. Nil tells nobody.
	Skipped func(subject string, cause error)
}

// Tail calls f for each event that the stream keeps and gets, until ctx ends or f
// fails, and returns that error. An event may come twice. While NATS is away, or
// the stream is not there, it waits; a stream that was made anew, or put back
// from a copy, is read from where the one before was. Fails with ErrInvalid for a
// type that could not be one, and as f does.
func Tail(ctx context.Context, js jetstream.JetStream, o TailOptions, f func(*eventv1.Event) error) error {
	t := tail{js: js, o: o, f: f}
	if o.Type != "" {
		subject, ok := Type(o.Type).subject()
		if !ok {
			return fmt.Errorf("%w: type %q", ErrInvalid, o.Type)
		}
		t.subjects = []string{subject, subject + ".>"}
	}
	for {
		err := t.follow(ctx)
		var failed handlerError
		switch {
		case errors.As(err, &failed):
			return failed.error
		case ctx.Err() != nil:
			return ctx.Err()
		}
		select {
		case <-time.After(tailWait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// handlerError is one of the function that is called for each event.
type handlerError struct{ error }

// tail is where a reader is.
type tail struct {
	js       jetstream.JetStream
	o        TailOptions
	f        func(*eventv1.Event) error
	subjects []string
	// since is when the last message that was read came to the stream, by the
	// server's clock; id is that of the last event, and seq its place.
	since time.Time
	id    string
	seq   uint64
}

// follow reads one life of the stream until something fails.
func (t *tail) follow(ctx context.Context) error {
	stream, err := t.js.Stream(ctx, StreamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		t.o.FromStart = true // whatever it will have is from now on
	}
	if err != nil {
		return fmt.Errorf("find stream: %w", err)
	}
	created := stream.CachedInfo().Created
	consumer, err := stream.OrderedConsumer(ctx, t.position(stream.CachedInfo()))
	if err != nil {
		return fmt.Errorf("make consumer: %w", err)
	}
	t.seq = 0
	messages, err := consumer.Messages()
	if err != nil {
		return fmt.Errorf("read stream: %w", err)
	}
	defer messages.Stop()
	for {
		m, err := next(ctx, messages)
		switch {
		case err == nil:
			err = t.take(m)
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			err = t.check(ctx, stream, created)
		}
		if err != nil {
			return err
		}
	}
}

// position is where to begin: where the last life of the stream was left.
func (t *tail) position(info *jetstream.StreamInfo) jetstream.OrderedConsumerConfig {
	config := jetstream.OrderedConsumerConfig{
		FilterSubjects: t.subjects,
		DeliverPolicy:  jetstream.DeliverAllPolicy,
		// A consumer that goes on by numbers would wait for ever in a stream that
		// counts from one again. Going on is done here, by time.
		MaxResetAttempts: 1,
	}
	switch {
	case !t.since.IsZero():
		config.DeliverPolicy, config.OptStartTime = jetstream.DeliverByStartTimePolicy, &t.since
	case !t.o.FromStart:
		config.DeliverPolicy = jetstream.DeliverNewPolicy
		t.since = info.TimeStamp
	}
	return config
}

// next waits for a message, but not for ever.
func next(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, tailCheck)
	defer cancel()
	return messages.Next(jetstream.NextContext(ctx))
}

// check fails when the stream is no longer the one that the consumer reads.
func (t *tail) check(ctx context.Context, stream jetstream.Stream, created time.Time) error {
	info, err := stream.Info(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("look at stream: %w", err)
	case !info.Created.Equal(created), info.State.LastSeq < t.seq:
		return errChanged
	default:
		return nil
	}
}

// take hands a message on, or skips it.
func (t *tail) take(m jetstream.Msg) error {
	if meta, err := m.Metadata(); err == nil {
		t.since, t.seq = meta.Timestamp, meta.Sequence.Stream
	}
	e, err := decode(m)
	if err != nil {
		if t.o.Skipped != nil {
			t.o.Skipped(m.Subject(), err)
		}
		return nil
	}
	if e.GetId() == t.id {
		return nil // going on by time begins with the last one again
	}
	t.id = e.GetId()
	if err := t.f(e); err != nil {
		return handlerError{err}
	}
	return nil
}

// decode reads a message of which nothing is known but that somebody may publish
// to the stream.
func decode(m jetstream.Msg) (*eventv1.Event, error) {
	e := &eventv1.Event{}
	if err := proto.Unmarshal(m.Data(), e); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	if err := uuid.Validate(e.GetId()); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	if !slices.Contains(Types(), Type(e.GetType())) {
		return nil, fmt.Errorf("type %q is not known", e.GetType())
	}
	if m.Subject() != subjectPrefix+e.GetType() {
		return nil, fmt.Errorf("%w: its type is not that of its subject", errUnreadable)
	}
	return e, nil
}
