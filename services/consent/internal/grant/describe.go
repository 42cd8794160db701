package grant

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/page"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// maxDescribed is about how many bytes a page of descriptions has at most, unless
// it is one alone: a message must carry it, however much there is to choose from.
const maxDescribed = 512 << 10

// Description is a grant as a page shows it.
type Description struct {
	Grant Grant
	// Choices are those of everything that was ever allowed, with what is shared now.
	Choices
}

// Describe returns a page of the subject's live grants, the newest first, and the
// token of the next page; on the last page that is empty. A page has fewer than
// were asked for where they are too large for one. A grant that lives
// throughout is on exactly one page. Fails with fault.Invalid, also for a token
// of another subject's pages, and with fault.NotFound for an unknown subject.
func (e *Evaluator) Describe(ctx context.Context, sub string, p Page) (list []Description, next string, err error) {
	pages := grantsOf(sub)
	before, err := pages.Parse(p.Token)
	if err != nil {
		return nil, "", err
	}
	mine, err := e.Directory.Shareable(ctx, sub)
	if err != nil {
		return nil, "", fmt.Errorf("list resources of subject: %w", err)
	}
	size := page.Size(p.Size)
	// One more tells whether there is another page.
	stored, err := e.Grants.Newest(ctx, sub, cursorOf(before), size+1)
	if err != nil {
		return nil, "", fmt.Errorf("list grants: %w", err)
	}
	grants, next := page.Cut(pages, readAll(stored, e.Scopes), size, Grant.cursor)
	described := 0
	for i, g := range grants {
		d := e.description(g, mine)
		if described += d.size(); i > 0 && described > maxDescribed {
			return list, pages.Token(grants[i-1].cursor()), nil
		}
		list = append(list, d)
	}
	return list, next, nil
}

// DescribeOne returns one live grant of the subject. Fails with fault.NotFound,
// also for a grant of somebody else.
func (e *Evaluator) DescribeOne(ctx context.Context, id uuid.UUID, sub string) (Description, error) {
	stored, err := e.Grants.Find(ctx, id)
	if err != nil {
		return Description{}, named("find grant", err)
	}
	g := stored.Read(e.Scopes)
	if g.Sub != sub {
		return Description{}, notFound(errors.New("grant of another subject"))
	}
	mine, err := e.Directory.Shareable(ctx, sub)
	if err != nil {
		return Description{}, fmt.Errorf("list resources of subject: %w", err)
	}
	return e.description(g, mine), nil
}

// description offers everything that was ever allowed, and says what is.
func (e *Evaluator) description(g Grant, mine Resources) Description {
	d := Description{Grant: g, Choices: e.choices(g.Scope, g, mine)}
	d.Scopes = slices.DeleteFunc(d.Scopes, func(s preset.Scope) bool { return !g.Allowed().Contains(s.Name) })
	return d
}

// size is about how many bytes a message has for d, ids and all.
func (d Description) size() int {
	const (
		frame  = 256 // of the grant
		choice = 192 // of what it could share
	)
	n := frame + len(d.Grant.Scope.String())
	for _, s := range d.Scopes {
		n += len(s.Name) + len(s.Description) + len(s.Group) + len(s.Detail)
	}
	for _, w := range d.Workspaces {
		n += choice + len(w.Name) + len(w.Had.Scope.String())
	}
	for _, p := range d.Projects {
		n += choice + len(p.Name) + len(p.Workspace.Name) + len(p.Had.Scope.String())
	}
	return n
}

// grantsOf is the list of one subject's grants, whose pages are no other's. A sub
// may hold what a token cannot.
func grantsOf(sub string) page.List {
	digest := sha256.Sum256([]byte(sub))
	return page.List("grants-of-" + base64.RawURLEncoding.EncodeToString(digest[:]))
}
