package grant

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/page"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// grants is the list that page tokens are of.
const grants page.List = "grants"

// Page says which part of a list is wanted.
type Page struct {
	Size  int    // 0 is 100
	Token string // of the page; empty for the first
}

// List returns a page of live grants, oldest first, and the token of the next
// page; on the last page that is empty. A page has fewer than were asked for where
// they are too large for one. A grant that lives throughout is on exactly one page,
// whatever is granted or revoked meanwhile. Fails with
// fault.Invalid.
func (k *Keeper) List(ctx context.Context, of Filter, p Page) (list []Grant, next string, err error) {
	after, err := grants.Parse(p.Token)
	if err != nil {
		return nil, "", err
	}
	size := page.Size(p.Size)
	// One more tells whether there is another page.
	stored, err := k.Grants.List(ctx, of, cursorOf(after), size+1)
	if err != nil {
		return nil, "", fmt.Errorf("list grants: %w", err)
	}
	list, next = page.Cut(grants, readAll(stored, k.Scopes), size, Grant.cursor)
	bytes := 0
	for i, g := range list {
		if bytes += g.size(); i > 0 && bytes > maxListed {
			return list[:i], grants.Token(list[i-1].cursor()), nil
		}
	}
	return list, next, nil
}

// maxListed is about how many bytes a page of grants has at most, unless it is one
// alone: a message must carry it, whatever was allowed.
const maxListed = 512 << 10

// size is about how many bytes a message has for g, with all that was allowed.
func (g Grant) size() int {
	const (
		frame    = 256
		approval = 192 // with the resource that it is for
	)
	n := frame + len(g.Allowed().String())
	for _, a := range g.Approvals {
		n += approval + 2*len(a.Scope.String()) + len(a.At.Audience)
	}
	return n
}

// cursor is the place behind g.
func (g Grant) cursor() page.Cursor { return page.Cursor{CreateTime: g.CreateTime, ID: g.ID.String()} }

// cursorOf is the place in the store's words. The start has no id.
func cursorOf(c page.Cursor) Cursor {
	if c.ID == "" {
		return Cursor{}
	}
	return Cursor{CreateTime: c.CreateTime, ID: uuid.MustParse(c.ID)}
}

func readAll(stored []Stored, c preset.Catalogue) []Grant {
	list := make([]Grant, len(stored))
	for i, s := range stored {
		list[i] = s.Read(c)
	}
	return list
}
