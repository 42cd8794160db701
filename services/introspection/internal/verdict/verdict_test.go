package verdict_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/services/introspection/internal/accesstoken"
	"github.com/chancery-auth/chancery/services/introspection/internal/verdict"
)

// version is the one that every part of the sample token was sealed with.
const version = 7

var (
	issueTime = time.Unix(1_800_000_000, 0)
	now       = issueTime.Add(10 * time.Minute)

	grantID, familyID, sessionID = uuid.UUID{1}, uuid.UUID{2}, uuid.UUID{3}
	workspace1, workspace2       = uuid.UUID{0x11}, uuid.UUID{0x12}
	project1, project2           = uuid.UUID{0x21}, uuid.UUID{0x22}
	owner                        = uuid.UUID{0x31}
	tokenID                      = [16]byte{9}
)

const keyID uint32 = 5

// sample returns a token that has every part which can be restricted.
func sample() credential.AccessToken {
	return credential.AccessToken{
		ID: tokenID, KeyID: keyID,
		ClientID: "client", ClientVersion: version, ClientScopeVersion: version,
		Sub: "sub", SubjectVersion: version,
		GrantID: grantID, GrantVersion: version, FamilyID: familyID, SessionID: sessionID,
		Scope:     oauth.Scope{"openid", "email", "workspace:member", "project:viewer"},
		IssueTime: issueTime, ExpireTime: issueTime.Add(time.Hour), RestoreEpoch: version,
		Resources: credential.Resources{
			Workspaces: []credential.Workspace{
				{ID: workspace1, Role: role.Member, MembershipVersion: version},
				{ID: workspace2, Role: role.Viewer, MembershipVersion: version},
			},
			Projects: []credential.Project{
				{ID: project1, WorkspaceID: workspace1, Role: role.Viewer, MembershipVersion: version, ProjectVersion: version},
				{ID: project2, WorkspaceID: workspace2, Role: role.Viewer, MembershipVersion: version, ProjectVersion: version},
			},
		},
		Required: credential.Workspace{ID: owner, Role: role.Member, MembershipVersion: version},
	}
}

// resource has every value of its kind that the token has.
func resource(id uuid.UUID, r role.Role, scope ...string) verdict.Resource {
	return verdict.Resource{ID: id, Role: r, Scope: scope}
}

func restricted(t *testing.T, rs ...coherent.Restriction) *coherent.State {
	t.Helper()
	s := coherent.NewState(0)
	if !s.Join(now.Add(time.Hour), rs...) {
		t.Fatal("a restriction could not be joined")
	}
	return s
}

func of(token credential.AccessToken, s *coherent.State, now time.Time) verdict.Verdict {
	t := &accesstoken.Token{AccessToken: token, ScopeText: token.Scope.String()}
	return verdict.NewJudge(preset.Default().Scopes).Of(t, &t.Resources, s, now)
}

