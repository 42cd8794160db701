package event

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
)

// ErrInvalid is wrapped by the error for an event that must not be written: one
// of a type that is not in [Types], or with a reason that is not a word.
var ErrInvalid = errors.New("invalid event")

// Event is one change. What does not apply stays zero.
type Event struct {
	Type        Type
	ClientID    string
	Sub         string
	GrantID     uuid.UUID
	FamilyID    uuid.UUID
	SessionID   uuid.UUID
	WorkspaceID uuid.UUID
	ProjectID   uuid.UUID
	SecretID    uuid.UUID
	// KeyID is a kid (RFC 7517 §4.5), or the hexadecimal id of a sealing key.
	KeyID string
	// Scope is what is allowed after the change.
	Scope oauth.Scope
	// Role is that after the change.
	Role role.Role
	// Reason tells apart the ways to one type of event. It is a word of lower-case
	// letters and underscores, never text from outside.
	Reason string
	// Count is how many alike events this one stands for. Zero: for itself.
	Count int64
}

// Record is an event as stores keep it.
type Record struct {
	// ID is a UUIDv7, the same in every copy of the event.
	ID uuid.UUID
	// EventTime is set by the database's clock.
	EventTime time.Time
	// Type, ClientID and Sub are what the audit log is searched by.
	Type     Type
	ClientID string
	Sub      string
	// Message is an eventv1.Event without id and event_time, in the wire form.
	Message []byte
	// TraceParent is that of the call (W3C Trace Context §3.2), or empty.
	TraceParent string
}

// Records makes what is to be written of events, which have the caller and the
// trace that ctx has. Append of the stores calls it. Fails with ErrInvalid.
func Records(ctx context.Context, events ...Event) ([]Record, error) {
	caller, _ := grpcserve.CallerOf(ctx)
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	records := make([]Record, len(events))
	for i, e := range events {
		if err := e.check(); err != nil {
			return nil, err
		}
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("make event id: %w", err)
		}
		m := e.message()
		m.Caller, m.TraceId = string(caller), traceID(ctx)
		encoded, err := proto.Marshal(m)
		if err != nil {
			return nil, fmt.Errorf("encode event: %w", err)
		}
		records[i] = Record{
			ID: id, Type: e.Type, ClientID: e.ClientID, Sub: e.Sub,
			Message: encoded, TraceParent: carrier.Get("traceparent"),
		}
	}
	return records, nil
}

func (e Event) check() error {
	if !slices.Contains(Types(), e.Type) {
		return fmt.Errorf("%w: type %q", ErrInvalid, e.Type)
	}
	// A reason is one word of what types are made of.
	if _, ok := Type(e.Reason).subject(); e.Reason != "" && !ok {
		return fmt.Errorf("%w: reason %q", ErrInvalid, e.Reason)
	}
	return nil
}

func (e Event) message() *eventv1.Event {
	m := &eventv1.Event{
		Type:        string(e.Type),
		ClientId:    e.ClientID,
		Sub:         e.Sub,
		GrantId:     idText(e.GrantID),
		FamilyId:    idText(e.FamilyID),
		SessionId:   idText(e.SessionID),
		WorkspaceId: idText(e.WorkspaceID),
		ProjectId:   idText(e.ProjectID),
		SecretId:    idText(e.SecretID),
		KeyId:       e.KeyID,
		Scope:       e.Scope.String(),
		Reason:      e.Reason,
		Count:       e.Count,
	}
	if e.Role != role.None {
		m.Role = e.Role.String()
	}
	return m
}

// idText is empty for no id.
func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

// traceID is empty for a call without a trace.
func traceID(ctx context.Context) string {
	if c := trace.SpanContextFromContext(ctx); c.HasTraceID() {
		return c.TraceID().String()
	}
	return ""
}

// Event returns the whole message.
func (r Record) Event() (*eventv1.Event, error) {
	m := &eventv1.Event{}
	if err := proto.Unmarshal(r.Message, m); err != nil {
		return nil, fmt.Errorf("decode event %s: %w", r.ID, err)
	}
	m.Id, m.EventTime = r.ID.String(), timestamppb.New(r.EventTime)
	return m, nil
}
