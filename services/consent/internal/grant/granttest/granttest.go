// Package granttest says what every store of grants must do.
package granttest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

// Database is a store, and the restriction log that it appends to.
type Database struct {
	*grant.Store

	Log   coherent.Source
	Audit eventtest.Audit
	// WriteFormer writes a live grant as the release before approvals does, and
	// starts it if there is none of the id.
	WriteFormer func(t *testing.T, id uuid.UUID, f grant.Former, identities ...grant.Identity)
	// ReadFormer returns what that release reads of a grant.
	ReadFormer func(t *testing.T, id uuid.UUID) (grant.Former, []grant.Identity)
	// Age lets time pass since a grant was revoked.
	Age func(ctx context.Context, id uuid.UUID, by time.Duration) error
	// Rows counts the rows of a table of the schema that name the grant.
	Rows func(ctx context.Context, table string, id uuid.UUID) (int, error)
}

// RunStore checks a store. newDatabase returns an empty
// one, and cleans up with t.Cleanup.
func RunStore(t *testing.T, newDatabase func(t *testing.T) Database) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, Database)
	}{
		{"a grant is found as it was recorded", findReturnsRecorded},
		{"a later decision joins the grant of the pair", laterDecisionJoins},
		{"every approval is kept as it was given", approvalsAreKept},
		{"a change has the grant before it", changesSeeOneAnother},
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
		{"what the release before approvals reads is what is written for it", formerIsWritten},
		{"what the release before approvals writes is read in place of the approvals", formerIsRead},
		{"the last use is noted, as exactly as is asked", useIsNoted},
		{"concurrent uses note one", useAtOnceIsNoted},
		{"a grant of another subject cannot be revoked", revokeIsOfTheOwner},
		{"N311 a grant goes 90 days after it was revoked, with what belongs to it", revokedIsSwept},
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

// allowing allows scope, at the resources too, and takes back every other resource.
func allowing(scope oauth.Scope, resources ...grant.Resource) grant.Change {
	return func(before grant.Stored) grant.After {
		g := before.Grant
		g.Scope, g.Approvals = g.Scope.Union(scope), nil
		for _, r := range append([]grant.Resource{{}}, resources...) {
			g.Approvals = append(g.Approvals, grant.Approval{Scope: g.Scope, At: grant.Place{Resource: r}, Version: 1})
		}
		lost := slices.ContainsFunc(resourcesOf(before.Grant), func(r grant.Resource) bool { return !slices.Contains(resources, r) })
		if lost || before.Version == 0 {
			g.Version++
		}
		return grant.After{Grant: g, Former: grant.Former{Scope: g.Scope, Resources: resources}, Lost: lost}
	}
}

// resourcesOf is what a grant shares.
func resourcesOf(g grant.Grant) []grant.Resource {
	var list []grant.Resource
	for _, a := range g.Approvals {
		if a.At.Resource != (grant.Resource{}) {
			list = append(list, a.At.Resource)
		}
	}
	return list
}

func decision(scope oauth.Scope, resources ...grant.Resource) grant.Decision {
	return grant.Decision{NewID: uuid.New(), Sub: sub, ClientID: clientID, Change: allowing(scope, resources...)}
}

// id returns ids that sort by n.
func id(n int) uuid.UUID { return uuid.UUID{0: byte(n >> 8), 1: byte(n), 15: 1} } //nolint:gosec // small numbers

func workspaces(ns ...int) []grant.Resource {
	var shared []grant.Resource
	for _, n := range ns {
		shared = append(shared, grant.Resource{Kind: preset.Workspace, ID: id(n), WorkspaceID: id(n), MembershipID: id(n + 10_000)})
	}
	return shared
}

func projects(ns ...int) []grant.Resource {
	var shared []grant.Resource
	for _, n := range ns {
		shared = append(shared, grant.Resource{Kind: preset.Project, ID: id(n), WorkspaceID: id(n + 5_000), MembershipID: id(n + 10_000)})
	}
	return shared
}

// both is workspaces and projects, in the order in which they are found.
func both(workspaces, projects []grant.Resource) []grant.Resource {
	return append(slices.Clone(projects), workspaces...)
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
	if err != nil || g.Former != nil {
		t.Fatalf("Find() = %+v, %v", g, err)
	}
	return g.Grant
}

// checkLog compares the restriction log, whose order means nothing, with want.
func checkLog(t *testing.T, db Database, want ...coherent.Restriction) {
	t.Helper()
	batch, err := coherenttest.Load(t.Context(), db.Log)
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
