package authorization

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/client"
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
	Client  client.Client
	// ClientHidden says that the page must not name the client.
	ClientHidden bool
	// Subject is who is signed in; nil on the sign-in page.
	Subject *Subject
	// Answer is what to ask, on the consent page. Else nil.
	Answer *Answer
}

// View returns what the page of a pending authorization shows. Fails with
// invalid_request when it is over, or another browser's; and as the request
// itself would, if it is no longer allowed.
func (a *Authorizer) View(ctx context.Context, p Place) (View, error) {
	s, err := a.find(ctx, p)
	if err != nil {
		return View{}, err
	}
	if err := a.gatherConsent(ctx, s); err != nil {
		return View{}, err
	}
	view, err := viewOf(s)
	if err != nil {
		return View{}, err
	}
	return view, a.noteSeen(ctx, s, view.Page)
}

// viewOf is what the page that comes next shows.
func viewOf(s *situation) (View, error) {
	switch {
	case s.unsafe != nil:
		return View{}, s.unsafe.why
	case s.refusal != nil:
		return View{}, s.refusal.why
	}
	view := View{Page: next(s), Request: s.request, Client: s.client}
	switch view.Page {
	case pageForbidden:
		return View{}, forbidden().why
	case PageSignIn:
		view.ClientHidden = s.client.Internal
		return view, nil
	case PageConsent:
		view.Answer = s.answer
	case 0:
		// Everything was answered in another tab. Going on takes a button, so that
		// reloading a page gives no code away.
		view.Page = PageAccount
	default:
	}
	view.Subject = &s.user.subject
	return view, nil
}

// noteSeen notes who sees a page, for only that user may answer it; of the sign-in
// page it notes that somebody does.
func (a *Authorizer) noteSeen(ctx context.Context, s *situation, page Page) error {
	switch {
	case page == PageSignIn && s.pending.Hold == transaction.Begun:
		if err := a.Transactions.View(ctx, s.pending.ID); err != nil {
			return fmt.Errorf("note that the page is shown: %w", err)
		}
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
	decided, err := decideAllowed(s)
	if err != nil {
		return Step{}, err
	}
	// The grant comes before the code, and both before the gate: a selection that is
	// refused leaves the transaction open, and of two submissions both record the
	// same.
	return a.commit(ctx, s, decided, func(ctx context.Context, s *situation) (Grant, error) {
		return a.record(ctx, Selection{
			Sub: s.user.subject.Sub, RedirectURI: s.request.RedirectURI, Client: s.client,
			Scope: s.checked.Asked, Resources: s.checked.Resources, WorkspaceIDs: workspaceIDs, ProjectIDs: projectIDs,
		})
	})
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
	return s, a.gather(ctx, s)
}

func (a *Authorizer) note(ctx context.Context, s *situation, stage transaction.Stage, in uuid.UUID) error {
	seen := transaction.Seen{Session: in, Client: s.client.Shown()}
	if err := a.Transactions.Note(ctx, s.pending.ID, stage, seen); err != nil {
		return over(err)
	}
	s.pending.Note(stage, seen)
	return nil
}