// The table of what ends a token: each row just below what ends it, and at it.
func TestRestrictionEndsToken(t *testing.T) {
	other := uuid.UUID{0xff}
	tests := []struct {
		name         string
		harmless     coherent.Restriction
		ends         coherent.Restriction
		withoutIsOff func(*credential.AccessToken) // the token lacks the part: nothing to end
	}{
		{"token", coherent.Token([16]byte{8}), coherent.Token(tokenID), nil},
		{"grant", coherent.Grant(grantID, version), coherent.Grant(grantID, version+1), func(a *credential.AccessToken) { a.GrantID = uuid.Nil }},
		{"grant of another", coherent.Grant(other, math.MaxInt64), coherent.Grant(grantID, math.MaxInt64), nil},
		{"family", coherent.Family(other, 1), coherent.Family(familyID, 1), func(a *credential.AccessToken) { a.FamilyID = uuid.Nil }},
		{"session", coherent.Session(other), coherent.Session(sessionID), func(a *credential.AccessToken) { a.SessionID = uuid.Nil }},
		{"subject", coherent.Subject("sub", version), coherent.Subject("sub", version+1), func(a *credential.AccessToken) { a.Sub = "" }},
		{"deleted subject", coherent.Subject("SUB", coherent.Deleted), coherent.Subject("sub", coherent.Deleted), nil},
		{"client", coherent.Client("client", version), coherent.Client("client", version+1), nil},
		{"deleted client", coherent.Client("Client", coherent.Deleted), coherent.Client("client", coherent.Deleted), nil},
		{
			"N306 required membership", coherent.Membership("sub", owner, version, role.None),
			coherent.Membership("sub", owner, version+1, role.None), func(a *credential.AccessToken) { a.Required = credential.Workspace{} },
		},
		{"N306 required membership, of another", coherent.Membership("sub2", owner, version+1, role.None), coherent.Membership("sub", owner, version+1, role.None), nil},
		{"N306 required membership, lowered", coherent.Membership("sub", owner, version+1, role.Viewer), coherent.Membership("sub", owner, version+2, role.None), nil},
		{"sealing key", coherent.SealingKey(keyID + 1), coherent.SealingKey(keyID), nil},
		{"restore epoch", coherent.Restore(version), coherent.Restore(version + 1), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !of(sample(), restricted(t, tt.harmless), now).Active() {
				t.Error("a token that is not concerned is not active")
			}
			if of(sample(), restricted(t, tt.ends), now).Active() {
				t.Error("the token is active")
			}
			if tt.withoutIsOff != nil {
				token := sample()
				tt.withoutIsOff(&token)
				if !of(token, restricted(t, tt.ends), now).Active() {
					t.Error("a token without that part is not active")
				}
			}
		})
	}
}

// A membership that begins again is another one.
func TestN306_WhoComesBackHasNoneOfTheOldTokens(t *testing.T) {
	left := restricted(t, coherent.Membership("sub", owner, version+1, role.None))
	old, renewed := sample(), sample()
	renewed.Required.MembershipVersion = version + 2
	if of(old, left, now).Active() {
		t.Error("the token of the former membership is active")
	}
	if !of(renewed, left, now).Active() {
		t.Error("the token of the new membership is not active")
	}
}

// A nil id names nothing, whatever is restricted under it.
func TestNilIDIsNoID(t *testing.T) {
	token := sample()
	token.GrantID, token.FamilyID, token.SessionID = uuid.Nil, uuid.Nil, uuid.Nil
	s := restricted(t, coherent.Grant(uuid.Nil, math.MaxInt64), coherent.Family(uuid.Nil, 1), coherent.Session(uuid.Nil))
	if !of(token, s, now).Active() {
		t.Error("the token is not active")
	}
}

func TestN172_N296_TimesOfToken(t *testing.T) {
	lives := func(issued, life time.Duration) credential.AccessToken {
		token := sample()
		token.IssueTime = now.Add(issued)
		token.ExpireTime = token.IssueTime.Add(life)
		return token
	}
	tests := []struct {
		name  string
		token credential.AccessToken
		want  bool
	}{
		{"a second before exp", lives(-time.Hour, time.Hour+time.Second), true},
		{"at exp", lives(-time.Hour, time.Hour), false},
		{"a second after exp", lives(-time.Hour, time.Hour-time.Second), false},
		{"iat 60 s ahead", lives(60*time.Second, time.Hour), true},
		{"iat 61 s ahead", lives(61*time.Second, time.Hour), false},
		{"exp a second after iat", lives(0, time.Second), true},
		{"exp at iat", lives(time.Second, 0), false},
		{"exp before iat", lives(30*time.Second, -time.Second), false},
		{"longest life", lives(-time.Second, preset.LongestAccessToken), true},
		{"a second longer", lives(-time.Second, preset.LongestAccessToken+time.Second), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := of(tt.token, coherent.NewState(0), now).Active(); got != tt.want {
				t.Errorf("active = %v, want %v", got, tt.want)
			}
		})
	}
}

// shown is what a verdict leaves, in a form that can be compared.
type shown struct {
	Scope                string
	Workspaces, Projects []verdict.Resource
}

