package claims

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/introspection/internal/inquiry"
	"github.com/chancery-auth/chancery/services/introspection/internal/verdict"
)

// ErrNotFound is returned by [Find] for a subject that is no more.
var ErrNotFound = errors.New("subject not found")

// Subject is what its owner says of a subject.
type Subject struct {
	Disabled bool
	// Version is its counter: every token sealed with a lesser one is dead.
	Version int64
	Claims  map[string]any
}

// Find reads a subject from its owner. Fails with ErrNotFound.
type Find func(ctx context.Context, sub string) (Subject, error)

// Reader answers the holders of access tokens. The fields do not change after
// the first call; it is safe for concurrent use.
type Reader struct {
	Desk   *inquiry.Desk
	Find   Find
	Scopes preset.Catalogue
	Issuer string
}

// Read returns the claims that the token opens (OIDC Core §5.3.2), sub always
// among them. Fails with invalid_token, insufficient_scope or
// temporarily_unavailable.
func (r *Reader) Read(ctx context.Context, token string) (map[string]any, error) {
	v, err := r.Desk.Look(ctx, token)
	if err != nil {
		return nil, err
	}
	if err := r.check(v); err != nil {
		return nil, err
	}
	subject, err := r.Find(ctx, v.Token.Sub)
	if errors.Is(err, ErrNotFound) {
		return nil, refused()
	}
	if err != nil {
		return nil, fmt.Errorf("find subject: %w", err)
	}
	// The owner knows before the restriction has come here.
	if subject.Disabled || v.Token.SubjectVersion < subject.Version {
		return nil, refused()
	}
	claims := filter(r.Scopes, v.Scope, subject.Claims)
	claims["sub"] = v.Token.Sub
	return claims, nil
}

// check applies RFC 6750 §3.1. The endpoint is a resource of the issuer, and
// takes no token that was made for another resource only (RFC 8707 §2).
func (r *Reader) check(v verdict.Verdict) error {
	switch {
	case !v.Active(), len(v.Token.Audience) > 0 && !slices.Contains(v.Token.Audience, r.Issuer):
		return refused()
	case v.Token.Sub == "" || !v.Scope.Contains("openid"):
		return oauth.Refuse(oauth.InsufficientScope, "access token does not have the scope openid of a user")
	default:
		return nil
	}
}

// refused does not say why: the holder of a dead token learns that it is dead.
func refused() error {
	return oauth.Refuse(oauth.InvalidToken, "access token is not active")
}
