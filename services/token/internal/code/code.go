// Package code redeems authorization codes.
//
// A code is sealed and stored nowhere; that it was redeemed is a row. The row is
// the gate: whoever inserts it has redeemed the code, in whichever process.
package code

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/token/internal/family"
)

// Request is what a token request says about its code (RFC 6749 §4.1.3).
type Request struct {
	ClientID     string
	RedirectURI  string
	CodeVerifier string
}

var (
	// ErrRedeemed is returned for a code that was redeemed, or burned, before.
	ErrRedeemed = errors.New("code already redeemed")
	// ErrExpired is returned for a code past its lifetime, by the store's clock.
	ErrExpired = errors.New("code has expired")
)

// ReplayMemory is how long after a code's expiry its redemption is remembered: a
// replay in that time still ends what the code gave.
const ReplayMemory = time.Hour

// Publisher tells other replicas of restrictions, as well as it can.
type Publisher interface {
	Publish(ctx context.Context, rs ...coherent.Restriction)
}

// Counters counts what happens, by kind.
type Counters interface {
	// CodeReplay counts a code that came a second time.
	CodeReplay(ctx context.Context)
}

// Redeemer redeems codes.
type Redeemer struct {
	Codes       *Store
	Hints       Publisher
	Counters    Counters
	MaxFamilies int
}

// Check applies the rules of RFC 6749 §4.1.3 and RFC 7636 §4.6 to a request that
// is authenticated. A request that breaks one burns the code: whoever sent it
// has no second try at guessing. Fails with invalid_grant.
func (r *Redeemer) Check(ctx context.Context, c credential.AuthorizationCode, req Request) error {
	refusal := allows(c, req)
	if refusal == nil {
		return nil
	}
	if _, err := r.Codes.Redeem(ctx, c, nil, 0); err != nil && !errors.Is(err, ErrRedeemed) && !errors.Is(err, ErrExpired) {
		return fmt.Errorf("burn code: %w", err)
	}
	return refusal
}

// Redeem passes the gate, and starts f unless it is nil. Fails with
// invalid_grant.
func (r *Redeemer) Redeem(ctx context.Context, c credential.AuthorizationCode, f *family.Family) error {
	restrictions, err := r.Codes.Redeem(ctx, c, f, r.MaxFamilies)
	switch {
	case errors.Is(err, ErrRedeemed):
		return r.replayed(ctx, c, err)
	case errors.Is(err, ErrExpired):
		return oauth.RefuseBecause(oauth.InvalidGrant, "code has expired", err)
	case err != nil:
		return fmt.Errorf("redeem code: %w", err)
	}
	r.Hints.Publish(ctx, restrictions...)
	return nil
}

// replayed ends what the first redemption issued: of two holders of one code
// neither can be trusted (RFC 6749 §4.1.2). Only a request that passed every
// check gets here, so that a stranger who saw a code cannot log its owner out.
func (r *Redeemer) replayed(ctx context.Context, c credential.AuthorizationCode, cause error) error {
	restrictions, err := r.Codes.Replay(ctx, c)
	if err != nil {
		return fmt.Errorf("end tokens of replayed code: %w", err)
	}
	r.Counters.CodeReplay(ctx)
	r.Hints.Publish(ctx, restrictions...)
	return oauth.RefuseBecause(oauth.InvalidGrant, "code was already used", cause)
}

// allows is nil when the request may redeem c.
func allows(c credential.AuthorizationCode, req Request) error {
	switch {
	case req.ClientID != c.ClientID:
		return oauth.Refuse(oauth.InvalidGrant, "code was issued to another client")
	// A client may leave redirect_uri out, as in OAuth 2.1 §4.1.3; one that sends it
	// must send the same again.
	case req.RedirectURI != "" && req.RedirectURI != c.RedirectURI:
		return oauth.Refuse(oauth.InvalidGrant, "redirect_uri differs from the authorization request")
	case c.CodeChallenge == "" && req.CodeVerifier != "":
		// RFC 9700 §4.8: the challenge was stripped on its way.
		return oauth.Refuse(oauth.InvalidGrant, "code_verifier was sent for a code without code_challenge")
	case c.CodeChallenge == "":
		return nil
	}
	return oauth.VerifyPKCE(req.CodeVerifier, c.CodeChallenge)
}
