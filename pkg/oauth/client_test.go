package oauth_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

func basic(userPass string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(userPass))
}

// formEncoded is what a client sends (RFC 6749 §2.3.1).
func formEncoded(id, secret string) string {
	return basic(url.QueryEscape(id) + ":" + url.QueryEscape(secret))
}

func TestN104_BasicCredentials(t *testing.T) {
	// The spaces after the scheme bring it to the byte.
	long := strings.TrimPrefix(basic("id:"+strings.Repeat("s", 6135)), "Basic ")
	padded := basic("id:secret0") // ends with "=="
	tests := []struct {
		name   string
		header string
		want   oauth.ErrorCode
	}{
		{"id and secret", basic("id:secret"), ""},
		{"scheme in another case", "bASIC " + strings.TrimPrefix(basic("id:secret"), "Basic "), ""},
		{"more spaces after the scheme", "Basic  " + strings.TrimPrefix(basic("id:secret"), "Basic "), ""},
		{"padding", padded, ""},
		{"padding left out", strings.TrimRight(padded, "="), oauth.InvalidClient},
		{"8192 bytes", "Basic   " + long, ""},
		{"8193 bytes", "Basic    " + long, oauth.InvalidClient},
		{"empty", "", oauth.InvalidClient},
		{"scheme alone", "Basic", oauth.InvalidClient},
		{"no credentials", "Basic ", oauth.InvalidClient},
		{"other scheme", "Bearer " + strings.TrimPrefix(basic("id:secret"), "Basic "), oauth.InvalidClient},
		{"no space after the scheme", strings.Replace(basic("id:secret"), " ", "", 1), oauth.InvalidClient},
		{"bad Base64", "Basic %%%", oauth.InvalidClient},
		{"line break in Base64", "Basic aWQ6\nc2VjcmV0", oauth.InvalidClient},
		{"the same without", "Basic aWQ6c2VjcmV0", ""},
		{"trailing space", basic("id:secret") + " ", oauth.InvalidClient},
		{"last bits not canonical", "Basic aWQ6c2VjcmV0MB==", oauth.InvalidClient},
		{"no colon", basic("idsecret"), oauth.InvalidClient},
		{"no id", basic(":secret"), oauth.InvalidClient},
		{"broken escape in id", basic("i%d:secret"), oauth.InvalidClient},
		{"broken escape in secret", basic("id:secret%"), oauth.InvalidClient},
		{"NUL in id", basic("i\x00d:secret"), oauth.InvalidClient},
		{"escaped NUL in id", basic("i%00d:secret"), oauth.InvalidClient},
		{"escaped NUL in secret", basic("id:sec%00ret"), oauth.InvalidClient},
		{"not UTF-8", basic("id:\xff"), oauth.InvalidClient},
		{"escaped not UTF-8 in secret", basic("id:%ff"), oauth.InvalidClient},
		{"escaped not UTF-8 in id", basic("id%ff:secret"), oauth.InvalidClient},
		{"escaped line feed", basic("id%0a:secret"), oauth.InvalidClient},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id, secret, err := oauth.ParseBasic(tt.header)
			wantCode(t, err, tt.want)
			if err != nil && id+secret != "" {
				t.Errorf("ParseBasic() = %q, %q with an error", id, secret)
			}
		})
	}
}

func TestN104_BasicCredentialsAreFormDecoded(t *testing.T) {
	tests := []struct{ name, header, id, secret string }{
		{"escaped colon, percent, plus", basic("i%3Ad:%3A%25%2B"), "i:d", ":%+"},
		{"plus is a space", basic("id:a+b"), "id", "a b"},
		{"split at the first colon", basic("id:a:b"), "id", "a:b"},
		{"empty secret", basic("id:"), "id", ""},
		{"URL as id", formEncoded("https://client.example/oauth/m.json", "s"), "https://client.example/oauth/m.json", "s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			id, secret, err := oauth.ParseBasic(tt.header)
			if err != nil || id != tt.id || secret != tt.secret {
				t.Errorf("ParseBasic() = %q, %q, %v, want %q, %q", id, secret, err, tt.id, tt.secret)
			}
		})
	}
}

func TestBasicRefusalKeepsCredentialsOutOfTheLog(t *testing.T) {
	for _, header := range []string{basic("id%:canary"), basic("canary"), "Basic canary!", basic("id:canary%00")} {
		_, _, err := oauth.ParseBasic(header)
		wantCode(t, err, oauth.InvalidClient)
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("error %q has the credentials in it", err)
		}
	}
}

// What is read is text that stores take, and what a client sends for it is read
// as the same again.
func FuzzParseBasic(f *testing.F) {
	f.Add(basic("id:secret"))
	f.Add(basic("i%3Ad:a+b"))
	f.Add(basic("id%ff:\x00"))
	f.Add("basic  aWQ6")
	f.Fuzz(func(t *testing.T, header string) {
		id, secret, err := oauth.ParseBasic(header)
		if err != nil {
			wantCode(t, err, oauth.InvalidClient)
			return
		}
		if id == "" || strings.ContainsFunc(id+secret, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("ParseBasic(%q) = %q, %q", header, id, secret)
		}
		canonical := formEncoded(id, secret)
		if len(canonical) > 8192 {
			return
		}
		againID, againSecret, err := oauth.ParseBasic(canonical)
		if err != nil || againID != id || againSecret != secret {
			t.Errorf("ParseBasic(%q) = %q, %q, %v, want %q, %q", canonical, againID, againSecret, err, id, secret)
		}
	})
}
