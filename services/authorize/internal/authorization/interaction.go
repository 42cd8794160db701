package authorization

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction"
)

// Place is a pending authorization, and the browser that comes with its id.
type Place struct {
	Transaction string
	Browser     Browser
}

// View is what a page is about.
type View struct {
	Page    Page
	Request authreq.Request
	// ClientHidden says that the page must not name the client.
	ClientHidden bool
}

// View returns what the page of a pending authorization shows. Fails with
// invalid_request when it is over, or another browser's; and as the request
// itself would, if it is no longer allowed.
func (a *Authorizer) View(ctx context.Context, p Place) (View, error) {
	s, err := a.find(ctx, p)
	if err != nil {
		return View{}, err
	}
	switch {
	case s.unsafe != nil:
		return View{}, s.unsafe.why
	case s.refusal != nil:
		return View{}, s.refusal.why
	}
	page, err := a.next(ctx, s)
	if err != nil {
		return View{}, err
	}
	if page == pageForbidden {
		return View{}, forbidden().why
	}
	if page == 0 {
		// Everything was answered in another tab. Going on takes a button, so that
		// reloading a page gives no code away.
		page = PageAccount
	}
	view := View{Page: page, Request: s.request, ClientHidden: s.client.Internal && page == PageSignIn}
	return view, a.noteSeen(ctx, s, page)
}

// noteSeen notes who sees a page, for only that user may answer it.
func (a *Authorizer) noteSeen(ctx context.Context, s *situation, page Page) error {
	switch {
	case page == PageAccount && !s.happened(s.pending.Offered):
		return a.note(ctx, s, transaction.Offered, s.user.session.ID)
	case page == PageConsent && (!s.happened(s.pending.Shown) || sawAnotherClient(s) != nil):
		return a.note(ctx, s, transaction.Shown, s.user.session.ID)
	}
	return nil
}

// sawAnother says that the page was seen by another user than who answers it.
func sawAnother(s *situation, seen uuid.UUID) error {
	if s.user == nil || seen == uuid.Nil || s.happened(seen) {
		return nil
	}
	return oauth.Refuse(oauth.InvalidRequest, "another account was signed in after this page was shown")
}

// sawAnotherClient says that the client has got another name since the consent
// page was shown: whom the user agreed to is remembered, and must be who it was.
func sawAnotherClient(s *situation) error {
	if s.pending.ShownClient == (secret.Digest{}) || s.pending.ShownClient == s.client.Shown() {
		return nil
	}
	return oauth.Refuse(oauth.InvalidRequest, "the app has got another name after this page was shown")
}

// Proceed goes on with the account that was offered. Fails as [Authorizer.View]
// does, and with invalid_request if another is signed in by now.
func (a *Authorizer) Proceed(ctx context.Context, p Place) (Step, error) {
	s, err := a.find(ctx, p)
	if err != nil {
		return Step{}, err
	}
	if err := sawAnother(s, s.pending.Offered); err != nil {
		return Step{}, err
	}
	if s.happened(s.pending.Offered) {
		if err := a.note(ctx, s, transaction.Chosen, s.user.session.ID); err != nil {
			return Step{}, err
		}
	}
	return a.step(ctx, s)
}

// SwitchAccount asks for another account than the one that is signed in. Fails
// as [Authorizer.View] does.
func (a *Authorizer) SwitchAccount(ctx context.Context, p Place) (Step, error) {
	s, err := a.find(ctx, p)
	if err != nil {
		return Step{}, err
	}
	if s.user != nil {
		if err := a.note(ctx, s, transaction.LeftBehind, s.user.session.ID); err != nil {
			return Step{}, err
		}
	}
	return a.step(ctx, s)
}

// Allow carries the user's approval, with the workspaces and projects that were
// selected. It takes effect once. Fails as [Authorizer.View] does; with
// invalid_request also if the page was shown to another user, or named the client
// otherwise; and as [Consent.RecordGrant] does, in which case the user may try
// again.
func (a *Authorizer) Allow(ctx context.Context, p Place, workspaceIDs, projectIDs []string) (Step, error) {
	s, err := a.find(ctx, p)
	if err != nil {
		return Step{}, err
	}
	if done, step, err := a.refuse(ctx, s); done {
		return step, err
	}
	if err := sawAnother(s, s.pending.Shown); err != nil {
		return Step{}, err
	}
	page, err := a.next(ctx, s)
	if err != nil {
		return Step{}, err
	}
	// What comes before the consent page still comes before it; and nobody has
	// agreed to a page that was not shown.
	if page == PageSignIn || page == pageForbidden || page == PageAccount || !s.happened(s.pending.Shown) {
		return a.goTo(ctx, s, page)
	}
	if err := sawAnotherClient(s); err != nil {
		return Step{}, err
	}
	// The grant comes before the gate: a selection that is refused leaves the
	// transaction open, and of two submissions both record the same.
	grant, err := a.Peers.RecordGrant(ctx, Selection{
		Sub: s.user.subject.Sub, ClientID: s.client.ID, RedirectURI: s.request.RedirectURI, Scope: s.checked.Asked,
		WorkspaceIDs: workspaceIDs, ProjectIDs: projectIDs,
	})
	if err != nil {
		return Step{}, fmt.Errorf("record grant: %w", err)
	}
	return a.answerCode(ctx, s, grant)
}

// Deny gives up a pending authorization: the client is told access_denied, and
// what was granted before stays. Fails as [Authorizer.View] does.
func (a *Authorizer) Deny(ctx context.Context, p Place) (Step, error) {
	s, err := a.find(ctx, p)
	if err != nil {
		return Step{}, err
	}
	if s.unsafe != nil {
		return s.unsafe.page(), nil
	}
	return a.answerRefusal(ctx, s, refusalOf(oauth.Refuse(oauth.AccessDenied, "the user did not allow it")))
}

// find returns a pending authorization as it stands now. Fails with
// invalid_request.
func (a *Authorizer) find(ctx context.Context, p Place) (*situation, error) {
	t, err := a.Transactions.Find(ctx, p.Transaction)
	if err != nil {
		return nil, over(err)
	}
	// RFC 9700 §4.7: a page that somebody else began is not this user's to finish.
	if !t.BoundTo(p.Browser.Bindings) {
		return nil, over(transaction.ErrNotFound)
	}
	s := &situation{request: t.Request, browser: p.Browser, pending: &t}
	return s, a.examine(ctx, s)
}

func (a *Authorizer) note(ctx context.Context, s *situation, stage transaction.Stage, in uuid.UUID) error {
	seen := transaction.Seen{Session: in, Client: s.client.Shown()}
	if err := a.Transactions.Note(ctx, s.pending.ID, stage, seen); err != nil {
		return over(err)
	}
	s.pending.Note(stage, seen)
	return nil
}
