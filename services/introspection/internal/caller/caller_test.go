package caller_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/introspection/internal/accesstoken"
	"github.com/chancery-auth/chancery/services/introspection/internal/caller"
)

const issuer = "https://as.test"

var (
	start    = time.Unix(1_800_000_000, 0)
	secretID = uuid.UUID{1}
)

func api() caller.Caller {
	return caller.Caller{
		ClientID: "api", Version: 3, ScopeVersion: 3, Scope: oauth.Scope{"introspect"}, SecretID: secretID,
	}
}

func joined(t *testing.T, rs ...coherent.Restriction) *coherent.State {
	t.Helper()
	s := coherent.NewState(0)
	if !s.Join(start.Add(time.Hour), rs...) {
		t.Fatal("a restriction could not be joined")
	}
	return s
}

func TestCurrent(t *testing.T) {
	tests := []struct {
		name string
		r    coherent.Restriction
		want bool
	}{
		{"restricted up to its version", coherent.Client("api", 3), true},
		{"restricted beyond its version", coherent.Client("api", 4), false},
		{"deleted", coherent.Client("api", coherent.Deleted), false},
		{"another deleted", coherent.Client("app", coherent.Deleted), true},
		{"secret revoked", coherent.Secret(secretID), false},
		{"another secret revoked", coherent.Secret(uuid.UUID{2}), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := api()
			if got := c.Current(joined(t, tt.r)); got != tt.want {
				t.Errorf("Current() = %v, want %v", got, tt.want)
			}
		})
	}
	c := api()
	c.SecretID = uuid.Nil
	if !c.Current(joined(t, coherent.Secret(uuid.Nil))) {
		t.Error("a client without secret depends on one")
	}
}

