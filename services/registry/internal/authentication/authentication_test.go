package authentication_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/registry/internal/assertion"
	"github.com/chancery-auth/chancery/services/registry/internal/authentication"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
)

const issuer = "https://as.test"

func now() time.Time { return time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC) }

// fixture is the registry in memory.
type fixture struct {
	*authentication.Authenticator
	registrar *client.Registrar
	keeper    *clientsecret.Keeper
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	db := sqlitetest.New(t, coherence.Set(), events.Set(), migrations.Set())
	clients := client.NewStore(database.SQLite(db), preset.RestrictionKeep)
	secrets := clientsecret.NewStore(database.SQLite(db), preset.RestrictionKeep)
	return fixture{
		Authenticator: &authentication.Authenticator{
			Clients: clients, Secrets: secrets, Assertions: assertion.NewStore(database.SQLite(db)), Issuer: issuer, Now: now,
		},
		registrar: &client.Registrar{
			Clients:      clients,
			Policy:       client.PolicyOf(preset.Default()),
			SecretPrefix: "chcs",
		},
		keeper: &clientsecret.Keeper{Secrets: secrets, Prefix: "chcs"},
	}
}

// register returns the id and first secret of a new client.
func (f fixture) register(t *testing.T, method, jwks string) (id, first string) {
	t.Helper()
	c, shown, err := f.registrar.Create(t.Context(), client.Client{
		ClientName: "Example", TokenEndpointAuthMethod: method, JWKS: jwks,
		RedirectURIs: []string{"https://app.example/cb"}, RequirePKCE: true,
	})
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	return c.ClientID, shown.Reveal()
}

func (f fixture) accept(t *testing.T, p authentication.Presented) authentication.Authenticated {
	t.Helper()
	who, err := f.Authenticate(t.Context(), p)
	if err != nil || who.Client.ClientID != p.ClientID {
		t.Errorf("Authenticate() = %q, %v, want %q", who.Client.ClientID, err, p.ClientID)
	}
	return who
}

// refuse wants the one answer of every failure.
func (f fixture) refuse(t *testing.T, p authentication.Presented) {
	t.Helper()
	f.refuseWith(t, p, "client authentication failed")
}

// refuseClaims wants the answer for who has signed, and signed the wrong claims.
func (f fixture) refuseClaims(t *testing.T, p authentication.Presented) {
	t.Helper()
	f.refuseWith(t, p, "client_assertion needs client_id as iss and sub, the issuer alone as aud, a jti, and an exp at most 5 minutes ahead")
}

func (f fixture) refuseWith(t *testing.T, p authentication.Presented, description string) {
	t.Helper()
	who, err := f.Authenticate(t.Context(), p)
	var refusal *oauth.Error
	if !errors.As(err, &refusal) || refusal.Code != oauth.InvalidClient || refusal.Description != description {
		t.Errorf("Authenticate(%+v) = %v, want %v", p, err, oauth.InvalidClient)
	}
	if who.Client.ClientID != "" || who.SecretID != uuid.Nil {
		t.Errorf("Authenticate(%+v) names a client it refused", p)
	}
}

func basic(id, text string) authentication.Presented {
	return authentication.Presented{ClientID: id, Method: oauth.AuthClientSecretBasic, Secret: secret.Wrap(text)}
}

func post(id, text string) authentication.Presented {
	return authentication.Presented{ClientID: id, Method: oauth.AuthClientSecretPost, Secret: secret.Wrap(text)}
}

func none(id string) authentication.Presented {
	return authentication.Presented{ClientID: id, Method: oauth.AuthNone}
}

func TestN099_WrongSecretIsRefused(t *testing.T) {
	f := newFixture(t)
	id, good := f.register(t, oauth.AuthClientSecretBasic, "")
	_, others := f.register(t, oauth.AuthClientSecretBasic, "")
	flipped := []byte(good)
	flipped[10] ^= 1
	for name, bad := range map[string]string{
		"one bit": string(flipped), "prefix": good[:len(good)-1], "suffix": good[1:], "longer": good + "0",
		"case": strings.ToUpper(good), "trailing newline": good + "\n", "leading space": " " + good, "empty": "",
		"of another client": others, "hint": good[len(good)-4:], "redacted": secret.Redacted,
	} {
		t.Run(name, func(t *testing.T) { f.refuse(t, basic(id, bad)) })
	}
	f.accept(t, basic(id, good))
}

func TestN099_SecretsOverlapUntilTheOldOneIsRevoked(t *testing.T) {
	f := newFixture(t)
	id, old := f.register(t, oauth.AuthClientSecretBasic, "")
	newID, shown, err := f.keeper.Create(t.Context(), id)
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	oldID := f.accept(t, basic(id, old)).SecretID
	if got := f.accept(t, basic(id, shown.Reveal())).SecretID; got != newID {
		t.Errorf("SecretID = %v, want %v", got, newID)
	}
	if err := f.keeper.Revoke(t.Context(), id, oldID); err != nil {
		t.Fatalf("Revoke() = %v", err)
	}
	f.refuse(t, basic(id, old))
	f.accept(t, basic(id, shown.Reveal()))
}

