package authorization

import (
	"context"
	"errors"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction"
)

// Push checks a request of a client that has authenticated, and keeps it
// (RFC 9126 §2). Fails with what the authorization endpoint would refuse it
// with.
func (a *Authorizer) Push(ctx context.Context, req authreq.Request, client client.Client) (requestURI secret.Secret, err error) {
	// RFC 9126 §2.1.
	if req.RequestURI != "" {
		return secret.Secret{}, oauth.Refuse(oauth.InvalidRequest, "request_uri cannot be pushed")
	}
	req.ClientID, req.Pushed = client.ID, true
	if err := a.Checker.BeforeRedirect(req, client); err != nil {
		return secret.Secret{}, err
	}
	checked, err := a.Checker.AfterRedirect(ctx, req, client, a.Peers)
	if err != nil {
		return secret.Secret{}, err
	}
	return a.Requests.Push(ctx, checked.Fixed(req))
}

// Start leads a request that has just arrived to its first step. A refusal is a
// step too.
func (a *Authorizer) Start(ctx context.Context, req authreq.Request, b Browser) (Step, error) {
	if unsafe := refusalOf(a.Checker.BeforeClient(req)); unsafe != nil {
		return unsafe.page(), nil
	}
	s := &situation{request: req, browser: b}
	if digest, ours := pushed.DigestOf(req.RequestURI); ours {
		err := a.resolve(ctx, s, digest)
		if errors.Is(err, pushed.ErrNotFound) {
			return spentRequestURI(err).page(), nil
		}
		if err != nil {
			return Step{}, err
		}
	}
	if err := a.gather(ctx, s); err != nil {
		return Step{}, err
	}
	return a.step(ctx, s)
}

// resolve replaces a request by what its client pushed: only that counts
// (RFC 9126 §4). A pushed request that waits for its user already goes on in the
// browser that began it, and in no other. Fails with pushed.ErrNotFound.
func (a *Authorizer) resolve(ctx context.Context, s *situation, digest secret.Digest) error {
	kept, err := a.Requests.Requests.Find(ctx, digest)
	if errors.Is(err, pushed.ErrNotFound) {
		if kept, err = a.resume(ctx, s, digest); errors.Is(err, transaction.ErrNotFound) {
			err = pushed.ErrNotFound
		}
	} else {
		s.from = digest
	}
	switch {
	case err != nil:
		return fmt.Errorf("find pushed request: %w", err)
	case kept.ClientID != s.request.ClientID:
		return pushed.ErrNotFound
	}
	s.request = kept
	return nil
}

// resume goes on with the transaction of a pushed request. Fails with
// transaction.ErrNotFound.
func (a *Authorizer) resume(ctx context.Context, s *situation, digest secret.Digest) (authreq.Request, error) {
	t, err := a.Transactions.FindPushed(ctx, digest)
	switch {
	case err != nil:
		return authreq.Request{}, err
	case !t.BoundTo(s.browser.Bindings):
		return authreq.Request{}, transaction.ErrNotFound
	}
	s.pending = &t
	return t.Request, nil
}
