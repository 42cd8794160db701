package grant

import (
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/oauth"
)

// quiet is a situation in which no rule asks: each case below breaks one.
func quiet() situation {
	return situation{
		request: Request{Client: client.Client{
			Vetted:       true,
			RedirectURIs: []string{"https://app.example/cb"},
		}},
		identified: true,
		kinds:      Kinds{Workspaces: true, Projects: true},
		plain:      oauth.Scope{"openid"},
		allowed:    oauth.Scope{"email", "openid"},
		workspaces: coverage{allowed: 2, covering: []Resource{resource(1), resource(2)}},
		projects:   coverage{allowed: 1, covering: []Resource{resource(3)}},
	}
}

func resource(n byte) Resource { return Resource{ID: uuid.UUID{n}} }

func unselective(s *situation) {
	s.kinds, s.workspaces, s.projects = Kinds{}, coverage{}, coverage{}
}

func nothingAllowed(s *situation) {
	s.allowed, s.workspaces, s.projects = nil, coverage{}, coverage{}
}

func single(covering ...Resource) func(*situation) {
	return func(s *situation) {
		s.policy.SingleWorkspace, s.workspaces.covering = true, covering
	}
}

func public(uris ...string) func(*situation) {
	return func(s *situation) {
		s.request.Client.Public = true
		s.request.Client.RedirectURIs = uris
	}
}

func own(s *situation) { s.request.Client.SkipConsent = true }

func TestWhenToAsk(t *testing.T) {
	tests := []struct {
		name   string
		change []func(*situation)
		want   bool
	}{
		{"the same or less than was allowed", nil, false},
		{"the same without selection", []func(*situation){unselective}, false},
		{"prompt=consent", []func(*situation){func(s *situation) { s.request.PromptConsent = true }}, true},
		{"an unverified client of a workspace", []func(*situation){func(s *situation) {
			s.request.Client.Vetted, s.request.Client.WorkspaceID = false, "w1"
		}}, false},
		{"an unverified client", []func(*situation){func(s *situation) { s.request.Client.Vetted = false }}, true},
		{"nothing allowed", []func(*situation){nothingAllowed}, true},
		{"nobody can say as what the client comes", []func(*situation){func(s *situation) { s.identified = false }}, true},
		{"more scope", []func(*situation){func(s *situation) { s.allowed = s.allowed.Without("openid") }}, true},
		{"a scope that starts the same", []func(*situation){unselective, func(s *situation) { s.allowed = oauth.Scope{"openid2"} }}, true},
		{"no workspace left", []func(*situation){func(s *situation) { s.workspaces = coverage{} }}, true},
		{"no project left", []func(*situation){func(s *situation) { s.projects = coverage{} }}, true},
		{"no workspace left, and none requested", []func(*situation){func(s *situation) { s.workspaces, s.kinds.Workspaces = coverage{}, false }}, false},
		{"no project left, and none requested", []func(*situation){func(s *situation) { s.projects, s.kinds.Projects = coverage{}, false }}, false},
		{"a workspace that was shared with less", []func(*situation){func(s *situation) { s.workspaces.allowed++ }}, true},
		{"a project that was shared with less", []func(*situation){func(s *situation) { s.projects.allowed++ }}, true},
		{"a workspace that was shared with less, and none requested", []func(*situation){func(s *situation) { s.workspaces.allowed++; s.kinds.Workspaces = false }}, false},
		{"one workspace that would do, of two", []func(*situation){single(resource(1))}, false},
		{"two workspaces that would do, where one is to be chosen", []func(*situation){single(resource(1), resource(2))}, true},
		{"no workspace that would do, where one is to be chosen", []func(*situation){single()}, true},
		{"no workspace requested, where one would be to be chosen", []func(*situation){single(), func(s *situation) { s.kinds.Workspaces = false }}, false},

		{"the platform's own client", []func(*situation){own, unselective, nothingAllowed}, false},
		{"the platform's own client that selects", []func(*situation){own, nothingAllowed}, true},
		{"the platform's own client that selects as before", []func(*situation){own}, false},
		{"the platform's own client, of which nobody can say as what it comes", []func(*situation){own, unselective, func(s *situation) { s.identified = false }}, false},
		{"the platform's own client with prompt=consent", []func(*situation){own, unselective, func(s *situation) { s.request.PromptConsent = true }}, true},
		{"the platform's own client, yet unverified", []func(*situation){own, unselective, func(s *situation) { s.request.Client.Vetted = false }}, true},

		{"the platform's own client, which anybody can pose as", []func(*situation){own, unselective, public("com.example.app:/cb")}, true},
		{"the platform's own public client on the web", []func(*situation){own, unselective, public("https://app.example/cb"), nothingAllowed}, false},

		{"a public client on the web", []func(*situation){public("https://app.example/cb", "https://two.example/cb")}, false},
		{"a public client where the policy lets it", []func(*situation){public("com.example.app:/cb"), func(s *situation) { s.policy.SkipPublic = true }}, false},
		{"an unverified client where the policy lets public ones", []func(*situation){public("https://app.example/cb"), func(s *situation) {
			s.policy.SkipPublic, s.request.Client.Vetted = true, false
		}}, true},
		{"a confidential client with a loopback redirect beside the one in use", []func(*situation){func(s *situation) {
			s.request.Client.RedirectURIs, s.request.RedirectURI = []string{"http://127.0.0.1/cb", "https://app.example/cb"}, "https://app.example/cb"
		}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := quiet()
			for _, change := range tt.change {
				change(&s)
			}
			if got := required(s); got != tt.want {
				t.Errorf("required() = %v, want %v", got, tt.want)
			}
		})
	}
}

