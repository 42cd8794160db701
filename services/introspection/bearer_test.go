package introspection_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/url"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentdb"
	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	"github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

// right is a token of an API's own, by which it may introspect.
func (e *env) right(t testing.TB, client string, changes ...func(*credential.AccessToken)) string {
	t.Helper()
	own := func(a *credential.AccessToken) { a.ClientID, a.Scope = client, oauth.Scope{"introspect"} }
	return e.mint(t, clientToken(), append([]func(*credential.AccessToken){own}, changes...)...)
}

// with adds metadata, as pairs.
func with(ctx context.Context, pairs ...string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, pairs...)
}

// askWith introspects by an access token.
func (e *env) askWith(ctx context.Context, right, text string) (*introspectionv1.IntrospectResponse, error) {
	return e.client.Introspect(with(ctx, "authorization", "Bearer "+right), &introspectionv1.IntrospectRequest{Token: text})
}

// RFC 7662 §2.1. Over HTTP the header comes under the name of the client's.
func TestHolderOfAnAccessTokenMayIntrospect(t *testing.T) {
	e := newEnv(t)
	text := e.mint(t, userToken())
	for _, pair := range [][]string{
		{"authorization", "Bearer " + e.right(t, "api")},
		{"authorization", "bearer  " + e.right(t, "api")},
		{clientauth.MetadataKey, "BEARER " + e.right(t, "api")},
		{"authorization", "Bearer " + e.right(t, "api", audience(issuer))},
		{"authorization", "Bearer " + e.right(t, "api", audience(rs1, issuer))},
		{"authorization", "Bearer " + e.right(t, "api", scope("openid", "introspect"))},
	} {
		ctx := with(t.Context(), pair...)
		resp, err := e.client.Introspect(ctx, &introspectionv1.IntrospectRequest{Token: text})
		if err != nil || !resp.GetActive() {
			t.Errorf("Introspect() = %v, %v by %s", resp, err, pair)
		}
		batch, err := e.client.IntrospectBatch(ctx, &introspectionv1.IntrospectBatchRequest{Tokens: []string{"garbage", text}})
		if err != nil || batch.GetAnswers()[0].GetActive() || !batch.GetAnswers()[1].GetActive() {
			t.Errorf("IntrospectBatch() = %v, %v by %s", batch, err, pair)
		}
	}
}

func TestN160_AccessTokenWithoutTheRightIsRefused(t *testing.T) {
	e := newEnv(t)
	text := e.mint(t, userToken())
	code, err := e.sealer.SealCode(credential.AuthorizationCode{ClientID: "api", ExpireTime: start.AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	good := e.right(t, "api")
	tests := []struct {
		name  string
		right string
		want  oauth.ErrorCode
	}{
		{"garbage", "garbage", oauth.InvalidToken},
		{"changed", good[:40] + string(good[40]^1) + good[41:], oauth.InvalidToken},
		{"authorization code", code, oauth.InvalidToken},
		{"expired", e.right(t, "api", func(a *credential.AccessToken) { a.ExpireTime = start }), oauth.InvalidToken},
		{"for another resource", e.right(t, "api", audience(rs1)), oauth.InvalidToken},
		{"of a client that is gone", e.right(t, "gone"), oauth.InvalidToken},
		{"without the scope", e.right(t, "api", scope("openid")), oauth.InsufficientScope},
		{"without any scope", e.right(t, "api", scope()), oauth.InsufficientScope},
		{"of a client that may not", e.right(t, "c2"), oauth.InsufficientScope},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if resp, err := e.askWith(t.Context(), tt.right, text); !errors.Is(err, tt.want) {
				t.Errorf("Introspect() = %v, %v, want %v", resp, err, tt.want)
			}
		})
	}
	if resp, err := e.askWith(t.Context(), good, text); err != nil || !resp.GetActive() {
		t.Errorf("Introspect() = %v, %v by the good token", resp, err)
	}
}

