// Package inquiry answers questions about access tokens: it opens them, finds
// out who asks, and joins the restrictions as they are now.
//
// What to get right is the order. Whatever needs I/O comes first; then the
// verdicts and the standing of the caller are reached together, within one
// [coherent.Replica.Check], from one state.
package inquiry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/introspection/internal/accesstoken"
	"github.com/chancery-auth/chancery/services/introspection/internal/caller"
	"github.com/chancery-auth/chancery/services/introspection/internal/resourceset"
	"github.com/chancery-auth/chancery/services/introspection/internal/verdict"
)

// Desk answers. The fields do not change after the first call; it is safe for
// concurrent use.
type Desk struct {
	Replica *coherent.Replica
	Tokens  *accesstoken.Opener
	Sets    *resourceset.Sets
	Callers *caller.Register
	Holders *caller.Holders
	Judge   *verdict.Judge
	Issuer  string
	Now     func() time.Time
}

// Look returns the verdict about a token for who holds it, or may see any. Fails
// with temporarily_unavailable.
func (d *Desk) Look(ctx context.Context, text string) (verdict.Verdict, error) {
	q := question{desk: d}
	if err := q.open(ctx, text); err != nil {
		return verdict.Verdict{}, err
	}
	if err := d.Replica.Check(ctx, q.judge); err != nil {
		return verdict.Verdict{}, unavailable(err)
	}
	verdicts, err := q.answer()
	if err != nil {
		return verdict.Verdict{}, err
	}
	return verdicts[0], nil
}

// Ask returns a verdict about each token for the client that p shows. A token
// that the client may not learn about is not active (RFC 7662 §2.2). Fails with
// invalid_client, invalid_request or temporarily_unavailable.
func (d *Desk) Ask(ctx context.Context, p caller.Presented, texts ...string) ([]verdict.Verdict, error) {
	asker, recalled := d.Callers.Recall(p)
	if !recalled {
		return d.askAnew(ctx, p, texts)
	}
	q := question{desk: d, asker: asker}
	if err := q.open(ctx, texts...); err != nil {
		return nil, err
	}
	switch err := d.Replica.Check(ctx, q.judgeForRecalled); {
	case err == nil && q.current:
		return q.answer()
	case err != nil && q.active:
		return nil, unavailable(err)
	default:
		// The client may have a new secret or be back under the old one; and
		// without a lease only the registry can say whether it still exists.
		return d.askAnew(ctx, p, texts)
	}
}

// askAnew authenticates the client first, so that nobody else makes it do I/O.
func (d *Desk) askAnew(ctx context.Context, p caller.Presented, texts []string) ([]verdict.Verdict, error) {
	asker, err := d.Callers.Authenticate(ctx, p)
	if err != nil {
		return nil, err
	}
	return d.AskAs(ctx, asker, texts...)
}

// AskAs is [Desk.Ask] for a caller who has proven just now who it is.
func (d *Desk) AskAs(ctx context.Context, asker *caller.Caller, texts ...string) ([]verdict.Verdict, error) {
	q := question{desk: d, asker: asker}
	if err := q.open(ctx, texts...); err != nil {
		return nil, err
	}
	if err := d.Replica.Check(ctx, q.judgeForAuthenticated); err != nil {
		return nil, unavailable(err)
	}
	if !q.current {
		return nil, oauth.Refuse(oauth.InvalidClient, "client authentication failed")
	}
	return q.answer()
}

// AskAsHolder is [Desk.Ask] for who shows an access token in place of a client's
// credentials (RFC 7662 §2.1). That token is judged as every other, from the
// same state. Fails with invalid_token, insufficient_scope or
// temporarily_unavailable.
func (d *Desk) AskAsHolder(ctx context.Context, token string, texts ...string) ([]verdict.Verdict, error) {
	q := question{desk: d}
	if err := q.admit(ctx, token); err != nil {
		return nil, err
	}
	if err := q.open(ctx, texts...); err != nil {
		return nil, err
	}
	if err := d.Replica.Check(ctx, q.judgeForHolder); err != nil {
		return nil, unavailable(err)
	}
	if q.refusal != nil {
		return nil, q.refusal
	}
	return q.answer()
}

// admit opens the token by which somebody asks, and finds the client that it was
// issued to. What could never do is refused here, before it causes I/O.
func (q *question) admit(ctx context.Context, token string) error {
	d := q.desk
	if err := q.open(ctx, token); err != nil {
		return err
	}
	q.credential = q.subjects[0]
	if q.credential.token == nil {
		return oauth.Refuse(oauth.InvalidToken, "access token is not active")
	}
	if err := d.Holders.CheckToken(q.credential.token, d.Replica.State()); err != nil {
		return err
	}
	var err error
	q.asker, err = d.Holders.Client(ctx, q.credential.token, d.Replica.State())
	return err
}

