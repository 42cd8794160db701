package introspection_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/seal"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

var inactive = &introspectionv1.IntrospectResponse{}

func checkInactive(t *testing.T, got *introspectionv1.IntrospectResponse) {
	t.Helper()
	if diff := cmp.Diff(inactive, got, protocmp.Transform()); diff != "" {
		t.Errorf("answer is more than inactive (-want +got):\n%s", diff)
	}
}

// RFC 7662 §2.2.
func TestIntrospectAnswersAllFields(t *testing.T) {
	e := newEnv(t)
	text := e.mint(t, userToken())
	opened, err := e.sealer.OpenAccessToken(text)
	if err != nil {
		t.Fatal(err)
	}
	want := &introspectionv1.IntrospectResponse{
		Active: true, Scope: proto.String("openid email workspace:member project:viewer"), ClientId: proto.String("c1"),
		TokenType: proto.String("Bearer"), Exp: proto.Int64(start.Unix() + 3540), Iat: proto.Int64(start.Unix() - 60),
		Sub: proto.String("u1"), Aud: []string{issuer}, Iss: proto.String(issuer), Jti: proto.String(hex.EncodeToString(opened.ID[:])),
		Workspaces: []*introspectionv1.ResourceRole{{Id: workspace1.String(), Role: "member"}, {Id: workspace2.String(), Role: "viewer"}},
		Projects:   []*introspectionv1.ResourceRole{{Id: project1.String(), Role: "viewer"}},
	}
	for range 2 { // the second time from memory
		if diff := cmp.Diff(want, e.introspect(t, "api", text), protocmp.Transform()); diff != "" {
			t.Errorf("Introspect() (-want +got):\n%s", diff)
		}
	}
	resp, err := e.operator.AdminIntrospect(t.Context(), &introspectionv1.AdminIntrospectRequest{Token: text})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, resp.GetAnswer(), protocmp.Transform()); diff != "" {
		t.Errorf("AdminIntrospect() (-want +got):\n%s", diff)
	}
}

func TestTokenOfClientItselfHasItAsSubject(t *testing.T) {
	e := newEnv(t)
	got := e.introspect(t, "c1", e.mint(t, clientToken(), audience(rs1, rs2)))
	if got.GetSub() != "c1" || !cmp.Equal(got.GetAud(), []string{rs1, rs2}) {
		t.Errorf("Introspect() = %v", got)
	}
}

func TestN160_CallerMustAuthenticate(t *testing.T) {
	e := newEnv(t)
	text := e.mint(t, userToken())
	if !e.introspect(t, "api", text).GetActive() {
		t.Fatal("the token is not active for a caller who may ask")
	}
	with := func(change func(*introspectionv1.IntrospectRequest)) *introspectionv1.IntrospectRequest {
		req := askAs("api", text)
		change(req)
		return req
	}
	tests := []struct {
		name string
		req  *introspectionv1.IntrospectRequest
		want oauth.ErrorCode
	}{
		{"no credentials", &introspectionv1.IntrospectRequest{Token: text}, oauth.InvalidClient},
		{"no secret", with(func(r *introspectionv1.IntrospectRequest) { r.ClientSecret = "" }), oauth.InvalidClient},
		{"wrong secret", with(func(r *introspectionv1.IntrospectRequest) { r.ClientSecret += "x" }), oauth.InvalidClient},
		{"unknown client", with(func(r *introspectionv1.IntrospectRequest) { r.ClientId = "nobody" }), oauth.InvalidClient},
		{"public client", &introspectionv1.IntrospectRequest{Token: text, ClientId: "p1"}, oauth.InvalidClient},
		{"two methods", with(func(r *introspectionv1.IntrospectRequest) { r.ClientAssertion = "a.b.c" }), oauth.InvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := e.client.Introspect(t.Context(), tt.req)
			if !errors.Is(err, tt.want) {
				t.Errorf("Introspect() = %v, %v, want %v", resp, err, tt.want)
			}
		})
	}
	if resp, err := e.client.Introspect(t.Context(), askAs("p1", text)); !errors.Is(err, oauth.InvalidClient) {
		t.Errorf("Introspect() = %v, %v of a public client with a secret", resp, err)
	}
	// A client without the right to ask, which must look like a dead token.
	checkInactive(t, e.introspect(t, "c2", text))
}

