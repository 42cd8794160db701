package consent_test

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/consent"
)

// u1 is admin of w1, member of w2 and viewer of w3, with project p1 in w1 and p3
// in w3. u2 is admin of other, with project foreign.
const (
	u1 = "u1"
	u2 = "u2"
)

// world is the service over one process, as its callers see it.
type world struct {
	authorize, gateway, token, admin consentv1.ConsentServiceClient
	// replica is authorize at another process over the same database.
	replica consentv1.ConsentServiceClient

	directory *directory
	// log is set on SQLite.
	log coherent.Source

	w1, w2, w3, other, p1, p3, foreign string
}

// newWorld runs on SQLite.
func newWorld(t *testing.T, policy preset.Consent) *world {
	t.Helper()
	db := sqlitetest.New(t, coherence.Set(), events.Set(), consent.Migrations())
	w := newWorldOn(t, policy, consent.NewStores(database.SQLite(db)))
	w.log = coherentsqlite.NewSource(db)
	return w
}

// onBoth runs f in a world on each database.
func onBoth(t *testing.T, f func(t *testing.T, w *world)) { onBothWith(t, preset.Consent{}, f) }

func onBothWith(t *testing.T, policy preset.Consent, f func(t *testing.T, w *world)) {
	t.Run("SQLite", func(t *testing.T) { f(t, newWorld(t, policy)) })
	t.Run("Postgres", func(t *testing.T) {
		db := pgtest.New(t, coherence.Set(), events.Set(), consent.Migrations())
		f(t, newWorldOn(t, policy, consent.NewStores(database.Postgres(db))))
	})
}

func newWorldOn(t *testing.T, policy preset.Consent, stores consent.Stores) *world {
	t.Helper()
	d := &directory{}
	local, replica := newProcess(t, policy, stores, d), newProcess(t, policy, stores, d)
	w := &world{
		authorize: consentv1.NewConsentServiceClient(local.Conn("authorize")),
		gateway:   consentv1.NewConsentServiceClient(local.Conn("gateway")),
		token:     consentv1.NewConsentServiceClient(local.Conn("token")),
		admin:     consentv1.NewConsentServiceClient(local.Conn("admin")),
		replica:   consentv1.NewConsentServiceClient(replica.Conn("authorize")),
		directory: d,
		w1:        d.workspace("One", map[string]string{u1: "admin"}),
		w2:        d.workspace("Two", map[string]string{u1: "member"}),
		w3:        d.workspace("Three", map[string]string{u1: "viewer"}),
		other:     d.workspace("Other", map[string]string{u2: "admin"}),
	}
	w.p1, w.p3, w.foreign = d.project(w.w1, "P1"), d.project(w.w3, "P3"), d.project(w.other, "Foreign")
	return w
}

func newProcess(t *testing.T, policy preset.Consent, stores consent.Stores, d *directory) *grpcserve.Local {
	t.Helper()
	local, err := grpcserve.NewLocal(grpcserve.Options{
		Log:    slog.New(slog.DiscardHandler),
		Tracer: noop.NewTracerProvider().Tracer(""),
	})
	if err != nil {
		t.Fatal(err)
	}
	directoryv1.RegisterDirectoryServiceServer(local, d)
	consent.New(consent.Config{Catalogue: preset.Default().Scopes, Consent: policy}, consent.Deps{
		Stores:    stores,
		Directory: directoryv1.NewDirectoryServiceClient(local.Conn("consent")),
	}).Register(local)
	return local
}

// web is a confidential client.
func web() *registryv1.Client {
	return &registryv1.Client{
		ClientId: "c1", ClientName: "App", TokenEndpointAuthMethod: "client_secret_basic", RedirectUris: []string{"https://app.example/cb"},
	}
}

func evaluating(scope string) *consentv1.EvaluateRequest {
	return &consentv1.EvaluateRequest{Sub: u1, Client: web(), Scope: scope, RedirectUri: "https://app.example/cb"}
}

