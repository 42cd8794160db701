package introspection_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

func (e *env) validate(t *testing.T, text string) *introspectionv1.ValidateResponse {
	t.Helper()
	resp, err := e.client.Validate(t.Context(), &introspectionv1.ValidateRequest{AccessToken: text})
	if err != nil {
		t.Fatalf("Validate() = %v", err)
	}
	return resp
}

func oneWorkspace(a *credential.AccessToken) {
	a.Resources.Workspaces = a.Resources.Workspaces[:1]
	a.Resources.Projects = nil
	a.Scope = oauth.Scope{"openid", "workspace:member"}
}

func TestN176_N177_DeadTokensValidateAlike(t *testing.T) {
	e := newEnv(t)
	good := e.mint(t, userToken())
	if !e.validate(t, good).GetActive() {
		t.Fatal("the good token is not active")
	}
	code, err := e.sealer.SealCode(credential.AuthorizationCode{ClientID: "c1", ExpireTime: start.AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := sealerOf(t, "https://other.test", e.key).SealAccessToken(userToken())
	if err != nil {
		t.Fatal(err)
	}
	e.restrict(t, coherent.Grant(uuid.Max, 4))
	for name, text := range map[string]string{
		"none": "", "garbage": "garbage", "code": code, "other issuer": foreign, "changed": good[:40] + string(good[40]^1) + good[41:],
		"expired": e.mint(t, userToken(), func(a *credential.AccessToken) { a.ExpireTime = start }),
		"revoked": e.mint(t, userToken(), func(a *credential.AccessToken) { a.GrantID = uuid.Max }),
	} {
		if diff := cmp.Diff(&introspectionv1.ValidateResponse{}, e.validate(t, text), protocmp.Transform()); diff != "" {
			t.Errorf("%s: Validate() (-want +got):\n%s", name, diff)
		}
	}
}

func TestN178_ValidateNeedsLeaseForActive(t *testing.T) {
	e := newEnv(t)
	text := e.mint(t, userToken())
	e.loseLease()
	if resp, err := e.client.Validate(t.Context(), &introspectionv1.ValidateRequest{AccessToken: text}); !errors.Is(err, oauth.TemporarilyUnavailable) {
		t.Errorf("Validate() = %v, %v without a lease, want temporarily_unavailable", resp, err)
	}
	if e.validate(t, "garbage").GetActive() {
		t.Error("garbage is active")
	}
}

func TestN179_N182_ValidateTellsTheHolderWhatItNeeds(t *testing.T) {
	e := newEnv(t)
	exp := proto.Int64(start.Unix() + 3540)
	tests := []struct {
		name string
		text string
		want *introspectionv1.ValidateResponse
	}{
		{
			"one workspace", e.mint(t, userToken(), oneWorkspace),
			&introspectionv1.ValidateResponse{Active: true, Exp: exp, WorkspaceId: proto.String(workspace1.String()), Scopes: []string{"openid", "workspace:member"}},
		},
		{
			"two workspaces", e.mint(t, userToken()),
			&introspectionv1.ValidateResponse{Active: true, Exp: exp, Scopes: []string{"openid", "email", "workspace:member", "project:viewer"}},
		},
		{
			"no user", e.mint(t, clientToken(), audience(rs1)),
			&introspectionv1.ValidateResponse{Active: true, Exp: exp, Scopes: []string{"openid"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, e.validate(t, tt.text), protocmp.Transform()); diff != "" {
				t.Errorf("Validate() (-want +got):\n%s", diff)
			}
		})
	}
	e.restrict(t, coherent.Membership("u1", workspace1, 4, role.None))
	lost := &introspectionv1.ValidateResponse{Active: true, Exp: exp, Scopes: []string{"openid"}}
	if diff := cmp.Diff(lost, e.validate(t, tests[0].text), protocmp.Transform()); diff != "" {
		t.Errorf("Validate() with every workspace lost (-want +got):\n%s", diff)
	}
}

func (e *env) userInfo(t *testing.T, text string) (map[string]any, error) {
	t.Helper()
	resp, err := e.client.UserInfo(t.Context(), &introspectionv1.UserInfoRequest{AccessToken: text})
	return resp.GetClaims().AsMap(), err
}

func TestN192_N193_N198_UserInfoRefuses(t *testing.T) {
	e := newEnv(t)
	e.restrict(t, coherent.Grant(uuid.Max, 4))
	tests := []struct {
		name string
		text string
		want error
	}{
		{"a good token", e.mint(t, userToken()), nil},
		{"no token", "", oauth.InvalidToken},
		{"garbage", "garbage", oauth.InvalidToken},
		{"expired", e.mint(t, userToken(), func(a *credential.AccessToken) { a.ExpireTime = start }), oauth.InvalidToken},
		{"revoked", e.mint(t, userToken(), func(a *credential.AccessToken) { a.GrantID = uuid.Max }), oauth.InvalidToken},
		{"without openid", e.mint(t, userToken(), scope("email")), oauth.InsufficientScope},
		{"of a client itself", e.mint(t, clientToken()), oauth.InsufficientScope},
		{"for the issuer by name", e.mint(t, userToken(), audience(rs1, issuer)), nil},
		{"for an API only", e.mint(t, userToken(), audience(rs1)), oauth.InvalidToken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := e.directory.calls.Load()
			claims, err := e.userInfo(t, tt.text)
			if !errors.Is(err, tt.want) {
				t.Errorf("UserInfo() = %v, %v, want %v", claims, err, tt.want)
			}
			if asked := e.directory.calls.Load() - before; tt.want != nil && asked != 0 {
				t.Error("the directory was asked")
			}
		})
	}
}

func TestN195_UserInfoGivesWhatScopeOpens(t *testing.T) {
	e := newEnv(t)
	email := map[string]any{"sub": "u1", "email": "u1@x.test", "email_verified": true}
	tests := []struct {
		name  string
		scope []string
		want  map[string]any
	}{
		{"openid", []string{"openid"}, map[string]any{"sub": "u1"}},
		{"email", []string{"openid", "email"}, email},
		{"profile and address", []string{"openid", "profile", "address"}, map[string]any{"sub": "u1", "name": "User One", "address": map[string]any{"country": "NO"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			claims, err := e.userInfo(t, e.mint(t, userToken(), scope(tt.scope...)))
			if diff := cmp.Diff(tt.want, claims); err != nil || diff != "" {
				t.Errorf("UserInfo() = %v (-want +got):\n%s", err, diff)
			}
		})
	}
	text := e.mint(t, userToken(), scope("openid", "email"))
	e.restrict(t, coherent.ClientScope("c1", 4, "openid phone"))
	claims, err := e.userInfo(t, text)
	if diff := cmp.Diff(map[string]any{"sub": "u1"}, claims); err != nil || diff != "" {
		t.Errorf("UserInfo() = %v after the client was narrowed (-want +got):\n%s", err, diff)
	}
}

func TestN196_SubjectThatIsGoneOrDisabled(t *testing.T) {
	tests := []struct {
		name   string
		change func(*env)
		want   error
	}{
		{"as it was", func(*env) {}, nil},
		{"disabled, and the restriction is not here yet", func(e *env) { e.directory.subjects["u1"].Disabled = true }, oauth.InvalidToken},
		{"every token ended, and the restriction is not here yet", func(e *env) { e.directory.subjects["u1"].Version = 4 }, oauth.InvalidToken},
		{"gone", func(e *env) { delete(e.directory.subjects, "u1") }, oauth.InvalidToken},
		{"restricted", func(e *env) { e.state.Join(start.AddDate(1, 0, 0), coherent.Subject("u1", 4)) }, oauth.InvalidToken},
		{"the directory is away", func(e *env) { e.directory.goAway(fault.New(fault.Unavailable, "away")) }, oauth.TemporarilyUnavailable},
		{"the directory fails", func(e *env) { e.directory.goAway(errors.New("broken")) }, oauth.ServerError},
		{"no lease", (*env).loseLease, oauth.TemporarilyUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEnv(t)
			text := e.mint(t, userToken())
			tt.change(e)
			if claims, err := e.userInfo(t, text); !errors.Is(err, tt.want) {
				t.Errorf("UserInfo() = %v, %v, want %v", claims, err, tt.want)
			}
		})
	}
}
