package consent_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// tuple is one thing that was allowed, at one place and to one identity, with
// everything that it stands for as tuples of its own.
type tuple struct {
	scope, resource, membership, audience, identity string
	byPolicy                                        bool
}

// begun is something that the client has begun, and whose refresh token it keeps.
type begun struct {
	at       int // step
	req      *consentv1.UseGrantRequest
	identity string
}

// model is a client and its grant, beside the set of tuples that it amounts to.
type model struct {
	w      *world
	t      *testing.T
	sub    string
	single bool

	client     *registryv1.Client
	redirect   string
	workspaces []string
	projects   map[string]string // workspace of each

	step     int
	grant    string          // empty: none
	allowed  map[tuple]int   // since when; zero for whatever had begun
	ever     map[string]bool // selective scopes that were ever allowed
	families []begun
}

func TestN304_EveryTokenIsPartOfWhatWasAllowed(t *testing.T) {
	for _, single := range []bool{false, true} {
		onBothWith(t, preset.Consent{SingleWorkspace: single}, func(t *testing.T, w *world) {
			rapid.Check(t, func(r *rapid.T) {
				m := newModel(t, w, single)
				defer w.directory.forget(m.workspaces...)
				for m.step = 1; m.step <= modelSteps; m.step++ {
					m.move(r)
				}
			})
		})
	}
}

func newModel(t *testing.T, w *world, single bool) *model {
	m := &model{
		w: w, t: t, sub: "model " + uuid.NewString(), single: single, client: web(), redirect: "https://app.example/cb",
		projects: make(map[string]string), allowed: make(map[tuple]int), ever: make(map[string]bool),
	}
	for _, name := range []string{"A", "B", "C"} {
		id := w.directory.workspace(name, map[string]string{m.sub: "admin"})
		m.workspaces = append(m.workspaces, id)
		m.projects[w.directory.project(id, name+" project")] = id
	}
	return m
}

// move makes one step, and checks what it may.
func (m *model) move(r *rapid.T) {
	moves := []func(*rapid.T){
		m.use, m.use, m.use, m.page, m.page, m.silent, m.silent, m.account, m.membership, m.rename, m.policy,
	}
	if rapid.IntRange(0, 60).Draw(r, "revoke") == 0 {
		m.revoke(r)
		return
	}
	rapid.SampledFrom(moves).Draw(r, "move")(r)
}

// draw returns some of list, one at least.
func draw(r *rapid.T, list []string, name string) []string {
	some := rapid.SliceOfNDistinct(rapid.SampledFrom(list), 1, len(list), rapid.ID[string]).Draw(r, name)
	slices.Sort(some)
	return some
}

func (m *model) evaluating(r *rapid.T) *consentv1.EvaluateRequest {
	req := &consentv1.EvaluateRequest{Sub: m.sub, Client: m.client, RedirectUri: m.redirect}
	req.Scope = strings.Join(draw(r, []string{
		"openid", "email", "workspace:viewer", "workspace:member", "workspace:admin", "project:viewer", "project:member",
	}, "scope"), " ")
	if rapid.IntRange(0, 4).Draw(r, "audience") == 0 {
		req.Resource = []string{"https://api.example"}
	}
	return req
}

// page is the consent page: shown, and then allowed with some ticks, or denied.
func (m *model) page(r *rapid.T) {
	asked := m.evaluating(r)
	req := &consentv1.RecordGrantRequest{
		Sub: m.sub, ClientId: "c1", Scope: asked.GetScope(), Resource: asked.GetResource(),
		RedirectUri: m.redirect, ClientName: m.client.GetClientName(),
	}
	if selects(req.GetScope(), "workspace") {
		mine := m.mine()
		if len(mine) == 0 {
			return
		}
		if req.WorkspaceIds = draw(r, mine, "workspaces"); m.single {
			req.WorkspaceIds = req.WorkspaceIds[:1]
		}
	}
	if selects(req.GetScope(), "project") {
		mine := m.myProjects()
		if len(mine) == 0 {
			return
		}
		req.ProjectIds = draw(r, mine, "projects")
	}
	if rapid.IntRange(0, 9).Draw(r, "deny") == 0 {
		return // a denial calls nothing
	}
	m.decided(r, req)
}

