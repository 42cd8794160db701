package authorization

import (
	"context"
	"errors"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction"
)

// Step is what the edge does next: one of the three.
type Step struct {
	Interaction *Interaction
	Redirect    *Redirect
	// ErrorPage refuses where there is nowhere safe to send the browser.
	ErrorPage *oauth.Error
	// RedirectURIRefused says that ErrorPage is about a redirect URI that is not
	// the client's; Forbidden that it is about a client that this user must not
	// know of.
	RedirectURIRefused, Forbidden bool
}

// Interaction sends the browser to a page.
type Interaction struct {
	Transaction string
	Binding     secret.Secret // the value of a new cookie; zero if the browser has it
	Page        Page
}

// Redirect answers the client.
type Redirect struct {
	RedirectURI string
	Mode        oauth.ResponseMode
	Parameters  [][2]string // name and value, in order
}

// step leads to what comes next.
func (a *Authorizer) step(ctx context.Context, s *situation) (Step, error) {
	if err := a.gatherConsent(ctx, s); err != nil {
		return Step{}, err
	}
	return a.commit(ctx, s, decide(s), a.granted)
}

// commit does what was decided. The grant of a code is what granted returns.
func (a *Authorizer) commit(ctx context.Context, s *situation, d decision, granted func(context.Context, *situation) (Grant, error)) (Step, error) {
	switch {
	case d.tellUser != nil:
		return d.tellUser.page(), nil
	case d.tellClient != nil:
		return a.answerRefusal(ctx, s, d.tellClient)
	case d.show != 0:
		return a.interact(ctx, s, d.show)
	}
	grant, err := granted(ctx, s)
	if err != nil {
		return Step{}, err
	}
	return a.answerCode(ctx, s, grant)
}

// interact sends the browser to a page. A request that has just arrived becomes
// a transaction of this browser.
func (a *Authorizer) interact(ctx context.Context, s *situation, page Page) (Step, error) {
	if s.pending != nil {
		return Step{Interaction: &Interaction{Transaction: s.pending.ID, Page: page}}, nil
	}
	binding := secret.NewHandle()
	t := transaction.Transaction{
		ID: secret.NewHandle().Reveal(), Request: s.checked.Fixed(s.request), Binding: binding.Digest(), Pushed: s.from,
		AddressBlock: s.browser.AddressBlock,
	}
	err := a.Transactions.Create(ctx, t, a.Lifetime)
	if errors.Is(err, pushed.ErrNotFound) {
		return spentRequestURI(err).page(), nil
	}
	if err != nil {
		return Step{}, fmt.Errorf("create transaction: %w", err)
	}
	return Step{Interaction: &Interaction{Transaction: t.ID, Binding: binding, Page: page}}, nil
}

// granted is the grant for a request that nothing is left to ask about. Where the
// user need not be asked, nobody may have written down yet what is granted.
func (a *Authorizer) granted(ctx context.Context, s *situation) (Grant, error) {
	if s.answer.Grant != nil {
		return *s.answer.Grant, nil
	}
	return a.record(ctx, Selection{
		Sub: s.user.subject.Sub, RedirectURI: s.request.RedirectURI, Client: s.client,
		Scope: s.checked.Asked, Resources: s.checked.Resources, ByPolicy: true,
	})
}

func (a *Authorizer) record(ctx context.Context, allowed Selection) (Grant, error) {
	grant, err := a.Peers.RecordGrant(ctx, allowed)
	if err != nil {
		return Grant{}, fmt.Errorf("record grant: %w", err)
	}
	return grant, nil
}

// answerCode sends a code to the client (RFC 6749 §4.1.2), if this is the one
// answer to the request. The code exists before the gate is passed: if it cannot be
// made, the user may try again; one that nobody can make is a refusal. Of two that
// are made for one request, the other leaves no further than this.
func (a *Authorizer) answerCode(ctx context.Context, s *situation, grant Grant) (Step, error) {
	code, err := a.Peers.IssueCode(ctx, Code{Checked: s.checked, Grant: grant, Subject: s.user.subject, Session: s.user.session})
	if refused := refusalOf(err); refused != nil {
		return a.answerRefusal(ctx, s, refused)
	}
	if err != nil {
		return Step{}, fmt.Errorf("issue code: %w", err)
	}
	if err := a.pass(ctx, s); errors.Is(err, pushed.ErrNotFound) {
		return spentRequestURI(err).page(), nil
	} else if err != nil {
		return Step{}, err
	}
	return a.answer(s, [2]string{"code", code.Reveal()}), nil
}

// answerRefusal tells the client why there is no code (RFC 6749 §4.1.2.1). A
// pending authorization ends with it; a pushed request can still be used.
func (a *Authorizer) answerRefusal(ctx context.Context, s *situation, refused *refusal) (Step, error) {
	if s.pending != nil {
		if err := a.pass(ctx, s); err != nil {
			return Step{}, err
		}
	}
	return a.answer(s,
		[2]string{"error", string(refused.why.Code)},
		[2]string{"error_description", refused.why.Description}), nil
}

// answer adds what every answer has (RFC 6749 §4.1.2, RFC 9207 §2).
func (a *Authorizer) answer(s *situation, parameters ...[2]string) Step {
	if state := s.request.EchoState(); state != "" {
		parameters = append(parameters, [2]string{"state", state})
	}
	parameters = append(parameters, [2]string{"iss", a.Checker.Issuer})
	return Step{Redirect: &Redirect{RedirectURI: s.request.RedirectURI, Mode: s.request.Mode(), Parameters: parameters}}
}

// pass is the gate: one answer for each transaction, and one code for each
// pushed request. Fails with pushed.ErrNotFound, or invalid_request for a
// transaction that is over.
func (a *Authorizer) pass(ctx context.Context, s *situation) error {
	switch {
	case s.pending != nil:
		if err := a.Transactions.Finish(ctx, s.pending.ID); err != nil {
			return over(err)
		}
	case s.from != secret.Digest{}:
		if err := a.Requests.Requests.Take(ctx, s.from); err != nil {
			return fmt.Errorf("take pushed request: %w", err)
		}
	}
	return nil
}

// over is the one refusal of a transaction that is over, or another browser's:
// who asks is not told which (RFC 9700 §4.7).
func over(err error) error {
	if errors.Is(err, transaction.ErrNotFound) {
		return oauth.RefuseBecause(oauth.InvalidRequest, "this sign-in is over, or was started in another browser: go back to the app and start again", err)
	}
	return fmt.Errorf("use transaction: %w", err)
}

func spentRequestURI(cause error) *refusal {
	return refusalOf(oauth.RefuseBecause(oauth.InvalidRequestURI, "request_uri is unknown, over, already used, or another client's", cause))
}
