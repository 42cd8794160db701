package grant

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
)

// ladders is a catalogue in which workspaces and projects have a ladder each, and
// workspaces two scopes besides that have nothing to do with anything.
func ladders() preset.Catalogue {
	return append(preset.Default().Scopes,
		preset.Scope{Name: "image:tag", Kind: preset.Workspace, Level: role.Member},
		preset.Scope{Name: "project:update", Kind: preset.Workspace, Level: role.Member},
	)
}

var (
	w1 = Resource{Kind: preset.Workspace, ID: uuid.UUID{1}, WorkspaceID: uuid.UUID{1}, MembershipID: uuid.UUID{11}}
	w2 = Resource{Kind: preset.Workspace, ID: uuid.UUID{2}, WorkspaceID: uuid.UUID{2}, MembershipID: uuid.UUID{12}}
	p1 = Resource{Kind: preset.Project, ID: uuid.UUID{3}, WorkspaceID: uuid.UUID{1}, MembershipID: uuid.UUID{11}}
	// again is w1 after the user left it and came back.
	again = Resource{Kind: preset.Workspace, ID: uuid.UUID{1}, WorkspaceID: uuid.UUID{1}, MembershipID: uuid.UUID{13}}

	x, y = Identity{1}, Identity{2}
)

const (
	viewer, member, admin = "workspace:viewer", "workspace:member", "workspace:admin"
	tag, update           = "image:tag", "project:update"
	api                   = "https://api.example"
)

// allows is a consent page for the identity x on which the resources were ticked.
func allows(scope oauth.Scope, ticked ...Resource) consented {
	return consented{scope: scope, identity: x, picked: ticked, kinds: KindsOf(ladders(), scope)}
}

func (d consented) as(identity Identity) consented { d.identity = identity; return d }

// chosen is the page on which one workspace is chosen.
func (d consented) chosen() consented { d.kinds.Workspaces = false; return d }

func (d consented) forAPI() consented { d.audiences = []string{api}; return d }

func (d consented) policy() consented { d.byPolicy = true; return d }

// account is the account page, for the identity x. No scope is what there is.
func account(levels map[Resource]oauth.Scope) sharing {
	d := sharing{levels: make(map[Resource]level), kinds: Kinds{Workspaces: true, Projects: true}, identities: []Identity{x}}
	for r, scope := range levels {
		d.levels[r] = level{asIs: scope == nil, scope: scope}
	}
	return d
}

func (d sharing) as(identity Identity) sharing { d.identities = []Identity{identity}; return d }

// claim is what x asks, having begun at the version.
func claim(version int64, scope ...string) Claim {
	return Claim{Identity: x, Scope: scope, Version: version}
}

func (of Claim) as(identity Identity) Claim { of.Identity = identity; return of }