// decided records a decision here and there, and begins something with it.
func (m *model) decided(r *rapid.T, req *consentv1.RecordGrantRequest) {
	resp, err := m.w.authorize.RecordGrant(m.t.Context(), req)
	if err != nil {
		r.Fatalf("RecordGrant(%v) = %v", req, err)
	}
	if m.grant == "" {
		m.ever = make(map[string]bool)
	}
	m.grant = resp.GetGrant().GetGrantId()
	picked := slices.Concat(req.GetWorkspaceIds(), req.GetProjectIds())
	maps.DeleteFunc(m.allowed, func(at tuple, _ int) bool {
		asked := m.isWorkspace(at.resource) && selects(req.GetScope(), "workspace") && !m.single || m.isProject(at.resource) && selects(req.GetScope(), "project")
		kept := slices.Contains(picked, at.resource)
		return asked && !kept || kept && at.membership != m.membershipIn(at.resource)
	})
	for _, scope := range strings.Fields(req.GetScope()) {
		for _, resource := range m.placesOf(scope, picked) {
			m.allow(tuple{scope, resource, m.membershipIn(resource), one(req.GetResource()), m.identity(), req.GetByPolicy()}, m.step)
		}
		if strings.Contains(scope, ":") {
			m.ever[scope] = true
		}
	}
	m.begin(req.GetScope(), req.GetResource(), resp.GetGrant().GetVersion(), resp.GetClientIdentity(), resp.GetWorkspaceId())
}

// allow adds a tuple that is not there, and with it all for which it stands.
func (m *model) allow(at tuple, since int) {
	if _, known := m.allowed[at]; known {
		return
	}
	for _, at.scope = range stands(at.scope) {
		if before, known := m.allowed[at]; !known || since < before {
			m.allowed[at] = since
		}
	}
}

func (m *model) begin(scope string, resource []string, version int64, identity []byte, workspace string) {
	if m.families = append(m.families, begun{m.step, &consentv1.UseGrantRequest{
		GrantId: m.grant, ClientIdentity: identity, Scope: scope, Resource: resource, Version: version, WorkspaceId: workspace,
	}, m.identity()}); len(m.families) > 12 {
		m.families = m.families[1:]
	}
}

// silent asks without a page. What is not asked about begins something.
func (m *model) silent(r *rapid.T) {
	req := m.evaluating(r)
	resp, err := m.w.authorize.Evaluate(m.t.Context(), req)
	if err != nil {
		r.Fatalf("Evaluate(%v) = %v", req, err)
	}
	asks, only := m.asks(req)
	if resp.GetConsentRequired() != asks || !asks && resp.GetWorkspaceId() != only && m.single && selects(req.GetScope(), "workspace") {
		r.Fatalf("Evaluate(%v) asks: %v, for %q; the model: %v, for %q", req, resp.GetConsentRequired(), resp.GetWorkspaceId(), asks, only)
	}
	switch {
	case asks:
	case resp.GetUnrecorded():
		m.decided(r, &consentv1.RecordGrantRequest{
			Sub: m.sub, ClientId: "c1", Scope: req.GetScope(), Resource: req.GetResource(),
			RedirectUri: m.redirect, ClientName: m.client.GetClientName(), ByPolicy: true,
		})
	default:
		m.begin(req.GetScope(), req.GetResource(), resp.GetGrant().GetVersion(), resp.GetClientIdentity(), only)
	}
}

// asks says whether the subject has to be asked, and for which workspace it is if
// not, where one is to be chosen.
func (m *model) asks(req *consentv1.EvaluateRequest) (asks bool, only string) {
	holds := func(scope, resource string) bool {
		at := tuple{scope, resource, m.membershipIn(resource), one(req.GetResource()), m.identity(), false}
		_, byUser := m.allowed[at]
		at.byPolicy = true
		_, byPolicy := m.allowed[at]
		return byUser || byPolicy && m.client.GetSkipConsent()
	}
	skips := m.client.GetSkipConsent() && !selects(req.GetScope(), "workspace") && !selects(req.GetScope(), "project")
	for _, scope := range strings.Fields(req.GetScope()) {
		asks = asks || !strings.Contains(scope, ":") && !holds(scope, "") && !skips
	}
	for kind, mine := range map[string][]string{"workspace": m.mine(), "project": m.myProjects()} {
		if !selects(req.GetScope(), kind) {
			continue
		}
		var allowed, covering []string
		for _, resource := range mine {
			if !holds(kind+":viewer", resource) { // for which every scope of the kind stands
				continue
			}
			allowed = append(allowed, resource)
			if !slices.ContainsFunc(strings.Fields(req.GetScope()), func(s string) bool { return selects(s, kind) && !holds(s, resource) }) {
				covering = append(covering, resource)
			}
		}
		if kind == "workspace" && m.single {
			asks = asks || len(covering) != 1
			only = strings.Join(covering, " ")
			continue
		}
		asks = asks || len(allowed) == 0 || len(covering) < len(allowed)
	}
	return asks, only
}