// RFC 6749 §2.3: one method in each request.
func TestAccessTokenStandsAlone(t *testing.T) {
	e := newEnv(t)
	text, right := e.mint(t, userToken()), "Bearer "+e.right(t, "api")
	tests := []struct {
		name  string
		pairs []string
		req   *introspectionv1.IntrospectRequest
	}{
		{"client", []string{"authorization", right}, &introspectionv1.IntrospectRequest{Token: text, ClientId: "api"}},
		{"secret", []string{"authorization", right}, &introspectionv1.IntrospectRequest{Token: text, ClientSecret: "secret of api"}},
		{"client and secret", []string{"authorization", right}, askAs("api", text)},
		{"client and secret over HTTP", []string{clientauth.MetadataKey, right}, askAs("api", text)},
		{"assertion", []string{"authorization", right}, &introspectionv1.IntrospectRequest{Token: text, ClientAssertion: "a.b.c"}},
		{"assertion type", []string{"authorization", right}, &introspectionv1.IntrospectRequest{Token: text, ClientAssertionType: oauth.AssertionTypeJWT}},
		{"Basic", []string{"authorization", right, clientauth.MetadataKey, "Basic YXBpOng="}, &introspectionv1.IntrospectRequest{Token: text}},
		{"token twice", []string{"authorization", right, "authorization", right}, &introspectionv1.IntrospectRequest{Token: text}},
		{"token in both places", []string{"authorization", right, clientauth.MetadataKey, right}, &introspectionv1.IntrospectRequest{Token: text}},
		{"scheme alone", []string{"authorization", "Bearer"}, &introspectionv1.IntrospectRequest{Token: text}},
		{"no token", []string{"authorization", "Bearer  "}, &introspectionv1.IntrospectRequest{Token: text}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if resp, err := e.client.Introspect(with(t.Context(), tt.pairs...), tt.req); !errors.Is(err, oauth.InvalidRequest) {
				t.Errorf("Introspect() = %v, %v, want invalid_request", resp, err)
			}
		})
	}
	if n := e.registry.calls.Load(); n != 0 {
		t.Errorf("the registry was asked %d times", n)
	}
	// A certificate is no credential of the request: the token says who asks.
	e.certificate = []string{"billing"}
	if resp, err := e.askWith(t.Context(), "garbage", e.mint(t, userToken(), audience(rs1))); !errors.Is(err, oauth.InvalidToken) {
		t.Errorf("Introspect() = %v, %v with a certificate and a dead token, want invalid_token", resp, err)
	}
}

// The bearer token of an operator is the admin credential, and no access token.
func TestCredentialOfAnOperatorIsNoAccessToken(t *testing.T) {
	e := newEnv(t)
	text, ctx := e.mint(t, userToken()), with(t.Context(), "authorization", "Bearer admin")
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("basic:"+url.QueryEscape("secret of basic")))
	resp, err := e.operator.Introspect(with(ctx, clientauth.MetadataKey, basic), &introspectionv1.IntrospectRequest{Token: text})
	if err != nil || !resp.GetActive() {
		t.Errorf("Introspect() = %v, %v of a client's credentials", resp, err)
	}
	if resp, err := e.operator.Introspect(ctx, &introspectionv1.IntrospectRequest{Token: text}); !errors.Is(err, oauth.InvalidClient) {
		t.Errorf("Introspect() = %v, %v, want invalid_client", resp, err)
	}
}

func TestN165_HolderLearnsAboutItsClientsAudienceOnly(t *testing.T) {
	e := newEnv(t)
	for _, tt := range []struct {
		name, client string
		audience     []string
		want         bool
	}{
		{"API of the audience", "rs1", []string{rs1}, true},
		{"API of another audience", "rs2", []string{rs1}, false},
		{"and the other way round", "rs1", []string{rs2}, false},
		{"API of one of the audiences", "rs2", []string{rs1, rs2}, true},
		{"API of the issuer", "api", nil, true},
		{"API of the issuer, token of an API", "api", []string{rs1}, false},
		{"API, token of the issuer", "rs1", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := e.askWith(t.Context(), e.right(t, tt.client), e.mint(t, userToken(), audience(tt.audience...)))
			if err != nil || got.GetActive() != tt.want {
				t.Errorf("Introspect() = %v, %v, want active = %v", got, err, tt.want)
			}
			if !tt.want {
				checkInactive(t, got)
			}
		})
	}
}

// The right goes with the token, and with what is left of it.
func TestN167_RevokedAccessTokenIsNoRight(t *testing.T) {
	for name, tt := range map[string]struct {
		revoke func(jti [16]byte) coherent.Restriction
		want   oauth.ErrorCode
	}{
		"token revoked":    {coherent.Token, oauth.InvalidToken},
		"client restarted": {func([16]byte) coherent.Restriction { return coherent.Client("api", 4) }, oauth.InvalidToken},
		"client deleted":   {func([16]byte) coherent.Restriction { return coherent.Client("rs1", coherent.Deleted) }, oauth.InvalidToken},
		"client demoted":   {func([16]byte) coherent.Restriction { return coherent.ClientScope("rs2", 4, "openid") }, oauth.InsufficientScope},
	} {
		t.Run(name, func(t *testing.T) {
			client := map[string]string{"client deleted": "rs1", "client demoted": "rs2"}[name]
			if client == "" {
				client = "api"
			}
			db := sqlitetest.New(t, migrations.Set())
			e := newEnvOn(t, coherentsqlite.NewSource(db), coherent.Options{Period: 20 * time.Millisecond})
			right, text := e.right(t, client, scope("openid", "introspect")), e.mint(t, userToken(), audience(issuer, rs1, rs2))
			if resp, err := e.askWith(t.Context(), right, text); err != nil || !resp.GetActive() {
				t.Fatalf("Introspect() = %v, %v before", resp, err)
			}
			jti, err := hex.DecodeString(e.introspect(t, client, right).GetJti())
			if err != nil {
				t.Fatal(err)
			}
			err = database.SQLite(db).InTx(t.Context(), func(tx *database.Tx) error {
				return coherentdb.Append(t.Context(), tx, preset.RestrictionKeep, tt.revoke([16]byte(jti)))
			})
			if err != nil {
				t.Fatal(err)
			}
			e.eventually(t, "refused", func() bool {
				_, err := e.askWith(t.Context(), right, text)
				return errors.Is(err, tt.want)
			})
		})
	}
}

