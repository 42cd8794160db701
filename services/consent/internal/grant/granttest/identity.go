package granttest

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

// identity returns identities that differ by n.
func identity(n byte) grant.Identity { return grant.Identity{0: n, 31: 1} }

func identified(as grant.Identity) grant.Decision {
	d := decision(oauth.Scope{"a"}, grant.Kinds{}, nil, nil)
	d.Identity = as
	return d
}

// checkKnown checks which of the identities 1 to 3, and of none, are known.
func checkKnown(t *testing.T, db Database, want ...grant.Identity) {
	t.Helper()
	for _, as := range []grant.Identity{identity(1), identity(2), identity(3), {}} {
		_, known, err := db.FindPair(t.Context(), sub, clientID, as)
		if err != nil || known != slices.Contains(want, as) {
			t.Errorf("FindPair() of %x knows it: %v, %v", as, known, err)
		}
	}
}

func identitiesAreKept(t *testing.T, db Database) {
	g, _ := record(t, db, identified(grant.Identity{}))
	checkKnown(t, db)
	record(t, db, identified(identity(1)))
	checkKnown(t, db, identity(1))
	record(t, db, identified(identity(2)))
	record(t, db, identified(identity(1)))
	record(t, db, identified(grant.Identity{}))
	checkKnown(t, db, identity(1), identity(2))

	other := identified(identity(3))
	other.ClientID = "another"
	record(t, db, other)
	checkKnown(t, db, identity(1), identity(2))

	if _, err := db.Revoke(t.Context(), g.ID, "", grant.ReasonWithdrawn); err != nil {
		t.Fatal(err)
	}
	record(t, db, identified(identity(3)))
	checkKnown(t, db, identity(3))
}

func identitiesAtOnceAreKept(t *testing.T, db Database) {
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { _, _, errs[i] = db.Record(t.Context(), identified(identity(byte(1+i%2)))) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	checkKnown(t, db, identity(1), identity(2))
}
