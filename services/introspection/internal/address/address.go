// Package address knows by which slug a workspace is named in addresses.
//
// The directory owns the slugs. One never changes, so that what was read once is
// good for ever, as far as there is room.
package address

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"
)

// maxRemembered is how many slugs are remembered, at about 150 bytes each.
const maxRemembered = 100_000

// ErrNotFound is returned by [Fetch] for a workspace that is no more, or that its
// owner gives no slug.
var ErrNotFound = errors.New("workspace has no slug")

// Fetch reads the slug of a workspace from its owner. Fails with ErrNotFound.
type Fetch func(ctx context.Context, workspace uuid.UUID) (string, error)

// Book reads slugs, and remembers them. It is safe for concurrent use.
type Book struct {
	fetch Fetch
	known *otter.Cache[uuid.UUID, string]
}

// New returns a book of what fetch reads.
func New(fetch Fetch) *Book {
	return &Book{fetch, otter.Must(&otter.Options[uuid.UUID, string]{MaximumSize: maxRemembered})}
}

// Slug returns the slug of a workspace, which is empty if it has none. Callers at
// the same time share one read. Fails with what the owner fails with.
func (b *Book) Slug(ctx context.Context, workspace uuid.UUID) (string, error) {
	slug, err := b.known.Get(ctx, workspace, otter.LoaderFunc[uuid.UUID, string](b.fetch))
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("find slug of workspace: %w", err)
	}
	return slug, nil
}
