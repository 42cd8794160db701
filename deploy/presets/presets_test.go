package presets_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/deploy/presets"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
)

func load(t *testing.T, name string) preset.Preset {
	t.Helper()
	p, err := presets.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestEveryPresetLoadsUnderItsName(t *testing.T) {
	if got, want := presets.Names(), []string{"chancery", "railway", "roboflow"}; !slices.Equal(got, want) {
		t.Errorf("Names() = %v, want %v", got, want)
	}
	for _, name := range presets.Names() {
		if p := load(t, name); p.Name != name {
			t.Errorf("the preset %s has the name %s", name, p.Name)
		}
	}
}

func TestUnknownNameIsRefusedWithTheKnownOnes(t *testing.T) {
	for _, name := range []string{"railwy", "", "../railway", "railway.yaml", "presets.go"} {
		if _, err := presets.Load(name); err == nil || !strings.Contains(err.Error(), "chancery, railway, roboflow") {
			t.Errorf("Load(%q) = %v, want an error that names the presets", name, err)
		}
	}
}

func TestPrintedPresetIsTheSame(t *testing.T) {
	for _, name := range presets.Names() {
		p := load(t, name)
		var b bytes.Buffer
		if err := preset.Print(&b, p); err != nil {
			t.Fatal(err)
		}
		again, err := preset.Parse(name+".yaml", b.Bytes())
		if diff := cmp.Diff(p, again); err != nil || diff != "" {
			t.Errorf("%s printed and read again: %v\n%s", name, err, diff)
		}
	}
}

// The consent page speaks to people: every scope of every preset has a sentence
// without a full stop, and a detail with one.
func TestEveryScopeReadsWell(t *testing.T) {
	for _, name := range presets.Names() {
		for _, s := range load(t, name).Scopes {
			if strings.HasSuffix(s.Description, ".") || !strings.HasSuffix(s.Detail, ".") || strings.ToUpper(s.Description[:1]) != s.Description[:1] {
				t.Errorf("%s, %s: %q, %q", name, s.Name, s.Description, s.Detail)
			}
		}
	}
}

func TestRailway(t *testing.T) {
	p := load(t, "railway")
	want := preset.Paths{
		Authorize: "/oauth/auth", Token: "/oauth/token", PushedAuthorization: "/oauth/request", Introspect: "/oauth/introspect",
		Revoke: "/oauth/revoke", Validate: "/oauth/validate", UserInfo: "/oauth/me", Registration: "/oauth/register", JWKS: "/oauth/jwks",
	}
	if diff := cmp.Diff(want, p.Paths); diff != "" || p.IssuerPath != "/oauth" {
		t.Errorf("issuer path %q, paths:\n%s", p.IssuerPath, diff)
	}
	names := oauth.Scope{"openid", "email", "profile", "workspace:viewer", "workspace:member", "workspace:admin", "project:viewer", "project:member", "offline_access"}
	if diff := cmp.Diff(names, p.Scopes.Grantable()); diff != "" {
		t.Errorf("scopes:\n%s", diff)
	}
	if got := p.Scopes.Claims(names); !slices.Equal(got, []string{"email", "name", "picture"}) || p.IDToken.ScopeClaims {
		t.Errorf("claims are %v, in ID tokens: %t", got, p.IDToken.ScopeClaims)
	}
	if p.Lifetimes.AccessToken != time.Hour || p.Lifetimes.RefreshToken != 365*24*time.Hour || p.Clients.Web.RequirePKCE || !p.Clients.Native.RequirePKCE {
		t.Errorf("lifetimes %+v, clients %+v", p.Lifetimes, p.Clients)
	}
	refresh := preset.Refresh{
		Confidential: "threshold", Public: "threshold", Threshold: 0.7, Window: preset.WindowStrict, MaxFamilies: 100, NeedsPromptConsent: true,
	}
	if diff := cmp.Diff(refresh, p.Refresh); diff != "" {
		t.Errorf("refresh:\n%s", diff)
	}
	if !slices.Equal(p.Authorization.RequiredScope, []string{"openid"}) || !p.Authorization.ScopeMandatory || p.Authorization.VariableLoopbackPort || !p.Consent.SkipPublic || p.Registration.Mode != preset.RegistrationOpen {
		t.Errorf("authorization %+v, consent %+v, registration %+v", p.Authorization, p.Consent, p.Registration)
	}
}

func TestRoboflow(t *testing.T) {
	p := load(t, "roboflow")
	want := preset.Default().Paths
	if diff := cmp.Diff(want, p.Paths); diff != "" || p.IssuerPath != "" {
		t.Errorf("issuer path %q, paths:\n%s", p.IssuerPath, diff)
	}
	prefixes := preset.Prefixes{AccessToken: "rfoa", RefreshToken: "rfrt", Code: "rfac", ClientSecret: "rfcs", RegistrationToken: "rfra", InitialAccessToken: "rfia"}
	if diff := cmp.Diff(prefixes, p.Prefixes); diff != "" {
		t.Errorf("prefixes:\n%s", diff)
	}
	api := strings.Fields(`workspace:read project:create project:read project:update image:create image:read image:tag image:annotate
		model:infer model:deploy model:manage model-eval:read workflow:create workflow:read workflow:update version:create
		version:read version:update training-job:create folder:create folder:read folder:update folder:delete device:read
		device:update vision-events:read vision-events:write vision-events:manage annotation-job:create annotation-job:read
		video-inference-job:create video-inference-job:read integration:create integration:delete credentials:create
		credentials:read credentials:update credentials:delete data-staging:read data-staging:write data-staging:delete
		batch-processing:read batch-processing:trigger batch:read workspace-stats:read`)
	if got := p.Scopes.Names(preset.Workspace); !got.Equal(api) || len(got) != len(api) {
		t.Errorf("API scopes lack %v, and have %v beyond", oauth.Scope(api).Without(got...), got.Without(api...))
	}
	if got := p.Scopes.Names(preset.Identity); !got.Equal(oauth.Scope{"openid", "profile", "email", "offline_access"}) {
		t.Errorf("identity scopes are %v", got)
	}
	for _, s := range p.Scopes {
		if reads := s.Level == role.Viewer; s.Kind == preset.Workspace && reads == s.Sensitive {
			t.Errorf("%s: level %s, sensitive %t", s.Name, s.Level, s.Sensitive)
		}
	}
	mcp := preset.ClientKind{Name: "mcp", AccessToken: 24 * time.Hour}
	if !cmp.Equal(p.Clients.Kinds, []preset.ClientKind{mcp}) || !p.Clients.PKCEMandatory || p.Clients.Web.TokenEndpointAuthMethod != "client_secret_post" || p.Registration.ClientKind != "mcp" {
		t.Errorf("clients %+v, registration %+v", p.Clients, p.Registration)
	}
	refresh := preset.Refresh{Confidential: "threshold", Public: "always", Threshold: 0.7, Grace: 30 * time.Second, MaxFamilies: 100, Unasked: true}
	if diff := cmp.Diff(refresh, p.Refresh); diff != "" || p.Lifetimes.RefreshToken != 720*time.Hour {
		t.Errorf("refresh:\n%s", diff)
	}
	if !p.Consent.SingleWorkspace || p.Consent.SkipPublic || !p.IDToken.ScopeClaims || p.Validate.WorkspaceURL != "{slug}" || p.Authorization.VariableLoopbackPort {
		t.Errorf("consent %+v, ID token %+v, validate %+v", p.Consent, p.IDToken, p.Validate)
	}
}
