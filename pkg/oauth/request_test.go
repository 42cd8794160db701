package oauth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

func TestN025_Prompt(t *testing.T) {
	tests := []struct {
		prompt string
		set    oauth.Prompt
		want   oauth.ErrorCode
	}{
		{"", 0, ""},
		{"none", oauth.PromptNone, ""},
		{"login", oauth.PromptLogin, ""},
		{"consent", oauth.PromptConsent, ""},
		{"select_account", oauth.PromptSelectAccount, ""},
		{"login consent", oauth.PromptLogin | oauth.PromptConsent, ""},
		{"consent login", oauth.PromptLogin | oauth.PromptConsent, ""},
		{"login login", oauth.PromptLogin, ""},
		{"none login", 0, oauth.InvalidRequest},
		{"consent none", 0, oauth.InvalidRequest},
		{"foo", 0, oauth.InvalidRequest},
		{"login foo", 0, oauth.InvalidRequest},
		{"Login", 0, oauth.InvalidRequest},
		{" ", 0, oauth.InvalidRequest},
		{"login ", 0, oauth.InvalidRequest},
		{"login  consent", 0, oauth.InvalidRequest},
		{"login\tconsent", 0, oauth.InvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.prompt, func(t *testing.T) {
			got, err := oauth.ParsePrompt(tt.prompt)
			wantCode(t, err, tt.want)
			if got != tt.set {
				t.Errorf("ParsePrompt(%q) = %b, want %b", tt.prompt, got, tt.set)
			}
		})
	}
}

func TestPromptHasEveryValueAskedFor(t *testing.T) {
	set := oauth.PromptLogin | oauth.PromptConsent
	for other, want := range map[oauth.Prompt]bool{
		oauth.PromptLogin: true, oauth.PromptConsent: true, set: true,
		oauth.PromptNone: false, oauth.PromptLogin | oauth.PromptSelectAccount: false,
	} {
		if got := set.Has(other); got != want {
			t.Errorf("Has(%b) = %v, want %v", other, got, want)
		}
	}
}

func TestN028_MaxAge(t *testing.T) {
	const most = int64(1<<63-1) / int64(time.Second)
	tests := []struct {
		maxAge  string
		seconds int64
		present bool
		want    oauth.ErrorCode
	}{
		{"", 0, false, ""},
		{"0", 0, true, ""},
		{"3600", 3600, true, ""},
		{"007", 7, true, ""},
		{"9223372036", most, true, ""},
		{"9223372037", 0, false, oauth.InvalidRequest},
		{"99999999999999999999", 0, false, oauth.InvalidRequest},
		{"-1", 0, false, oauth.InvalidRequest},
		{"-0", 0, false, oauth.InvalidRequest},
		{"+5", 0, false, oauth.InvalidRequest},
		{"1e3", 0, false, oauth.InvalidRequest},
		{"5.0", 0, false, oauth.InvalidRequest},
		{" 5", 0, false, oauth.InvalidRequest},
		{"5 ", 0, false, oauth.InvalidRequest},
		{"0x5", 0, false, oauth.InvalidRequest},
		{"1_0", 0, false, oauth.InvalidRequest},
		{"٥", 0, false, oauth.InvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.maxAge, func(t *testing.T) {
			seconds, present, err := oauth.ParseMaxAge(tt.maxAge)
			wantCode(t, err, tt.want)
			if seconds != tt.seconds || present != tt.present {
				t.Errorf("ParseMaxAge() = %d, %v, want %d, %v", seconds, present, tt.seconds, tt.present)
			}
		})
	}
}

func TestN036_ResourceIsAnAbsoluteURI(t *testing.T) {
	const origin = "https://api.example/"
	tests := []struct {
		name     string
		resource string
		want     oauth.ErrorCode
	}{
		{"https", "https://api.example/v1", ""},
		{"without a path", "https://api.example", ""},
		{"with a port and a query", "https://api.example:8443/v1?tenant=1", ""},
		{"urn", "urn:example:api", ""},
		{"2048 bytes", origin + strings.Repeat("a", 2048-len(origin)), ""},
		{"2049 bytes", origin + strings.Repeat("a", 2049-len(origin)), oauth.InvalidTarget},
		{"empty", "", oauth.InvalidTarget},
		{"a path", "/v1", oauth.InvalidTarget},
		{"without a scheme", "//api.example/v1", oauth.InvalidTarget},
		{"a name", "api.example", oauth.InvalidTarget},
		{"a scheme that is none", "1https://api.example", oauth.InvalidTarget},
		{"a scheme alone", "urn:", oauth.InvalidTarget},
		{"no host", "https:///v1", oauth.InvalidTarget},
		{"no authority", "https:v1", oauth.InvalidTarget},
		{"empty fragment", "https://api.example/v1#", oauth.InvalidTarget},
		{"fragment", "https://api.example/v1#x", oauth.InvalidTarget},
		{"space", "https://api.example/v 1", oauth.InvalidTarget},
		{"not ASCII", "https://api.example/é", oauth.InvalidTarget},
		{"broken escape", "https://api.example/%4", oauth.InvalidTarget},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantCode(t, oauth.CheckResource(tt.resource), tt.want)
		})
	}
}

func TestN037_StateAndNonceAreBoundedText(t *testing.T) {
	tests := []struct {
		name  string
		value string
		want  oauth.ErrorCode
	}{
		{"absent", "", ""},
		{"markup", `"><script>`, ""},
		{"every printable character at its ends", " ~", ""},
		{"2048 bytes", strings.Repeat("a", 2048), ""},
		{"2049 bytes", strings.Repeat("a", 2049), oauth.InvalidRequest},
		{"NUL", "a\x00", oauth.InvalidRequest},
		{"line feed", "a\n", oauth.InvalidRequest},
		{"DEL", "a\x7f", oauth.InvalidRequest},
		{"not ASCII", "é", oauth.InvalidRequest},
		{"not UTF-8", "\xff", oauth.InvalidRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantCode(t, oauth.CheckState(tt.value), tt.want)
			wantCode(t, oauth.CheckNonce(tt.value), tt.want)
		})
	}
}