func (w *world) evaluate(t *testing.T, req *consentv1.EvaluateRequest) *consentv1.EvaluateResponse {
	t.Helper()
	resp, err := w.authorize.Evaluate(t.Context(), req)
	if err != nil {
		t.Fatalf("Evaluate() = %v", err)
	}
	return resp
}

func (w *world) checkAsks(t *testing.T, req *consentv1.EvaluateRequest) {
	t.Helper()
	if !w.evaluate(t, req).GetConsentRequired() {
		t.Errorf("Evaluate(%q) does not ask", req.GetScope())
	}
}

func (w *world) checkSkips(t *testing.T, req *consentv1.EvaluateRequest) {
	t.Helper()
	if w.evaluate(t, req).GetConsentRequired() {
		t.Errorf("Evaluate(%q) asks", req.GetScope())
	}
}

// recording is the decision on the page for the client web.
func recording(scope string, workspaces ...string) *consentv1.RecordGrantRequest {
	return &consentv1.RecordGrantRequest{
		Sub: u1, ClientId: "c1", Scope: scope, WorkspaceIds: workspaces,
		ClientName: "App", RedirectUri: "https://app.example/cb",
	}
}

func (w *world) record(t *testing.T, req *consentv1.RecordGrantRequest) *consentv1.Grant {
	t.Helper()
	resp, err := w.authorize.RecordGrant(t.Context(), req)
	if err != nil {
		t.Fatalf("RecordGrant() = %v", err)
	}
	return w.get(t, resp.GetGrant().GetGrantId())
}

func (w *world) get(t *testing.T, id string) *consentv1.Grant {
	t.Helper()
	resp, err := w.token.GetGrant(t.Context(), &consentv1.GetGrantRequest{GrantId: id})
	if err != nil {
		t.Fatalf("GetGrant() = %v", err)
	}
	return resp.GetGrant()
}

// brief is a grant without what is allowed where.
func brief(g *consentv1.Grant) *consentv1.Grant {
	g = proto.CloneOf(g)
	g.Approvals, g.Workspaces, g.Projects = nil, nil, nil
	return g
}

func (w *world) checkUnchanged(t *testing.T, before *consentv1.Grant) {
	t.Helper()
	if after := w.get(t, before.GetGrantId()); !proto.Equal(before, after) {
		t.Errorf("the grant was %v and is %v", before, after)
	}
}

// checkNoGrant checks that nobody has granted anything.
func (w *world) checkNoGrant(t *testing.T) {
	t.Helper()
	resp, err := w.admin.ListGrants(t.Context(), &consentv1.ListGrantsRequest{})
	if err != nil || len(resp.GetGrants()) != 0 {
		t.Errorf("ListGrants() = %v, %v, want none", resp.GetGrants(), err)
	}
}

func (w *world) checkRestrictions(t *testing.T, want int) {
	t.Helper()
	batch, err := coherenttest.Load(t.Context(), w.log)
	if err != nil || len(batch.Entries) != want {
		t.Errorf("%d restrictions, %v, want %d", len(batch.Entries), err, want)
	}
}

// checkRestrictionsIfAny is checkRestrictions where the log can be read.
func (w *world) checkRestrictionsIfAny(t *testing.T, want int) {
	t.Helper()
	if w.log != nil {
		w.checkRestrictions(t, want)
	}
}

func workspaceIDs(g *consentv1.Grant) map[string]bool {
	ids := make(map[string]bool)
	for _, w := range g.GetWorkspaces() {
		ids[w.GetWorkspaceId()] = true
	}
	return ids
}

func checkWorkspaces(t *testing.T, g *consentv1.Grant, want ...string) {
	t.Helper()
	ids := make(map[string]bool)
	for _, id := range want {
		ids[id] = true
	}
	if diff := cmp.Diff(ids, workspaceIDs(g)); diff != "" {
		t.Errorf("shared workspaces (-want +got):\n%s", diff)
	}
}