func TestIntrospects(t *testing.T) {
	tests := []struct {
		name  string
		scope oauth.Scope
		rs    []coherent.Restriction
		want  bool
	}{
		{"has the scope", oauth.Scope{"openid", "introspect"}, nil, true},
		{"has another", oauth.Scope{"introspection"}, nil, false},
		{"has none", nil, nil, false},
		{"lost it since", oauth.Scope{"introspect"}, []coherent.Restriction{coherent.ClientScope("api", 4, "openid")}, false},
		{"lost another since", oauth.Scope{"introspect"}, []coherent.Restriction{coherent.ClientScope("api", 4, "introspect")}, true},
		{"had lost it before", oauth.Scope{"introspect"}, []coherent.Restriction{coherent.ClientScope("api", 3, "openid")}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := api()
			c.Scope = tt.scope
			if got := c.Introspects(joined(t, tt.rs...)); got != tt.want {
				t.Errorf("Introspects() = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestN165_Receives(t *testing.T) {
	tests := []struct {
		name         string
		token, asker []string
		want         bool
	}{
		{"both of the issuer", nil, nil, true},
		{"token of the issuer by name", []string{issuer}, nil, true},
		{"caller of the issuer by name", nil, []string{issuer}, true},
		{"token of one API, caller of the issuer", []string{"https://rs1.test"}, nil, false},
		{"token of the issuer, caller of one API", nil, []string{"https://rs1.test"}, false},
		{"same API", []string{"https://rs1.test"}, []string{"https://rs1.test"}, true},
		{"one of several", []string{"https://rs1.test", "https://rs2.test"}, []string{"https://rs3.test", "https://rs2.test"}, true},
		{"other API", []string{"https://rs1.test"}, []string{"https://rs2.test"}, false},
		{"longer name", []string{"https://rs1.test"}, []string{"https://rs1.test/"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := api()
			c.Audience = tt.asker
			token := &accesstoken.Token{AccessToken: credential.AccessToken{Audience: tt.token}}
			if got := c.Receives(token, issuer); got != tt.want {
				t.Errorf("Receives() = %v, want %v", got, tt.want)
			}
		})
	}
}

func presented() caller.Presented {
	return caller.Presented{ClientID: "api", Method: oauth.AuthClientSecretPost, Secret: secret.Wrap("right")}
}

// registry accepts every client and counts.
type registry struct {
	asked  int
	answer caller.Caller
	err    error
}

func (r *registry) authenticate(context.Context, caller.Presented) (caller.Caller, error) {
	r.asked++
	return r.answer, r.err
}

// clocks both show now.
func clocks(now *time.Time) coherent.Clocks {
	since := func() time.Duration { return time.Duration(now.UnixNano()) }
	return coherent.Clocks{Boot: since, Wall: since}
}

// SECURITY cases F9 and N295: a machine that was suspended, or whose time of day was
// set, remembers nothing.
func TestN295_DisagreeingClocksRecallNothing(t *testing.T) {
	for off, want := range map[time.Duration]bool{
		0: true, time.Second: true, time.Second + 1: false, -time.Second - 1: false, -25 * time.Hour: false, 25 * time.Hour: false,
	} {
		boot, wall := start, start
		r := caller.NewRegister((&registry{answer: api()}).authenticate,
			coherent.Clocks{Boot: clocks(&boot).Boot, Wall: clocks(&wall).Wall})
		if _, err := r.Authenticate(t.Context(), presented()); err != nil {
			t.Fatal(err)
		}
		wall = wall.Add(off)
		if _, ok := r.Recall(presented()); ok != want {
			t.Errorf("wall clock off by %s: Recall() = %t", off, ok)
		}
	}
}

func TestRecall(t *testing.T) {
	now := start
	r := caller.NewRegister((&registry{answer: api()}).authenticate, clocks(&now))
	if _, ok := r.Recall(presented()); ok {
		t.Error("a register recalls who was never there")
	}
	if _, err := r.Authenticate(t.Context(), presented()); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		after  time.Duration
		change func(*caller.Presented)
		want   bool
	}{
		{"the same", 0, func(*caller.Presented) {}, true},
		{"just within four seconds", 4*time.Second - 1, func(*caller.Presented) {}, true},
		{"after four seconds", 4 * time.Second, func(*caller.Presented) {}, false},
		{"the clock went back", -time.Second, func(*caller.Presented) {}, false},
		{"another secret", 0, func(p *caller.Presented) { p.Secret = secret.Wrap("wrong") }, false},
		{"no secret", 0, func(p *caller.Presented) { p.Secret = secret.Wrap("") }, false},
		{"another client", 0, func(p *caller.Presented) { p.ClientID = "app" }, false},
		{"another method", 0, func(p *caller.Presented) { p.Method = oauth.AuthClientSecretBasic }, false},
		{"a method without secret", 0, func(p *caller.Presented) { p.Method = oauth.AuthPrivateKeyJWT }, false},
		{"the client's name eats the method", 0, func(p *caller.Presented) {
			p.ClientID, p.Secret = "api"+oauth.AuthClientSecretPost+"\x00", secret.Wrap("right")
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now = start.Add(tt.after)
			p := presented()
			tt.change(&p)
			c, ok := r.Recall(p)
			if ok != tt.want {
				t.Errorf("Recall() = %v, want %v", ok, tt.want)
			}
			if ok && c.ClientID != "api" {
				t.Errorf("Recall() = %+v", c)
			}
		})
	}
}

// The time of an entry is that of the beginning of the read: what the registry
// said may be as old as that.
func TestN170_RememberedFromTheStartOfTheRead(t *testing.T) {
	now := start
	slow := func(context.Context, caller.Presented) (caller.Caller, error) {
		now = now.Add(3 * time.Second)
		return api(), nil
	}
	r := caller.NewRegister(slow, clocks(&now))
	if _, err := r.Authenticate(t.Context(), presented()); err != nil {
		t.Fatal(err)
	}
	now = start.Add(4*time.Second - 1)
	if _, ok := r.Recall(presented()); !ok {
		t.Error("the client is forgotten within four seconds of the start")
	}
	now = start.Add(4 * time.Second)
	if _, ok := r.Recall(presented()); ok {
		t.Error("the client is recalled four seconds after the start")
	}
}

func TestOnlyVerifiedSecretsAreRemembered(t *testing.T) {
	withoutSecret := api()
	withoutSecret.SecretID = uuid.Nil
	assertion := caller.Presented{ClientID: "api", Method: oauth.AuthPrivateKeyJWT, Assertion: "a.b.c"}
	tests := []struct {
		name     string
		p        caller.Presented
		registry registry
		want     bool
	}{
		{"right secret", presented(), registry{answer: api()}, true},
		{"wrong secret", presented(), registry{err: oauth.Refuse(oauth.InvalidClient, "no")}, false},
		{"secret that cannot be revoked by id", presented(), registry{answer: withoutSecret}, false},
		{"assertion", assertion, registry{answer: withoutSecret}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := caller.NewRegister(tt.registry.authenticate, clocks(&start))
			_, err := r.Authenticate(t.Context(), tt.p)
			if !errors.Is(err, tt.registry.err) {
				t.Errorf("Authenticate() = %v, want %v", err, tt.registry.err)
			}
			if _, ok := r.Recall(tt.p); ok != tt.want {
				t.Errorf("Recall() = %v, want %v", ok, tt.want)
			}
		})
	}
}

func TestN160_ClientWithoutCredentialsIsRefused(t *testing.T) {
	known := &registry{answer: api()}
	r := caller.NewRegister(known.authenticate, clocks(&start))
	_, err := r.Authenticate(t.Context(), caller.Presented{ClientID: "api", Method: oauth.AuthNone})
	if !errors.Is(err, oauth.InvalidClient) {
		t.Errorf("Authenticate() = %v, want invalid_client", err)
	}
	if known.asked != 0 {
		t.Error("the registry was asked")
	}
}

// BenchmarkRecall allocates nothing. It is no test because a sync.Pool forgets
// at random under the race detector.
func BenchmarkRecall(b *testing.B) {
	r := caller.NewRegister((&registry{answer: api()}).authenticate, clocks(&start))
	p := presented()
	if _, err := r.Authenticate(b.Context(), p); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Recall(p)
	}
}
