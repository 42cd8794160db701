package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
)

// Who asks for changes, as records name them.
const (
	byAdmin     = "admin"
	byGateway   = "gateway"
	byAuthorize = "authorize"
	byToken     = "token"
)

// anyID stands for an id that nobody outside is told.
const anyID = "*"

// Every change that can be asked for is in the audit log, once, with its ids and
// who asked.
func TestEveryChangeIsInTheAuditLog(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		tour := newTour(t, start(t, append(flags, skipping(t)...)...))
		tour.everything(t)
		tour.checkTypes(t)
		tour.checkCounts(t)
		tour.checkCanaries(t, "the audit log", tour.s.chancery(t, "audit", "list", "--limit", "1000", "--json"))
	})
}

// tour goes through a server and notes what the audit log says of each step.
type tour struct {
	s    *server
	app  *app
	user *person
	// seen are the records so far, by id.
	seen map[string]*eventv1.Event
	// canaries are what no record may hold, by what they are.
	canaries map[string]string
}

// newTour begins behind what the server's start has left.
func newTour(t *testing.T, s *server) *tour {
	t.Helper()
	r := &tour{
		s: s, app: newApp(t, s, "openid", "workspace:member", "offline_access"), user: newPerson(t, s),
		seen: make(map[string]*eventv1.Event),
		canaries: map[string]string{
			"password": s.Demo.User.Password, "client secret": s.Demo.Client.ClientSecret,
			"redirect URI": s.Demo.Client.RedirectURI, "e-mail address": "demo@example.com", "workspace's name": s.Demo.Workspaces[0].Name,
			"admin credential": strings.TrimSpace(readFile(t, s.AdminCredential)),
		},
	}
	var purposes []string
	for _, e := range r.next(t) {
		if e.GetType() == string(event.KeyCreated) {
			purposes = append(purposes, e.GetReason())
		}
	}
	slices.Sort(purposes)
	if diff := cmp.Diff([]string{"sealing", "signing", "signing"}, purposes); diff != "" {
		t.Errorf("the first keys (-want +got):\n%s", diff)
	}
	return r
}

// everything goes through every change there is.
func (r *tour) everything(t *testing.T) {
	t.Helper()
	for _, step := range []func(*tour, *testing.T){
		(*tour).clients, (*tour).users, (*tour).workspaces, (*tour).signIn, (*tour).replayedCode, (*tour).reusedRefresh,
		(*tour).repeatedRefresh,
		(*tour).revocations, (*tour).sessions, (*tour).keys,
	} {
		step(r, t)
	}
	for name, value := range r.user.cookies {
		r.canaries["cookie "+name] = value
	}
}

// next returns what was recorded since the call before, newest first.
func (r *tour) next(t testing.TB) (fresh []*eventv1.Event) {
	t.Helper()
	list := decode[struct{ Records []json.RawMessage }](t, r.s.chancery(t, "audit", "list", "--limit", "1000", "--json"))
	for _, record := range list.Records {
		e := &eventv1.Event{}
		if err := protojson.Unmarshal(record, e); err != nil {
			t.Fatal(err)
		}
		if r.seen[e.GetId()] == nil {
			r.seen[e.GetId()] = e
			fresh = append(fresh, e)
			eventtest.CheckIDs(t, e)
		}
	}
	return fresh
}