// Whoever is talked into copying the address of such a redirect gives the code away.
func TestN320_AnswersToTheUsersMachineAreAlwaysAskedAbout(t *testing.T) {
	for _, uri := range []string{"http://127.0.0.1:51004/cb", "http://[::1]/cb", "http://localhost:8080/cb", "https://localhost/cb"} {
		for name, change := range map[string]func(*situation){"confidential": same, "the platform's own": own, "public": public(uri)} {
			for _, lets := range []bool{false, true} {
				s := quiet()
				unselective(&s)
				change(&s)
				s.request.RedirectURI, s.policy.SkipPublic = uri, lets
				if got := required(s); got == lets {
					t.Errorf("required() of a %s client at %s = %v where the preset says %v", name, uri, got, lets)
				}
			}
		}
	}
	s := quiet()
	if s.request.RedirectURI = "https://app.example/cb"; required(s) {
		t.Error("required() of a client on the web = true")
	}
}

func same(*situation) {}

// RFC 8252 §8.6.
func TestN027_PublicClientsThatAnybodyCanPoseAsAreAlwaysAsked(t *testing.T) {
	for _, uris := range [][]string{
		nil,
		{"com.example.app:/cb"},
		{"scout://oauth/callback"},
		{"http://127.0.0.1/cb"},
		{"http://[::1]/cb"},
		{"http://localhost:8080/cb"},
		{"https://localhost/cb"},
		{"https://LOCALHOST/cb"},
		{"https://app.localhost/cb"},
		{"https://127.0.0.1/cb"},
		{"https://127.9.9.9:443/cb"},
		{"https://[::1]/cb"},
		{"https://[::ffff:127.0.0.1]/cb"},
		{"https://0.0.0.0/cb"},
		{"https://app.example/cb", "com.example.app:/cb"},
		{"com.example.app:/cb", "https://app.example/cb"},
	} {
		s := quiet()
		public(uris...)(&s)
		if !required(s) {
			t.Errorf("a public client with %q is not asked", uris)
		}
	}
	for _, uri := range []string{"https://app.example/cb", "https://localhost.example/cb", "https://192.0.2.1/cb"} {
		s := quiet()
		public(uri)(&s)
		if required(s) {
			t.Errorf("a public client with %q is asked", uri)
		}
	}
}

// What is read is exactly what was written, each resource once.
func FuzzParseIDs(f *testing.F) {
	f.Add("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "*")
	f.Add("{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "6BA7B810-9DAD-11D1-80B4-00C04FD430C8")
	f.Add("urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6ba7b8109dad11d180b400c04fd430c8")
	f.Fuzz(func(t *testing.T, a, b string) {
		ids, err := parseIDs([]string{a, b})
		if err != nil {
			return
		}
		if len(ids) != 2 || ids[0] == ids[1] {
			t.Fatalf("parseIDs(%q, %q) = %v", a, b, ids)
		}
		if x, y := ids[0].String(), ids[1].String(); min(x, y) != min(a, b) || max(x, y) != max(a, b) {
			t.Errorf("parseIDs(%q, %q) = %v", a, b, ids)
		}
	})
}
