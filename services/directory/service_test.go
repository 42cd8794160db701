package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/structpb"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

const (
	right = "correct horse"
	block = "192.0.2.1/32"
)

// harness is the service behind its interceptors, as its callers see it.
type harness struct {
	admin, authorize directoryv1.DirectoryServiceClient
	gateway          directoryv1.DirectoryServiceClient
	service          *Service
	apps             *appKeeper
	log              *bytes.Buffer // for calls that follow one another
}

func testConfig() Config {
	cfg := Default()
	cfg.Argon2id = Argon2id{MemoryKiB: 8, Time: 1, Threads: 1}
	cfg.HashingWait = time.Minute
	cfg.Attempts.Delay = 0
	return cfg
}

func newHarness(t *testing.T, stores Stores) harness {
	t.Helper()
	local, err := grpcserve.NewLocal(grpcserve.Options{
		Log: slog.New(slog.DiscardHandler), Tracer: noop.NewTracerProvider().Tracer(""),
	})
	if err != nil {
		t.Fatal(err)
	}
	apps := &appKeeper{apps: make(map[string]int64)}
	registryv1.RegisterRegistryServiceServer(local, apps)
	log := &bytes.Buffer{}
	service := New(testConfig(), Deps{
		Stores: stores, Registry: registryv1.NewRegistryServiceClient(local.Conn("directory")), Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	service.Register(local)
	return harness{
		admin:     directoryv1.NewDirectoryServiceClient(local.Conn(grpcserve.Admin)),
		authorize: directoryv1.NewDirectoryServiceClient(local.Conn("authorize")),
		gateway:   directoryv1.NewDirectoryServiceClient(local.Conn("gateway")),
		service:   service,
		apps:      apps,
		log:       log,
	}
}

func onSQLite(t *testing.T) harness {
	t.Helper()
	return newHarness(t, NewStores(databasetest.SQLite(t, coherence.Set(), events.Set(), Migrations())))
}

func (h harness) subject(t *testing.T, username string) *directoryv1.Subject {
	t.Helper()
	resp, err := h.admin.CreateSubject(t.Context(), &directoryv1.CreateSubjectRequest{Username: username, Password: right})
	if err != nil {
		t.Fatalf("CreateSubject() = %v", err)
	}
	return resp.GetSubject()
}

func (h harness) workspace(t *testing.T, name string) *directoryv1.Workspace {
	t.Helper()
	resp, err := h.admin.CreateWorkspace(t.Context(), &directoryv1.CreateWorkspaceRequest{Name: name})
	if err != nil {
		t.Fatalf("CreateWorkspace() = %v", err)
	}
	return resp.GetWorkspace()
}

func (h harness) project(t *testing.T, w *directoryv1.Workspace, name string) *directoryv1.Project {
	t.Helper()
	resp, err := h.admin.CreateProject(t.Context(), &directoryv1.CreateProjectRequest{WorkspaceId: w.GetWorkspaceId(), Name: name})
	if err != nil {
		t.Fatalf("CreateProject() = %v", err)
	}
	return resp.GetProject()
}

func (h harness) member(t *testing.T, u *directoryv1.Subject, w *directoryv1.Workspace, role string) *directoryv1.Membership {
	t.Helper()
	resp, err := h.admin.AddMember(t.Context(), &directoryv1.AddMemberRequest{WorkspaceId: w.GetWorkspaceId(), Sub: u.GetSub(), Role: role})
	if err != nil {
		t.Fatalf("AddMember() = %v", err)
	}
	return resp.GetMembership()
}

func wantEqual(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}

func TestLifeOfASubject(t *testing.T) {
	for name, stores := range map[string]func(*testing.T) Stores{
		"sqlite": func(t *testing.T) Stores {
			return NewStores(databasetest.SQLite(t, coherence.Set(), events.Set(), Migrations()))
		},
		"postgres": func(t *testing.T) Stores {
			return NewStores(databasetest.Postgres(t, coherence.Set(), events.Set(), Migrations()))
		},
	} {
		t.Run(name, func(t *testing.T) { lifeOfASubject(t, newHarness(t, stores(t))) })
	}
}

func lifeOfASubject(t *testing.T, h harness) {
	claims, err := structpb.NewStruct(map[string]any{"name": "Ada", "email": "ada@example.com", "email_verified": true})
	if err != nil {
		t.Fatal(err)
	}
	created, err := h.admin.CreateSubject(t.Context(), &directoryv1.CreateSubjectRequest{Username: "ada", Password: right, Claims: claims})
	if err != nil {
		t.Fatalf("CreateSubject() = %v", err)
	}
	ada := created.GetSubject()
	wantEqual(t, "claims", claims, ada.GetClaims())
	w := h.workspace(t, "one")
	m, p := h.member(t, ada, w, "admin"), h.project(t, w, "p")

	signedIn := h.signIn(t, "ada", right)
	wantEqual(t, "Authenticate()", &directoryv1.AuthenticateResponse{
		Subject: ada, Outcome: directoryv1.AuthenticateResponse_OUTCOME_AUTHENTICATED, Device: signedIn.GetDevice(),
	}, signedIn)
	found, err := h.authorize.GetSubject(t.Context(), &directoryv1.GetSubjectRequest{Sub: ada.GetSub(), ProjectIds: []string{p.GetProjectId()}})
	if err != nil {
		t.Fatalf("GetSubject() = %v", err)
	}
	wantEqual(t, "GetSubject()", &directoryv1.GetSubjectResponse{
		Subject: ada, Memberships: []*directoryv1.Membership{m}, Projects: []*directoryv1.Project{p},
	}, found)

	if _, err := h.admin.DisableSubject(t.Context(), &directoryv1.DisableSubjectRequest{Sub: ada.GetSub()}); err != nil {
		t.Fatalf("DisableSubject() = %v", err)
	}
	wantEqual(t, "Authenticate() when disabled", &directoryv1.AuthenticateResponse{
		Outcome: directoryv1.AuthenticateResponse_OUTCOME_REFUSED,
	}, h.signIn(t, "ada", right))
	found, err = h.authorize.GetSubject(t.Context(), &directoryv1.GetSubjectRequest{Username: "ada"})
	if err != nil || !found.GetSubject().GetDisabled() || found.GetSubject().GetVersion() != 2 {
		t.Errorf("GetSubject() = %v, %v, want it disabled with version 2", found, err)
	}
	if _, err := h.admin.EnableSubject(t.Context(), &directoryv1.EnableSubjectRequest{Sub: ada.GetSub()}); err != nil {
		t.Fatalf("EnableSubject() = %v", err)
	}
	if got := h.signIn(t, "ada", right); got.GetSubject().GetVersion() != 2 {
		t.Errorf("Authenticate() = %v after EnableSubject, want version 2", got)
	}
}

func (h harness) signIn(t *testing.T, username, presented string) *directoryv1.AuthenticateResponse {
	t.Helper()
	resp, err := h.authorize.Authenticate(t.Context(), &directoryv1.AuthenticateRequest{Username: username, Password: presented, AddressBlock: block})
	if err != nil {
		t.Fatalf("Authenticate() = %v", err)
	}
	return resp
}

func TestN071_UnknownUserAndWrongPasswordAreOneAnswer(t *testing.T) {
	h := onSQLite(t)
	h.subject(t, "ada")
	for n := 1; n <= 12; n++ {
		wrong, unknown := h.signIn(t, "ada", "wrong horse"), h.signIn(t, "bob", "wrong horse")
		if wrong.GetOutcome() != unknown.GetOutcome() || wrong.GetSubject() != nil || unknown.GetSubject() != nil {
			t.Errorf("attempt %d: %v and %v", n, wrong, unknown)
		}
		limited := wrong.GetOutcome() == directoryv1.AuthenticateResponse_OUTCOME_TOO_MANY_ATTEMPTS
		if limited != (n >= 10) || limited != (wrong.GetRetryAfter().AsDuration() > 0) {
			t.Errorf("attempt %d: %v", n, wrong)
		}
	}
	if _, err := sweeptest.All(t.Context(), h.service.Sweeps()...); err != nil {
		t.Errorf("Sweep() = %v", err)
	}
	if got := h.signIn(t, "ada", right); got.GetOutcome() != directoryv1.AuthenticateResponse_OUTCOME_TOO_MANY_ATTEMPTS {
		t.Errorf("Authenticate() = %v after Sweep, want the window to stand", got)
	}
}

func TestMembershipsThroughTheService(t *testing.T) {
	h := onSQLite(t)
	ada, w := h.subject(t, "ada"), h.workspace(t, "one")
	first := h.member(t, ada, w, "admin")
	ctx, id := t.Context(), w.GetWorkspaceId()
	lowered, err := h.admin.SetMemberRole(ctx, &directoryv1.SetMemberRoleRequest{WorkspaceId: id, Sub: ada.GetSub(), Role: "viewer"})
	if err != nil || lowered.GetMembership().GetRole() != "viewer" || lowered.GetMembership().GetVersion() != 2 {
		t.Errorf("SetMemberRole() = %v, %v", lowered, err)
	}
	listed, err := h.admin.ListMembers(ctx, &directoryv1.ListMembersRequest{WorkspaceId: strings.ToUpper(id)})
	if err != nil {
		t.Fatalf("ListMembers() = %v", err)
	}
	wantEqual(t, "ListMembers()", []*directoryv1.Membership{lowered.GetMembership()}, listed.GetMemberships())
	if _, err := h.admin.RemoveMember(ctx, &directoryv1.RemoveMemberRequest{WorkspaceId: id, Sub: ada.GetSub()}); err != nil {
		t.Fatalf("RemoveMember() = %v", err)
	}
	if again := h.member(t, ada, w, "admin"); again.GetMembershipId() == first.GetMembershipId() || again.GetVersion() != 4 {
		t.Errorf("AddMember() after removal = %v, want another membership of version 4", again)
	}
	if _, err := h.admin.DeleteWorkspace(ctx, &directoryv1.DeleteWorkspaceRequest{WorkspaceId: id}); err != nil {
		t.Fatalf("DeleteWorkspace() = %v", err)
	}
	left, err := h.admin.ListResources(ctx, &directoryv1.ListResourcesRequest{Sub: ada.GetSub()})
	if err != nil {
		t.Fatalf("ListResources() = %v", err)
	}
	wantEqual(t, "ListResources()", &directoryv1.ListResourcesResponse{}, left)
}

func TestWorkspacesByIDHaveTheirSlugs(t *testing.T) {
	h := onSQLite(t)
	first, second := h.workspace(t, "Acme Corp."), h.workspace(t, "Two")
	if first.GetSlug() != "acme-corp" || second.GetSlug() != "two" {
		t.Errorf("slugs are %q and %q, want those of the names", first.GetSlug(), second.GetSlug())
	}
	created, err := h.admin.CreateWorkspace(t.Context(), &directoryv1.CreateWorkspaceRequest{Name: "Three", Slug: "third"})
	if err != nil || created.GetWorkspace().GetSlug() != "third" {
		t.Errorf("CreateWorkspace() = %v, %v, want the slug that was chosen", created, err)
	}
	got, err := h.gateway.BatchGetWorkspaces(t.Context(), &directoryv1.BatchGetWorkspacesRequest{
		WorkspaceIds: []string{strings.ToUpper(second.GetWorkspaceId()), uuid.NewString()},
	})
	if err != nil {
		t.Fatalf("BatchGetWorkspaces() = %v", err)
	}
	wantEqual(t, "BatchGetWorkspaces()", []*directoryv1.Workspace{second}, got.GetWorkspaces())
	listed, err := h.admin.ListWorkspaces(t.Context(), &directoryv1.ListWorkspacesRequest{})
	if err != nil {
		t.Fatalf("ListWorkspaces() = %v", err)
	}
	slices.SortFunc(listed.GetWorkspaces(), func(a, b *directoryv1.Workspace) int { return strings.Compare(a.GetSlug(), b.GetSlug()) })
	wantEqual(t, "ListWorkspaces()", []*directoryv1.Workspace{first, created.GetWorkspace(), second}, listed.GetWorkspaces())
}

func TestN086_OneOfManyWhoAddAMemberWins(t *testing.T) {
	h := onSQLite(t)
	ada, w := h.subject(t, "ada"), h.workspace(t, "one")
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			_, err := h.admin.AddMember(t.Context(), &directoryv1.AddMemberRequest{WorkspaceId: w.GetWorkspaceId(), Sub: ada.GetSub(), Role: "member"})
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, fault.AlreadyExists):
				t.Errorf("AddMember() = %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d added the member, want 1", won.Load())
	}
}

