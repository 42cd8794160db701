package gateway_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/gateway"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

const (
	grantID     = "0b8f0c5e-7b1c-4b87-8f0a-3c7a3f1d2e01"
	workspaceID = "0b8f0c5e-7b1c-4b87-8f0a-3c7a3f1d2e02"
	appID       = "0b8f0c5e-7b1c-4b87-8f0a-3c7a3f1d2e03"
	secretID    = "0b8f0c5e-7b1c-4b87-8f0a-3c7a3f1d2e04"
	sessionID   = "0b8f0c5e-7b1c-4b87-8f0a-3c7a3f1d2e05"
)

// signedInCookies are those of a browser in which u1 is signed in.
const signedInCookies = "__Host-session=s1"

// mark is that of the session s1.
func mark() string {
	sum := sha256.Sum256([]byte("chancery session mark" + "s1"))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// deskForm is a form of u1's own, and onceForm one that counts once.
func deskForm(rest string) string {
	return "form_token=" + tokenFor("s1") + "&session_mark=" + mark() + "&" + rest
}

func onceForm(rest string) string {
	return "form_token=" + tokenFor("s1 o1") + "&session_mark=" + mark() + "&" + rest
}

// deskWorld is one where u1 has signed in a minute ago with the session s1, and
// u2 with s2.
func deskWorld(t *testing.T, change ...func(*gateway.Config)) *world {
	t.Helper()
	w := newWorld(t, append(change, withoutRates)...)
	w.signInAge(time.Minute)
	return w
}

// signInAge has the sessions be so old.
func (w *world) signInAge(age time.Duration) {
	subs := map[string]string{"s1": "u1", "s2": "u2"}
	w.authorize.session = func(req *authorizev1.GetSessionRequest) (*authorizev1.GetSessionResponse, error) {
		sub, ok := subs[req.GetBrowser().GetSession()]
		if !ok {
			return nil, fault.New(fault.NotFound, "nobody is signed in")
		}
		return &authorizev1.GetSessionResponse{
			Session: &authorizev1.Session{SessionId: sessionID, Sub: sub, Age: durationpb.New(age)},
			Account: &authorizev1.Account{Sub: sub, Username: sub + "@example"},
		}, nil
	}
}

// developerScript is a registry with one app, in whose workspace u1 is an admin.
type developerScript struct {
	registryv1.UnimplementedDeveloperServiceServer
	script
	fail    error
	created []*registryv1.CreateAppRequest
	updated []*registryv1.UpdateAppRequest
	deleted []*registryv1.DeleteAppRequest
	logos   []*registryv1.SetAppLogoRequest
	secrets int
	revoked []*registryv1.RevokeAppSecretRequest
	public  bool
}

func (s *developerScript) app() *registryv1.Client {
	c := &registryv1.Client{
		ClientId: appID, ClientName: "Ledger Sync", Description: "Keeps books.", ApplicationType: "web",
		TokenEndpointAuthMethod: "client_secret_basic", RedirectUris: []string{"https://one.example/cb", "https://two.example/cb"},
		Scope: "openid email", ClientUri: "https://ledger.example", WorkspaceId: workspaceID, Visibility: "unlisted", Revision: 7,
		LogoDigest: strings.Repeat("ab", 32),
	}
	if s.public {
		c.ApplicationType, c.TokenEndpointAuthMethod = "native", "none"
	}
	return c
}

func (s *developerScript) ListApps(ctx context.Context, req *registryv1.ListAppsRequest) (*registryv1.ListAppsResponse, error) {
	s.note(ctx)
	if req.GetSub() != "u1" {
		return &registryv1.ListAppsResponse{}, nil
	}
	return &registryv1.ListAppsResponse{Workspaces: []*registryv1.AppWorkspace{
		{WorkspaceId: workspaceID, Name: "Example Works", Apps: []*registryv1.Client{s.app()}},
	}}, nil
}

// may is what the registry decides: u1 is an admin, u3 no admin, others have no
// part.
func (s *developerScript) may(ctx context.Context, sub, client string) error {
	s.note(ctx)
	switch {
	case sub == "u3":
		return fault.New(fault.Denied, "only admins may")
	case sub != "u1" || client != appID:
		return fault.New(fault.NotFound, "there is no such app")
	}
	return nil
}

func (s *developerScript) GetApp(ctx context.Context, req *registryv1.GetAppRequest) (*registryv1.GetAppResponse, error) {
	if err := s.may(ctx, req.GetSub(), req.GetClientId()); err != nil {
		return nil, err
	}
	return &registryv1.GetAppResponse{App: s.app(), WorkspaceName: "Example Works", Secrets: []*registryv1.Secret{
		{SecretId: secretID, Hint: "wxyz", CreateTime: timestamppb.New(start)},
	}}, nil
}

func (s *developerScript) CreateApp(ctx context.Context, req *registryv1.CreateAppRequest) (*registryv1.CreateAppResponse, error) {
	s.note(ctx)
	if s.fail != nil {
		return nil, s.fail
	}
	s.created = append(s.created, req)
	if s.public {
		return &registryv1.CreateAppResponse{App: s.app()}, nil
	}
	return &registryv1.CreateAppResponse{App: s.app(), ClientSecret: "chcs_first"}, nil
}

func (s *developerScript) UpdateApp(ctx context.Context, req *registryv1.UpdateAppRequest) (*registryv1.UpdateAppResponse, error) {
	if err := s.may(ctx, req.GetSub(), req.GetApp().GetClientId()); err != nil {
		return nil, err
	}
	if s.fail == nil && req.GetApp().GetRevision() != 7 {
		return nil, fault.New(fault.Conflict, "the app has changed")
	}
	if s.fail != nil {
		return nil, s.fail
	}
	s.updated = append(s.updated, req)
	return &registryv1.UpdateAppResponse{App: s.app()}, nil
}

func (s *developerScript) DeleteApp(ctx context.Context, req *registryv1.DeleteAppRequest) (*registryv1.DeleteAppResponse, error) {
	s.note(ctx)
	s.deleted = append(s.deleted, req)
	return &registryv1.DeleteAppResponse{}, s.fail
}

func (s *developerScript) CreateAppSecret(ctx context.Context, _ *registryv1.CreateAppSecretRequest) (*registryv1.CreateAppSecretResponse, error) {
	s.note(ctx)
	if s.fail != nil {
		return nil, s.fail
	}
	s.secrets++
	return &registryv1.CreateAppSecretResponse{SecretId: secretID, ClientSecret: "chcs_another"}, nil
}

func (s *developerScript) RevokeAppSecret(ctx context.Context, req *registryv1.RevokeAppSecretRequest) (*registryv1.RevokeAppSecretResponse, error) {
	s.note(ctx)
	s.revoked = append(s.revoked, req)
	return &registryv1.RevokeAppSecretResponse{}, s.fail
}

func (s *developerScript) SetAppLogo(ctx context.Context, req *registryv1.SetAppLogoRequest) (*registryv1.SetAppLogoResponse, error) {
	s.note(ctx)
	s.logos = append(s.logos, req)
	return &registryv1.SetAppLogoResponse{}, s.fail
}

// consentScript has one grant of u1.
type consentScript struct {
	consentv1.UnimplementedConsentServiceServer
	script
	fail     error
	before   int // how many grants are before it
	change   func(*consentv1.GrantDescription)
	describe *consentv1.DescribeGrantsRequest
	updated  []*consentv1.UpdateGrantResourcesRequest
	revoked  []*consentv1.RevokeGrantRequest
}

func (s *consentScript) DescribeGrants(ctx context.Context, req *consentv1.DescribeGrantsRequest) (*consentv1.DescribeGrantsResponse, error) {
	s.note(ctx)
	s.describe = req
	switch {
	case req.GetPageToken() != "" && req.GetPageToken() != "next":
		return nil, fault.New(fault.Invalid, "page token is not one of this list")
	case req.GetSub() != "u1":
		return &consentv1.DescribeGrantsResponse{}, nil
	}
	resp := &consentv1.DescribeGrantsResponse{}
	for i := range s.before {
		resp.Grants = append(resp.Grants, &consentv1.GrantDescription{Grant: &consentv1.Grant{GrantId: "before-" + string(rune('a'+i)), ClientId: "gone"}})
	}
	resp.Grants = append(resp.Grants, s.grant())
	if size := int(req.GetPageSize()); len(resp.GetGrants()) > size {
		resp.Grants, resp.NextPageToken = resp.GetGrants()[:size], "next"
	}
	return resp, nil
}

func (s *consentScript) DescribeGrant(ctx context.Context, req *consentv1.DescribeGrantRequest) (*consentv1.DescribeGrantResponse, error) {
	s.note(ctx)
	if req.GetSub() != "u1" || req.GetGrantId() != grantID {
		return nil, fault.New(fault.NotFound, "no such grant")
	}
	return &consentv1.DescribeGrantResponse{Grant: s.grant()}, nil
}

func (s *consentScript) grant() *consentv1.GrantDescription {
	described := grantOfU1()
	if s.change != nil {
		s.change(described)
	}
	return described
}

func grantOfU1() *consentv1.GrantDescription {
	return &consentv1.GrantDescription{
		Grant:  &consentv1.Grant{GrantId: grantID, ClientId: appID, CreateTime: timestamppb.New(start)},
		Scopes: []*registryv1.ScopeDescription{{Name: "openid", Description: "Know who you are", Group: "About you"}},
		Workspaces: []*consentv1.WorkspaceChoice{
			{WorkspaceId: "w1", Name: "First", Role: "member", Selected: true, ApprovedScope: "workspace:viewer", ApprovedRole: "viewer"},
			{WorkspaceId: "w2", Name: "Second", Role: "admin"},
		},
		Projects:       []*consentv1.ProjectChoice{{ProjectId: "p1", Name: "Alpha", WorkspaceId: "w1", WorkspaceName: "First", Role: "member", Selected: true, ApprovedScope: "project:viewer", ApprovedRole: "viewer"}},
		Levels:         ladderLevels(),
		WorkspaceLevel: "member", ProjectLevel: "viewer",
	}
}

// ladderLevels is what the default preset can share a resource with.
func ladderLevels() []*registryv1.ScopeDescription {
	var levels []*registryv1.ScopeDescription
	for _, s := range preset.Default().Scopes {
		switch s.Kind {
		case preset.Workspace:
			levels = append(levels, &registryv1.ScopeDescription{Name: s.Name, Description: s.Description, Kind: registryv1.ScopeDescription_KIND_WORKSPACE})
		case preset.Project:
			levels = append(levels, &registryv1.ScopeDescription{Name: s.Name, Description: s.Description, Kind: registryv1.ScopeDescription_KIND_PROJECT})
		default:
		}
	}
	return levels
}

// separate is five permissions in a workspace, none of which stands for another.
var separate = []string{"image:tag", "project:update", "project:read", "image:read", "folder:read"}

// separateScopes has the preset know them.
func separateScopes(c *gateway.Config) {
	c.Preset.Scopes = nil
	for _, name := range separate {
		c.Preset.Scopes = append(c.Preset.Scopes, preset.Scope{Name: name, Kind: preset.Workspace, Level: role.Member})
	}
}

// separateLevels is each of them in words.
func separateLevels() []*registryv1.ScopeDescription {
	var levels []*registryv1.ScopeDescription
	for _, name := range separate {
		levels = append(levels, &registryv1.ScopeDescription{
			Name: name, Description: "Do " + name, Kind: registryv1.ScopeDescription_KIND_WORKSPACE,
		})
	}
	return levels
}

func (s *consentScript) UpdateGrantResources(ctx context.Context, req *consentv1.UpdateGrantResourcesRequest) (*consentv1.UpdateGrantResourcesResponse, error) {
	s.note(ctx)
	if s.fail != nil {
		return nil, s.fail
	}
	s.updated = append(s.updated, req)
	return &consentv1.UpdateGrantResourcesResponse{}, nil
}

func (s *consentScript) RevokeGrant(ctx context.Context, req *consentv1.RevokeGrantRequest) (*consentv1.RevokeGrantResponse, error) {
	s.note(ctx)
	if s.fail != nil {
		return nil, s.fail
	}
	s.revoked = append(s.revoked, req)
	return &consentv1.RevokeGrantResponse{}, nil
}

type directoryScript struct {
	directoryv1.UnimplementedDirectoryServiceServer
	script
	fail error
	// rules is the answer about passwords, in place of the usual ones.
	rules error
}

func (s *directoryScript) GetPasswordRules(ctx context.Context, _ *directoryv1.GetPasswordRulesRequest) (*directoryv1.GetPasswordRulesResponse, error) {
	s.note(ctx)
	return &directoryv1.GetPasswordRulesResponse{MinLength: 8, MaxLength: 1024}, s.rules
}

func (s *directoryScript) BatchGetWorkspaces(ctx context.Context, req *directoryv1.BatchGetWorkspacesRequest) (*directoryv1.BatchGetWorkspacesResponse, error) {
	s.note(ctx)
	resp := &directoryv1.BatchGetWorkspacesResponse{}
	for _, id := range req.GetWorkspaceIds() {
		if id == workspaceID {
			resp.Workspaces = append(resp.Workspaces, &directoryv1.Workspace{WorkspaceId: id, Name: "Example Works"})
		}
	}
	return resp, s.fail
}

func (s *registryScript) GetClient(ctx context.Context, req *registryv1.GetClientRequest) (*registryv1.GetClientResponse, error) {
	s.note(ctx)
	if req.GetClientId() != appID {
		return nil, fault.New(fault.NotFound, "there is no such client")
	}
	return &registryv1.GetClientResponse{Client: (&developerScript{}).app()}, nil
}

func (s *registryScript) ListScopes(ctx context.Context, _ *registryv1.ListScopesRequest) (*registryv1.ListScopesResponse, error) {
	s.note(ctx)
	return &registryv1.ListScopesResponse{Scopes: []*registryv1.ScopeDescription{
		{Name: "openid", Description: "Know who you are", Group: "About you", Kind: registryv1.ScopeDescription_KIND_IDENTITY},
		{Name: "email", Description: "See your address", Group: "About you", Kind: registryv1.ScopeDescription_KIND_IDENTITY},
		{Name: "introspect", Description: "Ask about tokens", Group: "This app", Kind: registryv1.ScopeDescription_KIND_CLIENT},
	}}, nil
}

func (s *registryScript) ListPublicClients(ctx context.Context, req *registryv1.ListPublicClientsRequest) (*registryv1.ListPublicClientsResponse, error) {
	s.note(ctx)
	if req.GetPageToken() == "forged" {
		return nil, fault.New(fault.Invalid, "page token is not one of this list")
	}
	app := (&developerScript{}).app()
	app.Description = "Found by " + req.GetQuery()
	return &registryv1.ListPublicClientsResponse{Clients: []*registryv1.Client{app}, NextPageToken: "n&2"}, nil
}

func (s *registryScript) GetLogo(ctx context.Context, req *registryv1.GetLogoRequest) (*registryv1.GetLogoResponse, error) {
	s.note(ctx)
	if req.GetLogoDigest() != strings.Repeat("ab", 32) {
		return nil, fault.New(fault.NotFound, "there is no such logo")
	}
	return &registryv1.GetLogoResponse{Png: []byte("\x89PNG")}, nil
}