// A situation is a course of decisions, of which each makes the next version if it
// changes something, and what a claim gets then.
func TestWhatIsAllowed(t *testing.T) {
	now := int64(math.MaxInt64)
	openid := oauth.Scope{"openid"}
	for _, tt := range []struct {
		name  string
		made  []decision
		claim Claim
		plain oauth.Scope
		want  map[Resource]oauth.Scope
	}{
		{"what was allowed", []decision{allows(oauth.Scope{"openid", viewer}, w1)}, claim(1, "openid", viewer), openid, map[Resource]oauth.Scope{w1: {viewer}}},
		{"less than was allowed", []decision{allows(oauth.Scope{"openid", viewer, "email"}, w1)}, claim(1, "openid"), openid, nil},
		{"more than was allowed", []decision{allows(oauth.Scope{"openid"})}, claim(1, "openid", "email"), openid, nil},
		{
			"N302 each resource has its own",
			[]decision{allows(oauth.Scope{admin}, w1), allows(oauth.Scope{viewer}, w1, w2)},
			claim(now, viewer, admin), nil,
			map[Resource]oauth.Scope{w1: {viewer, admin}, w2: {viewer}},
		},
		{
			"N302 whichever comes first",
			[]decision{allows(oauth.Scope{viewer}, w2), allows(oauth.Scope{admin}, w1, w2), allows(oauth.Scope{viewer}, w1, w2)},
			claim(now, admin), nil,
			map[Resource]oauth.Scope{w1: {admin}, w2: {admin}},
		},
		{
			"N302 one level is not one permission",
			[]decision{allows(oauth.Scope{tag}, w1), allows(oauth.Scope{update}, w1, w2)},
			claim(now, tag, update), nil,
			map[Resource]oauth.Scope{w1: {tag, update}, w2: {update}},
		},
		{"N302 a higher level is not a lower permission", []decision{allows(oauth.Scope{admin}, w1)}, claim(now, tag), nil, nil},
		{"a step stands for those below it", []decision{allows(oauth.Scope{admin}, w1)}, claim(1, viewer, member), nil, map[Resource]oauth.Scope{w1: {viewer, member}}},
		{"and not for those above", []decision{allows(oauth.Scope{viewer}, w1)}, claim(1, viewer, member), nil, map[Resource]oauth.Scope{w1: {viewer}}},
		{"what is left of a step that is asked for", []decision{allows(oauth.Scope{member}, w1)}, claim(1, admin), nil, map[Resource]oauth.Scope{w1: {member}}},
		{
			"N302 a later page gives nothing to what had begun",
			[]decision{allows(oauth.Scope{viewer}, w1), allows(oauth.Scope{viewer, "email"}, w1, w2)},
			claim(1, viewer, "email"), nil,
			map[Resource]oauth.Scope{w1: {viewer}},
		},
		{
			"N303 what was allowed to another identity",
			[]decision{allows(oauth.Scope{"openid", admin}, w1), allows(openid).as(y)},
			claim(now, "openid", admin).as(y), openid, nil,
		},
		{
			"N303 and stays with the one that was",
			[]decision{allows(oauth.Scope{"openid", admin}, w1), allows(openid).as(y)},
			claim(now, "openid", admin), openid,
			map[Resource]oauth.Scope{w1: {admin}},
		},
		{
			"unticking takes everything back",
			[]decision{allows(oauth.Scope{admin}, w1, w2), allows(oauth.Scope{viewer}, w2)},
			claim(1, admin), nil,
			map[Resource]oauth.Scope{w2: {admin}},
		},
		{
			"from every identity",
			[]decision{allows(oauth.Scope{viewer}, w1, w2), allows(oauth.Scope{viewer}, w2).as(y)},
			claim(1, viewer), nil,
			map[Resource]oauth.Scope{w2: {viewer}},
		},
		{
			"for every audience",
			[]decision{allows(oauth.Scope{viewer}, w1, w2), allows(oauth.Scope{viewer}, w2).forAPI()},
			claim(1, viewer), nil,
			map[Resource]oauth.Scope{w2: {viewer}},
		},
		{
			"but not of a kind that was not asked for",
			[]decision{allows(oauth.Scope{"project:viewer"}, p1), allows(oauth.Scope{viewer}, w1)},
			claim(1, "project:viewer"), nil,
			map[Resource]oauth.Scope{p1: {"project:viewer"}},
		},
		{
			"leaving it ticked lowers nothing",
			[]decision{allows(oauth.Scope{admin}, w1), allows(oauth.Scope{viewer}, w1)},
			claim(1, admin), nil,
			map[Resource]oauth.Scope{w1: {admin}},
		},
		{
			"choosing one workspace takes no other back",
			[]decision{allows(oauth.Scope{viewer}, w1).chosen(), allows(oauth.Scope{viewer}, w2).chosen()},
			claim(1, viewer), nil,
			map[Resource]oauth.Scope{w1: {viewer}},
		},
		{
			"another membership is another resource",
			[]decision{allows(oauth.Scope{admin}, w1), allows(oauth.Scope{viewer}, again)},
			claim(now, admin), nil,
			map[Resource]oauth.Scope{again: {viewer}},
		},
		{
			"also where one workspace is chosen",
			[]decision{allows(oauth.Scope{admin}, w1).chosen(), allows(oauth.Scope{viewer}, again).chosen()},
			claim(now, admin), nil,
			map[Resource]oauth.Scope{again: {viewer}},
		},
		{"an audience is for itself", []decision{allows(oauth.Scope{"openid", viewer}, w1).forAPI()}, claim(1, "openid", viewer), nil, nil},
		{
			"what is not for each audience is for none",
			[]decision{allows(oauth.Scope{"openid", viewer}, w1).forAPI(), allows(oauth.Scope{"openid", viewer}, w1, w2)},
			Claim{Identity: x, Scope: oauth.Scope{"openid", viewer}, Audiences: []string{api, ""}, Version: now},
			openid,
			map[Resource]oauth.Scope{w1: {viewer}},
		},
		{
			"policy is for the platform's own",
			[]decision{allows(oauth.Scope{"openid", "email"}).policy()},
			Claim{Identity: x, Scope: oauth.Scope{"openid", "email"}, Version: 1, PlatformOwn: true},
			oauth.Scope{"openid", "email"},
			nil,
		},
		{"and ends with that", []decision{allows(oauth.Scope{"openid", "email"}).policy()}, claim(1, "openid", "email"), nil, nil},
		{"what the subject allows besides stays", []decision{allows(oauth.Scope{"openid", "email"}).policy(), allows(openid)}, claim(2, "openid", "email"), openid, nil},
		{
			"the account page lowers",
			[]decision{allows(oauth.Scope{admin}, w1), account(map[Resource]oauth.Scope{w1: {viewer}})},
			claim(1, admin), nil,
			map[Resource]oauth.Scope{w1: {viewer}},
		},
		{
			"and raises again, for what had begun",
			[]decision{allows(oauth.Scope{admin}, w1), account(map[Resource]oauth.Scope{w1: {viewer}}), account(map[Resource]oauth.Scope{w1: {admin}})},
			claim(1, admin), nil,
			map[Resource]oauth.Scope{w1: {admin}},
		},
		{
			"a later page does not",
			[]decision{allows(oauth.Scope{admin}, w1), account(map[Resource]oauth.Scope{w1: {viewer}}), allows(oauth.Scope{admin}, w1)},
			claim(1, admin), nil,
			map[Resource]oauth.Scope{w1: {viewer}},
		},
		{
			"the account page adds, within what was asked for",
			[]decision{allows(oauth.Scope{admin}, w1), account(map[Resource]oauth.Scope{w1: nil, w2: {admin}})},
			claim(1, viewer), nil,
			map[Resource]oauth.Scope{w1: {viewer}, w2: {viewer}},
		},
		{
			"to the identity that it shows",
			[]decision{allows(oauth.Scope{admin}, w1), allows(oauth.Scope{viewer}, w1).as(y), account(map[Resource]oauth.Scope{w1: nil, w2: {admin}})},
			claim(now, admin).as(y), nil,
			map[Resource]oauth.Scope{w1: {viewer}},
		},
		{
			"N303 what another identity has is not added by a save",
			[]decision{allows(oauth.Scope{admin}, w1, w2), allows(oauth.Scope{"openid"}).as(y), account(map[Resource]oauth.Scope{w1: {admin}}).as(y)},
			claim(now, "openid", admin).as(y),
			oauth.Scope{"openid"},
			nil,
		},
		{
			"N303 nor is more to one that was allowed nothing",
			[]decision{allows(oauth.Scope{viewer}, w1), account(map[Resource]oauth.Scope{w1: {admin}}).as(y)},
			claim(now, admin).as(y), nil, nil,
		},
		{
			"N303 more is, to one that was",
			[]decision{allows(oauth.Scope{viewer}, w1), allows(oauth.Scope{"openid"}).as(y), account(map[Resource]oauth.Scope{w1: {admin}}).as(y)},
			claim(now, admin).as(y), nil,
			map[Resource]oauth.Scope{w1: {admin}},
		},
		{
			"what one audience has is not added for another",
			[]decision{allows(oauth.Scope{admin}, w1), allows(oauth.Scope{"openid"}).forAPI(), account(map[Resource]oauth.Scope{w1: {admin}})},
			Claim{Identity: x, Scope: oauth.Scope{"openid", admin}, Audiences: []string{api}, Version: now},
			oauth.Scope{"openid"},
			nil,
		},
		{
			"for the audiences that it has",
			[]decision{allows(oauth.Scope{viewer}, w1).forAPI(), account(map[Resource]oauth.Scope{w1: nil, w2: {viewer}})},
			Claim{Identity: x, Scope: oauth.Scope{viewer}, Audiences: []string{api}, Version: 1},
			nil,
			map[Resource]oauth.Scope{w1: {viewer}, w2: {viewer}},
		},
		{
			"the account page takes back, from every identity",
			[]decision{allows(oauth.Scope{viewer}, w1, w2).as(y), account(map[Resource]oauth.Scope{w2: nil})},
			claim(1, viewer).as(y), nil,
			map[Resource]oauth.Scope{w2: {viewer}},
		},
		{
			"lowering does not make one permission of another",
			[]decision{allows(oauth.Scope{tag, update}, w1), account(map[Resource]oauth.Scope{w1: {update}})},
			claim(1, tag, update), nil,
			map[Resource]oauth.Scope{w1: {update}},
		},
		{
			"the one workspace there is",
			[]decision{allows(oauth.Scope{viewer}, w1).chosen()},
			Claim{Identity: x, Scope: oauth.Scope{viewer}, Version: 1, OneWorkspace: true},
			nil,
			map[Resource]oauth.Scope{w1: {viewer}},
		},
		{
			"the one that was chosen",
			[]decision{allows(oauth.Scope{viewer}, w1).chosen(), allows(oauth.Scope{viewer}, w2).chosen()},
			Claim{Identity: x, Scope: oauth.Scope{viewer}, Version: now, OneWorkspace: true, WorkspaceID: w2.ID},
			nil,
			map[Resource]oauth.Scope{w2: {viewer}},
		},
		{
			"none of two where none was chosen",
			[]decision{allows(oauth.Scope{"openid", viewer}, w1).chosen(), allows(oauth.Scope{viewer}, w2).chosen()},
			Claim{Identity: x, Scope: oauth.Scope{"openid", viewer}, Version: now, OneWorkspace: true},
			openid, nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var g Grant
			for _, d := range tt.made {
				g = changeBy(ladders(), d)(Stored{Grant: g}).Grant
			}
			got := g.yield(ladders(), tt.claim)
			shared := make(map[Resource]oauth.Scope)
			for _, s := range got.Resources {
				shared[s.Resource] = s.Scope
			}
			if diff := cmp.Diff(tt.want, shared, cmpopts.EquateEmpty()); diff != "" || !got.Scope.Equal(tt.plain) {
				t.Errorf("gets %v, want %v, and at resources (-want +got):\n%s", got.Scope, tt.plain, diff)
			}
		})
	}
}