func TestN169_RestrictionNarrowsToken(t *testing.T) {
	w1, w2 := resource(workspace1, role.Member), resource(workspace2, role.Viewer)
	p1, p2 := resource(project1, role.Viewer), resource(project2, role.Viewer)
	const whole = "openid email workspace:member project:viewer"
	all := shown{whole, []verdict.Resource{w1, w2}, []verdict.Resource{p1, p2}}
	tests := []struct {
		name string
		rs   []coherent.Restriction
		want shown
	}{
		{"nothing restricted", nil, all},
		{
			"role lowered",
			[]coherent.Restriction{coherent.Membership("sub", workspace1, version+1, role.Viewer)},
			shown{whole, []verdict.Resource{resource(workspace1, role.Viewer), w2}, all.Projects},
		},
		{"role lowered before the token", []coherent.Restriction{coherent.Membership("sub", workspace1, version, role.Viewer)}, all},
		{"role of another", []coherent.Restriction{coherent.Membership("sub2", workspace1, version+1, role.Viewer)}, all},
		{"role raised", []coherent.Restriction{coherent.Membership("sub", workspace2, version+1, role.Admin)}, all},
		{
			"removed from a workspace: its projects go too",
			[]coherent.Restriction{coherent.Membership("sub", workspace1, version+1, role.None)},
			shown{whole, []verdict.Resource{w2}, []verdict.Resource{p2}},
		},
		{
			"removed and added again",
			[]coherent.Restriction{
				coherent.Membership("sub", workspace1, version+1, role.None),
				coherent.Membership("sub", workspace1, version+2, role.Admin),
			},
			shown{whole, []verdict.Resource{w2}, []verdict.Resource{p2}},
		},
		{
			"project deleted",
			[]coherent.Restriction{coherent.Project(project2, version+1)},
			shown{whole, all.Workspaces, []verdict.Resource{p1}},
		},
		{"project changed before the token", []coherent.Restriction{coherent.Project(project2, version)}, all},
		{
			"every project deleted: the scope for projects goes",
			[]coherent.Restriction{coherent.Project(project1, version+1), coherent.Project(project2, version+1)},
			shown{"openid email workspace:member", all.Workspaces, []verdict.Resource{}},
		},
		{
			"removed everywhere: identity stays",
			[]coherent.Restriction{
				coherent.Membership("sub", workspace1, version+1, role.None),
				coherent.Membership("sub", workspace2, version+1, role.None),
			},
			shown{"openid email", []verdict.Resource{}, []verdict.Resource{}},
		},
		{
			"client narrowed",
			[]coherent.Restriction{coherent.ClientScope("client", version+1, "project:viewer workspace:member openid phone")},
			shown{"openid workspace:member project:viewer", all.Workspaces, all.Projects},
		},
		{"client narrowed before the token", []coherent.Restriction{coherent.ClientScope("client", version, "openid")}, all},
		{
			"client narrowed twice: the intersection is left, and opens no resource",
			[]coherent.Restriction{
				coherent.ClientScope("client", version+1, "openid workspace:member"),
				coherent.ClientScope("client", version+2, "openid email"),
			},
			shown{"openid", []verdict.Resource{}, []verdict.Resource{}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := of(sample(), restricted(t, tt.rs...), now)
			if diff := cmp.Diff(tt.want, shown{v.ScopeText(), v.Workspaces, v.Projects}); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
			if v.ScopeText() != v.Scope.String() {
				t.Errorf("ScopeText() = %q, Scope is %q", v.ScopeText(), v.Scope)
			}
		})
	}
}

func TestTokenWithNothingLeftIsNotActive(t *testing.T) {
	onlyWorkspaces := sample()
	onlyWorkspaces.Scope = oauth.Scope{"workspace:member"}
	noScope := sample()
	noScope.Scope = nil
	gone := []coherent.Restriction{
		coherent.Membership("sub", workspace1, version+1, role.None),
		coherent.Membership("sub", workspace2, version+1, role.None),
	}
	tests := []struct {
		name  string
		token credential.AccessToken
		rs    []coherent.Restriction
		want  bool
	}{
		{"one workspace left", onlyWorkspaces, gone[:1], true},
		{"no workspace left", onlyWorkspaces, gone, false},
		{"one scope value left", sample(), []coherent.Restriction{coherent.ClientScope("client", version+1, "email")}, true},
		{"no scope value left", sample(), []coherent.Restriction{coherent.ClientScope("client", version+1, "")}, false},
		{"no scope from the start, so none was lost", noScope, nil, true},
		{"no scope from the start, and revoked", noScope, []coherent.Restriction{coherent.Grant(grantID, version+1)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := of(tt.token, restricted(t, tt.rs...), now)
			if v.Active() != tt.want {
				t.Errorf("active = %v, want %v", v.Active(), tt.want)
			}
			if diff := cmp.Diff(verdict.Verdict{}, v); !tt.want && diff != "" {
				t.Errorf("something is left of an inactive token:\n%s", diff)
			}
		})
	}
}