func TestIDsThatCannotBeNameNothing(t *testing.T) {
	h := onSQLite(t)
	ada, w := h.subject(t, "ada"), h.workspace(t, "one")
	h.member(t, ada, w, "viewer")
	got, err := h.authorize.GetSubject(t.Context(), &directoryv1.GetSubjectRequest{
		Sub: ada.GetSub(), WorkspaceIds: []string{"", "x\x00", "'; --", strings.ToUpper(w.GetWorkspaceId())},
	})
	if err != nil || len(got.GetMemberships()) != 0 {
		t.Errorf("GetSubject() = %v, %v, want no membership", got, err)
	}
}

func TestPagesOfSubjectsAreCompleteAndEnd(t *testing.T) {
	h := onSQLite(t)
	for _, total := range []int{3, 4} { // a last page that is not full, and one that is
		h.subject(t, fmt.Sprintf("user %d", total))
		for len(h.all(t)) < total {
			h.subject(t, uuid.NewString())
		}
		if got := h.all(t); len(got) != total {
			t.Errorf("pages have %d subjects, want %d", len(got), total)
		}
	}
}

// all returns every subject, two a page.
func (h harness) all(t *testing.T) []*directoryv1.Subject {
	t.Helper()
	var all []*directoryv1.Subject
	req := &directoryv1.ListSubjectsRequest{PageSize: 2}
	for {
		page, err := h.admin.ListSubjects(t.Context(), req)
		if err != nil {
			t.Fatalf("ListSubjects() = %v", err)
		}
		all = append(all, page.GetSubjects()...)
		if req.PageToken = page.GetNextPageToken(); req.GetPageToken() == "" {
			return all
		}
	}
}