func TestClientsAuthenticateByTheirMethod(t *testing.T) {
	e := newEnv(t)
	text := e.mint(t, userToken())
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("basic:"+url.QueryEscape("secret of basic")))
	ctx := metadata.AppendToOutgoingContext(t.Context(), clientauth.MetadataKey, basic)
	for range 2 {
		resp, err := e.client.Introspect(ctx, &introspectionv1.IntrospectRequest{Token: text})
		if err != nil || !resp.GetActive() {
			t.Errorf("Introspect() = %v, %v with Basic credentials", resp, err)
		}
	}
	if n := e.registry.calls.Load(); n != 1 {
		t.Errorf("the registry was asked %d times, want once", n)
	}
	// An assertion may be used once: each is for the registry to see.
	for range 2 {
		resp, err := e.client.Introspect(t.Context(), &introspectionv1.IntrospectRequest{
			Token: text, ClientId: "j1", ClientAssertionType: oauth.AssertionTypeJWT, ClientAssertion: "assertion of j1",
		})
		if err != nil || !resp.GetActive() {
			t.Errorf("Introspect() = %v, %v with an assertion", resp, err)
		}
	}
	if n := e.registry.calls.Load(); n != 1+2 {
		t.Errorf("the registry was asked %d times, want once for the secret and once for each assertion", n)
	}
}

func TestN161_TokenIsRequiredAndBounded(t *testing.T) {
	e := newEnv(t)
	if _, err := e.client.Introspect(t.Context(), askAs("api", "")); !errors.Is(err, oauth.InvalidRequest) {
		t.Errorf("Introspect() = %v without a token, want invalid_request", err)
	}
	for _, length := range []int{seal.MaxTextLength, seal.MaxTextLength + 1, 8 << 10, 8<<10 + 1, 1 << 18} {
		checkInactive(t, e.introspect(t, "api", strings.Repeat("A", length)))
	}
}

func TestN162_ChangedTokenIsInactive(t *testing.T) {
	e := newEnv(t)
	text := e.mint(t, userToken())
	if !e.introspect(t, "api", text).GetActive() {
		t.Fatal("the token itself is not active")
	}
	changed := []string{text + "A", text + "=", " " + text, text + "\r\n", strings.ToUpper(text), "chrt" + text[4:], text[5:]}
	for i := range text {
		changed = append(changed, text[:i], text[:i]+"\n"+text[i:])
		for bit := range 8 {
			changed = append(changed, text[:i]+string([]byte{text[i] ^ 1<<bit})+text[i+1:])
		}
	}
	for _, c := range changed {
		got, err := e.service.Introspect(t.Context(), askAs("api", c))
		if c == "" {
			continue
		}
		if err != nil || !proto.Equal(got, inactive) {
			t.Errorf("Introspect(%q) = %v, %v", c, got, err)
		}
	}
	if n := e.tokens.calls.Load(); n != 1 {
		t.Errorf("the token service was asked %d times, want only at the start", n)
	}
}