// A selection that was empty from the start does not mean everything.
func TestScopeWithoutSelectionFallsAway(t *testing.T) {
	token := sample()
	token.Resources = credential.Resources{}
	if got := of(token, coherent.NewState(0), now).ScopeText(); got != "openid email" {
		t.Errorf("scope = %q", got)
	}
}

// A role that this release does not know is none.
func TestUnknownRoleIsNone(t *testing.T) {
	token := sample()
	token.Resources.Workspaces[0].Role = role.Admin + 1
	v := of(token, coherent.NewState(0), now)
	if diff := cmp.Diff([]verdict.Resource{resource(workspace2, role.Viewer)}, v.Workspaces); diff != "" {
		t.Errorf("workspaces (-want +got):\n%s", diff)
	}
}

// A restriction more never permits more, whatever it is and wherever it comes
// in the order.
func FuzzRestrictionsOnlyTakeAway(f *testing.F) {
	f.Add(int16(8), []byte("sub\x00\x11\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), int64(8), []byte{1})
	f.Add(int16(7), []byte("client"), int64(8), []byte("openid"))
	f.Add(int16(2), grantID[:], int64(8), []byte(nil))
	f.Add(int16(7), []byte("client"), int64(8), []byte("workspace:viewer project:member"))
	even := sample()
	uneven := sharing(preset.Default().Scopes, "openid workspace:viewer workspace:member project:viewer project:member",
		[]shared{{workspace1, role.Member, "workspace:viewer workspace:member"}, {workspace2, role.Viewer, "workspace:viewer"}},
		[]shared{{project1, role.Viewer, "project:viewer"}, {project2, role.Member, "project:member"}})
	f.Fuzz(func(t *testing.T, kind int16, key []byte, v int64, value []byte) {
		for _, token := range []credential.AccessToken{even, uneven} {
			s := coherent.NewState(0)
			s.Join(now.Add(time.Hour), coherent.ClientScope("client", version+1, "openid workspace:viewer workspace:member project:viewer project:member"))
			before := of(token, s, now)
			s.Join(now.Add(time.Hour), coherent.Restriction{Kind: coherent.Kind(kind), Key: key, Version: v, Value: value})
			after := of(token, s, now)
			if !after.Scope.SubsetOf(before.Scope) || !within(after, before) {
				t.Errorf("%+v permits more than %+v", after, before)
			}
		}
	})
}

func within(less, more verdict.Verdict) bool {
	return partOf(less.Workspaces, more.Workspaces, held(less, preset.Workspace), held(more, preset.Workspace)) &&
		partOf(less.Projects, more.Projects, held(less, preset.Project), held(more, preset.Project))
}

// held returns a function that says what holds in a resource of a kind.
func held(v verdict.Verdict, kind preset.Kind) func(verdict.Resource) oauth.Scope {
	return func(r verdict.Resource) oauth.Scope {
		if r.Scope != nil {
			return r.Scope
		}
		return v.Scope.Intersect(preset.Default().Scopes.Names(kind))
	}
}

func partOf(less, more []verdict.Resource, lessHolds, moreHolds func(verdict.Resource) oauth.Scope) bool {
	for _, r := range less {
		i := slices.IndexFunc(more, func(m verdict.Resource) bool { return m.ID == r.ID })
		if i < 0 || r.Role > more[i].Role || !lessHolds(r).SubsetOf(moreHolds(more[i])) {
			return false
		}
	}
	return true
}
