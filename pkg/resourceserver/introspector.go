package resourceserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chancery-auth/chancery/pkg/secret"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

var (
	// ErrInactive says that a token is good for nothing here: unknown, expired,
	// revoked, or meant for somebody else. Which of these is not told.
	ErrInactive = errors.New("token is not active")
	// ErrUnavailable says that it cannot be told what a token is good for. The
	// request is refused, and may succeed when it is sent again.
	ErrUnavailable = errors.New("token cannot be checked")
)

// Checker finds out what a token is good for at this moment.
type Checker interface {
	// Check returns what the token is good for. Fails with ErrInactive, and with
	// ErrUnavailable for everything else. It is safe for concurrent use.
	Check(ctx context.Context, token string) (*Access, error)
}

// Credentials say as which OAuth client an API asks (RFC 7662 §2.1). The zero value
// is for a connection that says it by itself: by a certificate, or by the access
// token of a client in the metadata of each call.
type Credentials struct {
	ClientID     string
	ClientSecret secret.Secret
}

// checkTimeout bounds one check, its repetition included.
const checkTimeout = 2 * time.Second

// Introspector is the [Checker] that asks Chancery about each token, every time.
// An answer is therefore as fresh as Chancery's own bound says, and no staler.
type Introspector struct {
	client      introspectionv1.IntrospectionServiceClient
	credentials Credentials
}

// NewIntrospector returns a checker that asks on conn. The connection stays the
// caller's, to be kept for the life of the process and closed after the last check.
func NewIntrospector(conn grpc.ClientConnInterface, c Credentials) *Introspector {
	return &Introspector{introspectionv1.NewIntrospectionServiceClient(conn), c}
}

// Check implements [Checker]. It takes two seconds at most, and asks a second time
// when the first answer is that there is none at the moment.
func (i *Introspector) Check(ctx context.Context, token string) (*Access, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	req := &introspectionv1.IntrospectRequest{
		Token: token, ClientId: i.credentials.ClientID, ClientSecret: i.credentials.ClientSecret.Reveal(),
	}
	answer, err := i.client.Introspect(ctx, req)
	if status.Code(err) == codes.Unavailable {
		answer, err = i.client.Introspect(ctx, req)
	}
	if err != nil {
		// INVALID_CLIENT is among these: that the API's own credentials are wrong
		// says nothing about the token.
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if !answer.GetActive() {
		return nil, ErrInactive
	}
	access, err := accessOf(answer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return access, nil
}