// use refreshes something that was begun.
func (m *model) use(r *rapid.T) {
	if len(m.families) == 0 {
		return
	}
	f := rapid.SampledFrom(m.families).Draw(r, "family")
	f.req.SkipConsent = m.client.GetSkipConsent()
	resp, err := m.w.token.UseGrant(m.t.Context(), f.req)
	if f.req.GetGrantId() != m.grant {
		if !errors.Is(err, fault.NotFound) {
			r.Fatalf("UseGrant() of a revoked grant = %v, %v", resp, err)
		}
		return
	}
	if err != nil {
		r.Fatalf("UseGrant(%v) = %v", f.req, err)
	}
	got := make(map[string][]string)
	add := func(resource, membership, scope string) {
		for _, s := range strings.Fields(scope) {
			got[resource+membership] = append(got[resource+membership], stands(s)...)
		}
	}
	add("", "", resp.GetScope())
	for _, w := range resp.GetWorkspaces() {
		add(w.GetWorkspaceId(), w.GetMembershipId(), w.GetScope())
	}
	for _, p := range resp.GetProjects() {
		add(p.GetProjectId(), p.GetMembershipId(), p.GetScope())
	}
	if diff := cmp.Diff(m.expected(f), sets(got), cmpopts.EquateEmpty()); diff != "" {
		r.Fatalf("UseGrant(%v), begun at %d (-want +got):\n%s", f.req, f.at, diff)
	}
	m.useByFormer(r, f)
}

// useByFormer checks that the release before, which makes a product of what it reads,
// would give no more.
func (m *model) useByFormer(r *rapid.T, f begun) {
	resp, err := m.w.token.GetGrant(m.t.Context(), &consentv1.GetGrantRequest{GrantId: m.grant, Minting: true}) //nolint:staticcheck // so asks the release before
	if err != nil {
		r.Fatalf("GetGrant() = %v", err)
	}
	want := m.expected(f)
	check := func(scope, resource, membership string) {
		if membership == m.membershipIn(resource) && !slices.Contains(want[resource+membership], scope) {
			r.Fatalf("the release before gives %s at %q for %v, begun at %d; of the grant it reads %v", scope, resource, f.req, f.at, resp.GetGrant())
		}
	}
	for _, scope := range strings.Fields(f.req.GetScope()) {
		switch {
		case !slices.Contains(strings.Fields(resp.GetGrant().GetScope()), scope):
		case selects(scope, "workspace"):
			for _, w := range resp.GetGrant().GetWorkspaces() {
				check(scope, w.GetWorkspaceId(), w.GetMembershipId())
			}
		case selects(scope, "project"):
			for _, p := range resp.GetGrant().GetProjects() {
				check(scope, p.GetProjectId(), p.GetMembershipId())
			}
		default:
			check(scope, "", "")
		}
	}
}

// expected is what something that was begun gets, by place.
func (m *model) expected(f begun) map[string][]string {
	asked := make(map[string]bool)
	for _, scope := range strings.Fields(f.req.GetScope()) {
		for _, s := range stands(scope) {
			asked[s] = true
		}
	}
	want := make(map[string][]string)
	for at, since := range m.allowed {
		chosen := !m.single || !m.isWorkspace(at.resource) || at.resource == f.req.GetWorkspaceId()
		if asked[at.scope] && at.identity == f.identity && at.audience == one(f.req.GetResource()) && since <= f.at && chosen &&
			(!at.byPolicy || m.client.GetSkipConsent()) {
			want[at.resource+at.membership] = append(want[at.resource+at.membership], at.scope)
		}
	}
	return sets(want)
}

