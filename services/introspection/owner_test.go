package introspection_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
)

// Whoever leaves the workspace that owns an internal app loses its tokens
// wherever they are shown, and nobody else does.
func TestN306_WhoLeavesTheOwnerLosesTheTokenEverywhere(t *testing.T) {
	e := newEnv(t)
	owner := uuid.New()
	internal := e.mint(t, userToken(), func(a *credential.AccessToken) {
		a.Required = credential.Workspace{ID: owner, Role: role.Viewer, MembershipVersion: 3}
	})
	open := e.mint(t, userToken())
	check := func(text string, want bool) {
		t.Helper()
		resp := e.introspect(t, "api", text)
		if resp.GetActive() != want {
			t.Errorf("Introspect() = active %v, want %v", resp.GetActive(), want)
		}
		for _, w := range resp.GetWorkspaces() {
			if w.GetId() == owner.String() {
				t.Error("the owner is shared with the client")
			}
		}
		if got := e.validate(t, text).GetActive(); got != want {
			t.Errorf("Validate() = active %v, want %v", got, want)
		}
		var refused error
		if !want {
			refused = oauth.InvalidToken
		}
		if _, err := e.userInfo(t, text); !errors.Is(err, refused) {
			t.Errorf("UserInfo() = %v, want %v", err, refused)
		}
	}
	check(internal, true)
	e.restrict(t, coherent.Membership("u2", owner, 9, role.None), coherent.Membership("u1", owner, 4, role.Viewer))
	check(internal, true)
	e.restrict(t, coherent.Membership("u1", owner, 5, role.None))
	check(internal, false)
	check(open, true)
}
