// Package revocation ends single access tokens. A token is stored nowhere; that
// it has ended is a restriction, kept until it would have expired anyway.
package revocation

import (
	"context"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
)

// Publisher tells other replicas of restrictions, as well as it can.
type Publisher interface {
	Publish(ctx context.Context, rs ...coherent.Restriction)
}

// Revoker ends access tokens.
type Revoker struct {
	Tokens *Store
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
