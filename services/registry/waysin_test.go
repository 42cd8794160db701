package registry_test

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// said is something that a client can say of itself, wherever it does.
type said struct {
	client func(*registryv1.Client)
	self   func(*registryv1.ClientMetadata)
}

// wayIn is how metadata of a client that is not the operators' own come in.
type wayIn struct {
	name string
	try  func(said) error
	self bool // whether the client speaks for itself
}

// waysIn returns every way into a registry, with the operators of it.
func waysIn(t *testing.T) (fixture, []wayIn) {
	t.Helper()
	stores := sqliteStores(t)
	o, s := newOffice(t, stores), newSelfService(t, preset.RegistrationOpen, stores)
	ofWorkspace := func() *registryv1.Client {
		return &registryv1.Client{ClientName: "Owned", WorkspaceId: o.w1, RedirectUris: []string{"https://app.example/cb"}}
	}
	stored := create(t, o.fixture, ofWorkspace()).GetClient()
	app := o.create(t, "u1", o.w1, anApp()).GetApp()
	self := s.register(t, everyMember())
	return o.fixture, []wayIn{
		{"CreateClient", func(say said) error {
			c := ofWorkspace()
			say.client(c)
			_, err := o.admin.CreateClient(t.Context(), &registryv1.CreateClientRequest{Client: c})
			return err
		}, false},
		{"UpdateClient", func(say said) error {
			c := proto.CloneOf(stored)
			say.client(c)
			resp, err := o.admin.UpdateClient(t.Context(), &registryv1.UpdateClientRequest{Client: c})
			if err == nil {
				stored = resp.GetClient()
			}
			return err
		}, false},
		{"CreateApp", func(say said) error {
			c := anApp()
			say.client(c)
			_, err := o.developer.CreateApp(t.Context(), &registryv1.CreateAppRequest{Sub: "u1", WorkspaceId: o.w1, App: c})
			return err
		}, false},
		{"UpdateApp", func(say said) error {
			c := proto.CloneOf(app)
			say.client(c)
			resp, err := o.developer.UpdateApp(t.Context(), &registryv1.UpdateAppRequest{Sub: "u1", App: c})
			if err == nil {
				app = resp.GetApp()
			}
			return err
		}, false},
		{"RegisterClient", func(say said) error {
			m := everyMember()
			say.self(m)
			_, err := s.self.RegisterClient(t.Context(), &registryv1.RegisterClientRequest{Metadata: m})
			return err
		}, true},
		{"UpdateRegistration", func(say said) error {
			m, id := everyMember(), self.GetClient().GetClientId()
			say.self(m)
			_, err := s.self.UpdateRegistration(t.Context(), &registryv1.UpdateRegistrationRequest{
				ClientId: id, RegistrationAccessToken: self.GetRegistrationAccessToken(), BodyClientId: id, Metadata: m,
			})
			return err
		}, true},
	}
}

func TestN316_NoWayInLeadsToTheIssuersOrigin(t *testing.T) {
	_, ways := waysIn(t)
	at := func(uri string) said {
		return said{
			func(c *registryv1.Client) { c.RedirectUris = []string{uri} },
			func(m *registryv1.ClientMetadata) { m.RedirectUris = []string{uri} },
		}
	}
	for _, way := range ways {
		want := error(fault.Invalid)
		if way.self {
			want = oauth.InvalidRedirectURI
		}
		if err := way.try(at("https://as.test/cb")); !errors.Is(err, want) {
			t.Errorf("%s = %v, want %v", way.name, err, want)
		}
		if err := way.try(at("https://app.as.test/cb")); err != nil {
			t.Errorf("%s(another host) = %v", way.name, err)
		}
	}
}

func TestN093_NoWayInTakesTheNameOfThePlatformsApps(t *testing.T) {
	f, ways := waysIn(t)
	create(t, f, &registryv1.Client{ClientName: "Console"})
	create(t, f, &registryv1.Client{ClientName: "Imported", Vetted: proto.Bool(false)})
	called := func(name string) said {
		return said{
			func(c *registryv1.Client) { c.ClientName = name },
			func(m *registryv1.ClientMetadata) { m.ClientName = name },
		}
	}
	for _, way := range ways {
		want := error(fault.Invalid)
		if way.self {
			want = oauth.InvalidClientMetadata
		}
		for _, name := range []string{"Console", "CONSOLE", "C0nso1e", "\uff23onsole"} {
			if err := way.try(called(name)); !errors.Is(err, want) {
				t.Errorf("%s(%q) = %v, want %v", way.name, name, err, want)
			}
		}
		for _, name := range []string{"Consoles", "Imported"} {
			if err := way.try(called(name)); err != nil {
				t.Errorf("%s(%q) = %v", way.name, name, err)
			}
		}
	}
	create(t, f, &registryv1.Client{ClientName: "C0nso1e"}) // by the operators
}