func TestN163_OtherCredentialsAreInactive(t *testing.T) {
	e := newEnv(t)
	code, err := e.sealer.SealCode(credential.AuthorizationCode{ClientID: "c1", ExpireTime: start.Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	refresh, err := e.sealer.SealRefreshToken(credential.RefreshToken{FamilyID: familyID, KeyID: e.key.ID})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"code": code, "refresh token": refresh, "ID token": "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2ln", "secret": "secret of api",
	} {
		t.Run(name, func(t *testing.T) { checkInactive(t, e.introspect(t, "api", text)) })
	}
}

func TestN164_OtherIssuerOrRetiredKeyIsInactive(t *testing.T) {
	e := newEnv(t)
	text := e.mint(t, userToken())
	foreign, err := sealerOf(t, "https://other.test", e.key).SealAccessToken(userToken())
	if err != nil {
		t.Fatal(err)
	}
	checkInactive(t, e.introspect(t, "api", foreign))
	if !e.introspect(t, "api", text).GetActive() {
		t.Fatal("the token of this issuer is not active")
	}
	e.restrict(t, coherent.SealingKey(e.key.ID)) // the opened token is in memory by now
	checkInactive(t, e.introspect(t, "api", text))
}

func TestN165_CallerLearnsAboutItsAudienceOnly(t *testing.T) {
	e := newEnv(t)
	tests := []struct {
		name, caller string
		audience     []string
		want         bool
	}{
		{"API of the audience", "rs1", []string{rs1}, true},
		{"API of another audience", "rs2", []string{rs1}, false},
		{"API of one of the audiences", "rs2", []string{rs1, rs2}, true},
		{"API of the issuer", "api", nil, true},
		{"API of the issuer, token of an API", "api", []string{rs1}, false},
		{"API, token of the issuer", "rs1", nil, false},
		{"client of the token", "c1", []string{rs1}, true},
		{"another client", "c2", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := e.introspect(t, tt.caller, e.mint(t, userToken(), audience(tt.audience...)))
			if got.GetActive() != tt.want {
				t.Errorf("active = %v, want %v", got.GetActive(), tt.want)
			}
			if !tt.want {
				checkInactive(t, got)
			}
		})
	}
}

func TestN166_HintDoesNotMatter(t *testing.T) {
	e := newEnv(t)
	req := askAs("api", e.mint(t, userToken()))
	for _, hint := range []string{"", "access_token", "refresh_token", "unknown", strings.Repeat("x", 1<<20)} {
		req.TokenTypeHint = hint
		if resp, err := e.client.Introspect(t.Context(), req); err != nil || !resp.GetActive() {
			t.Errorf("Introspect() = %v, %v with hint %.20q", resp, err, hint)
		}
	}
}

func TestN167_RevokedTokenIsInactive(t *testing.T) {
	tests := map[string]coherent.Restriction{
		"grant":         coherent.Grant(grantID, 4),
		"family":        coherent.Family(familyID, 1),
		"session":       coherent.Session(sessionID),
		"subject":       coherent.Subject("u1", 4),
		"client":        coherent.Client("c1", 4),
		"client gone":   coherent.Client("c1", coherent.Deleted),
		"restore epoch": coherent.Restore(1),
	}
	for name, r := range tests {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			text := e.mint(t, userToken())
			if !e.introspect(t, "api", text).GetActive() {
				t.Fatal("the token is not active before")
			}
			e.restrict(t, r)
			checkInactive(t, e.introspect(t, "api", text))
		})
	}
	t.Run("token", func(t *testing.T) {
		e := newEnv(t)
		one, other := e.mint(t, userToken()), e.mint(t, userToken())
		jti, err := hex.DecodeString(e.introspect(t, "api", one).GetJti())
		if err != nil {
			t.Fatal(err)
		}
		e.restrict(t, coherent.Token([16]byte(jti)))
		checkInactive(t, e.introspect(t, "api", one))
		if !e.introspect(t, "api", other).GetActive() {
			t.Error("another token of the same grant is not active")
		}
	})
}

// One answer must not become another caller's, whoever asked first.
func TestN168_AnswerDependsOnWhoAsks(t *testing.T) {
	e := newEnv(t)
	text := e.mint(t, userToken(), audience(rs1))
	order := []string{"rs2", "rs1", "rs2", "c1", "c2", "rs1", "api", "c1", "rs2"}
	may := map[string]bool{"rs1": true, "c1": true}
	for _, who := range order {
		if got := e.introspect(t, who, text); got.GetActive() != may[who] {
			t.Errorf("%s reads active = %v, want %v", who, got.GetActive(), may[who])
		}
	}
}