func TestWhatEndsAccessTokens(t *testing.T) {
	base := allows(oauth.Scope{"openid", admin}, w1, w2)
	for _, tt := range []struct {
		name    string
		then    decision
		lost    bool
		version int64
	}{
		{"the same again", base, false, 1},
		{"less, and the same ticks", allows(oauth.Scope{viewer}, w1, w2), false, 1},
		{"more", allows(oauth.Scope{"email"}), false, 2},
		{"another identity", base.as(y), false, 2},
		{"unticking", allows(oauth.Scope{viewer}, w1), true, 2},
		{"another membership", allows(oauth.Scope{admin}, again, w2), true, 2},
		{"lowering", account(map[Resource]oauth.Scope{w1: {viewer}, w2: nil}), true, 2},
		{"taking back", account(map[Resource]oauth.Scope{w1: nil}), true, 2},
		{"raising", account(map[Resource]oauth.Scope{w1: {admin, tag}, w2: nil}), false, 1},
		{"nothing", account(map[Resource]oauth.Scope{w1: nil, w2: nil}), false, 1},
	} {
		g := changeBy(ladders(), base)(Stored{}).Grant
		if after := changeBy(ladders(), tt.then)(Stored{Grant: g}); after.Lost != tt.lost || after.Version != tt.version {
			t.Errorf("%s: lost %v, version %d, want %v, %d", tt.name, after.Lost, after.Version, tt.lost, tt.version)
		}
	}
}

