// Package credential signs users in with a password.
//
// The one thing to get right is that nobody learns from an answer, or from the
// time it takes, whether there is a user of some name: every attempt that is
// looked at runs the same statements and computes one hash.
package credential

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt"
	"github.com/chancery-auth/chancery/services/directory/internal/password"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
)

// Credential is a subject with its password, in PHC string format.
type Credential struct {
	Subject      subject.Subject
	PasswordHash string
}

// ErrNotFound is returned for a user name that nobody has.
var ErrNotFound = errors.New("credential not found")

// Store reads credentials. Implementations are safe for concurrent use, across
// processes too; credentialtest.RunStore says what they must do.
type Store interface {
	// Find returns the credential of the user of that exact name, disabled or not.
	// Fails with ErrNotFound.
	Find(ctx context.Context, username string) (Credential, error)
	// Replace puts another hash in place of the one in c. When that is not the
	// current one any more, nothing changes, and that is no error.
	Replace(ctx context.Context, c Credential, passwordHash string) error
	// NoteFailure counts a failed attempt, and records it in the audit log if it is one
	// of the first of its window (see [Recorded]).
	NoteFailure(ctx context.Context, f Failure) (recorded bool, err error)
	// Sweeps returns the windows of failures that are over, for deletion. What was
	// counted in them is recorded as they go (see [Summaries]), once each.
	Sweeps() []sweep.Table
}

// SignIn is one attempt.
type SignIn struct {
	Username string
	Password secret.Secret
	// AddressBlock is where the attempt comes from; empty is a block too.
	AddressBlock string
}

// Outcome of an attempt.
type Outcome int

const (
	// Authenticated says that the password is the user's.
	Authenticated Outcome = iota + 1
	// Refused says that it is not, that there is no such user, or that the user
	// is disabled: not which.
	Refused
	// TooManyAttempts says that this account cannot be tried from this address
	// block for a while.
	TooManyAttempts
)

// Result is the outcome, and what belongs to it.
type Result struct {
	Outcome Outcome
	// Subject is set with Authenticated alone.
	Subject subject.Subject
	// RetryAfter is set with TooManyAttempts alone.
	RetryAfter time.Duration
}

// Authenticator checks passwords.
type Authenticator struct {
	Credentials Store
	Attempts    *attempt.Limiter
	Hasher      *password.Hasher
	// Counted is told of a failure that was counted and not recorded. Nil: nobody is.
	Counted func(ctx context.Context)
}

// Authenticate checks a password. From the failure on that reaches the limit,
// the answer is TooManyAttempts, whoever the user is; a success forgets the
// failures before it. Fails with fault.Invalid (password too long) and
// fault.Unavailable (too many passwords at once), neither of which counts.
func (a *Authenticator) Authenticate(ctx context.Context, in SignIn) (Result, error) {
	if err := password.CheckPresented(in.Password.Reveal()); err != nil {
		return Result{}, err
	}
	// The slot comes first: at most as many attempts as there are slots are
	// counted before it is known whether they succeed.
	slot, err := a.Hasher.Acquire(ctx)
	if err != nil {
		return Result{}, err
	}
	defer slot.Release()

	account := exact(in.Username)
	key := attempt.KeyOf(account.counted, in.AddressBlock)
	verdict, err := a.Attempts.Take(ctx, key)
	if err != nil {
		return Result{}, err
	}
	if verdict.Refused {
		return Result{Outcome: TooManyAttempts, RetryAfter: verdict.RetryAfter}, nil
	}
	c, ok, err := a.verify(ctx, slot, account.username, in.Password)
	if err != nil {
		return Result{}, err
	}
	if !ok {
		return a.refuse(ctx, Failure{c.Subject.Sub, secret.DigestOf(in.AddressBlock), failureWindow}, verdict)
	}
	if err := a.Attempts.Clear(ctx, key); err != nil {
		return Result{}, err
	}
	if err := a.renew(ctx, slot, c, in.Password); err != nil {
		return Result{}, err
	}
	return Result{Outcome: Authenticated, Subject: c.Subject}, nil
}

// refuse records the failure, whoever the user is.
func (a *Authenticator) refuse(ctx context.Context, f Failure, verdict attempt.Verdict) (Result, error) {
	recorded, err := a.Credentials.NoteFailure(ctx, f)
	if err != nil {
		return Result{}, fmt.Errorf("note failed sign-in: %w", err)
	}
	if !recorded && a.Counted != nil {
		a.Counted(ctx)
	}
	if verdict.Last {
		return Result{Outcome: TooManyAttempts, RetryAfter: verdict.RetryAfter}, nil
	}
	return Result{Outcome: Refused}, nil
}

// verify computes one hash, whatever it finds.
func (a *Authenticator) verify(ctx context.Context, slot *password.Slot, username string, presented secret.Secret) (Credential, bool, error) {
	c, err := a.Credentials.Find(ctx, username)
	known := !errors.Is(err, ErrNotFound)
	switch {
	case !known:
		c = Credential{PasswordHash: a.Hasher.Dummy()}
	case err != nil:
		return Credential{}, false, fmt.Errorf("find credential: %w", err)
	}
	matches, err := slot.Verify(c.PasswordHash, presented.Reveal())
	if err != nil {
		return Credential{}, false, fmt.Errorf("verify password: %w", err)
	}
	return c, matches && known && !c.Subject.Disabled, nil
}

// renew brings the hash of a password that has just been verified to the costs
// of today.
func (a *Authenticator) renew(ctx context.Context, slot *password.Slot, c Credential, presented secret.Secret) error {
	if !a.Hasher.Outdated(c.PasswordHash) {
		return nil
	}
	if err := a.Credentials.Replace(ctx, c, slot.Hash(presented.Reveal())); err != nil {
		return fmt.Errorf("replace password hash: %w", err)
	}
	return nil
}

// account is a presented user name.
type account struct {
	counted  string // for the limit
	username string // for the look-up
}

// exact returns the form in which a user name is stored. What cannot be a user
// name is counted as it is, and looked up as the empty one, which nobody has:
// that costs what any look-up costs.
func exact(presented string) account {
	name, err := subject.ParseUsername(presented)
	if err != nil {
		return account{counted: presented}
	}
	return account{counted: name, username: name}
}