// account changes what is shared on the account page.
func (m *model) account(r *rapid.T) {
	if m.grant == "" {
		return
	}
	req := &consentv1.UpdateGrantResourcesRequest{GrantId: m.grant, Sub: m.sub, Client: m.client, Scopes: make(map[string]string)}
	for kind, mine := range map[string][]string{"workspace": m.mine(), "project": m.myProjects()} {
		offered := m.offered(kind)
		if m.single && kind == "workspace" {
			mine = slices.DeleteFunc(mine, func(id string) bool { return !m.shares(id) })
		}
		if len(offered) == 0 || len(mine) == 0 {
			if len(offered) > 0 && len(m.mine()) > 0 {
				return // one has to be chosen, and there is none
			}
			continue
		}
		picked := draw(r, mine, kind)
		for _, id := range picked {
			if rapid.Bool().Draw(r, "level") {
				req.Scopes[id] = rapid.SampledFrom(offered).Draw(r, "scope")
			}
		}
		if kind == "workspace" {
			req.WorkspaceIds = picked
		} else {
			req.ProjectIds = picked
		}
	}
	_, err := m.w.gateway.UpdateGrantResources(m.t.Context(), req)
	if refused := !m.known() && m.adds(req); refused != errors.Is(err, oauth.InvalidRequest) || !refused && err != nil {
		r.Fatalf("UpdateGrantResources(%v) = %v, and the model refuses: %v", req, err, refused)
	}
	if err == nil {
		m.shared(req)
	}
}

// known says whether the client was allowed something as one that it can come as.
func (m *model) known() bool {
	for at := range m.allowed {
		if slices.Contains(m.identities(), at.identity) {
			return true
		}
	}
	return false
}

// adds says whether the account page shares a resource with more than it has, as
// whatever the client came.
func (m *model) adds(req *consentv1.UpdateGrantResourcesRequest) bool {
	for id, level := range m.levels(req) {
		if !m.holds(id, level[len(level)-1]) {
			return true
		}
	}
	return false
}

// holds says whether somebody has the scope at the resource.
func (m *model) holds(id, scope string) bool {
	for at := range m.allowed {
		if at.resource == id && at.membership == m.membershipIn(id) && at.scope == scope {
			return true
		}
	}
	return false
}

// levels is what is said of each resource, with all that it stands for.
func (m *model) levels(req *consentv1.UpdateGrantResourcesRequest) map[string][]string {
	levels := make(map[string][]string)
	for _, id := range slices.Concat(req.GetWorkspaceIds(), req.GetProjectIds()) {
		kind := "project"
		if m.isWorkspace(id) {
			kind = "workspace"
		}
		switch scope, said := req.GetScopes()[id]; {
		case said:
			levels[id] = stands(scope)
		case !m.shares(id):
			levels[id] = m.offered(kind)
		}
	}
	return levels
}

// shared is what the account page makes of the tuples.
func (m *model) shared(req *consentv1.UpdateGrantResourcesRequest) {
	picked := slices.Concat(req.GetWorkspaceIds(), req.GetProjectIds())
	levels := m.levels(req)
	added := maps.Clone(levels)
	maps.DeleteFunc(added, func(id string, level []string) bool { return m.holds(id, level[len(level)-1]) })
	places := make(map[tuple]bool)
	for at := range m.allowed {
		if slices.Contains(m.identities(), at.identity) {
			places[tuple{audience: at.audience, identity: at.identity}] = true
		}
	}
	maps.DeleteFunc(m.allowed, func(at tuple, _ int) bool {
		kind := strings.SplitN(at.scope, ":", 2)[0]
		if at.resource == "" || len(m.offered(kind)) == 0 {
			return false
		}
		gone := !slices.Contains(picked, at.resource) || at.membership != m.membershipIn(at.resource)
		level, lowered := levels[at.resource]
		return gone || lowered && !slices.Contains(level, at.scope)
	})
	for id, level := range added {
		for at := range places {
			at.scope, at.resource, at.membership = level[len(level)-1], id, m.membershipIn(id)
			m.allow(at, 0)
		}
	}
}

// offered is every scope of a kind with which the account page can share, the
// highest last.
func (m *model) offered(kind string) []string {
	for _, step := range []string{"admin", "member", "viewer"} {
		if m.ever[kind+":"+step] {
			return stands(kind + ":" + step)
		}
	}
	return nil
}