func TestN100_ConfidentialClientMustAuthenticate(t *testing.T) {
	f := newFixture(t)
	keys, _ := newKeys(t)
	for _, method := range []string{oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost, oauth.AuthPrivateKeyJWT} {
		id, _ := f.register(t, method, keys)
		f.refuse(t, none(id))
		f.refuse(t, authentication.Presented{ClientID: id})
		f.refuse(t, authentication.Presented{ClientID: id, Method: method})
	}
	id, _ := f.register(t, oauth.AuthNone, "")
	f.accept(t, none(id))
}

func TestN102_MethodIsThatOfTheRegistration(t *testing.T) {
	f := newFixture(t)
	byBasic, basicSecret := f.register(t, oauth.AuthClientSecretBasic, "")
	byPost, postSecret := f.register(t, oauth.AuthClientSecretPost, "")
	public, _ := f.register(t, oauth.AuthNone, "")
	f.accept(t, basic(byBasic, basicSecret))
	f.accept(t, post(byPost, postSecret))
	f.accept(t, none(public))
	f.refuse(t, post(byBasic, basicSecret))
	f.refuse(t, basic(byPost, postSecret))
	f.refuse(t, basic(public, basicSecret))
	f.refuse(t, post(public, ""))
	withSecret := none(public)
	withSecret.Secret = secret.Wrap("x")
	f.refuse(t, withSecret)
	unknownMethod := basic(byBasic, basicSecret)
	unknownMethod.Method = "tls_client_auth"
	f.refuse(t, unknownMethod)
}

func TestN102_MethodsAreASet(t *testing.T) {
	f := newFixture(t)
	keys, _ := newKeys(t)
	basicMethod, postMethod, assertion := oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost, oauth.AuthPrivateKeyJWT
	for _, tt := range []struct {
		name        string
		methods     []string
		basic, post bool
	}{
		{"no choice", nil, true, true},
		{"one", []string{postMethod}, false, true},
		{"both with a secret", []string{postMethod, basicMethod}, true, true},
		{"a secret and keys", []string{assertion, basicMethod}, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var method string
			if len(tt.methods) > 0 {
				method = tt.methods[0]
			}
			c, shown, err := f.registrar.Create(t.Context(), client.Client{
				ClientName: "Example", TokenEndpointAuthMethod: method, TokenEndpointAuthMethodsSupported: tt.methods,
				JWKS: keys, RedirectURIs: []string{"https://app.example/cb"}, RequirePKCE: true,
			})
			if err != nil {
				t.Fatalf("Create() = %v", err)
			}
			id, good := c.ClientID, shown.Reveal()
			for _, in := range []struct {
				presented authentication.Presented
				allowed   bool
			}{{basic(id, good), tt.basic}, {post(id, good), tt.post}, {none(id), false}} {
				if in.allowed {
					f.accept(t, in.presented)
				} else {
					f.refuse(t, in.presented)
				}
			}
			f.refuse(t, basic(id, good+"0"))
			f.refuse(t, post(id, ""))
		})
	}
}

func TestN101_TwoMethodsAreAnInvalidRequest(t *testing.T) {
	f := newFixture(t)
	id, good := f.register(t, oauth.AuthClientSecretPost, "")
	p := post(id, good)
	p.Assertion = "a.b.c"
	if _, err := f.Authenticate(t.Context(), p); !errors.Is(err, oauth.InvalidRequest) {
		t.Errorf("Authenticate() = %v, want %v", err, oauth.InvalidRequest)
	}
}

func TestN110_UnknownClientLooksLikeAWrongSecret(t *testing.T) {
	f := newFixture(t)
	_, good := f.register(t, oauth.AuthClientSecretBasic, "")
	for _, id := range []string{uuid.NewString(), "", "nul\x00", "' OR 1=1 --"} {
		f.refuse(t, basic(id, good))
		f.refuse(t, basic(id, ""))
		f.refuse(t, none(id))
		f.refuse(t, authentication.Presented{ClientID: id})
		f.refuse(t, authentication.Presented{ClientID: id, Method: oauth.AuthPrivateKeyJWT, Assertion: "a.b.c"})
	}
}

func TestEveryOneOfManySecretsAuthenticates(t *testing.T) {
	f := newFixture(t)
	id, first := f.register(t, oauth.AuthClientSecretBasic, "")
	all := []string{first}
	for len(all) < clientsecret.Max {
		_, shown, err := f.keeper.Create(t.Context(), id)
		if err != nil {
			t.Fatalf("Create() = %v", err)
		}
		all = append(all, shown.Reveal())
	}
	seen := map[uuid.UUID]bool{}
	for _, text := range all {
		seen[f.accept(t, basic(id, text)).SecretID] = true
	}
	if len(seen) != clientsecret.Max {
		t.Errorf("%d secrets authenticated, want %d", len(seen), clientsecret.Max)
	}
}

