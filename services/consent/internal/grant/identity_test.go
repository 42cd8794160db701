package grant

import "testing"

// The parts of an identity as the subject knows the client.
type parts struct{ name, workspace, redirectURI string }

func (p parts) identity() Identity { return IdentityOf(p.name, p.workspace, p.redirectURI) }

func TestN090_AnIdentityIsNameOwnerAndHost(t *testing.T) {
	known := parts{"App", "w1", "https://app.example/cb"}
	tests := []struct {
		name string
		as   parts
		same bool
	}{
		{"the same", known, true},
		{"another path", parts{"App", "w1", "https://app.example/other?x=1"}, true},
		{"another port", parts{"App", "w1", "https://app.example:8443/cb"}, true},
		{"the host in capitals", parts{"App", "w1", "HTTPS://APP.example/cb"}, true},
		{"another name", parts{"Apq", "w1", "https://app.example/cb"}, false},
		{"a name of another case", parts{"app", "w1", "https://app.example/cb"}, false},
		{"no name", parts{"", "w1", "https://app.example/cb"}, false},
		{"another owner", parts{"App", "w2", "https://app.example/cb"}, false},
		{"no owner", parts{"App", "", "https://app.example/cb"}, false},
		{"another host", parts{"App", "w1", "https://evil.example/cb"}, false},
		{"a host below it", parts{"App", "w1", "https://x.app.example/cb"}, false},
		{"the host as a scheme", parts{"App", "w1", "app.example:/cb"}, false},
		{"the host of another scheme", parts{"App", "w1", "scout://app.example/cb"}, false},
		{"a name that reaches into the owner", parts{"Appw1", "", "https://app.example/cb"}, false},
		{"an owner that reaches into the name", parts{"Ap", "pw1", "https://app.example/cb"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.as.identity() == known.identity(); got != tt.same {
				t.Errorf("IdentityOf(%q) is that of the known client: %v, want %v", tt.as, got, tt.same)
			}
		})
	}
	if none := IdentityOf("App", "w1", ""); none != (Identity{}) {
		t.Errorf("IdentityOf() without a redirect URI = %x", none)
	}
}

func TestDestination(t *testing.T) {
	for uri, want := range map[string]string{
		"https://app.example:8443/cb":    "app.example",
		"http://127.0.0.1:51004/cb":      "127.0.0.1",
		"http://[::1]/cb":                "[::1]",
		"com.example.app:/cb":            "com.example.app:",
		"com.example.app://oauth/cb?x=1": "com.example.app://oauth",
		"Scout://OAuth":                  "scout://oauth",
		"scout://oauth?x=/":              "scout://oauth",
		"com.example.app:///cb":          "com.example.app://",
	} {
		if got := destination(uri); got != want {
			t.Errorf("destination(%q) = %q, want %q", uri, got, want)
		}
	}
}

// Where one part ends and the next begins is never in doubt.
func FuzzIdentityOf(f *testing.F) {
	f.Add("App", "w1", "Appw", "1")
	f.Add("", "\x01a", "\x01", "a")
	f.Fuzz(func(t *testing.T, name, workspace, otherName, otherWorkspace string) {
		const uri = "https://app.example/cb"
		same := name == otherName && workspace == otherWorkspace
		if got := IdentityOf(name, workspace, uri) == IdentityOf(otherName, otherWorkspace, uri); got != same {
			t.Errorf("(%q, %q) and (%q, %q) have one identity: %v", name, workspace, otherName, otherWorkspace, got)
		}
	})
}