// What the release before wrote is never read as more than was surely allowed.
func TestWhatAFormerGrantAllows(t *testing.T) {
	for _, tt := range []struct {
		name       string
		scope      oauth.Scope
		resources  []Resource
		identities []Identity
		as         Identity
		plain      oauth.Scope
		want       map[Resource]oauth.Scope
	}{
		{
			"one scope of its kind",
			oauth.Scope{"openid", admin},
			[]Resource{w1, w2},
			[]Identity{x},
			x,
			oauth.Scope{"openid"},
			map[Resource]oauth.Scope{w1: {admin}, w2: {admin}},
		},
		{
			"the lowest step of a ladder",
			oauth.Scope{viewer, admin, "project:member"},
			[]Resource{w1, p1},
			[]Identity{x},
			x, nil,
			map[Resource]oauth.Scope{w1: {viewer}, p1: {"project:member"}},
		},
		{"no step of two ladders", oauth.Scope{"openid", tag, update, admin}, []Resource{w1}, []Identity{x}, x, oauth.Scope{"openid"}, nil},
		{"nobody knows to which of two", oauth.Scope{"openid", viewer}, []Resource{w1}, []Identity{x, y}, x, nil, nil},
		{"what had begun keeps who the subject is", oauth.Scope{"openid", viewer}, []Resource{w1}, []Identity{x, y}, Identity{}, oauth.Scope{"openid"}, nil},
		{"nobody at all", oauth.Scope{"openid", viewer}, []Resource{w1}, nil, Identity{}, oauth.Scope{"openid"}, nil},
		{"nothing that it might use", oauth.Scope{"-"}, nil, []Identity{x}, x, nil, nil},
	} {
		g := Stored{Grant: Grant{Identities: tt.identities}, Former: &Former{Scope: tt.scope, Resources: tt.resources}}.Read(ladders())
		got := g.yield(ladders(), Claim{Identity: tt.as, Scope: tt.scope, Version: 1})
		shared := make(map[Resource]oauth.Scope)
		for _, s := range got.Resources {
			shared[s.Resource] = ladders().Highest(s.Scope)
		}
		if diff := cmp.Diff(tt.want, shared, cmpopts.EquateEmpty()); diff != "" || !got.Scope.Equal(tt.plain) {
			t.Errorf("%s: gets %v, want %v, and at resources (-want +got):\n%s", tt.name, got.Scope, tt.plain, diff)
		}
		if g.Scope.Contains("-") {
			t.Errorf("%s: the grant has %v", tt.name, g.Scope)
		}
	}
}

