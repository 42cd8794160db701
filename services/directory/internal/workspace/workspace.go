// Package workspace is the place in which subjects have roles.
//
// The one thing to get right is deletion: whatever a token could still name of
// a workspace is restricted in the transaction that deletes it.
package workspace

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/page"
)

// Workspace is one workspace.
type Workspace struct {
	ID   uuid.UUID
	Name string
	// Slug names it in addresses. No other workspace has it, and it never changes.
	Slug       string
	CreateTime time.Time
}

var (
	// ErrNotFound is returned for a workspace that never was, or was deleted.
	ErrNotFound = errors.New("workspace not found")
	// ErrSlugTaken is returned for a slug that another workspace has.
	ErrSlugTaken = errors.New("slug is taken")
)

// Apps are those that workspaces own, which somebody else keeps.
type Apps interface {
	// End ends every app of the workspace, and lets none be made for it any more. It
	// may be repeated.
	End(ctx context.Context, id uuid.UUID) error
	// Count returns how many apps the workspace owns.
	Count(ctx context.Context, id uuid.UUID) (int64, error)
}

// Publisher tells other replicas of restrictions, as well as it can.
type Publisher interface {
	Publish(ctx context.Context, rs ...coherent.Restriction)
}

// Directory administers workspaces.
type Directory struct {
	Workspaces *Store
	Apps       Apps
	Hints      Publisher
}

// workspaces is the one list there is.
const workspaces = page.List("workspaces")

// Create adds a workspace. Several may have one name, but each has a slug of its
// own; an empty slug is made of the name. Fails with fault.Invalid, and
// fault.AlreadyExists for a slug that another workspace has.
func (d *Directory) Create(ctx context.Context, name, slug string) (Workspace, error) {
	if err := CheckName(name); err != nil {
		return Workspace{}, err
	}
	w := Workspace{ID: uuid.New(), Name: name, Slug: slug}
	if slug == "" {
		return d.createNamed(ctx, w)
	}
	if err := checkSlug(slug); err != nil {
		return Workspace{}, err
	}
	w, err := d.Workspaces.Create(ctx, w)
	if errors.Is(err, ErrSlugTaken) {
		return Workspace{}, fault.Because(fault.AlreadyExists, "a workspace with that slug exists already", err)
	}
	if err != nil {
		return Workspace{}, fmt.Errorf("create workspace: %w", err)
	}
	return w, nil
}

// createNamed adds a workspace with a slug made of its name. One that is taken gets
// a random end, at last one that nobody has.
func (d *Directory) createNamed(ctx context.Context, w Workspace) (Workspace, error) {
	base := slugOf(w.Name)
	for _, random := range []int{0, 4, 12, 26} {
		w.Slug = extended(base, random)
		created, err := d.Workspaces.Create(ctx, w)
		if err == nil {
			return created, nil
		}
		if !errors.Is(err, ErrSlugTaken) {
			return Workspace{}, fmt.Errorf("create workspace: %w", err)
		}
	}
	return Workspace{}, fmt.Errorf("create workspace: %w", ErrSlugTaken)
}

// Select returns those of ids that there are, in no particular order.
func (d *Directory) Select(ctx context.Context, ids []uuid.UUID) ([]Workspace, error) {
	found, err := d.Workspaces.Select(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("select workspaces: %w", err)
	}
	return found, nil
}

// List returns a page of workspaces, oldest first, and the token of the next
// page; on the last page that is empty. A size of 0 is 100. Fails with
// fault.Invalid.
func (d *Directory) List(ctx context.Context, size int, token string) ([]Workspace, string, error) {
	after, err := workspaces.Parse(token)
	if err != nil {
		return nil, "", err
	}
	size = page.Size(size)
	found, err := d.Workspaces.List(ctx, after, size+1)
	if err != nil {
		return nil, "", fmt.Errorf("list workspaces: %w", err)
	}
	found, next := page.Cut(workspaces, found, size, func(w Workspace) page.Cursor {
		return page.Cursor{CreateTime: w.CreateTime, ID: w.ID.String()}
	})
	return found, next, nil
}

// Delete deletes a workspace with its projects, memberships and apps. The apps go
// first: while they cannot, everything stays as it is. Fails with fault.NotFound,
// and with fault.Unavailable, after which it may be repeated.
func (d *Directory) Delete(ctx context.Context, id uuid.UUID) error {
	if _, err := d.Workspaces.Find(ctx, id); err != nil {
		return Named(err)
	}
	if err := d.Apps.End(ctx, id); err != nil {
		return fault.Because(fault.Unavailable, "the apps of the workspace cannot be ended at present: try again", err)
	}
	restrictions, err := d.Workspaces.Delete(ctx, id)
	if err != nil {
		return Named(err)
	}
	d.Hints.Publish(ctx, restrictions...)
	return nil
}

// Named translates the error of a look-up by id.
func Named(err error) error {
	if errors.Is(err, ErrNotFound) {
		return fault.Because(fault.NotFound, "no workspace with that id", err)
	}
	return fmt.Errorf("look up workspace: %w", err)
}

// maxName is the length of a name in characters.
const maxName = 120

// CheckName reports whether a workspace or a project may have the name. Users
// read it on the consent page. Fails with fault.Invalid.
func CheckName(name string) error {
	switch {
	case !utf8.ValidString(name):
		return fault.New(fault.Invalid, "name must be UTF-8")
	case strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > maxName:
		return fault.New(fault.Invalid, "name must be 1 to 120 characters long, not only spaces")
	case strings.ContainsFunc(name, misleading):
		return fault.New(fault.Invalid, "name must not contain control characters, or ones that change the direction of text")
	}
	return nil
}

// misleading reports whether r does not show, or makes what is around it show in
// another order (Unicode Standard Annex 9).
func misleading(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}
