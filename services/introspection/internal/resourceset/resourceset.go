// Package resourceset reads the sets of resources that are too large to travel
// in a token, which names them by digest.
//
// A set is immutable: its digest is that of its content. What the subject may
// still do with the resources in it is judged each time, by package verdict.
package resourceset

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/maypok86/otter/v2"

	"github.com/chancery-auth/chancery/pkg/credential"
)

// maxBytes is how much the stored forms of the remembered sets come to.
const maxBytes = 32 << 20

var errDigest = errors.New("set of resources does not have the digest it was asked by")

// Digest is the SHA-256 of a set's stored form.
type Digest = [sha256.Size]byte

// Fetch reads the stored form of a set from its owner.
type Fetch func(ctx context.Context, digest Digest) ([]byte, error)

// Sets reads sets, and remembers them. It is safe for concurrent use.
type Sets struct {
	fetch Fetch
	known *otter.Cache[Digest, set]
}

type set struct {
	resources *credential.Resources
	size      uint32 // of the stored form, in bytes
}

// New returns sets that fetch reads.
func New(fetch Fetch) *Sets {
	return &Sets{
		fetch: fetch,
		known: otter.Must(&otter.Options[Digest, set]{
			MaximumWeight: maxBytes,
			Weigher:       func(_ Digest, s set) uint32 { return s.size },
		}),
	}
}

// Find returns the set that a token names. The result is shared and must not be
// changed. Callers at the same time share one read. Fails with what the owner
// fails with, and when what it returns is another set.
func (s *Sets) Find(ctx context.Context, digest []byte) (*credential.Resources, error) {
	if len(digest) != sha256.Size {
		return nil, errDigest
	}
	found, err := s.known.Get(ctx, Digest(digest), otter.LoaderFunc[Digest, set](s.load))
	if err != nil {
		return nil, fmt.Errorf("find set of resources: %w", err)
	}
	return found.resources, nil
}

func (s *Sets) load(ctx context.Context, digest Digest) (set, error) {
	stored, err := s.fetch(ctx, digest)
	if err != nil {
		return set{}, err
	}
	if sha256.Sum256(stored) != digest {
		return set{}, errDigest
	}
	resources, err := credential.UnmarshalResources(stored)
	if err != nil {
		return set{}, err
	}
	return set{&resources, uint32(min(len(stored), maxBytes))}, nil
}
