package resourceserver

import (
	"net/url"
	"strings"
	"testing"
)

// What is taken for a token is the one that the header has, and can be one.
func FuzzBearerToken(f *testing.F) {
	for _, header := range []string{"Bearer chat_a", "bearer  a=", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Bearer \x00", ""} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		token, err := bearerToken([]string{header})
		switch {
		case token == "":
			if rest, ok := strings.CutPrefix(header, "Bearer "); ok && err == nil {
				t.Errorf("bearerToken(%q) = none, and no refusal of %q", header, rest)
			}
		case err != nil || len(token) > maxTokenBytes || !strings.HasSuffix(header, " "+token) || !strings.EqualFold(header[:7], "Bearer "):
			t.Errorf("bearerToken(%q) = %q, %v", header, token, err)
		case strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`"\,;`, c) }):
			t.Errorf("bearerToken(%q) = %q, which is no token", header, token)
		}
	})
}

// A parameter that a handler would find is found.
func FuzzNamesToken(f *testing.F) {
	for _, encoded := range []string{"access_token=t", "a=1&access_token", "%61ccess_token=t", "a=access_token", "access_token;a", "%zz&access_token=t", "access+token=t"} {
		f.Add(encoded)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		values, err := url.ParseQuery(encoded)
		_, has := values[accessTokenParameter]
		got := namesToken(encoded)
		if has && !got || got && !has && err == nil {
			t.Errorf("namesToken(%q) = %v, want %v", encoded, got, has)
		}
	})
}
