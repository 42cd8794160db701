package registration_test

import (
	"errors"
	"testing"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
	"github.com/chancery-auth/chancery/services/registry/internal/initialtoken"
	"github.com/chancery-auth/chancery/services/registry/internal/migrations"
	"github.com/chancery-auth/chancery/services/registry/internal/registration"
)

// newEndpoint returns an endpoint where anybody may register.
func newEndpoint(t testing.TB, change ...func(*preset.Preset)) *registration.Endpoint {
	t.Helper()
	p := preset.Default()
	p.Registration.Mode = preset.RegistrationOpen
	for _, c := range change {
		c(&p)
	}
	db := sqlitetest.New(t, coherence.Set(), events.Set(), migrations.Set())
	return &registration.Endpoint{
		Mode: p.Registration.Mode,
		Registrar: &client.Registrar{
			Clients: client.NewStore(database.SQLite(db), preset.RestrictionKeep), Policy: client.PolicyOf(p), SecretPrefix: p.Prefixes.ClientSecret,
		},
		Secrets:     clientsecret.NewStore(database.SQLite(db), preset.RestrictionKeep),
		Tokens:      &initialtoken.Keeper{Tokens: initialtoken.NewStore(database.SQLite(db)), Prefix: p.Prefixes.InitialAccessToken},
		TokenPrefix: p.Prefixes.RegistrationToken,
	}
}

// web says of itself what keeps every rule. So does native.
func web() registration.Metadata {
	return registration.Metadata{ClientName: "Example", RedirectURIs: []string{"https://app.example/cb"}}
}

func native() registration.Metadata {
	return registration.Metadata{
		ClientName: "Example", ApplicationType: "native",
		RedirectURIs: []string{"http://127.0.0.1/cb", "com.example.app:/cb"},
	}
}

// ruleCase is metadata made by a change of some that keep every rule.
type ruleCase struct {
	name   string
	base   func() registration.Metadata
	change func(*registration.Metadata)
	want   error // nil if the client is registered
}

func same(*registration.Metadata) {}

func checkRules(t *testing.T, cases []ruleCase) {
	t.Helper()
	e := newEndpoint(t)
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			m := tt.base()
			tt.change(&m)
			if _, err := e.Register(t.Context(), m, secret.Secret{}); !errors.Is(err, tt.want) {
				t.Errorf("Register() = %v, want %v", err, tt.want)
			}
		})
	}
}

func register(t testing.TB, e *registration.Endpoint, m registration.Metadata) registration.Registered {
	t.Helper()
	r, err := e.Register(t.Context(), m, secret.Secret{})
	if err != nil {
		t.Fatalf("Register() = %v", err)
	}
	return r
}

func presented(r registration.Registered) registration.Presented {
	return registration.Presented{ClientID: r.Client.ClientID, Token: r.Token}
}

// wantRefusal returns the description of the refusal that err is.
func wantRefusal(t *testing.T, err error, want oauth.ErrorCode) string {
	t.Helper()
	var refusal *oauth.Error
	if !errors.As(err, &refusal) || refusal.Code != want {
		t.Errorf("got %v, want %v", err, want)
		return ""
	}
	return refusal.Description
}
