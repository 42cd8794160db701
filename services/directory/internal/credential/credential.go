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
	"github.com/chancery-auth/chancery/services/directory/internal/attempt"
	"github.com/chancery-auth/chancery/services/directory/internal/device"
	"github.com/chancery-auth/chancery/services/directory/internal/password"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
)

// Credential is a subject with its password, in PHC string format.
type Credential struct {
	Subject      subject.Subject
	PasswordHash string
}

var (
	// ErrNotFound is returned for a user name that nobody has.
	ErrNotFound = errors.New("credential not found")
	// ErrChanged is returned where another password was set meanwhile.
	ErrChanged = errors.New("credential has changed")
)

// SignIn is one attempt.
type SignIn struct {
	Username string
	Password secret.Secret
	// AddressBlock is where the attempt comes from; empty is a block too.
	AddressBlock string
	// Devices are the handles that the browser has, of whatever users.
	Devices []string
}

// Outcome of an attempt.
type Outcome int

const (
	// Authenticated says that the password is the user's.
	Authenticated Outcome = iota + 1
	// Refused says that it is not, that there is no such user, or that the user
	// is disabled: not which.
	Refused
	// TooManyAttempts says that this account cannot be tried for a while from where
	// the attempt comes from.
	TooManyAttempts
)

// Result is the outcome, and what belongs to it.
type Result struct {
	Outcome Outcome
	// Subject and Device, the handle of the device, are set with Authenticated alone.
	Subject subject.Subject
	Device  secret.Secret
	// RetryAfter is set with TooManyAttempts alone.
	RetryAfter time.Duration

	// by is the limit that kept the password from being looked at.
	by attempt.By
}

// Authenticator checks passwords, and changes them.
type Authenticator struct {
	Credentials *Store
	Attempts    *attempt.Limiter
	Devices     *device.Keeper
	Hasher      *password.Hasher
	// Counted is told of a failure that was counted and not recorded. Nil: nobody is.
	Counted func(ctx context.Context)
	Hints   subject.Publisher
	// Ended is told how each attempt ended, in one of the words of [Outcomes].
	Ended func(ctx context.Context, outcome string)
	// Pause waits. Nil: by the clock.
	Pause func(ctx context.Context, d time.Duration) error
}

// Authenticate checks a password. From the failure on that reaches a limit, the
// answer is TooManyAttempts, whoever the user is; a success forgets the failures
// before it. Fails with fault.Invalid (password too long) and fault.Unavailable (too
// many passwords at once), neither of which counts.
func (a *Authenticator) Authenticate(ctx context.Context, in SignIn) (Result, error) {
	return a.tell(ctx)(a.attempt(ctx, in, func(slot *password.Slot, c Credential) (subject.Subject, error) {
		return c.Subject, a.renew(ctx, slot, c, in.Password)
	}))
}

// ChangePassword puts next in the place of the password of in, which is checked as
// Authenticate does. Every session and token of the user ends, and every known
// device but this one. Fails as Authenticate does, and with fault.Invalid for a
// password that may not be chosen.
func (a *Authenticator) ChangePassword(ctx context.Context, in SignIn, next secret.Secret) (Result, error) {
	if err := password.Check(next.Reveal()); err != nil {
		return Result{}, err
	}
	return a.tell(ctx)(a.attempt(ctx, in, func(slot *password.Slot, c Credential) (subject.Subject, error) {
		return a.change(ctx, c.Subject.Sub, c.PasswordHash, slot.Hash(next.Reveal()))
	}))
}

// SetPassword gives the user of that id another password, whatever the present one
// is. Everything of the user ends. Fails with fault.NotFound, fault.Invalid and
// fault.Unavailable.
func (a *Authenticator) SetPassword(ctx context.Context, sub string, next secret.Secret) (subject.Subject, error) {
	if !subject.Possible(sub) {
		return subject.Subject{}, subject.Named(subject.ErrNotFound)
	}
	if err := password.Check(next.Reveal()); err != nil {
		return subject.Subject{}, err
	}
	slot, err := a.Hasher.Acquire(ctx, "")
	if err != nil {
		return subject.Subject{}, err
	}
	hash := slot.Hash(next.Reveal())
	slot.Release()
	return a.change(ctx, sub, "", hash)
}

func (a *Authenticator) change(ctx context.Context, sub, present, next string) (subject.Subject, error) {
	changed, restrictions, err := a.Credentials.Change(ctx, sub, present, next)
	switch {
	case errors.Is(err, subject.ErrNotFound):
		return subject.Subject{}, subject.Named(err)
	case err != nil:
		return subject.Subject{}, fmt.Errorf("change password: %w", err)
	}
	a.Hints.Publish(ctx, restrictions...)
	return changed, nil
}

// attempt has then act for a user whose password is right, in the slot that it was
// checked in.
func (a *Authenticator) attempt(ctx context.Context, in SignIn, then func(*password.Slot, Credential) (subject.Subject, error)) (Result, error) {
	if err := password.CheckPresented(in.Password.Reveal()); err != nil {
		return Result{}, err
	}
	account := exact(in.Username)
	known, err := a.Devices.Recognise(ctx, account.username, in.Devices)
	if err != nil {
		return Result{}, err
	}
	from := attempt.From{Account: account.counted, AddressBlock: in.AddressBlock, Device: known.Digest}
	slot, verdict, err := a.admit(ctx, from)
	if err != nil || verdict.Refused != "" {
		return throttled(verdict), err
	}
	defer slot.Release()
	c, ok, err := a.verify(ctx, slot, account.username, in.Password)
	if err != nil {
		return Result{}, err
	}
	if !ok {
		return a.refuse(ctx, Failure{c.Subject.Sub, secret.DigestOf(in.AddressBlock), failureWindow}, verdict)
	}
	if err := a.Attempts.Succeed(ctx, from); err != nil {
		return Result{}, err
	}
	s, err := then(slot, c)
	if errors.Is(err, ErrChanged) {
		return a.refuse(ctx, Failure{c.Subject.Sub, secret.DigestOf(in.AddressBlock), failureWindow}, attempt.Verdict{})
	}
	if err != nil {
		return Result{}, err
	}
	handle, err := a.Devices.Remember(ctx, s, known)
	return Result{Outcome: Authenticated, Subject: s, Device: handle}, err
}

// admit counts an attempt that may be looked at, and returns the slot for it. One
// that may not be waits for nothing. The slot comes before the counting: at most as
// many attempts as there are slots are counted before it is known whether they
// succeed.
func (a *Authenticator) admit(ctx context.Context, from attempt.From) (*password.Slot, attempt.Verdict, error) {
	verdict, err := a.Attempts.Look(ctx, from)
	if err != nil || verdict.Refused != "" {
		return nil, verdict, err
	}
	if err := a.pause(ctx, verdict.Delay); err != nil {
		return nil, verdict, err
	}
	slot, err := a.Hasher.Acquire(ctx, from.AddressBlock)
	if err != nil {
		return nil, verdict, err
	}
	verdict, err = a.Attempts.Take(ctx, from)
	if err != nil || verdict.Refused != "" {
		slot.Release()
		return nil, verdict, err
	}
	return slot, verdict, nil
}

func (a *Authenticator) pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	if a.Pause != nil {
		return a.Pause(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func throttled(v attempt.Verdict) Result {
	if v.Refused == "" {
		return Result{}
	}
	return Result{Outcome: TooManyAttempts, RetryAfter: v.RetryAfter, by: v.Refused}
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