// A decision ends the access tokens that share what could not be read.
func TestADecisionEndsWhatTheReleaseBeforeShares(t *testing.T) {
	former := func(scope ...string) Stored {
		return Stored{Grant: Grant{Version: 1, Identities: []Identity{x}}, Former: &Former{Scope: scope, Resources: []Resource{w1}}}
	}
	for _, tt := range []struct {
		name   string
		before Stored
		then   decision
		lost   bool
	}{
		{"another workspace", former(tag, update), allows(oauth.Scope{tag}, w2), true},
		{"the same workspace", former(tag, update), allows(oauth.Scope{tag}, w1), false},
		{"something else", former(tag, update), allows(oauth.Scope{"openid"}), true},
		{"something else, and the workspace could be read", former(viewer), allows(oauth.Scope{"openid"}), false},
	} {
		after := changeBy(ladders(), tt.then)(tt.before)
		if after.Lost != tt.lost || after.Version != 2 {
			t.Errorf("%s: lost %v, version %d, want %v, 2", tt.name, after.Lost, after.Version, tt.lost)
		}
	}
}

// The product that the release before makes of what it reads is nowhere wider than
// what everything that lives gets.
func TestWhatTheFormerReleaseReads(t *testing.T) {
	nobody := Former{Scope: oauth.Scope{"-"}}
	for _, tt := range []struct {
		name string
		made []decision
		want Former
	}{
		{
			"all of one decision",
			[]decision{allows(oauth.Scope{"openid", member}, w1, w2)},
			Former{Scope: oauth.Scope{"openid", member, viewer}, Resources: []Resource{w1, w2}},
		},
		{
			"nothing of a later one",
			[]decision{allows(oauth.Scope{"openid", viewer}, w1), allows(oauth.Scope{"email", admin}, w1, w2)},
			Former{Scope: oauth.Scope{"openid", viewer}, Resources: []Resource{w1}},
		},
		{"also when nothing is left of the first", []decision{allows(oauth.Scope{viewer}, w1), allows(oauth.Scope{admin}, w2)}, nobody},
		{"nothing of two identities", []decision{allows(oauth.Scope{"openid", admin}, w1, w2), allows(oauth.Scope{"openid", viewer}, w1, w2).as(y)}, nobody},
		{"also when one has nothing left", []decision{allows(oauth.Scope{viewer}, w1), allows(oauth.Scope{admin}, w2).as(y)}, nobody},
		{
			"what every resource has",
			[]decision{allows(oauth.Scope{admin}, w1, w2), account(map[Resource]oauth.Scope{w1: {viewer}, w2: nil})},
			Former{Scope: oauth.Scope{viewer}, Resources: []Resource{w1, w2}},
		},
		{
			"what was added for whatever had begun",
			[]decision{allows(oauth.Scope{viewer}, w1), account(map[Resource]oauth.Scope{w1: nil, w2: {viewer}})},
			Former{Scope: oauth.Scope{viewer}, Resources: []Resource{w1, w2}},
		},
		{"nothing of an audience", []decision{allows(oauth.Scope{"openid", viewer}, w1).forAPI()}, nobody},
		{"nor once there is one", []decision{allows(oauth.Scope{"openid", viewer}, w1), allows(oauth.Scope{"openid"}).forAPI()}, nobody},
		{
			"a workspace that was chosen",
			[]decision{allows(oauth.Scope{"openid", viewer}, w1).chosen()},
			Former{Scope: oauth.Scope{"openid", viewer}, Resources: []Resource{w1}},
		},
		{"none once another is", []decision{allows(oauth.Scope{"openid", viewer}, w1).chosen(), allows(oauth.Scope{viewer}, w2).chosen()}, nobody},
		{
			"also when that is the only one left",
			[]decision{allows(oauth.Scope{"openid", viewer}, w1).chosen(), account(map[Resource]oauth.Scope{}), allows(oauth.Scope{viewer}, w2).chosen()},
			nobody,
		},
		{"nothing of a policy", []decision{allows(oauth.Scope{"openid"}).policy()}, nobody},
	} {
		var after After
		for _, d := range tt.made {
			after = changeBy(ladders(), d)(Stored{Grant: after.Grant})
		}
		got := after.Former
		if !got.Scope.Equal(tt.want.Scope) || !cmp.Equal(got.Resources, tt.want.Resources, cmpopts.EquateEmpty()) {
			t.Errorf("%s: reads %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// What does not say when and as what it began is judged by the beginning of its
// grant, whatever has come and gone since.
func TestWhatBeganBeforeApprovals(t *testing.T) {
	ask := func(g Grant, version int64) Yield {
		k := Keeper{Scopes: ladders()}
		_, y := k.use(Stored{Grant: g}, Claim{Scope: oauth.Scope{"openid", admin}, Version: version, Audiences: []string{api}})
		return y
	}
	former := Stored{Grant: Grant{Version: 1, Identities: []Identity{x}}, Former: &Former{Scope: oauth.Scope{"openid", viewer}, Resources: []Resource{w1}}}
	migrated := former.Read(ladders())
	if y := ask(migrated, 0); !y.Scope.Equal(oauth.Scope{"openid"}) || len(y.Resources) != 1 {
		t.Errorf("a refresh token for an audience gets %+v", y)
	}
	later := changeBy(ladders(), allows(oauth.Scope{admin}, w2))(Stored{Grant: migrated}).Grant
	if y := ask(later, 0); !y.Scope.Equal(oauth.Scope{"openid"}) || len(y.Resources) != 0 {
		t.Errorf("a later page gives it %+v", y)
	}
	if y := ask(later, later.Version); len(y.Resources) != 1 || y.Resources[0].Resource != w2 {
		t.Errorf("a code of then, which does not say as what the client came, gets %+v", y)
	}
	fresh := changeBy(ladders(), allows(oauth.Scope{"openid", viewer}, w1))(Stored{}).Grant
	added := changeBy(ladders(), account(map[Resource]oauth.Scope{w1: nil, w2: {viewer}}))(Stored{Grant: fresh}).Grant
	if y := ask(added, 0); !y.Scope.Equal(oauth.Scope{"openid"}) || len(y.Resources) != 2 {
		t.Errorf("with a workspace that was added it gets %+v", y)
	}
}
