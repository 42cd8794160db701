package oauth_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

func TestN019_ResponseTypeIsRequired(t *testing.T) {
	wantCode(t, oauth.CheckResponseType("code"), "")
	wantCode(t, oauth.CheckResponseType(""), oauth.InvalidRequest)
}

func TestN020_ResponseTypeIsCode(t *testing.T) {
	for _, responseType := range []string{
		"token", "id_token", "code token", "code id_token", "none", "code code", "CODE", "code ", " ",
	} {
		t.Run(responseType, func(t *testing.T) {
			wantCode(t, oauth.CheckResponseType(responseType), oauth.UnsupportedResponseType)
		})
	}
}

func TestN021_ResponseMode(t *testing.T) {
	for s, want := range map[string]oauth.ResponseMode{
		"": oauth.ModeQuery, "query": oauth.ModeQuery, "form_post": oauth.ModeFormPost,
	} {
		if got, err := oauth.ParseResponseMode(s); err != nil || got != want {
			t.Errorf("ParseResponseMode(%q) = %q, %v, want %q", s, got, err, want)
		}
	}
	for _, s := range []string{"fragment", "form_post.jwt", "query.jwt", "web_message", "x", "Query", " "} {
		got, err := oauth.ParseResponseMode(s)
		wantCode(t, err, oauth.InvalidRequest)
		if got != "" {
			t.Errorf("ParseResponseMode(%q) = %q, want none", s, got)
		}
	}
}

func TestAppendQuery(t *testing.T) {
	tests := []struct {
		name   string
		uri    string
		params [][2]string
		want   string
	}{
		{"to no query", "https://app.example/cb", [][2]string{{"code", "x"}, {"iss", "y"}}, "https://app.example/cb?code=x&iss=y"},
		{"to no path", "https://app.example", [][2]string{{"code", "x"}}, "https://app.example?code=x"},
		{"to a query", "https://app.example/cb?a=b", [][2]string{{"code", "x"}}, "https://app.example/cb?a=b&code=x"},
		{"to an empty query", "https://app.example/cb?", [][2]string{{"code", "x"}}, "https://app.example/cb?code=x"},
		{"to an ampersand", "https://app.example/cb?a=b&", [][2]string{{"code", "x"}}, "https://app.example/cb?a=b&code=x"},
		{"to a private-use scheme", "com.example.app:/cb", [][2]string{{"code", "x"}}, "com.example.app:/cb?code=x"},
		{"nothing", "https://app.example/cb?a=b", nil, "https://app.example/cb?a=b"},
		{"leaves what is there", "https://app.example/c%62?a=%7e&b=+", [][2]string{{"code", "x"}}, "https://app.example/c%62?a=%7e&b=+&code=x"},
		{"writes a space as %20", "https://app.example/cb", [][2]string{{"state", "a b+c"}}, "https://app.example/cb?state=a%20b%2Bc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := oauth.AppendQuery(tt.uri, tt.params); got != tt.want {
				t.Errorf("AppendQuery() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestN037_StateCannotLeaveItsParameter(t *testing.T) {
	got := oauth.AppendQuery("https://app.example/cb", [][2]string{{"state", "\"><script>&code=evil#\r\n"}})
	want := "https://app.example/cb?state=%22%3E%3Cscript%3E%26code%3Devil%23%0D%0A"
	if got != want {
		t.Errorf("AppendQuery() = %q, want %q", got, want)
	}
}

// Without what was appended there is what was there; and what was appended is
// read back as it was given, beside the URI's own parameters.
func FuzzAppendQuery(f *testing.F) {
	f.Add("https://app.example/cb", "state", "a b")
	f.Add("https://app.example/cb?", "state", "&code=evil")
	f.Add("https://app.example/cb?a=b&", "st+te", "%00")
	f.Add("com.example.app:/cb?x", "", "\xff")
	f.Fuzz(func(t *testing.T, uri, name, value string) {
		params := [][2]string{{name, value}, {"iss", "https://as.test"}}
		got := oauth.AppendQuery(uri, params)

		appended, ok := strings.CutPrefix(got, uri)
		if !ok {
			t.Fatalf("AppendQuery(%q) = %q lost what was there", uri, got)
		}
		values, err := url.ParseQuery(strings.TrimLeft(appended, "?&"))
		if err != nil {
			t.Fatalf("ParseQuery(%q): %v", appended, err)
		}
		if read := values[name]; len(read) == 0 || read[0] != value {
			t.Errorf("%q is read as %q, want %q", name, read, value)
		}
		if oauth.CheckRedirectURI(uri, true) == nil {
			wantOneMore(t, uri, got)
		}
	})
}

// wantOneMore fails the test unless got leads where uri leads, with an iss in
// its query.
func wantOneMore(t *testing.T, uri, got string) {
	t.Helper()
	before, err := url.Parse(uri)
	if err != nil {
		t.Fatalf("Parse(%q): %v", uri, err)
	}
	after, err := url.Parse(got)
	if err != nil {
		t.Fatalf("Parse(%q): %v", got, err)
	}
	if after.Scheme != before.Scheme || after.Host != before.Host || after.EscapedPath() != before.EscapedPath() || after.Fragment != "" {
		t.Errorf("%q leads elsewhere than %q", got, uri)
	}
	if !strings.HasSuffix(after.RawQuery, "iss=https%3A%2F%2Fas.test") {
		t.Errorf("query %q does not end with iss", after.RawQuery)
	}
}