// A caller cannot change what the next one reads.
func TestN168_AnswersShareNoMemory(t *testing.T) {
	e := newEnv(t)
	text := e.mint(t, userToken(), audience(issuer))
	ask := func() *introspectionv1.IntrospectResponse {
		resp, err := e.service.Introspect(t.Context(), askAs("api", text))
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	first := ask()
	want := proto.CloneOf(first)
	*first.Scope, *first.Exp, *first.Sub = "everything", math.MaxInt64, "root"
	first.Aud[0], first.Workspaces[0].Role = rs1, "admin"
	validated, err := e.service.Validate(t.Context(), &introspectionv1.ValidateRequest{AccessToken: text})
	if err != nil {
		t.Fatal(err)
	}
	validated.Scopes[0] = "everything"
	if diff := cmp.Diff(want, ask(), protocmp.Transform()); diff != "" {
		t.Errorf("the second answer (-want +got):\n%s", diff)
	}
}

func TestN169_AnswerFollowsRestrictions(t *testing.T) {
	e := newEnv(t)
	text := e.mint(t, userToken())
	steps := []struct {
		name     string
		r        coherent.Restriction
		scope    string
		roles    map[string]string
		projects int
	}{
		{"demoted", coherent.Membership("u1", workspace1, 4, role.Viewer), "openid email workspace:member project:viewer", map[string]string{workspace1.String(): "viewer", workspace2.String(): "viewer"}, 1},
		{"project deleted", coherent.Project(project1, 4), "openid email workspace:member", map[string]string{workspace1.String(): "viewer", workspace2.String(): "viewer"}, 0},
		{"removed", coherent.Membership("u1", workspace1, 5, role.None), "openid email workspace:member", map[string]string{workspace2.String(): "viewer"}, 0},
		{"client narrowed", coherent.ClientScope("c1", 4, "openid workspace:member"), "openid workspace:member", map[string]string{workspace2.String(): "viewer"}, 0},
		{"removed everywhere", coherent.Membership("u1", workspace2, 4, role.None), "openid", map[string]string{}, 0},
	}
	for _, step := range steps {
		e.restrict(t, step.r)
		got := e.introspect(t, "api", text)
		roles := map[string]string{}
		for _, w := range got.GetWorkspaces() {
			roles[w.GetId()] = w.GetRole()
		}
		if got.GetScope() != step.scope || !cmp.Equal(roles, step.roles) || len(got.GetProjects()) != step.projects {
			t.Errorf("%s: %v", step.name, got)
		}
	}
	e.restrict(t, coherent.ClientScope("c1", 5, "email")) // nothing is left
	checkInactive(t, e.introspect(t, "api", text))
}

// The registry reads a client that is good; before its answer arrives and is
// remembered, the client is gone.
func TestN170_CallerGoneWhileItIsRemembered(t *testing.T) {
	for name, r := range map[string]coherent.Restriction{
		"client deleted": coherent.Client("api", coherent.Deleted), "secret revoked": coherent.Secret(apiSecretID),
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			text := e.mint(t, userToken())
			e.registry.meanwhile = func() {
				delete(e.registry.clients, "api")
				e.restrict(t, r)
			}
			for range 2 {
				if resp, err := e.client.Introspect(t.Context(), askAs("api", text)); !errors.Is(err, oauth.InvalidClient) {
					t.Errorf("Introspect() = %v, %v, want invalid_client", resp, err)
				}
			}
		})
	}
}

func TestRememberedCallerFollowsRestrictions(t *testing.T) {
	t.Run("deleted", func(t *testing.T) {
		e := newEnv(t)
		text := e.mint(t, userToken())
		e.introspect(t, "api", text)
		delete(e.registry.clients, "api")
		if !e.introspect(t, "api", text).GetActive() {
			t.Error("the caller is not remembered while no restriction is known")
		}
		e.restrict(t, coherent.Client("api", coherent.Deleted))
		for _, token := range []string{text, "garbage"} {
			if resp, err := e.client.Introspect(t.Context(), askAs("api", token)); !errors.Is(err, oauth.InvalidClient) {
				t.Errorf("Introspect() = %v, %v, want invalid_client", resp, err)
			}
		}
	})
	t.Run("all its tokens revoked, and authenticated again", func(t *testing.T) {
		e := newEnv(t)
		text := e.mint(t, userToken())
		e.introspect(t, "api", text)
		e.registry.clients["api"].client.Version = 4
		e.restrict(t, coherent.Client("api", 4))
		if !e.introspect(t, "api", text).GetActive() {
			t.Error("a client that still exists may not ask")
		}
		if n := e.registry.calls.Load(); n != 2 {
			t.Errorf("the registry was asked %d times, want 2", n)
		}
	})
	t.Run("lost the right to ask", func(t *testing.T) {
		e := newEnv(t)
		text := e.mint(t, userToken())
		e.introspect(t, "api", text)
		e.restrict(t, coherent.ClientScope("api", 4, "openid"))
		checkInactive(t, e.introspect(t, "api", text))
	})
	t.Run("for a minute at most", func(t *testing.T) {
		e := newEnv(t)
		text := e.mint(t, userToken())
		for _, at := range []int64{0, 59, 60} {
			e.seconds.Store(at)
			e.introspect(t, "api", text)
		}
		if n := e.registry.calls.Load(); n != 2 {
			t.Errorf("the registry was asked %d times, want at 0 s and at 60 s", n)
		}
	})
}