// shares says whether a resource is shared under the membership of now.
func (m *model) shares(id string) bool {
	for at := range m.allowed {
		if at.resource == id && at.membership == m.membershipIn(id) {
			return true
		}
	}
	return false
}

// membership changes one: the subject leaves, comes back, or has another role.
func (m *model) membership(r *rapid.T) {
	id := rapid.SampledFrom(m.workspaces).Draw(r, "workspace")
	switch {
	case m.membershipIn(id) == "":
		m.w.directory.join(m.sub, id, "again", "member")
	case rapid.Bool().Draw(r, "role"):
		m.w.directory.setRole(m.sub, id, rapid.SampledFrom([]string{"viewer", "member", "admin"}).Draw(r, "role"))
	default:
		m.w.directory.leaves(m.sub, id)
	}
}

// rename has the client come under another name or host.
func (m *model) rename(r *rapid.T) {
	m.client.ClientName = rapid.SampledFrom([]string{"App", "Bank"}).Draw(r, "name")
	m.client.RedirectUris = rapid.SampledFrom([][]string{
		{"https://app.example/cb"}, {"https://two.example/cb"}, {"https://app.example/cb", "https://two.example/cb"},
	}).Draw(r, "redirect URIs")
	m.redirect = rapid.SampledFrom(m.client.RedirectUris).Draw(r, "redirect URI")
}

// policy makes the client the platform's own, or no more.
func (m *model) policy(r *rapid.T) {
	m.client.SkipConsent = rapid.IntRange(0, 3).Draw(r, "own") == 0
}

func (m *model) revoke(r *rapid.T) {
	if m.grant == "" {
		return
	}
	if _, err := m.w.gateway.RevokeGrant(m.t.Context(), &consentv1.RevokeGrantRequest{GrantId: m.grant, Sub: m.sub}); err != nil {
		r.Fatal(err)
	}
	m.grant = ""
	clear(m.allowed)
	clear(m.ever)
}

func (m *model) identity() string { return m.client.GetClientName() + " " + m.redirect }

// identities are as what the client can come now.
func (m *model) identities() []string {
	var all []string
	for _, uri := range m.client.GetRedirectUris() {
		all = append(all, m.client.GetClientName()+" "+uri)
	}
	return all
}

// mine are the workspaces of which the subject is a member.
func (m *model) mine() []string {
	return slices.DeleteFunc(slices.Clone(m.workspaces), func(id string) bool { return m.membershipIn(id) == "" })
}

func (m *model) myProjects() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(m.projects)), func(id string) bool { return m.membershipIn(id) == "" })
}

// membershipIn is the one that shares a resource; empty if there is none.
func (m *model) membershipIn(resource string) string {
	if workspace, ok := m.projects[resource]; ok {
		resource = workspace
	}
	return m.w.directory.membershipID(m.sub, resource)
}

func (m *model) isWorkspace(id string) bool { return slices.Contains(m.workspaces, id) }

func (m *model) isProject(id string) bool { return m.projects[id] != "" }

// placesOf are the resources at which a scope is allowed, of those that are picked.
func (m *model) placesOf(scope string, picked []string) []string {
	switch {
	case selects(scope, "workspace"):
		return slices.DeleteFunc(slices.Clone(picked), m.isProject)
	case selects(scope, "project"):
		return slices.DeleteFunc(slices.Clone(picked), m.isWorkspace)
	default:
		return []string{""}
	}
}

// selects says whether one of the scopes selects resources of the kind.
func selects(scope, kind string) bool { return strings.Contains(scope, kind+":") }

// stands is a scope, and those for which it stands.
func stands(scope string) []string {
	kind, level, found := strings.Cut(scope, ":")
	if !found {
		return []string{scope}
	}
	steps := []string{"viewer", "member", "admin"}
	var all []string
	for _, step := range steps[:slices.Index(steps, level)+1] {
		all = append(all, kind+":"+step)
	}
	return all
}

func one(list []string) string { return strings.Join(list, " ") }

// sets sorts each list, and has every value once.
func sets(lists map[string][]string) map[string][]string {
	for key, list := range lists {
		slices.Sort(list)
		lists[key] = slices.Compact(list)
	}
	return lists
}
