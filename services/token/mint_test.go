package token_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/sweep/sweeptest"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// claims are those of an ID token that verifies under the published keys.
func (f *fixture) claims(t *testing.T, alg, idToken string) map[string]json.RawMessage {
	t.Helper()
	document, err := f.token.GetJwks(t.Context(), &tokenv1.GetJwksRequest{})
	if err != nil || document.GetContentType() != "application/json" {
		t.Fatalf("GetJwks() = %s, %v", document.GetContentType(), err)
	}
	keys, err := jwks.ParsePublicSet(document.GetData())
	if err != nil {
		t.Fatal(err)
	}
	payload, err := keys.Verify(jwks.IDToken, idToken)
	if err != nil {
		t.Fatalf("verify ID token: %v", err)
	}
	header, err := base64.RawURLEncoding.DecodeString(strings.Split(idToken, ".")[0])
	if err != nil || !strings.Contains(string(header), `"alg":"`+alg+`"`) {
		t.Errorf("header = %s, %v, want alg %s", header, err, alg)
	}
	var c map[string]json.RawMessage
	if err := json.Unmarshal(payload, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// OIDC Core §2, §3.1.3.6.
func TestIDToken(t *testing.T) {
	for _, alg := range []string{"", "RS256", "ES256"} {
		t.Run("alg "+alg, func(t *testing.T) {
			f := newFixture(t)
			f.registry.change(c1, func(c *registryv1.Client) { c.IdTokenSignedResponseAlg = alg })
			got := f.signedIn(t)
			want := alg
			if want == "" {
				want = "RS256"
			}
			c := f.claims(t, want, got.GetIdToken())
			token := f.open(t, got.GetAccessToken())
			checkClaims(t, c, map[string]any{
				"iss": issuer, "sub": sub, "aud": c1.id, "auth_time": 1_700_000_000, "nonce": "nonce-1",
				"iat": token.IssueTime.Unix(), "exp": token.IssueTime.Add(time.Hour).Unix(), "at_hash": jwks.AtHash(got.GetAccessToken()),
			})
		})
	}
}

func checkClaims(t *testing.T, got map[string]json.RawMessage, want map[string]any) {
	t.Helper()
	for name, value := range want {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if string(got[name]) != string(text) {
			t.Errorf("%s = %s, want %s", name, got[name], text)
		}
	}
	if len(got) != len(want) {
		t.Errorf("claims = %v, want %v", got, want)
	}
}

// OIDC Core §12.2.
func TestIDTokenOfARefreshHasTheSignInAndNoNonce(t *testing.T) {
	f := newFixture(t)
	got := f.refresh(t, f.signedIn(t).GetRefreshToken())
	c := f.claims(t, "RS256", got.GetIdToken())
	if _, ok := c["nonce"]; ok || string(c["auth_time"]) != "1700000000" || string(c["at_hash"]) != `"`+jwks.AtHash(got.GetAccessToken())+`"` {
		t.Errorf("claims = %v, want the time of the sign-in, another at_hash and no nonce", c)
	}
}

func TestIDTokenWithoutNonceOrWithoutOpenID(t *testing.T) {
	f := newFixture(t)
	got := f.signedIn(t, func(r *tokenv1.IssueCodeRequest) { r.Nonce = "" })
	if _, ok := f.claims(t, "RS256", got.GetIdToken())["nonce"]; ok {
		t.Error("a nonce that nobody sent")
	}
	if got := f.signedIn(t, withScope("offline_access workspace:member")); got.IdToken != nil {
		t.Error("an ID token without openid")
	}
}

func TestSessionBindsOnlyWhatIsNotOffline(t *testing.T) {
	f := newFixture(t)
	offline, online := f.signedIn(t), f.signedIn(t, withScope("openid"))
	if got := f.open(t, offline.GetAccessToken()).SessionID; got != uuid.Nil {
		t.Errorf("with offline_access, the token ends with session %s", got)
	}
	if got := f.open(t, online.GetAccessToken()).SessionID; got != sessionID || online.RefreshToken != nil {
		t.Errorf("without, it ends with %s and has a refresh token: %v", got, online.RefreshToken != nil)
	}
	refreshed := f.refresh(t, offline.GetRefreshToken())
	if got := f.open(t, refreshed.GetAccessToken()).SessionID; got != uuid.Nil {
		t.Errorf("after a refresh, it ends with session %s", got)
	}
	f.registry.change(c1, func(c *registryv1.Client) { c.GrantTypes = []string{oauth.GrantAuthorizationCode} })
	if got := f.signedIn(t); got.RefreshToken != nil || f.open(t, got.GetAccessToken()).SessionID != sessionID {
		t.Error("a client that does not refresh gets a refresh token, or a token that outlives the session")
	}
}

// sharing makes the grant share n workspaces.
func (f *fixture) sharing(n int) {
	id := func(kind, i byte) string { return uuid.UUID{0: kind, 15: i}.String() }
	f.consent.change(func(g *consentv1.Grant) { g.Workspaces, g.Projects = nil, nil })
	f.people.change(func(r *directoryv1.GetSubjectResponse) { r.Memberships, r.Projects = nil, nil })
	for i := range byte(n) {
		f.consent.change(func(g *consentv1.Grant) {
			g.Workspaces = append(g.Workspaces, &consentv1.SharedWorkspace{WorkspaceId: id(1, i), MembershipId: id(2, i)})
		})
		f.people.change(func(r *directoryv1.GetSubjectResponse) {
			r.Memberships = append(r.Memberships, &directoryv1.Membership{WorkspaceId: id(1, i), MembershipId: id(2, i), Role: "admin", Version: int64(i)})
		})
	}
}

func TestMoreThanEightResourcesGoByDigest(t *testing.T) {
	f := newFixture(t)
	for n, inline := range map[int]bool{1: true, 8: true, 9: false, 200: false} {
		f.sharing(n)
		got := f.signedIn(t)
		token := f.open(t, got.GetAccessToken())
		if inline != (token.ResourcesDigest == nil) || inline != (len(token.Resources.Workspaces) == n) {
			t.Errorf("%d resources: %d in the token, digest %x", n, len(token.Resources.Workspaces), token.ResourcesDigest)
		}
		if inline {
			continue
		}
		resp, err := f.keys.GetResources(t.Context(), &tokenv1.GetResourcesRequest{Digest: token.ResourcesDigest})
		if err != nil {
			t.Fatal(err)
		}
		stored, err := credential.UnmarshalResources(resp.GetResources())
		if err != nil || len(stored.Workspaces) != n || stored.Workspaces[n-1].MembershipVersion != int64(n-1) || stored.Workspaces[0].Role.String() != "member" {
			t.Errorf("GetResources() = %d workspaces, %v, want %d", len(stored.Workspaces), err, n)
		}
	}
}

func TestGetResourcesOfAnUnknownDigest(t *testing.T) {
	f := newFixture(t)
	for length, want := range map[int]error{32: fault.NotFound, 0: fault.Invalid, 31: fault.Invalid, 33: fault.Invalid} {
		if _, err := f.keys.GetResources(t.Context(), &tokenv1.GetResourcesRequest{Digest: make([]byte, length)}); !errors.Is(err, want) {
			t.Errorf("digest of %d: %v, want %v", length, err, want)
		}
	}
}

func TestLifetimeOfAccessTokens(t *testing.T) {
	f := newFixture(t)
	for configured, want := range map[time.Duration]int64{0: 3600, time.Minute: 60, 24 * time.Hour: 86400, 25 * time.Hour: 86400} {
		f.registry.change(c1, func(c *registryv1.Client) { c.AccessTokenLifetime = durationpb.New(configured) })
		got := f.mustExchange(t, c1, byCredentials("introspect"))
		token := f.open(t, got.GetAccessToken())
		if life := int64(token.ExpireTime.Sub(token.IssueTime) / time.Second); got.GetExpiresIn() != want || life != want {
			t.Errorf("lifetime %v: expires_in %d of a life of %d, want %d", configured, got.GetExpiresIn(), life, want)
		}
	}
}

func TestN300_InstantsAreIntegers(t *testing.T) {
	f := newFixture(t)
	f.offset = 123 * time.Millisecond
	got := f.signedIn(t)
	for name, value := range f.claims(t, "RS256", got.GetIdToken()) {
		if (name == "exp" || name == "iat" || name == "auth_time") && strings.ContainsAny(string(value), `".eE`) {
			t.Errorf("%s = %s, want an integer", name, value)
		}
	}
	field := got.ProtoReflect().Descriptor().Fields().ByName("expires_in")
	if field.Kind().String() != "int64" {
		t.Errorf("expires_in is %s", field.Kind())
	}
	if _, err := protojson.Marshal(got); err != nil {
		t.Error(err)
	}
}

func TestTokenThatWouldNotOpenIsNotMinted(t *testing.T) {
	long := "https://b.example/" + strings.Repeat("b", 2000)
	f := newFixture(t, func(s *setting) { s.preset.Resources = []string{long} })
	req := byCredentials("introspect")
	req.Resource = []string{long}
	f.refused(t, c1, req, oauth.InvalidScope)
}

func TestSweepLeavesWhatLives(t *testing.T) {
	f := newFixture(t)
	f.sharing(9)
	first := f.signedIn(t)
	if _, err := sweeptest.All(t.Context(), f.service.Sweeps()...); err != nil {
		t.Fatal(err)
	}
	f.refresh(t, first.GetRefreshToken())
	digest := f.open(t, first.GetAccessToken()).ResourcesDigest
	if _, err := f.keys.GetResources(t.Context(), &tokenv1.GetResourcesRequest{Digest: digest}); err != nil {
		t.Error(err)
	}
}

func TestMalformedCodeRequestIsAFault(t *testing.T) {
	f := newFixture(t)
	for name, change := range map[string]func(*tokenv1.IssueCodeRequest){
		"grant_id":   func(r *tokenv1.IssueCodeRequest) { r.GrantId = "x" },
		"session_id": func(r *tokenv1.IssueCodeRequest) { r.SessionId = "" },
		"scope":      func(r *tokenv1.IssueCodeRequest) { r.Scope = "a  b" },
	} {
		req := &tokenv1.IssueCodeRequest{GrantId: grantID.String(), SessionId: sessionID.String(), Scope: "openid"}
		if _, err := f.authz.IssueCode(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		change(req)
		if _, err := f.authz.IssueCode(t.Context(), req); !errors.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
}
