package oauth_test

import (
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

const webURI = "https://app.example/cb"

func TestN207_RedirectURIOfAnyClient(t *testing.T) {
	host := func(n int) string { return strings.Repeat("a.", (n-1)/2) + strings.Repeat("a", 1+(n-1)%2) }
	tests := []struct {
		name string
		uri  string
		want oauth.ErrorCode
	}{
		{"https", webURI, ""},
		{"https without a path", "https://app.example", ""},
		{"https with a port", "https://app.example:8443/cb", ""},
		{"https with one label", "https://intranet/cb", ""},
		{"https with an A-label", "https://xn--bcher-kva.example/cb", ""},
		{"https with IPv4", "https://192.0.2.1/cb", ""},
		{"https with IPv6", "https://[2001:db8::1]:8443/cb", ""},
		{"https with a path parameter", "https://app.example/cb;x=1", ""},
		{"dots inside segments", "https://app.example/.well-known/a..b/...", ""},
		{"an escape that is no separator", "https://app.example/c%62", ""},
		{"http to localhost", "http://localhost:3000/cb", ""},
		{"http to IPv4 loopback", "http://127.0.0.1:3000/cb", ""},
		{"http to IPv6 loopback", "http://[::1]/cb", ""},

		{"empty", "", oauth.InvalidRedirectURI},
		{"2048 bytes", webURI + strings.Repeat("b", 2048-len(webURI)), ""},
		{"2049 bytes", webURI + strings.Repeat("b", 2049-len(webURI)), oauth.InvalidRedirectURI},
		{"relative", "/cb", oauth.InvalidRedirectURI},
		{"without a scheme", "//app.example/cb", oauth.InvalidRedirectURI},
		{"https without an authority", "https:/app.example/cb", oauth.InvalidRedirectURI},
		{"https without slashes", "https:app.example", oauth.InvalidRedirectURI},
		{"https with an empty host", "https:///cb", oauth.InvalidRedirectURI},
		{"https with only a port", "https://:443/cb", oauth.InvalidRedirectURI},
		{"http to a public host", "http://public.host/", oauth.InvalidRedirectURI},
		{"http to what begins as localhost", "http://localhost.evil.test/", oauth.InvalidRedirectURI},
		{"http to a name below localhost", "http://app.localhost/", oauth.InvalidRedirectURI},
		{"http to another loopback address", "http://127.0.0.2/cb", oauth.InvalidRedirectURI},
		{"http to mapped loopback", "http://[::ffff:127.0.0.1]/cb", oauth.InvalidRedirectURI},
		{"http to every interface", "http://0.0.0.0/cb", oauth.InvalidRedirectURI},
		{"http to loopback in short", "http://127.1/cb", oauth.InvalidRedirectURI},

		{"fragment", webURI + "#x", oauth.InvalidRedirectURI},
		{"empty fragment", webURI + "#", oauth.InvalidRedirectURI},
		{"user", "https://user@app.example/cb", oauth.InvalidRedirectURI},
		{"user and password", "https://user:pw@app.example/cb", oauth.InvalidRedirectURI},
		{"empty user", "https://@app.example/cb", oauth.InvalidRedirectURI},
		{"at sign in the path", "https://app.example/@user/cb", ""},
		{"wildcard host", "https://*.app.example/cb", oauth.InvalidRedirectURI},
		{"wildcard path", "https://app.example/*", oauth.InvalidRedirectURI},
		{"wildcard query", webURI + "?x=*", oauth.InvalidRedirectURI},

		{"host with an escape", "https://app%2eexample/cb", oauth.InvalidRedirectURI},
		{"host with an escaped NUL", "https://app.example%00.evil.test/cb", oauth.InvalidRedirectURI},
		{"host with an underscore", "https://app_.example/cb", oauth.InvalidRedirectURI},
		{"host with an empty label", "https://app..example/cb", oauth.InvalidRedirectURI},
		{"host with a final dot", "https://app.example./cb", oauth.InvalidRedirectURI},
		{"label with a leading hyphen", "https://-app.example/cb", oauth.InvalidRedirectURI},
		{"label with a trailing hyphen", "https://app-.example/cb", oauth.InvalidRedirectURI},
		{"label of 63", "https://" + strings.Repeat("a", 63) + ".example/cb", ""},
		{"label of 64", "https://" + strings.Repeat("a", 64) + ".example/cb", oauth.InvalidRedirectURI},
		{"host of 253", "https://" + host(253) + "/cb", ""},
		{"host of 254", "https://" + host(254) + "/cb", oauth.InvalidRedirectURI},
		{"host that is a decimal number", "https://2130706433/cb", oauth.InvalidRedirectURI},
		{"host that is a hexadecimal number", "https://0x7f.1/cb", oauth.InvalidRedirectURI},
		{"host that ends in a hexadecimal number", "https://127.0.0.0x1/cb", oauth.InvalidRedirectURI},
		{"IPv4 with a leading zero", "https://192.0.2.01/cb", oauth.InvalidRedirectURI},
		{"host that begins with a number", "https://0x7f.example/cb", ""},
		{"last label that begins with a digit", "https://app.3com/cb", ""},
		{"IPv6 with a zone", "https://[fe80::1%25eth0]/cb", oauth.InvalidRedirectURI},
		{"IPv6 not closed", "https://[::1/cb", oauth.InvalidRedirectURI},
		{"IPv4 in brackets", "https://[127.0.0.1]/cb", oauth.InvalidRedirectURI},
		{"text after the brackets", "https://[::1]x/cb", oauth.InvalidRedirectURI},

		{"port 65535", "https://app.example:65535/cb", ""},
		{"port 65536", "https://app.example:65536/cb", oauth.InvalidRedirectURI},
		{"port 1", "https://app.example:1/cb", ""},
		{"port 0", "https://app.example:0/cb", oauth.InvalidRedirectURI},
		{"port with a leading zero", "https://app.example:0443/cb", oauth.InvalidRedirectURI},
		{"port without digits", "https://app.example:/cb", oauth.InvalidRedirectURI},
		{"port with a sign", "https://app.example:+443/cb", oauth.InvalidRedirectURI},
		{"port that is a word", "https://app.example:https/cb", oauth.InvalidRedirectURI},

		{"dot segment", "https://app.example/./cb", oauth.InvalidRedirectURI},
		{"two-dot segment", "https://app.example/x/../cb", oauth.InvalidRedirectURI},
		{"two-dot segment at the end", "https://app.example/x/..", oauth.InvalidRedirectURI},
		{"two-dot segment with a parameter", "https://app.example/x/..;a=b/cb", oauth.InvalidRedirectURI},
		{"escaped dots", "https://app.example/x/%2e%2E/cb", oauth.InvalidRedirectURI},
		{"escaped slash", "https://app.example/x%2Fcb", oauth.InvalidRedirectURI},
		{"escaped backslash", "https://app.example/x%5ccb", oauth.InvalidRedirectURI},
		{"escaped percent sign", "https://app.example/x%252fcb", oauth.InvalidRedirectURI},
		{"escaped slash in the query", webURI + "?next=%2Fhome%2e", ""},
		{"broken escape", "https://app.example/%4", oauth.InvalidRedirectURI},
		{"escape of no digits", "https://app.example/%zz", oauth.InvalidRedirectURI},

		{"query", webURI + "?tenant=1", ""},
		{"query with code", webURI + "?code=x", oauth.InvalidRedirectURI},
		{"query with state", webURI + "?a=b&state=x", oauth.InvalidRedirectURI},
		{"query with iss", webURI + "?iss", oauth.InvalidRedirectURI},
		{"query with error", webURI + "?error=x", oauth.InvalidRedirectURI},
		{"query with error_description", webURI + "?error_description=x", oauth.InvalidRedirectURI},
		{"query with error_uri", webURI + "?error_uri=x", oauth.InvalidRedirectURI},
		{"query with response", webURI + "?response=x", oauth.InvalidRedirectURI},
		{"query with an escaped code", webURI + "?%63ode=x", oauth.InvalidRedirectURI},
		{"query with code in another case", webURI + "?Code=x", oauth.InvalidRedirectURI},
		{"query with code after a semicolon", webURI + "?a=b;code=x", oauth.InvalidRedirectURI},
		{"query with code as a value", webURI + "?a=code", ""},
		{"query with a longer name", webURI + "?codec=x", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantCode(t, oauth.CheckRedirectURI(tt.uri, false), tt.want)
			wantCode(t, oauth.CheckRedirectURI(tt.uri, true), tt.want)
		})
	}
}