func TestN171_NoLeaseNoActiveAnswer(t *testing.T) {
	e := newEnv(t)
	text := e.mint(t, userToken())
	revoked := e.mint(t, userToken(), func(a *credential.AccessToken) { a.GrantID = uuid.Max })
	e.restrict(t, coherent.Grant(uuid.Max, 4))
	if !e.introspect(t, "api", text).GetActive() || !e.service.Ready() {
		t.Fatal("the token is not active, or the service not ready, while there is a lease")
	}
	e.loseLease()
	asked := e.registry.calls.Load()
	resp, err := e.client.Introspect(t.Context(), askAs("api", text))
	if !errors.Is(err, oauth.TemporarilyUnavailable) {
		t.Errorf("Introspect() = %v, %v without a lease, want temporarily_unavailable", resp, err)
	}
	if e.registry.calls.Load() != asked {
		t.Error("the registry was asked, who cannot help")
	}
	if e.service.Ready() {
		t.Error("the service is ready without a lease")
	}
	// What is dead stays dead; but that the caller lives is for the registry to say.
	before := e.registry.calls.Load()
	checkInactive(t, e.introspect(t, "api", revoked))
	if n := e.registry.calls.Load() - before; n != 1 {
		t.Errorf("the registry was asked %d times, want once", n)
	}
	e.registry.goAway(oauth.Refuse(oauth.TemporarilyUnavailable, "away"))
	if resp, err := e.client.Introspect(t.Context(), askAs("api", revoked)); !errors.Is(err, oauth.TemporarilyUnavailable) {
		t.Errorf("Introspect() = %v, %v without lease and registry, want temporarily_unavailable", resp, err)
	}
	_, err = e.operator.AdminIntrospect(t.Context(), &introspectionv1.AdminIntrospectRequest{Token: text})
	if !errors.Is(err, oauth.TemporarilyUnavailable) {
		t.Errorf("AdminIntrospect() = %v without a lease, want temporarily_unavailable", err)
	}
}

// The lease has lapsed, and the one more poll brings a restriction: nothing of
// what was found before it may be left in the answer.
func TestN170_RestrictionThatTheExtraPollBrings(t *testing.T) {
	for name, r := range map[string]coherent.Restriction{
		"of the token": coherent.Grant(grantID, 4), "of the caller's right to ask": coherent.ClientScope("api", 4, "openid"),
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnvPolled(t, coherent.Options{Period: time.Hour}) // polls when asked
			text := e.mint(t, userToken())
			if !e.introspect(t, "api", text).GetActive() {
				t.Fatal("the token is not active before")
			}
			e.source.news.Store(&r)
			e.elapsed.Add(int64(time.Minute))
			checkInactive(t, e.introspect(t, "api", text))
		})
	}
}

func TestN172_ExpiryIsExact(t *testing.T) {
	e := newEnv(t)
	text := e.mint(t, userToken())
	for _, tt := range []struct {
		second int64
		want   bool
	}{{3539, true}, {3540, false}, {3541, false}} {
		e.seconds.Store(tt.second)
		if got := e.introspect(t, "api", text).GetActive(); got != tt.want {
			t.Errorf("active = %v at %d s, want %v", got, tt.second, tt.want)
		}
	}
}