func TestN120_DeletedClientIsRefusedAtOnce(t *testing.T) {
	f := newFixture(t)
	keys, sign := newKeys(t)
	byBasic, good := f.register(t, oauth.AuthClientSecretBasic, "")
	byKey, _ := f.register(t, oauth.AuthPrivateKeyJWT, keys)
	public, _ := f.register(t, oauth.AuthNone, "")
	f.accept(t, basic(byBasic, good))
	f.accept(t, none(public))
	for _, id := range []string{byBasic, byKey, public} {
		if err := f.registrar.Delete(t.Context(), id); err != nil {
			t.Fatalf("Delete() = %v", err)
		}
	}
	f.refuse(t, basic(byBasic, good))
	f.refuse(t, asserted(byKey, sign(claims(byKey))))
	f.refuse(t, none(public))
}

func TestChangeOfMethodEndsSecrets(t *testing.T) {
	f := newFixture(t)
	id, good := f.register(t, oauth.AuthClientSecretBasic, "")
	change := func(method string) {
		t.Helper()
		c, err := f.registrar.Find(t.Context(), id)
		if err != nil {
			t.Fatalf("Find() = %v", err)
		}
		c.TokenEndpointAuthMethod = method
		if _, err := f.registrar.Update(t.Context(), c); err != nil {
			t.Fatalf("Update() = %v", err)
		}
	}
	change(oauth.AuthClientSecretPost)
	f.refuse(t, basic(id, good))
	f.accept(t, post(id, good))
	change(oauth.AuthNone)
	f.refuse(t, post(id, good))
	f.accept(t, none(id))
	change(oauth.AuthClientSecretPost)
	f.refuse(t, post(id, good))
}

func TestUseOfASecretIsNoted(t *testing.T) {
	f := newFixture(t)
	id, good := f.register(t, oauth.AuthClientSecretBasic, "")
	lastUse := func() time.Time {
		t.Helper()
		list, err := f.keeper.List(t.Context(), id)
		if err != nil || len(list) != 1 {
			t.Fatalf("List() = %v, %v", list, err)
		}
		return list[0].LastUseTime
	}
	f.refuse(t, basic(id, good+"x"))
	if got := lastUse(); !got.IsZero() {
		t.Errorf("LastUseTime = %v after a failure, want none", got)
	}
	f.accept(t, basic(id, good))
	first := lastUse()
	f.accept(t, basic(id, good))
	if got := lastUse(); first.IsZero() || !got.Equal(first) {
		t.Errorf("LastUseTime = %v, then %v, want one instant", first, got)
	}
}

func TestUseOfAClientIsNotedWhateverItsMethod(t *testing.T) {
	f := newFixture(t)
	keys, sign := newKeys(t)
	byBasic, good := f.register(t, oauth.AuthClientSecretBasic, "")
	byKey, _ := f.register(t, oauth.AuthPrivateKeyJWT, keys)
	public, _ := f.register(t, oauth.AuthNone, "")
	for _, tt := range []struct {
		id        string
		good, bad authentication.Presented
	}{
		{byBasic, basic(byBasic, good), basic(byBasic, good+"x")},
		{byKey, asserted(byKey, sign(claims(byKey))), asserted(byKey, "a.b.c")},
		{public, none(public), basic(public, good)},
	} {
		lastUse := func() time.Time {
			t.Helper()
			c, err := f.registrar.Find(t.Context(), tt.id)
			if err != nil || c.Revision != 1 {
				t.Fatalf("Find() = revision %d, %v, want 1", c.Revision, err)
			}
			return c.LastUseTime
		}
		f.refuse(t, tt.bad)
		if got := lastUse(); !got.IsZero() {
			t.Errorf("LastUseTime = %v after a failure of %s, want none", got, tt.bad.Method)
		}
		f.accept(t, tt.good)
		if lastUse().IsZero() {
			t.Errorf("LastUseTime is none after %s", tt.good.Method)
		}
	}
	first, err := f.registrar.Find(t.Context(), public)
	if err != nil {
		t.Fatal(err)
	}
	f.accept(t, none(public))
	if again, err := f.registrar.Find(t.Context(), public); err != nil || !again.LastUseTime.Equal(first.LastUseTime) {
		t.Errorf("LastUseTime = %v, then %v, %v, want one instant", first.LastUseTime, again.LastUseTime, err)
	}
}

func TestN117_OneOfManyUsesOfAnAssertionSucceeds(t *testing.T) {
	const callers = 50
	f := newFixture(t)
	keys, sign := newKeys(t)
	id, _ := f.register(t, oauth.AuthPrivateKeyJWT, keys)
	p := asserted(id, sign(claims(id)))
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = f.Authenticate(t.Context(), p) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, oauth.InvalidClient):
			t.Errorf("Authenticate() = %v, want %v", err, oauth.InvalidClient)
		}
	}
	if won != 1 {
		t.Errorf("%d uses succeeded, want 1", won)
	}
	f.refuse(t, p)
}
