package oauth_test

import (
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

// wantNoMatch fails the test if registered lets in presented, or does not let
// in itself, for either kind of client.
func wantNoMatch(t *testing.T, registered, presented string) {
	t.Helper()
	for _, native := range []bool{false, true} {
		if oauth.MatchRedirectURI(registered, presented, native) {
			t.Errorf("MatchRedirectURI(%q, %q, %v) = true", registered, presented, native)
		}
		if !oauth.MatchRedirectURI(registered, registered, native) {
			t.Errorf("MatchRedirectURI(%q, the same, %v) = false", registered, native)
		}
	}
}

func TestN001_AbsentRedirectURIMatchesNothing(t *testing.T) {
	wantNoMatch(t, webURI, "")
	if oauth.MatchRedirectURI("", "", true) {
		t.Error("nothing matches nothing")
	}
}

func TestN002_RedirectURIIsComparedByteForByte(t *testing.T) {
	for _, presented := range []string{
		"https://app.example/cb/", "https://app.example/cb?x=1", "https://app.example/CB", "https://app.example/cb/../cb", "https://app.example/./cb",
		"https://app.example//cb", "https://app.example:443/cb", "HTTPS://APP.EXAMPLE/cb", "https://app.example/c%62", "https://app.example/cb ",
		"https://app.example/cb?", " https://app.example/cb", "https://app.example/c", "http://app.example/cb",
	} {
		wantNoMatch(t, webURI, presented)
	}
}

func TestN003_RedirectURIIsNotDecoded(t *testing.T) {
	for _, presented := range []string{
		"https://app.example/cb%252f..%252fevil", "https://app.example/cb%2f..%2fevil", "https%3A%2F%2Fapp.example%2Fcb", "https://app.example%2Fcb",
	} {
		wantNoMatch(t, webURI, presented)
	}
}

func TestN004_UserInformationIsNoHost(t *testing.T) {
	wantNoMatch(t, webURI, "https://app.example@evil.test/cb")
	wantNoMatch(t, webURI, "https://app.example:443@evil.test/cb")
	wantNoMatch(t, "http://localhost/", "http://localhost:80@evil.test/")
	wantNoMatch(t, "http://127.0.0.1/cb", "http://127.0.0.1@evil.test/cb")
	wantNoMatch(t, "http://127.0.0.1/cb", "http://127.0.0.1:80@evil.test/cb")
}

func TestN005_HostThatResemblesMatchesNothing(t *testing.T) {
	for _, presented := range []string{
		"https://app.example.evil.test/cb", "https://evilapp.example/cb", "https://appXexample/cb", "https://app.example%2eevil.test/cb",
		"https://app.example%00.evil.test/cb",
	} {
		wantNoMatch(t, webURI, presented)
	}
	wantNoMatch(t, "http://127.0.0.1/cb", "http://127.0.0.1.evil.test/cb")
	wantNoMatch(t, "http://localhost/cb", "http://localhost.evil.test/cb")
	wantNoMatch(t, "http://[::1]/cb", "http://[::1].evil.test/cb")
}

func TestN006_BackslashAndControlCharactersMatchNothing(t *testing.T) {
	for _, presented := range []string{
		`https://app.example\@evil.test/cb`, `https://evil.test\.app.example/cb`, "https://app.exa\tmple/cb", "https://app.example/cb\r\nSet-Cookie:x=1",
	} {
		wantNoMatch(t, webURI, presented)
	}
	wantNoMatch(t, "http://127.0.0.1/cb", `http://127.0.0.1:80\@evil.test/cb`)
}

func TestN007_FragmentAndMatrixMatchNothing(t *testing.T) {
	for _, tail := range []string{"#", "#x", ";x=1"} {
		wantNoMatch(t, webURI, webURI+tail)
		wantNoMatch(t, "http://127.0.0.1/cb", "http://127.0.0.1:80/cb"+tail)
		wantNoMatch(t, "http://127.0.0.1", "http://127.0.0.1:80"+tail)
	}
}

func TestN009_OnlyThePortOfALoopbackVaries(t *testing.T) {
	tests := []struct {
		name, registered, presented string
		native                      bool
	}{
		{"port added", "http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", true},
		{"port 1", "http://127.0.0.1/cb", "http://127.0.0.1:1/cb", true},
		{"port 65535", "http://127.0.0.1/cb", "http://127.0.0.1:65535/cb", true},
		{"port other", "http://127.0.0.1:3000/cb", "http://127.0.0.1:51004/cb", true},
		{"port left out", "http://127.0.0.1:3000/cb", "http://127.0.0.1/cb", true},
		{"IPv6", "http://[::1]/cb", "http://[::1]:51004/cb", true},
		{"localhost, registered as such", "http://localhost/cb", "http://localhost:51004/cb", true},
		{"no path", "http://127.0.0.1", "http://127.0.0.1:51004", true},
		{"the same query", "http://127.0.0.1/cb?a=b", "http://127.0.0.1:51004/cb?a=b", true},

		{"other path", "http://127.0.0.1/cb", "http://127.0.0.1:51004/cb2", false},
		{"path left out", "http://127.0.0.1/cb", "http://127.0.0.1:51004", false},
		{"other query", "http://127.0.0.1/cb?a=b", "http://127.0.0.1:51004/cb?a=c", false},
		{"query added", "http://127.0.0.1/cb", "http://127.0.0.1:51004/cb?a=b", false},
		{"https asked for", "http://127.0.0.1/cb", "https://127.0.0.1:51004/cb", false},
		{"https registered", "https://127.0.0.1/cb", "https://127.0.0.1:51004/cb", false},
		{"scheme in capitals", "http://127.0.0.1/cb", "HTTP://127.0.0.1:51004/cb", false},
		{"user", "http://127.0.0.1/cb", "http://user@127.0.0.1:51004/cb", false},
		{"127.0.0.2", "http://127.0.0.1/cb", "http://127.0.0.2:51004/cb", false},
		{"127.1", "http://127.0.0.1/cb", "http://127.1:51004/cb", false},
		{"2130706433", "http://127.0.0.1/cb", "http://2130706433:51004/cb", false},
		{"0x7f.1", "http://127.0.0.1/cb", "http://0x7f.1:51004/cb", false},
		{"mapped", "http://127.0.0.1/cb", "http://[::ffff:127.0.0.1]:51004/cb", false},
		{"longer literal", "http://127.0.0.1/cb", "http://127.0.0.11:51004/cb", false},
		{"longer literal, as if it had a port", "http://127.0.0.1/cb", "http://127.0.0.123/cb", false},
		{"IPv6 for IPv4", "http://127.0.0.1/cb", "http://[::1]:51004/cb", false},
		{"IPv6 in full", "http://[::1]/cb", "http://[0:0:0:0:0:0:0:1]:51004/cb", false},
		{"localhost for 127.0.0.1", "http://127.0.0.1/cb", "http://localhost:51004/cb", false},
		{"127.0.0.1 for localhost", "http://localhost/cb", "http://127.0.0.1:51004/cb", false},
		{"localhost in capitals", "http://localhost/cb", "http://LOCALHOST:51004/cb", false},
		{"port 0", "http://127.0.0.1/cb", "http://127.0.0.1:0/cb", false},
		{"port 65536", "http://127.0.0.1/cb", "http://127.0.0.1:65536/cb", false},
		{"port with a leading zero", "http://127.0.0.1/cb", "http://127.0.0.1:080/cb", false},
		{"port without digits", "http://127.0.0.1/cb", "http://127.0.0.1:/cb", false},
		{"port with a sign", "http://127.0.0.1/cb", "http://127.0.0.1:+80/cb", false},
		{"port twice", "http://127.0.0.1/cb", "http://127.0.0.1:80:80/cb", false},
		{"a public host", "http://app.example/cb", "http://app.example:51004/cb", false},
		{"a private-use scheme", "com.example.app://oauth/cb", "com.example.app://oauth:51004/cb", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := oauth.MatchRedirectURI(tt.registered, tt.presented, true); got != tt.native {
				t.Errorf("MatchRedirectURI(native) = %v, want %v", got, tt.native)
			}
			if oauth.MatchRedirectURI(tt.registered, tt.presented, false) {
				t.Error("MatchRedirectURI(web) = true")
			}
		})
	}
}