// The client is remembered as long as one with a secret is.
func TestClientOfAHolderIsRememberedForSeconds(t *testing.T) {
	e := newEnv(t)
	right, text := e.right(t, "api"), e.mint(t, userToken(), audience(rs1))
	active := func() bool {
		resp, err := e.askWith(t.Context(), right, text)
		if err != nil {
			t.Fatal(err)
		}
		return resp.GetActive()
	}
	if active() {
		t.Fatal("active for an API of the issuer")
	}
	e.registry.clients["api"].client.Audience = []string{rs1}
	for _, tt := range []struct {
		at    int64
		want  bool
		calls int64
	}{{3, false, 1}, {4, true, 2}, {7, true, 2}, {0, true, 3}} { // the last: the clock went back
		e.seconds.Store(tt.at)
		if got, calls := active(), e.registry.calls.Load(); got != tt.want || calls != tt.calls {
			t.Errorf("at %d s active = %v after %d calls, want %v after %d", tt.at, got, calls, tt.want, tt.calls)
		}
	}
	// A client that was restricted and let in again is not what is remembered.
	e.restrict(t, coherent.Client("api", 4))
	e.registry.clients["api"].client.Version = 4
	right = e.right(t, "api", func(a *credential.AccessToken) { a.ClientVersion = 4 })
	if !active() || e.registry.calls.Load() != 4 {
		t.Errorf("a new token of the client is not active after %d calls", e.registry.calls.Load())
	}
}

// The registry reads a client that is good; before its answer arrives, the
// client is gone.
func TestN170_HolderGoneWhileItIsRead(t *testing.T) {
	e := newEnv(t)
	right, text := e.right(t, "api"), e.mint(t, userToken())
	e.registry.meanwhile = func() {
		delete(e.registry.clients, "api")
		e.restrict(t, coherent.Client("api", coherent.Deleted))
	}
	for range 2 {
		if resp, err := e.askWith(t.Context(), right, text); !errors.Is(err, oauth.InvalidToken) {
			t.Errorf("Introspect() = %v, %v, want invalid_token", resp, err)
		}
	}
}

// That the token by which somebody asks is active is an active answer, even if
// what it asks about is not.
func TestN171_AccessTokenIsARightOnlyUnderTheLease(t *testing.T) {
	e := newEnv(t)
	right, revoked := e.right(t, "api"), e.right(t, "api", func(a *credential.AccessToken) { a.GrantID, a.GrantVersion = grantID, 3 })
	text := e.mint(t, userToken())
	if resp, err := e.askWith(t.Context(), right, text); err != nil || !resp.GetActive() {
		t.Fatalf("Introspect() = %v, %v with a lease", resp, err)
	}
	e.restrict(t, coherent.Grant(grantID, 4))
	e.loseLease()
	for _, about := range []string{text, "garbage"} {
		if resp, err := e.askWith(t.Context(), right, about); !errors.Is(err, oauth.TemporarilyUnavailable) {
			t.Errorf("Introspect() = %v, %v without a lease, want temporarily_unavailable", resp, err)
		}
	}
	if resp, err := e.askWith(t.Context(), revoked, text); !errors.Is(err, oauth.InvalidToken) {
		t.Errorf("Introspect() = %v, %v by a revoked token, want invalid_token", resp, err)
	}
}

func TestRegistryThatIsAwayIsNoRefusal(t *testing.T) {
	e := newEnv(t)
	e.registry.goAway(fault.New(fault.Unavailable, "away"))
	if resp, err := e.askWith(t.Context(), e.right(t, "api"), e.mint(t, userToken())); !errors.Is(err, oauth.TemporarilyUnavailable) {
		t.Errorf("Introspect() = %v, %v, want temporarily_unavailable", resp, err)
	}
}

// Nobody can make the service ask others by a token that is none.
func TestN174_GarbageAsARightCausesNoCalls(t *testing.T) {
	e := newEnv(t)
	dead := e.right(t, "api", func(a *credential.AccessToken) { a.ExpireTime = start })
	before := e.peerCalls()
	for _, right := range []string{"garbage", dead, e.right(t, "api", scope("openid")), e.right(t, "api", audience(rs1))} {
		if resp, err := e.askWith(t.Context(), right, e.mint(t, userToken())); err == nil {
			t.Errorf("Introspect() = %v by a token that gives no right", resp)
		}
	}
	if n := e.peerCalls() - before; n != 0 {
		t.Errorf("%d calls", n)
	}
}