func TestN006_RedirectURIHasNoControlCharacter(t *testing.T) {
	for _, text := range []string{
		" ", "\t", "\r\n", "\x00", "\x7f", "\u00a0", "é", "\xff", `\`, `"`, "<", ">", "^", "`", "{", "|", "}",
		"%00", "%0d%0a", "%0D%0A", "%09", "%1f", "%7F",
	} {
		t.Run(text, func(t *testing.T) {
			for _, uri := range []string{
				text + webURI, webURI + text, webURI + "?x=" + text, "https://app" + text + ".example/cb", "java" + text + "script:alert(1)",
			} {
				wantCode(t, oauth.CheckRedirectURI(uri, true), oauth.InvalidRedirectURI)
			}
		})
	}
	wantCode(t, oauth.CheckRedirectURI(webURI+"?x=%20", true), "")
}

func TestN008_SchemesThatActAreNoRedirectURIs(t *testing.T) {
	for _, uri := range []string{
		"javascript:alert(1)//", "javascript://app/%0aalert(1)", "JavaScript://app/cb", "data:text/html,x", "data://app/cb", "vbscript:x",
		"vbscript://app/cb", "file:///etc/passwd", "file://app/cb", "blob:https://app.example/x", "blob://app/cb", "about://blank/", "filesystem://app/cb",
		"ftp://app.example/cb", "ws://app.example/cb", "wss://app.example/cb", "mailto://app/cb", "tel://app/cb", "intent://app/cb", "view-source://app/cb",
		"chrome://settings/cb", "chrome-extension://abc/cb", "moz-extension://abc/cb", "ms-msdt://app/cb", "search-ms://app/cb", "web+app://app/cb",
		" javascript://app/cb", "java\tscript://app/cb",
	} {
		t.Run(uri, func(t *testing.T) {
			wantCode(t, oauth.CheckRedirectURI(uri, true), oauth.InvalidRedirectURI)
		})
	}
}

func TestPrivateUseSchemeIsForNativeClients(t *testing.T) {
	tests := []struct {
		name string
		uri  string
		want oauth.ErrorCode // for a native client
	}{
		{"with a dot", "com.example.app:/cb", ""},
		{"with a dot, and a host", "com.example.app://oauth/cb", ""},
		{"with a dot, and a host alone", "com.example.app://oauth", ""},
		{"with a dot, and an empty host", "com.example.app:///cb", ""},
		{"with a dot, and no slash", "com.example.app:cb", oauth.InvalidRedirectURI},
		{"without a dot, and with a host", "scout://oauth/callback", ""},
		{"in capitals, and with a host", "myApp://callback", ""},
		{"without a dot, and no host", "scout:/callback", oauth.InvalidRedirectURI},
		{"without a dot, and an empty host", "scout:///callback", oauth.InvalidRedirectURI},
		{"with user information", "com.example.app://user@oauth/cb", oauth.InvalidRedirectURI},
		{"with a fragment", "com.example.app:/cb#", oauth.InvalidRedirectURI},
		{"with a dot segment", "com.example.app:/x/../cb", oauth.InvalidRedirectURI},
		{"with code in its query", "com.example.app:/cb?code=x", oauth.InvalidRedirectURI},
		{"that begins with a digit", "3com.example:/cb", oauth.InvalidRedirectURI},
		{"with an underscore", "com.example_app:/cb", oauth.InvalidRedirectURI},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantCode(t, oauth.CheckRedirectURI(tt.uri, true), tt.want)
			wantCode(t, oauth.CheckRedirectURI(tt.uri, false), oauth.InvalidRedirectURI)
		})
	}
}

func TestRedirectHost(t *testing.T) {
	for uri, want := range map[string]string{
		webURI:                             "app.example",
		"https://app.example:8443/cb":      "app.example",
		"https://xn--bcher-kva.example/cb": "xn--bcher-kva.example",
		"http://127.0.0.1:51004/cb":        "127.0.0.1",
		"http://[::1]:51004/cb":            "[::1]",
		"http://[::1]/cb":                  "[::1]",
		"com.example.app:/cb":              "com.example.app",
		"scout://oauth/callback":           "scout",
		"/cb":                              "",
		"":                                 "",
	} {
		if got := oauth.RedirectHost(uri); got != want {
			t.Errorf("RedirectHost(%q) = %q, want %q", uri, got, want)
		}
	}
}