// RFC 7662 §5.
func TestN173_AnswerHasNoClaimsAndNoInternalIDs(t *testing.T) {
	e := newEnv(t)
	got := e.introspect(t, "api", e.mint(t, userToken())).String()
	for _, internal := range []string{grantID.String(), familyID.String(), sessionID.String(), "User One", "u1@x.test"} {
		if strings.Contains(got, internal) {
			t.Errorf("the answer contains %s", internal)
		}
	}
	if n := e.directory.calls.Load(); n != 0 {
		t.Errorf("the directory was asked %d times", n)
	}
}

func TestN174_GarbageCausesNoCalls(t *testing.T) {
	e := newEnv(t)
	e.introspect(t, "api", e.mint(t, userToken()))
	before := e.peerCalls()
	random := make([]byte, 150)
	for range 10_000 {
		rand.Read(random)
		resp, err := e.service.Introspect(t.Context(), askAs("api", "chat_"+base64.RawURLEncoding.EncodeToString(random)))
		if err != nil || resp.GetActive() {
			t.Fatalf("Introspect() = %v, %v of garbage", resp, err)
		}
	}
	if n := e.peerCalls() - before; n != 0 {
		t.Errorf("garbage caused %d calls", n)
	}
}

func TestRotatedKeyNeedsNoRestart(t *testing.T) {
	e := newEnv(t)
	old := e.mint(t, userToken())
	e.rotate(t, seal.NewKey(), e.key)
	e.seconds.Add(1)
	for name, text := range map[string]string{"old": old, "new": e.mint(t, userToken())} {
		if !e.introspect(t, "api", text).GetActive() {
			t.Errorf("a token under the %s key is not active", name)
		}
	}
	if n := e.tokens.calls.Load(); n != 2 {
		t.Errorf("the key set was read %d times, want 2", n)
	}
	e.tokens.goAway(fault.New(fault.Unavailable, "away"))
	e.seconds.Add(1)
	e.rotate(t, seal.NewKey(), e.key)
	if _, err := e.client.Introspect(t.Context(), askAs("api", e.mint(t, userToken()))); !errors.Is(err, oauth.TemporarilyUnavailable) {
		t.Errorf("Introspect() = %v under a key that cannot be read, want temporarily_unavailable", err)
	}
}

func TestLoadRefusesMalformedKeys(t *testing.T) {
	e := newEnv(t)
	good := e.tokens.keys
	for name, root := range map[string][]byte{"short": e.key.Root[:31], "long": append(e.key.Root[:], 0), "none": nil, "zero": make([]byte, 32)} {
		e.tokens.keys = proto.CloneOf(good)
		e.tokens.keys.Keys[0].Root = root
		if err := e.service.Load(t.Context()); err == nil {
			t.Errorf("%s root: Load() succeeds", name)
		}
	}
	// The old keys stay.
	if !e.introspect(t, "api", e.mint(t, userToken())).GetActive() {
		t.Error("the token is not active after a failed load")
	}
}

// manyResources returns more than travel in a token, and how they are stored.
func (e *env) manyResources(t *testing.T) (digest []byte, ids []string) {
	t.Helper()
	var r credential.Resources
	for i := range byte(20) {
		id := uuid.UUID{0xa0, i}
		r.Workspaces = append(r.Workspaces, credential.Workspace{ID: id, Role: role.Member, MembershipVersion: 3})
		ids = append(ids, id.String())
	}
	stored, err := r.Marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(stored)
	e.tokens.sets[string(sum[:])] = stored
	return sum[:], ids
}

func TestResourcesThatTravelApart(t *testing.T) {
	e := newEnv(t)
	digest, ids := e.manyResources(t)
	text := e.mint(t, userToken(), func(a *credential.AccessToken) { a.Resources, a.ResourcesDigest = credential.Resources{}, digest })
	read := func() (got []string) {
		for _, w := range e.introspect(t, "api", text).GetWorkspaces() {
			got = append(got, w.GetId())
		}
		return got
	}
	for range 2 {
		if diff := cmp.Diff(ids, read()); diff != "" {
			t.Errorf("workspaces (-want +got):\n%s", diff)
		}
	}
	if n := e.tokens.calls.Load(); n != 1+1 {
		t.Errorf("the token service was asked %d times, want once for keys and once for the set", n)
	}
	e.restrict(t, coherent.Membership("u1", uuid.MustParse(ids[0]), 4, role.None))
	if diff := cmp.Diff(ids[1:], read()); diff != "" {
		t.Errorf("workspaces after a removal (-want +got):\n%s", diff)
	}
}

