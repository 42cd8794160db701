// Package authorization is the way from an authorization request to its answer
// (RFC 6749 §4.1): what is asked of whom, in which order, and what goes back.
//
// Every step of the way examines the whole request again, and computes what
// comes next from the same table: no page is skipped because somebody knows the
// address of a later one, and what ended in the meantime has ended.
package authorization

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed"
	"github.com/chancery-auth/chancery/services/authorize/internal/session"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction"
)

var (
	// ErrUnknownClient is returned for a client that never was, or was deleted.
	ErrUnknownClient = errors.New("unknown client")
	// ErrUnknownSubject is returned for a subject that is no more.
	ErrUnknownSubject = errors.New("unknown subject")
)

// Browser is what ties a request to one browser.
type Browser struct {
	Session      string   // the cookie; empty without one
	Bindings     []string // the cookies of pending authorizations
	AddressBlock string
	UserAgent    string
	// FetchDest is what the browser wants the answer for (Sec-Fetch-Dest); empty if
	// it did not say.
	FetchDest string
	// Devices are the cookies by which the directory knows the device.
	Devices []string
}

// framed reports whether the answer is for a frame of another page, where there is
// nobody to phish: no address bar changes.
func (b Browser) framed() bool { return b.FetchDest == "iframe" }

// Subject is what has to be known of a user.
type Subject struct {
	Sub      string
	Disabled bool
	Version  int64
	// Member says that the user has a role in the workspace that was asked about.
	Member bool
	// Said is the user as the directory describes it, for pages. No rule looks at it.
	Said any
}

// Attempt is how a sign-in went.
type Attempt struct {
	// Subject is nil unless the user signed in.
	Subject *Subject
	// Device is the handle by which the directory knows the device from now on; empty
	// without a subject, and where it knows none.
	Device secret.Secret
	// Throttled says that there were too many attempts; RetryAfter is when
	// another is worth it.
	Throttled  bool
	RetryAfter time.Duration
}

// Grant is what the subject has allowed the client, and what a code has to say of
// how the client comes to it.
type Grant struct {
	ID      string
	Version int64
	// ClientIdentity is as what the client came, and WorkspaceID the workspace that
	// was chosen, where exactly one is to be chosen.
	ClientIdentity []byte
	WorkspaceID    string
}

// Question asks whether the subject has to be asked.
type Question struct {
	Sub, RedirectURI string
	Client           client.Client
	Scope            oauth.Scope
	Resources        []string
	// Always asks whatever was allowed before (prompt=consent).
	Always bool
}

// Answer says whether the subject has to be asked.
type Answer struct {
	Required bool
	// Grant is what there is to give a code for. Nil: nothing is written down, or not
	// all of it.
	Grant *Grant
	// Said is what there is to show, for pages. No rule looks at it.
	Said any
}

// Selection is what a subject allows.
type Selection struct {
	Sub, RedirectURI         string
	Client                   client.Client
	Scope                    oauth.Scope
	Resources                []string
	WorkspaceIDs, ProjectIDs []string
	// ByPolicy says that nobody was asked.
	ByPolicy bool
}

// Code is what an authorization code stands for.
type Code struct {
	authreq.Checked
	Grant   Grant
	Subject Subject
	Session session.Session
}

// Credentials are a user's name and password, and where they came from.
type Credentials struct {
	Username     string
	Password     secret.Secret
	AddressBlock string
	Devices      []string
}

// Peers are the other services.
type Peers interface {
	Directory
	Consent
	authreq.Keys
	// Client returns a client from the registry. Fails with ErrUnknownClient.
	Client(ctx context.Context, clientID string) (client.Client, error)
	// IssueCode returns an authorization code.
	IssueCode(ctx context.Context, c Code) (secret.Secret, error)
}

// Directory knows users.
type Directory interface {
	// Subject reads the truth, and not a cache: of a user, and of the user's role
	// in a workspace if one is named. Fails with ErrUnknownSubject.
	Subject(ctx context.Context, sub, workspaceID string) (Subject, error)
	Authenticate(ctx context.Context, c Credentials) (Attempt, error)
	// ChangePassword puts next in the place of the password of c if that is the
	// user's. The name in c is not looked at. Fails with fault.Invalid for a password
	// that may not be chosen.
	ChangePassword(ctx context.Context, sub string, c Credentials, next secret.Secret) (Attempt, error)
}

// Consent knows what users have allowed.
type Consent interface {
	Evaluate(ctx context.Context, q Question) (Answer, error)
	// RecordGrant fails with access_denied or invalid_request for a selection
	// that may not be made. Recording one twice is no error.
	RecordGrant(ctx context.Context, s Selection) (Grant, error)
}

// Authorizer leads authorization requests to their answer. It is safe for
// concurrent use.
type Authorizer struct {
	Checker      *authreq.Checker
	Sessions     *session.Keeper
	Requests     *pushed.Keeper
	Transactions *transaction.Store
	// Lifetime is that of a transaction.
	Lifetime time.Duration
	Peers    Peers
}

