// Package granttest says what every store of grants must do.
package granttest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

// Database is a store, and the restriction log that it appends to.
type Database struct {
	grant.Store

	Log   coherent.Source
	Audit eventtest.Audit
}

// RunStore checks an implementation of grant.Store. newDatabase returns an empty
// one, and cleans up with t.Cleanup.
func RunStore(t *testing.T, newDatabase func(t *testing.T) Database) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, Database)
	}{
		{"a grant is found as it was recorded", findReturnsRecorded},
		{"a later decision joins the grant of the pair", laterDecisionJoins},
		{"the kind that is not selected stays as it is", otherKindStays},
		{"what is taken away restricts, once", lossRestricts},
		{"another membership is a loss", newMembershipRestricts},
		{"N085 an empty selection is kept as none", emptyIsNone},
		{"a thousand resources of each kind fit", thousandResources},
		{"a revoked grant is gone, and the next one is another", revokedIsGone},
		{"revoking again restricts nothing", revokeTwice},
		{"a grant that never was is ErrNotFound", unknownIsNotFound},
		{"pairs are told apart by their bytes", pairsByBytes},
		{"concurrent decisions make one grant", decisionsMakeOneGrant},
		{"concurrent decisions and revocations leave one live grant at most", decisionsAgainstRevocations},
		{"one of many concurrent revocations restricts", oneRevocationRestricts},
		{"concurrent losses have a version each", lossesCount},
		{"a list is filtered", listIsFiltered},
		{"a list is complete while grants come and go", listIsComplete},
		{"the newest come first, on one page each", newestFirst},
		{"the identities of a client are kept with the grant", identitiesAreKept},
		{"concurrent decisions keep every identity", identitiesAtOnceAreKept},
		{"the last use is noted, as exactly as is asked", useIsNoted},
		{"concurrent uses note one", useAtOnceIsNoted},
		{"a grant of another subject cannot be revoked", revokeIsOfTheOwner},
		{"every change leaves one record, and a failed one none", changesAreRecorded},
		{"N291 a change without its record does not happen", unrecordedDoesNotHappen},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.run(t, newDatabase(t)) })
	}
}

const (
	sub      = "subject"
	clientID = "client"
)

// both is both kinds.
func both() grant.Kinds { return grant.Kinds{Workspaces: true, Projects: true} }

func decision(scope oauth.Scope, kinds grant.Kinds, ws []grant.SharedWorkspace, ps []grant.SharedProject) grant.Decision {
	return grant.Decision{
		NewID: uuid.New(), Sub: sub, ClientID: clientID,
		Change: grant.Change{Scope: scope, Kinds: kinds, Workspaces: ws, Projects: ps},
	}
}

// id returns ids that sort by n.
func id(n int) uuid.UUID { return uuid.UUID{0: byte(n >> 8), 1: byte(n), 15: 1} } //nolint:gosec // small numbers

func workspaces(ns ...int) []grant.SharedWorkspace {
	var shared []grant.SharedWorkspace
	for _, n := range ns {
		shared = append(shared, grant.SharedWorkspace{ID: id(n), MembershipID: id(n + 10_000)})
	}
	return shared
}

func projects(ns ...int) []grant.SharedProject {
	var shared []grant.SharedProject
	for _, n := range ns {
		shared = append(shared, grant.SharedProject{ID: id(n), WorkspaceID: id(n + 5_000), MembershipID: id(n + 10_000)})
	}
	return shared
}

func record(t *testing.T, db Database, d grant.Decision) (grant.Grant, []coherent.Restriction) {
	t.Helper()
	g, restrictions, err := db.Record(t.Context(), d)
	if err != nil {
		t.Fatalf("Record() = %v", err)
	}
	return g, restrictions
}

func find(t *testing.T, db Database, id uuid.UUID) grant.Grant {
	t.Helper()
	g, err := db.Find(t.Context(), id)
	if err != nil {
		t.Fatalf("Find() = %v", err)
	}
	return g
}

// checkLog compares the restriction log, whose order means nothing, with want.
func checkLog(t *testing.T, db Database, want ...coherent.Restriction) {
	t.Helper()
	batch, err := db.Log.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	logged := make(map[string]int64)
	for _, e := range batch.Entries {
		logged[string(e.Key)] = max(logged[string(e.Key)], e.Version)
	}
	wanted := make(map[string]int64)
	for _, r := range want {
		wanted[string(r.Key)] = r.Version
	}
	if diff := cmp.Diff(wanted, logged); diff != "" || len(batch.Entries) != len(want) {
		t.Errorf("%d entries in the log, want %d (-want +got):\n%s", len(batch.Entries), len(want), diff)
	}
}

func isNotFound(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, grant.ErrNotFound) {
		t.Errorf("%s = %v, want %v", what, err, grant.ErrNotFound)
	}
}