func TestResourcesThatCannotBeRead(t *testing.T) {
	e := newEnv(t)
	apart := func(a *credential.AccessToken) { a.ResourcesDigest = make([]byte, 32) }
	_, err := e.client.Introspect(t.Context(), askAs("api", e.mint(t, userToken(), apart)))
	if !errors.Is(err, oauth.TemporarilyUnavailable) {
		t.Errorf("Introspect() = %v, want temporarily_unavailable", err)
	}
	// Those of a dead token are not looked for.
	before := e.tokens.calls.Load()
	dead := e.mint(t, userToken(), apart, func(a *credential.AccessToken) { a.ExpireTime = start })
	checkInactive(t, e.introspect(t, "api", dead))
	if n := e.tokens.calls.Load() - before; n != 0 {
		t.Errorf("the token service was asked %d times about a dead token", n)
	}
}

func TestBatchAnswersInOrder(t *testing.T) {
	e := newEnv(t)
	good, foreign := e.mint(t, userToken()), e.mint(t, userToken(), audience(rs1))
	tokens := []string{"garbage", good, foreign, "", good, strings.Repeat("A", 9<<10)}
	resp, err := e.client.IntrospectBatch(t.Context(), &introspectionv1.IntrospectBatchRequest{
		Tokens: tokens, ClientId: "api", ClientSecret: "secret of api",
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := e.registry.calls.Load(); n != 1 {
		t.Errorf("the registry was asked %d times, want once", n)
	}
	one := e.introspect(t, "api", good)
	want := []*introspectionv1.IntrospectResponse{inactive, one, inactive, inactive, one, inactive}
	if diff := cmp.Diff(want, resp.GetAnswers(), protocmp.Transform()); diff != "" {
		t.Errorf("IntrospectBatch() (-want +got):\n%s", diff)
	}
}

func TestBatchFailsAsAWhole(t *testing.T) {
	e := newEnv(t)
	good := e.mint(t, userToken())
	batch := func(secret string, n int) error {
		_, err := e.client.IntrospectBatch(t.Context(), &introspectionv1.IntrospectBatchRequest{
			Tokens: make([]string, n), ClientId: "api", ClientSecret: secret,
		})
		return err
	}
	for _, tt := range []struct {
		name   string
		secret string
		n      int
		want   error
	}{
		{"wrong secret", "wrong", 1, oauth.InvalidClient},
		{"1,025 tokens", "secret of api", 1025, oauth.InvalidRequest},
		{"1,024 tokens", "secret of api", 1024, nil},
		{"no tokens", "secret of api", 0, nil},
	} {
		if err := batch(tt.secret, tt.n); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	e.loseLease()
	_, err := e.client.IntrospectBatch(t.Context(), &introspectionv1.IntrospectBatchRequest{
		Tokens: []string{"garbage", good}, ClientId: "api", ClientSecret: "secret of api",
	})
	if !errors.Is(err, oauth.TemporarilyUnavailable) {
		t.Errorf("IntrospectBatch() = %v without a lease, want temporarily_unavailable", err)
	}
}

func TestOnlyOperatorsSeeEveryToken(t *testing.T) {
	e := newEnv(t)
	text := e.mint(t, userToken(), audience(rs1))
	resp, err := e.operator.AdminIntrospect(t.Context(), &introspectionv1.AdminIntrospectRequest{Token: text})
	if err != nil || !resp.GetAnswer().GetActive() {
		t.Errorf("AdminIntrospect() = %v, %v of an operator", resp, err)
	}
	resp, err = e.client.AdminIntrospect(t.Context(), &introspectionv1.AdminIntrospectRequest{Token: text})
	if !errors.Is(err, fault.Denied) {
		t.Errorf("AdminIntrospect() = %v, %v of the gateway, want denied", resp, err)
	}
	resp, err = e.operator.AdminIntrospect(t.Context(), &introspectionv1.AdminIntrospectRequest{Token: "garbage"})
	if err != nil {
		t.Fatal(err)
	}
	checkInactive(t, resp.GetAnswer())
}
