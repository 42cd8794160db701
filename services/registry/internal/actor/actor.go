// Package actor carries the subject on whose behalf a call changes something, as
// contexts carry the service that calls: so that every event of the change can
// name them, however deep it is written.
package actor

import "context"

type key struct{}

// With returns a context of calls that sub makes.
func With(ctx context.Context, sub string) context.Context { return context.WithValue(ctx, key{}, sub) }

// Of returns the subject; empty for an operator, for a client that manages itself,
// and for what the service does unasked.
func Of(ctx context.Context) string {
	sub, _ := ctx.Value(key{}).(string)
	return sub
}
