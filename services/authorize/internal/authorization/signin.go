package authorization

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/authorize/internal/session"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction"
)

// SignedIn is what a successful sign-in leads to.
type SignedIn struct {
	Next   Step
	Cookie secret.Secret // of the new session
}

// SignIn signs a user in with a password. The attempt says how that went; only
// if it succeeded is there anything else. Fails as [Authorizer.View] does.
func (a *Authorizer) SignIn(ctx context.Context, p Place, c Credentials) (Attempt, SignedIn, error) {
	s, err := a.find(ctx, p)
	if err != nil {
		return Attempt{}, SignedIn{}, err
	}
	attempt, begun, err := a.open(ctx, p.Browser, c)
	if err != nil || attempt.Subject == nil {
		if err == nil && !attempt.Throttled && s.pending.Hold < transaction.Acted {
			err = a.note(ctx, s, transaction.Tried, uuid.Nil)
		}
		return attempt, SignedIn{}, err
	}
	step, err := a.goOn(ctx, s, begun, *attempt.Subject)
	if err != nil && refusalOf(err) == nil {
		// The old session has ended, and the new one must not be lost with the answer.
		// The page tries again, and says what is wrong if it still is.
		step, err = Step{Interaction: &Interaction{Transaction: s.pending.ID, Page: PageAccount}}, nil
	}
	return attempt, SignedIn{Next: step, Cookie: begun.cookie}, err
}

// goOn is the next step of a user who has just signed in.
func (a *Authorizer) goOn(ctx context.Context, s *situation, begun opened, subject Subject) (step Step, err error) {
	if err := a.note(ctx, s, transaction.SignedIn, begun.session.ID); err != nil {
		return Step{}, err
	}
	s.browser.Session = begun.cookie.Reveal()
	s.user = &user{session: begun.session, subject: subject}
	if s.client.Internal {
		// A password says nothing of memberships.
		if s.user, err = a.signedIn(ctx, s.browser, s.client.MembersOf()); err != nil {
			return Step{}, err
		}
	}
	return a.step(ctx, s)
}

// OpenSession signs a user in with a password where no authorization is pending.
// The attempt says how that went; the cookie is that of the new session.
func (a *Authorizer) OpenSession(ctx context.Context, b Browser, c Credentials) (Attempt, secret.Secret, error) {
	attempt, begun, err := a.open(ctx, b, c)
	return attempt, begun.cookie, err
}

// ChangePassword puts next in the place of the password of c for the user who is
// signed in. The attempt says how that went. Every session of the user ends with it;
// the cookie is that of the one which this browser goes on with. Fails with
// fault.NotFound when nobody is signed in.
func (a *Authorizer) ChangePassword(ctx context.Context, b Browser, c Credentials, next secret.Secret) (Attempt, secret.Secret, error) {
	_, subject, err := a.Current(ctx, b)
	if err != nil {
		return Attempt{}, secret.Secret{}, err
	}
	attempt, err := a.Peers.ChangePassword(ctx, subject.Sub, c.from(b), next)
	if err != nil {
		return Attempt{}, secret.Secret{}, fmt.Errorf("change password: %w", err)
	}
	attempt, begun, err := a.start(ctx, b, attempt)
	return attempt, begun.cookie, err
}

// from is c with where it comes from.
func (c Credentials) from(b Browser) Credentials {
	c.AddressBlock, c.Devices = b.AddressBlock, b.Devices
	return c
}

// opened is a session that has just begun.
type opened struct {
	session session.Session
	cookie  secret.Secret
}

// open starts a session for whoever the credentials are of.
func (a *Authorizer) open(ctx context.Context, b Browser, c Credentials) (Attempt, opened, error) {
	attempt, err := a.Peers.Authenticate(ctx, c.from(b))
	if err != nil {
		return Attempt{}, opened{}, fmt.Errorf("authenticate user: %w", err)
	}
	return a.start(ctx, b, attempt)
}

// start starts a session in place of the one that the browser had. There is none
// unless the attempt has a subject.
func (a *Authorizer) start(ctx context.Context, b Browser, attempt Attempt) (Attempt, opened, error) {
	if attempt.Subject == nil {
		return attempt, opened{}, nil
	}
	started, cookie, err := a.Sessions.Start(ctx, session.Session{
		Sub:            attempt.Subject.Sub,
		SubjectVersion: attempt.Subject.Version,
		UserAgent:      b.UserAgent,
		AddressBlock:   b.AddressBlock,
	}, b.Session)
	if err != nil {
		return Attempt{}, opened{}, err
	}
	return attempt, opened{session: started, cookie: cookie}, nil
}