// check says that exactly want was recorded since the last look, by the caller.
func (r *tour) check(t *testing.T, caller string, want ...*eventv1.Event) {
	t.Helper()
	for _, e := range want {
		if e.GetCaller() == "" {
			e.Caller = caller
		}
	}
	got := r.next(t)
	for _, list := range [][]*eventv1.Event{want, got} {
		slices.SortFunc(list, func(a, b *eventv1.Event) int {
			return strings.Compare(a.GetType()+a.GetKeyId(), b.GetType()+b.GetKeyId())
		})
	}
	for i := range min(len(want), len(got)) {
		if want[i].GetFamilyId() == anyID && got[i].GetFamilyId() != "" {
			got[i] = proto.CloneOf(got[i])
			got[i].FamilyId = anyID
		}
	}
	diff := cmp.Diff(want, got, protocmp.Transform(), cmpopts.EquateEmpty(), protocmp.IgnoreFields(&eventv1.Event{}, "id", "event_time", "trace_id"))
	if diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

// checkTypes says that no type of event was left out.
func (r *tour) checkTypes(t *testing.T) {
	t.Helper()
	types := make(map[event.Type]bool)
	for _, e := range r.seen {
		types[event.Type(e.GetType())] = true
	}
	// It needs a server that does not run.
	types[event.RestoreEpochRaised] = true
	got, want := slices.Sorted(maps.Keys(types)), slices.Sorted(slices.Values(event.Types()))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("types of records (-want +got):\n%s", diff)
	}
}

// checkCounts says that reuse of each kind was counted once.
func (r *tour) checkCounts(t *testing.T) {
	t.Helper()
	_, metrics := ask(t, http.MethodGet, "http://"+r.s.Internal+"/metrics", nil)
	for _, name := range []string{"chancery_refresh_reuse_total", "chancery_refresh_repeat_total", "chancery_code_replay_total"} {
		if !regexp.MustCompile(`(?m)^` + name + `({.*})? 1$`).Match(metrics) {
			t.Errorf("%s is not 1 in\n%s", name, metrics)
		}
	}
	issued := regexp.MustCompile(`(?m)^chancery_tokens_issued_total{.*grant_type="client_credentials".*} 1$`)
	if !issued.Match(metrics) {
		t.Errorf("the client's own token is not counted in\n%s", metrics)
	}
}

// checkCanaries is N277: there is nothing but ids in what others may read.
func (r *tour) checkCanaries(t *testing.T, place string, content []byte) {
	t.Helper()
	for name, value := range r.canaries {
		switch {
		case value == "":
			t.Errorf("there is no %s to look for", name)
		case strings.Contains(string(content), value):
			t.Errorf("the %s is in %s", name, place)
		}
	}
}

// N291: what cannot be recorded is refused, and has not happened.
func TestN291_UnrecordedChangesAreRefused(t *testing.T) {
	for _, db := range databases() {
		if db.name != "postgres" {
			continue
		}
		flags := db.flags(t)
		r := newTour(t, start(t, append(flags, skipping(t)...)...))
		token := r.fresh(t)
		grantID := r.grant(t).GrantId
		conn, err := pgx.Connect(t.Context(), flags[1])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(t.Context()) })
		for _, statement := range []string{
			`CREATE FUNCTION event.full() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''full''; END'`,
			`CREATE TRIGGER refuse BEFORE INSERT ON event.audit_log FOR EACH ROW EXECUTE FUNCTION event.full()`,
		} {
			if _, err := conn.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		clientID := r.s.Demo.Client.ClientID
		for _, args := range [][]string{
			{"grant", "revoke", grantID},
			{"client", "delete", clientID},
			{"client", "update", clientID, "--name", "Renamed"},
			{"user", "disable", r.s.Demo.User.Sub},
			{"token", "revoke", token.AccessToken},
			{"key", "rotate", "--at-once"},
		} {
			if _, err := r.s.try("", args...); exitCode(err) != 1 {
				t.Errorf("chancery %s: %v, want it refused", args, err)
			}
		}
		if got := r.grant(t); got.GrantId != grantID {
			t.Errorf("the grant is %v, want %s", got, grantID)
		}
		if out := string(r.s.chancery(t, "client", "get", clientID, "--json")); strings.Contains(out, "Renamed") {
			t.Errorf("the client is %s", out)
		}
		if !introspect(t, r.s, token.AccessToken).Active {
			t.Error("the token ended")
		}
		if _, err := r.app.TokenSource(t.Context(), refreshOnly(token)).Token(); err != nil {
			t.Errorf("what needs no record fails: %v", err)
		}
		r.check(t, "")
	}
}
