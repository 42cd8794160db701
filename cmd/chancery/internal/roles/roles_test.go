package roles

import (
	"slices"
	"strings"
	"testing"
)

func TestServicesToRunAreKnownAndNamedOnce(t *testing.T) {
	tests := []struct {
		text string
		want Set // nil: refused
		says string
	}{
		{"token", Set{"token"}, ""},
		{"token, consent", Set{"token", "consent"}, ""},
		{"gateway,authorize,token,consent,introspection,registry,directory", All(), ""},
		{"", nil, `"" is no service`},
		{"tokens", nil, `"tokens" is no service`},
		{"Token", nil, `"Token" is no service`},
		{"admin", nil, `"admin" is no service`},
		{"token,", nil, `"" is no service`},
		{"token,consent,token", nil, "token is named twice"},
	}
	for _, tt := range tests {
		got, err := Parse(tt.text)
		if !slices.Equal(got, tt.want) || (err == nil) != (tt.want != nil) || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("Parse(%q) = %q, %v, want %q or %q", tt.text, got, err, tt.want, tt.says)
		}
	}
}
