// Package revocation ends single access tokens. A token is stored nowhere; that
// it has ended is a restriction, kept until it would have expired anyway.
package revocation

import (
	"context"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
)

// Store keeps ended tokens in the restriction log. Implementations are safe for
// concurrent use; revocationtest.RunStore says what they must do.
type Store interface {
	// Revoke writes and returns the restriction, unless the token has ended already:
	// doing it twice is no error, and one event. Beyond [coherent.MaxTokens] of one
	// family, a token takes the older ones of its family along.
	Revoke(ctx context.Context, t credential.AccessToken) ([]coherent.Restriction, error)
}

// Publisher tells other replicas of restrictions, as well as it can.
type Publisher interface {
	Publish(ctx context.Context, rs ...coherent.Restriction)
}

// Revoker ends access tokens.
type Revoker struct {
	Tokens Store
	Hints  Publisher
}

// Revoke ends the token. When it returns nil, no introspection that begins after
// the bound calls the token active.
func (r *Revoker) Revoke(ctx context.Context, t credential.AccessToken) error {
	restrictions, err := r.Tokens.Revoke(ctx, t)
	if err != nil {
		return fmt.Errorf("revoke access token: %w", err)
	}
	r.Hints.Publish(ctx, restrictions...)
	return nil
}
