// Package codetest says what every store of redeemed codes must do.
package codetest

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	"github.com/chancery-auth/chancery/services/token/internal/code"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

// Database is a store beside that of the families it starts.
type Database struct {
	*code.Store

	Families *family.Store
	Log      coherent.Source
	Audit    eventtest.Audit
}

// RunStore checks a store. newDatabase returns an empty one, and cleans up with
// t.Cleanup.
func RunStore(t *testing.T, newDatabase func(t *testing.T) Database) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, Database)
	}{
		{"redeeming starts the family", redeemStarts},
		{"without a family the code is spent all the same", redeemWithout},
		{"N122 a code is redeemed once", once},
		{"N123 16 redeem at once, one wins, one family starts", concurrent},
		{"N128 a code expires by the store's clock", expires},
		{"both or neither", bothOrNeither},
		{"N145 the oldest family ends, and is restricted", oldestEnds},
		{"N122 a replay ends the family", replayEnds},
		{"N122 a replay against redemptions leaves none alive", replayAgainstRedemptions},
		{"sweeping forgets an hour after the expiry", sweep},
		{"every replay leaves one record, and a redemption none", replaysAreRecorded},
		{"N291 a replay without its record ends nothing", unrecordedDoesNotHappen},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newDatabase(t)) })
	}
}

const limit = 100

// newCode is a code that can be redeemed, and the family it would start. The
// store's clock is the real one.
func newCode(t *testing.T, db Database, lifetime time.Duration) (credential.AuthorizationCode, *family.Family) {
	t.Helper()
	batch, err := coherenttest.Load(t.Context(), db.Log)
	if err != nil {
		t.Fatal(err)
	}
	c := credential.AuthorizationCode{ID: uuid.New(), GrantID: uuid.New(), ExpireTime: batch.DatabaseTime.Add(lifetime)}
	return c, familyOf(c)
}

func familyOf(c credential.AuthorizationCode) *family.Family {
	return &family.Family{
		ID: c.ID, GrantID: c.GrantID, ClientID: "c1", Sub: "u1", Scope: oauth.Scope{"openid"}, KeyID: 1,
		Lifetime: time.Hour, AbsoluteLifetime: time.Hour,
	}
}

func redeem(t *testing.T, db Database, c credential.AuthorizationCode, f *family.Family, want error) {
	t.Helper()
	if rs, err := db.Redeem(t.Context(), c, f, limit); !errors.Is(err, want) || len(rs) != 0 {
		t.Errorf("Redeem() = %v, %v, want %v", rs, err, want)
	}
}

// alive reports whether a family started, and lives.
func alive(t *testing.T, db Database, id uuid.UUID) bool {
	t.Helper()
	_, err := db.Families.Find(t.Context(), id)
	if err != nil && !errors.Is(err, family.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func redeemStarts(t *testing.T, db Database) {
	c, f := newCode(t, db, time.Minute)
	redeem(t, db, c, f, nil)
	if !alive(t, db, c.ID) {
		t.Error("no family started")
	}
	storetest.CheckLog(t, db.Log)
}

func redeemWithout(t *testing.T, db Database) {
	c, f := newCode(t, db, time.Minute)
	redeem(t, db, c, nil, nil)
	redeem(t, db, c, f, code.ErrRedeemed)
	if alive(t, db, c.ID) {
		t.Error("a family started")
	}
}

func once(t *testing.T, db Database) {
	c, f := newCode(t, db, time.Minute)
	other, otherFamily := newCode(t, db, time.Minute)
	redeem(t, db, c, f, nil)
	for range 3 {
		redeem(t, db, c, f, code.ErrRedeemed)
		redeem(t, db, c, nil, code.ErrRedeemed)
	}
	redeem(t, db, other, otherFamily, nil)
	if !alive(t, db, c.ID) {
		t.Error("a second redemption ended the family by itself")
	}
}

func concurrent(t *testing.T, db Database) {
	for range 5 {
		c, f := newCode(t, db, time.Minute)
		var won atomic.Int32
		storetest.AtOnce(16, func(int) {
			switch _, err := db.Redeem(t.Context(), c, f, limit); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, code.ErrRedeemed):
				t.Error(err)
			}
		})
		if won.Load() != 1 || !alive(t, db, c.ID) {
			t.Errorf("%d of 16 redeemed the code, want 1", won.Load())
		}
	}
}

