package resourceset_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/services/introspection/internal/resourceset"
)

var errAway = errors.New("owner is away")

func TestFind(t *testing.T) {
	want := credential.Resources{Workspaces: []credential.Workspace{{ID: uuid.UUID{1}, Role: role.Member, MembershipVersion: 2}}}
	stored, err := want.Marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(stored)
	other := sha256.Sum256([]byte("other"))
	malformed := sha256.Sum256([]byte("\xff"))
	asked := 0
	away := false
	sets := resourceset.New(func(_ context.Context, d resourceset.Digest) ([]byte, error) {
		asked++
		switch {
		case away:
			return nil, errAway
		case d == malformed:
			return []byte("\xff"), nil
		default:
			return stored, nil
		}
	})

	away = true
	if _, err := sets.Find(t.Context(), digest[:]); !errors.Is(err, errAway) {
		t.Errorf("Find() = %v, want what the owner fails with", err)
	}
	away = false
	for range 2 {
		got, err := sets.Find(t.Context(), digest[:])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("Find() (-want +got):\n%s", diff)
		}
	}
	if asked != 2 {
		t.Errorf("the owner was asked %d times, want once in vain and once more", asked)
	}
	for name, bad := range map[string][]byte{
		"another set": other[:], "no set": malformed[:], "short digest": digest[:31], "long digest": append(digest[:], 0), "no digest": nil,
	} {
		if _, err := sets.Find(t.Context(), bad); err == nil {
			t.Errorf("%s: Find() succeeds", name)
		}
	}
}
