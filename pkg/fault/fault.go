// Package fault is how an administrative call says no: a kind that programs
// branch on, and one sentence for the operator who made the call.
//
// It is to operators what oauth.Error is to clients. Whatever is not an
// [Error] is internal, and its text does not leave the process.
package fault

import (
	"fmt"
	"time"
)

// Kind is the class of a refusal. It is itself an error, so that
// errors.Is(err, fault.NotFound) asks for it. The zero Kind is none.
type Kind uint8

const (
	// Invalid says that the request is wrong, whatever is stored.
	Invalid Kind = iota + 1
	// NotFound says that what the request names is not there, or that the caller
	// may not know that it is.
	NotFound
	// AlreadyExists says that what the request would create is there already.
	AlreadyExists
	// Conflict says that what the request would change has changed since the
	// caller read it: read it again.
	Conflict
	// Denied says that the caller is known, and may not do this.
	Denied
	// Exhausted says that a limit or quota is reached.
	Exhausted
	// Unavailable says that the same request may succeed later.
	Unavailable
)

// Error returns the kind in words.
func (k Kind) Error() string {
	switch k {
	case Invalid:
		return "invalid"
	case NotFound:
		return "not found"
	case AlreadyExists:
		return "already exists"
	case Conflict:
		return "conflict"
	case Denied:
		return "denied"
	case Exhausted:
		return "exhausted"
	case Unavailable:
		return "unavailable"
	default:
		return fmt.Sprintf("fault kind %d", uint8(k))
	}
}

// Error is a refusal the operator is told about.
type Error struct {
	Kind Kind
	// Message is shown to the operator: one clear sentence that says what to
	// change, with no secret in it.
	Message string
	// RetryAfter is when the same request is worth another try; zero: not known.
	RetryAfter time.Duration
	cause      error // logged, never shown
}

// New returns an *[Error] as an error.
func New(kind Kind, message string) error {
	return &Error{Kind: kind, Message: message}
}

// Because is [New] with a cause for the log. A nil cause is none.
func Because(kind Kind, message string, cause error) error {
	return &Error{Kind: kind, Message: message, cause: cause}
}

// Later is [New] of [Exhausted], with when the same request is worth another try.
func Later(message string, after time.Duration) error {
	return &Error{Kind: Exhausted, Message: message, RetryAfter: after}
}

// Error is for the log: it includes the cause, which the operator is not shown.
func (e *Error) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("%v: %s", e.Kind, e.Message)
	}
	return fmt.Sprintf("%v: %s: %v", e.Kind, e.Message, e.cause)
}

// Unwrap makes both the kind and the cause visible to errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.cause}
}