func expires(t *testing.T, db Database) {
	for _, lifetime := range []time.Duration{0, -time.Second, -time.Hour} {
		c, f := newCode(t, db, lifetime)
		redeem(t, db, c, f, code.ErrExpired)
		if alive(t, db, c.ID) {
			t.Errorf("a family started from a code that expired %v ago", -lifetime)
		}
	}
	// One that was redeemed in time stays redeemed after.
	c, f := newCode(t, db, time.Second)
	redeem(t, db, c, f, nil)
	redeem(t, db, c, f, code.ErrRedeemed)
	c.ExpireTime = c.ExpireTime.Add(-time.Minute)
	redeem(t, db, c, f, code.ErrRedeemed)
}

func bothOrNeither(t *testing.T, db Database) {
	first, f := newCode(t, db, time.Minute)
	redeem(t, db, first, f, nil)
	second, _ := newCode(t, db, time.Minute)
	// A family of that id is there already.
	if _, err := db.Redeem(t.Context(), second, f, limit); err == nil || errors.Is(err, code.ErrRedeemed) {
		t.Fatalf("Redeem() = %v, want the insertion to fail", err)
	}
	redeem(t, db, second, familyOf(second), nil)
}

func oldestEnds(t *testing.T, db Database) {
	grant := uuid.New()
	var codes []credential.AuthorizationCode
	var got []coherent.Restriction
	for range 5 {
		c, _ := newCode(t, db, time.Minute)
		c.GrantID = grant
		rs, err := db.Redeem(t.Context(), c, familyOf(c), 2)
		if err != nil {
			t.Fatal(err)
		}
		codes, got = append(codes, c), append(got, rs...)
		waitForTick(t, db)
	}
	var want []coherent.Restriction
	for _, c := range codes[:3] {
		want = append(want, coherent.Family(c.ID, coherent.FamilyEnded).Of(familyOf(c).ClientID))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("families that ended (-want +got):\n%s", diff)
	}
	storetest.CheckLog(t, db.Log, got...)
	living := slices.IndexFunc(codes, func(c credential.AuthorizationCode) bool { return alive(t, db, c.ID) })
	if living != 3 || !alive(t, db, codes[4].ID) {
		t.Errorf("the first living family is number %d, want 3", living)
	}
}

// waitForTick returns when the store's clock shows another time.
func waitForTick(t *testing.T, db Database) {
	t.Helper()
	first, _ := newCode(t, db, 0)
	for later := first; !later.ExpireTime.After(first.ExpireTime); {
		later, _ = newCode(t, db, 0)
	}
}

func replayEnds(t *testing.T, db Database) {
	c, f := newCode(t, db, time.Minute)
	other, otherFamily := newCode(t, db, time.Minute)
	redeem(t, db, c, f, nil)
	redeem(t, db, other, otherFamily, nil)
	rs, err := db.Replay(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]coherent.Restriction{coherent.Family(c.ID, coherent.FamilyEnded).Of(c.ClientID)}, rs); diff != "" {
		t.Errorf("Replay() (-want +got):\n%s", diff)
	}
	storetest.CheckLog(t, db.Log, rs...)
	if alive(t, db, c.ID) || !alive(t, db, other.ID) {
		t.Error("the replay ended another family than its own")
	}
	redeem(t, db, c, f, code.ErrRedeemed)
	if _, err := db.Replay(t.Context(), c); err != nil {
		t.Errorf("a second replay: %v", err)
	}
	// Access tokens end too where no family was started.
	bare, _ := newCode(t, db, time.Minute)
	redeem(t, db, bare, nil, nil)
	more, err := db.Replay(t.Context(), bare)
	if err != nil || len(more) != 1 {
		t.Errorf("Replay() without a family = %v, %v, want a restriction", more, err)
	}
	storetest.CheckLog(t, db.Log, append(rs, more...)...)
}

func replayAgainstRedemptions(t *testing.T, db Database) {
	for range 10 {
		c, f := newCode(t, db, time.Minute)
		storetest.AtOnce(8, func(int) {
			_, err := db.Redeem(t.Context(), c, f, limit)
			if errors.Is(err, code.ErrRedeemed) {
				_, err = db.Replay(t.Context(), c)
			}
			if err != nil {
				t.Error(err)
			}
		})
		if alive(t, db, c.ID) {
			t.Error("a family outlived the replay of its code")
		}
	}
}

func sweep(t *testing.T, db Database) {
	kept, keptFamily := newCode(t, db, time.Minute)
	over, overFamily := newCode(t, db, time.Minute)
	redeem(t, db, kept, keptFamily, nil)
	redeem(t, db, over, nil, nil)
	if _, err := sweeptest.All(t.Context(), db.Sweeps()...); err != nil {
		t.Fatal(err)
	}
	redeem(t, db, kept, keptFamily, code.ErrRedeemed)
	redeem(t, db, over, overFamily, code.ErrRedeemed)
}
