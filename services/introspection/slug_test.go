package introspection_test

import (
	"errors"
	"testing"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	"github.com/chancery-auth/chancery/services/introspection"
)

func tellsSlugs(c *introspection.Config) { c.WorkspaceSlug = true }

func TestN179_ValidateTellsTheSlugOfTheOneWorkspace(t *testing.T) {
	e := newEnv(t, tellsSlugs)
	one, two := e.mint(t, userToken(), oneWorkspace), e.mint(t, userToken())
	for range 2 { // Slugs do not change: the second is from memory.
		if got := e.validate(t, one); got.GetWorkspaceSlug() != "acme" || got.GetWorkspaceId() != workspace1.String() {
			t.Errorf("Validate() = %v, want workspace acme", got)
		}
	}
	if n := e.directory.calls.Load(); n != 1 {
		t.Errorf("the directory was asked %d times, want 1", n)
	}
	for name, text := range map[string]string{"two workspaces": two, "no user": e.mint(t, clientToken()), "garbage": "garbage"} {
		if got := e.validate(t, text); got.WorkspaceSlug != nil {
			t.Errorf("%s: Validate() = %v, want no slug", name, got)
		}
	}
	e.restrict(t, coherent.Membership("u1", workspace1, 4, role.None))
	if got := e.validate(t, one); got.WorkspaceSlug != nil || got.WorkspaceId != nil {
		t.Errorf("Validate() = %v of a workspace that was lost", got)
	}
}

func TestValidateTellsNoSlugThatThePresetDoesNotShow(t *testing.T) {
	e := newEnv(t)
	got := e.validate(t, e.mint(t, userToken(), oneWorkspace))
	if got.WorkspaceSlug != nil || got.WorkspaceId == nil || e.directory.calls.Load() != 0 {
		t.Errorf("Validate() = %v after %d calls of the directory, want the id and no call", got, e.directory.calls.Load())
	}
}

func TestWorkspaceWithoutSlugIsAskedForAgain(t *testing.T) {
	e := newEnv(t, tellsSlugs)
	text := e.mint(t, userToken(), oneWorkspace)
	for _, nothing := range []func(){
		func() { delete(e.directory.slugs, workspace1.String()) },
		func() { e.directory.slugs[workspace1.String()] = "" },
	} {
		nothing()
		if got := e.validate(t, text); !got.GetActive() || got.WorkspaceSlug != nil {
			t.Errorf("Validate() = %v, want it active without a slug", got)
		}
	}
	e.directory.slugs[workspace1.String()] = "acme"
	if got := e.validate(t, text); got.GetWorkspaceSlug() != "acme" {
		t.Errorf("Validate() = %v, want the slug", got)
	}
}

// An answer without the address would say that the token is bound to no workspace.
func TestDirectoryThatIsAwayIsNoAnswerWithoutAddress(t *testing.T) {
	e := newEnv(t, tellsSlugs)
	text := e.mint(t, userToken(), oneWorkspace)
	e.directory.goAway(fault.New(fault.Unavailable, "away"))
	if resp, err := e.client.Validate(t.Context(), &introspectionv1.ValidateRequest{AccessToken: text}); !errors.Is(err, oauth.TemporarilyUnavailable) {
		t.Errorf("Validate() = %v, %v, want temporarily_unavailable", resp, err)
	}
	if e.validate(t, "garbage").GetActive() {
		t.Error("garbage is active")
	}
	e.directory.goAway(nil)
	if got := e.validate(t, text); got.GetWorkspaceSlug() != "acme" {
		t.Errorf("Validate() = %v, want the slug once the directory is back", got)
	}
	e.directory.goAway(fault.New(fault.Unavailable, "away"))
	if got := e.validate(t, text); got.GetWorkspaceSlug() != "acme" {
		t.Errorf("Validate() = %v, want the slug from memory", got)
	}
}