func TestN012_UnicodeFormMatchesNothing(t *testing.T) {
	wantNoMatch(t, "https://xn--bcher-kva.example/cb", "https://bücher.example/cb")
	wantNoMatch(t, webURI, "https://аpp.example/cb") // the first letter is Cyrillic
}

// For a web client the bytes decide. For a native one, what matches is the same
// once the port is gone, and stays on this machine.
func FuzzMatchRedirectURI(f *testing.F) {
	f.Add("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb")
	f.Add("http://[::1]:1/cb", "http://[::1]:65536/cb")
	f.Add("http://localhost", "http://localhost:80@evil.test/")
	f.Add(webURI, webURI+"/")
	f.Fuzz(func(t *testing.T, registered, presented string) {
		same := presented != "" && registered == presented
		if got := oauth.MatchRedirectURI(registered, presented, false); got != same {
			t.Errorf("MatchRedirectURI(%q, %q, web) = %v", registered, presented, got)
		}
		native := oauth.MatchRedirectURI(registered, presented, true)
		if native != oauth.MatchRedirectURI(presented, registered, true) && registered != "" {
			t.Errorf("MatchRedirectURI(%q, %q, native) depends on the order", registered, presented)
		}
		if same || !native {
			if same && !native {
				t.Errorf("MatchRedirectURI(%q, the same, native) = false", registered)
			}
			return
		}
		if withoutPort(registered) != withoutPort(presented) {
			t.Errorf("MatchRedirectURI(%q, %q, native) = true", registered, presented)
		}
		if host := oauth.RedirectHost(presented); host != "127.0.0.1" && host != "[::1]" && host != "localhost" {
			t.Errorf("MatchRedirectURI(%q, %q, native) = true, which leads to %q", registered, presented, host)
		}
	})
}

// withoutPort takes the last colon and the digits after it out of what stands
// between "//" and the path.
func withoutPort(uri string) string {
	scheme, rest, _ := strings.Cut(uri, "//")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority := rest[:end]
	if digits := strings.TrimRight(authority, "0123456789"); strings.HasSuffix(digits, ":") && !strings.HasSuffix(authority, "]") {
		authority = strings.TrimSuffix(digits, ":")
	}
	return scheme + "//" + authority + rest[end:]
}