// errUnknown is for a token of a client beyond its share of the room.
var errUnknown = errors.New("restrictions of the client of the token found no room")

// answer is the verdicts. What is unknown of one client's tokens is no reason to
// answer nothing about those of others: among several, they are not active.
func (q *question) answer() ([]verdict.Verdict, error) {
	if q.unknown && len(q.verdicts) == 1 {
		return nil, unavailable(errUnknown)
	}
	return q.verdicts, nil
}

// unavailable is the one answer when nobody can say.
func unavailable(err error) error {
	return oauth.RefuseBecause(oauth.TemporarilyUnavailable, "it cannot be told now whether the token is active, try again", err)
}

// question is a number of tokens and who asks about them.
type question struct {
	desk     *Desk
	asker    *caller.Caller // nil: may see every token
	subjects []subject
	// credential is the token by which the asker asks, if it does.
	credential subject
	// Of the last evaluation:
	verdicts []verdict.Verdict
	active   bool  // one of them at least
	current  bool  // the asker
	refusal  error // of the credential
	unknown  bool  // one token at least: see [coherent.State.Unknown]
}

// subject is what is asked about. Token is nil where there is nothing to judge.
type subject struct {
	token     *accesstoken.Token
	resources *credential.Resources
}

// open opens each text, and reads the resources that travel apart. Fails with
// temporarily_unavailable.
func (q *question) open(ctx context.Context, texts ...string) error {
	q.subjects = make([]subject, len(texts))
	q.verdicts = make([]verdict.Verdict, len(texts))
	for i, text := range texts {
		t, err := q.desk.Tokens.Open(ctx, text)
		if errors.Is(err, credential.ErrInvalid) {
			continue
		}
		if err != nil {
			return unavailable(fmt.Errorf("open access token: %w", err))
		}
		if q.subjects[i], err = q.desk.resourcesOf(ctx, t); err != nil {
			return unavailable(err)
		}
	}
	return nil
}

// resourcesOf adds the resources of a token to it. A set may be gone with the
// last token that named it, so that a dead token's is not looked for; the dead
// stay dead.
func (d *Desk) resourcesOf(ctx context.Context, t *accesstoken.Token) (subject, error) {
	if len(t.ResourcesDigest) == 0 {
		return subject{t, &t.Resources}, nil
	}
	if !verdict.Alive(t, d.Replica.State(), d.Now()) {
		return subject{}, nil
	}
	resources, err := d.Sets.Find(ctx, t.ResourcesDigest)
	if err != nil || !resources.Over(t.Scope) { // which no token was minted with
		return subject{}, err
	}
	return subject{t, resources}, nil
}

// judge reaches a verdict about each token, and reports whether one is active.
func (q *question) judge(s *coherent.State) (permissive bool) {
	q.active, q.unknown = false, false
	introspects := q.asker != nil && q.asker.Introspects(s)
	now := q.desk.Now()
	for i := range q.subjects {
		q.verdicts[i] = verdict.Verdict{}
		t := q.subjects[i].token
		if t == nil || !q.mayLearn(t, introspects) {
			continue
		}
		q.verdicts[i] = q.desk.Judge.Of(t, q.subjects[i].resources, s, now)
		if q.verdicts[i].Active() && s.Unknown(t.ClientID) {
			q.verdicts[i], q.unknown = verdict.Verdict{}, true
		}
		q.active = q.active || q.verdicts[i].Active()
	}
	return q.active
}

func (q *question) mayLearn(t *accesstoken.Token, introspects bool) bool {
	return q.asker == nil || q.asker.Owns(t) || introspects && q.asker.Receives(t, q.desk.Issuer)
}

// judgeForAuthenticated knows that the asker exists, from the one who owns
// clients. That it is revoked needs no lease.
func (q *question) judgeForAuthenticated(s *coherent.State) (permissive bool) {
	q.current = q.asker.Current(s)
	return q.judge(s) && q.current
}

// judgeForRecalled remembers that the asker existed: that it still does is a
// permission too, even if all it learns is that a token is not active.
func (q *question) judgeForRecalled(s *coherent.State) (permissive bool) {
	q.judgeForAuthenticated(s)
	return q.current
}

// judgeForHolder permits something as soon as the credential is accepted, even
// if all that its holder learns is that a token is not active.
func (q *question) judgeForHolder(s *coherent.State) (permissive bool) {
	v := q.desk.Judge.Of(q.credential.token, q.credential.resources, s, q.desk.Now())
	q.refusal = q.desk.Holders.Check(&v, q.asker, s)
	if q.refusal == nil && s.Unknown(q.credential.token.ClientID) {
		q.refusal = unavailable(errUnknown)
	}
	if q.refusal != nil {
		return false
	}
	q.judge(s)
	return true
}