// counter counts statements.
type counter struct{ n atomic.Int32 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}

func (*counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func TestGetSubjectTakesTwoStatements(t *testing.T) {
	statements := new(counter)
	db, err := pg.Open(t.Context(), pgtest.URL(t, coherence.Set(), events.Set(), Migrations()), pg.Options{Tracer: statements, AllowPlaintext: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	h := newHarness(t, NewStores(database.Postgres(db)))
	ada := h.subject(t, "ada")
	req := &directoryv1.GetSubjectRequest{Sub: ada.GetSub()}
	for i := range 20 {
		w := h.workspace(t, fmt.Sprintf("workspace %02d", i))
		h.member(t, ada, w, "viewer")
		p := h.project(t, w, "p")
		if i%2 == 0 {
			req.WorkspaceIds = append(req.WorkspaceIds, w.GetWorkspaceId())
		} else {
			req.ProjectIds = append(req.ProjectIds, p.GetProjectId())
		}
	}
	before := statements.n.Load()
	got, err := h.authorize.GetSubject(t.Context(), req)
	if err != nil {
		t.Fatalf("GetSubject() = %v", err)
	}
	if n := statements.n.Load() - before; n != 2 {
		t.Errorf("GetSubject() took %d statements, want 2", n)
	}
	if len(got.GetMemberships()) != 20 || len(got.GetProjects()) != 10 {
		t.Errorf("GetSubject() = %d memberships, %d projects, want 20 and 10", len(got.GetMemberships()), len(got.GetProjects()))
	}
}

func TestConfigCheck(t *testing.T) {
	if err := Default().Check(); err != nil {
		t.Errorf("Default().Check() = %v", err)
	}
	for name, breakIt := range map[string]func(*Config){
		"no memory":         func(c *Config) { c.Argon2id.MemoryKiB = 0 },
		"no passes":         func(c *Config) { c.Argon2id.Time = 0 },
		"no threads":        func(c *Config) { c.Argon2id.Threads = 0 },
		"no slots":          func(c *Config) { c.HashingSlots = 0 },
		"negative wait":     func(c *Config) { c.HashingWait = -1 },
		"no attempts":       func(c *Config) { c.Attempts.Pair.Attempts = 0 },
		"no attempt window": func(c *Config) { c.Attempts.Pair.Window = 0 },
		"none of a device":  func(c *Config) { c.Attempts.Device.Attempts = 0 },
		"none an account":   func(c *Config) { c.Attempts.Account.Attempts = 0 },
		"none an address":   func(c *Config) { c.Attempts.Address.Attempts = 0 },
		"none a network":    func(c *Config) { c.Attempts.Network.Attempts = 0 },
		"negative delay":    func(c *Config) { c.Attempts.Delay = -1 },
		"no device":         func(c *Config) { c.DeviceLifetime = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Default()
			breakIt(&cfg)
			if err := cfg.Check(); err == nil {
				t.Error("Check() = nil")
			}
		})
	}
}
