// Package subject is the user as tokens name them: a sub that is never used
// twice, a user name, claims, and the version that tokens carry.
//
// It does not know how a user proves who they are, beyond that there is a
// password hash to begin with.
package subject

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/page"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/directory/internal/password"
)

// Subject is one user.
type Subject struct {
	// Sub is a random UUID in canonical form.
	Sub string
	// Username is in NFC, and compared byte by byte.
	Username string
	Disabled bool
	// Version is the epoch that tokens of the subject carry.
	Version    int64
	Claims     Claims
	CreateTime time.Time
}

var (
	// ErrNotFound is returned for a subject that never was.
	ErrNotFound = errors.New("subject not found")
	// ErrExists is returned for a user name that is taken.
	ErrExists = errors.New("user name is taken")
)

// Publisher tells other replicas of restrictions, as well as it can.
type Publisher interface {
	Publish(ctx context.Context, rs ...coherent.Restriction)
}

// Directory administers subjects.
type Directory struct {
	Subjects *Store
	Hasher   *password.Hasher
	Hints    Publisher
}

// subjects is the one list there is.
const subjects = page.List("subjects")

// New is a subject to be.
type New struct {
	Username string
	Password secret.Secret
	Claims   map[string]any
}

// Create adds a subject. Fails with fault.Invalid, fault.AlreadyExists, and
// fault.Unavailable when too many passwords are being hashed.
func (d *Directory) Create(ctx context.Context, n New) (Subject, error) {
	username, err := ParseUsername(n.Username)
	if err != nil {
		return Subject{}, err
	}
	if err := password.Check(n.Password.Reveal()); err != nil {
		return Subject{}, err
	}
	claims, err := ParseClaims(n.Claims)
	if err != nil {
		return Subject{}, err
	}
	slot, err := d.Hasher.Acquire(ctx, "")
	if err != nil {
		return Subject{}, err
	}
	hash := slot.Hash(n.Password.Reveal())
	slot.Release()
	s, err := d.Subjects.Create(ctx, Subject{Sub: uuid.NewString(), Username: username, Claims: claims}, hash)
	if errors.Is(err, ErrExists) {
		return Subject{}, fault.Because(fault.AlreadyExists, "a user with that name exists already", err)
	}
	if err != nil {
		return Subject{}, fmt.Errorf("create subject: %w", err)
	}
	return s, nil
}

// Find returns a subject, disabled or not, by sub or, when that is empty, by
// user name. Fails with fault.Invalid when both are empty, and fault.NotFound.
func (d *Directory) Find(ctx context.Context, sub, username string) (Subject, error) {
	switch {
	case sub != "":
		return d.find(ctx, sub)
	case username != "":
		return d.findByUsername(ctx, username)
	default:
		return Subject{}, fault.New(fault.Invalid, "sub or username is required")
	}
}

func (d *Directory) find(ctx context.Context, sub string) (Subject, error) {
	if !Possible(sub) {
		return Subject{}, Named(ErrNotFound)
	}
	s, err := d.Subjects.Find(ctx, sub)
	if err != nil {
		return Subject{}, Named(err)
	}
	return s, nil
}

func (d *Directory) findByUsername(ctx context.Context, username string) (Subject, error) {
	exact, err := ParseUsername(username)
	if err != nil {
		// No user has such a name.
		return Subject{}, fault.Because(fault.NotFound, "no user with that name", err)
	}
	s, err := d.Subjects.FindByUsername(ctx, exact)
	if errors.Is(err, ErrNotFound) {
		return Subject{}, fault.Because(fault.NotFound, "no user with that name", err)
	}
	if err != nil {
		return Subject{}, fmt.Errorf("find subject: %w", err)
	}
	return s, nil
}

// List returns a page of subjects, oldest first, and the token of the next page;
// on the last page that is empty. A size of 0 is 100. Fails with fault.Invalid.
func (d *Directory) List(ctx context.Context, size int, token string) ([]Subject, string, error) {
	after, err := subjects.Parse(token)
	if err != nil {
		return nil, "", err
	}
	size = page.Size(size)
	found, err := d.Subjects.List(ctx, after, size+1)
	if err != nil {
		return nil, "", fmt.Errorf("list subjects: %w", err)
	}
	found, next := page.Cut(subjects, found, size, func(s Subject) page.Cursor {
		return page.Cursor{CreateTime: s.CreateTime, ID: s.Sub}
	})
	return found, next, nil
}

// Disable refuses sign-in to a subject and ends every token it has. Disabling
// twice ends what was issued in between as well. Fails with fault.NotFound.
func (d *Directory) Disable(ctx context.Context, sub string) (Subject, error) {
	if !Possible(sub) {
		return Subject{}, Named(ErrNotFound)
	}
	s, restrictions, err := d.Subjects.Disable(ctx, sub)
	if err != nil {
		return Subject{}, Named(err)
	}
	d.Hints.Publish(ctx, restrictions...)
	return s, nil
}

// Enable lets a subject sign in again; what ended stays ended. Enabling twice is
// no error. Fails with fault.NotFound.
func (d *Directory) Enable(ctx context.Context, sub string) (Subject, error) {
	if !Possible(sub) {
		return Subject{}, Named(ErrNotFound)
	}
	s, err := d.Subjects.Enable(ctx, sub)
	if err != nil {
		return Subject{}, Named(err)
	}
	return s, nil
}

// Possible reports whether Create can have chosen sub. The store sees no other.
func Possible(sub string) bool {
	id, err := uuid.Parse(sub)
	return err == nil && id.String() == sub
}

// Named translates the error of a look-up by sub.
func Named(err error) error {
	if errors.Is(err, ErrNotFound) {
		return fault.Because(fault.NotFound, "no user with that sub", err)
	}
	return fmt.Errorf("look up subject: %w", err)
}