// situation is all that the next step depends on.
type situation struct {
	request authreq.Request
	browser Browser
	// pending is nil for a request that has just arrived.
	pending *transaction.Transaction
	// from is what a request that has just arrived was pushed under; zero if it
	// was not.
	from secret.Digest

	// unsafe refuses what cannot be told to the client; refusal what can.
	unsafe, refusal *refusal
	// checked is set if neither refuses.
	checked authreq.Checked
	client  client.Client
	// user is nil if nobody is signed in.
	user *user
	// answer is nil unless nothing comes before it that has to be asked.
	answer *Answer
}

// user is who is signed in, and how.
type user struct {
	session session.Session
	subject Subject
}

// stages are what has happened so far.
func (s *situation) stages() transaction.Stages {
	if s.pending == nil {
		return transaction.Stages{}
	}
	return s.pending.Stages
}

// happened reports whether a stage was in the session that is current.
func (s *situation) happened(in uuid.UUID) bool {
	return s.user != nil && in != uuid.Nil && in == s.user.session.ID
}

// gather reads all that the request depends on, but for consent: that is about who
// is signed in, which may be decided first. It applies every rule to the request,
// as it stands now.
func (a *Authorizer) gather(ctx context.Context, s *situation) (err error) {
	s.client, err = a.Peers.Client(ctx, s.request.ClientID)
	if errors.Is(err, ErrUnknownClient) {
		s.unsafe = refusalOf(authreq.UnknownClient(err))
		return nil
	}
	if err != nil {
		return fmt.Errorf("find client: %w", err)
	}
	if s.unsafe = refusalOf(a.Checker.BeforeRedirect(s.request, s.client)); s.unsafe != nil {
		s.unsafe.redirectURI = s.request.RedirectURI != ""
		return nil
	}
	if s.user, err = a.signedIn(ctx, s.browser, s.client.MembersOf()); err != nil {
		return err
	}
	s.checked, err = a.Checker.AfterRedirect(ctx, s.request, s.client, a.Peers)
	if s.refusal = refusalOf(err); s.refusal != nil {
		return nil
	}
	return err
}

// gatherConsent reads whether the subject has to be asked, if nothing else has to be
// asked first.
func (a *Authorizer) gatherConsent(ctx context.Context, s *situation) error {
	if s.unsafe != nil || s.refusal != nil || before(s) != 0 {
		return nil
	}
	answer, err := a.Peers.Evaluate(ctx, Question{
		Sub:         s.user.subject.Sub,
		RedirectURI: s.request.RedirectURI,
		Client:      s.client,
		Scope:       s.checked.Asked,
		Resources:   s.checked.Resources,
		Always:      s.checked.Prompts.Has(oauth.PromptConsent),
	})
	if err != nil {
		return fmt.Errorf("evaluate consent: %w", err)
	}
	s.answer = &answer
	return nil
}

// refusal is a rule's no, as a value: an answer like others, and no failure.
type refusal struct {
	why *oauth.Error
	// redirectURI is whether it is about one that is not the client's, and
	// forbidden whether it is about who asks.
	redirectURI, forbidden bool
}

// refusalOf is the refusal in err. It is nil for another error, and for a
// service that is away: that is no reason to give up the request.
func refusalOf(err error) *refusal {
	var why *oauth.Error
	if !errors.As(err, &why) || why.Code == oauth.ServerError || why.Code == oauth.TemporarilyUnavailable {
		return nil
	}
	return &refusal{why: why}
}

// page tells the user.
func (r *refusal) page() Step {
	return Step{ErrorPage: r.why, RedirectURIRefused: r.redirectURI, Forbidden: r.forbidden}
}

// Current returns who is signed in in a browser, and how, whatever for. Fails with
// fault.NotFound.
func (a *Authorizer) Current(ctx context.Context, b Browser) (session.Session, Subject, error) {
	u, err := a.signedIn(ctx, b, "")
	if err != nil {
		return session.Session{}, Subject{}, err
	}
	if u == nil {
		return session.Session{}, Subject{}, fault.New(fault.NotFound, "nobody is signed in")
	}
	return u.session, u.subject, nil
}

// signedIn returns nil when nobody is. A user who was disabled or signed out
// everywhere has no session any more, whatever the row says.
func (a *Authorizer) signedIn(ctx context.Context, b Browser, workspaceID string) (*user, error) {
	current, err := a.Sessions.Current(ctx, b.Session)
	if errors.Is(err, session.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	subject, err := a.Peers.Subject(ctx, current.Sub, workspaceID)
	switch {
	case errors.Is(err, ErrUnknownSubject):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("find subject: %w", err)
	case subject.Disabled, subject.Version > current.SubjectVersion:
		return nil, nil
	}
	return &user{session: current, subject: subject}, nil
}
