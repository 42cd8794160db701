package form_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/pkg/oauth"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

var limits = form.Limits{Parameters: 4, Value: 8, Long: map[string]int{"long": 16}}

func TestParse(t *testing.T) {
	tests := []struct {
		name, raw string
		want      form.Values // nil: refused
	}{
		{"in order, decoded once", "b=%2541&a=1+2", form.Values{{"b", "%41"}, {"a", "1 2"}}},
		{"a name without a value", "a&b=", form.Values{{"a", ""}, {"b", ""}}},
		{"nothing between two separators", "&&a=1&", form.Values{{"a", "1"}}},
		{"as many as there may be", "a=1&b=2&c=3&d=4", form.Values{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}}},
		{"one more", "a=1&b=2&c=3&d=4&e=5", nil},
		{"a value at its limit", "a=12345678", form.Values{{"a", "12345678"}}},
		{"a value beyond it", "a=123456789", nil},
		{"a long value at its limit", "long=1234567890123456", form.Values{{"long", "1234567890123456"}}},
		{"a long value beyond it", "long=12345678901234567", nil},
		{"a name beyond the limit", "abcdefghi=1", nil},
		{"a semicolon", "a=1;b=2", nil},
		{"an escaped semicolon", "a=1%3Bb", form.Values{{"a", "1;b"}}},
		{"a broken escape", "a=%4", nil},
		{"a broken escape in the name", "%zz=1", nil},
		{"a NUL", "a=%00", nil},
		{"no UTF-8", "a=%ff", nil},
		{"a lone surrogate", "a=%ed%a0%80", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := form.Parse(tt.raw, limits)
			if refused := errors.Is(err, oauth.InvalidRequest); refused != (tt.want == nil) || !cmp.Equal(got, tt.want) {
				t.Errorf("Parse(%q) = %v, %v, want %v", tt.raw, got, err, tt.want)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	wide := form.Limits{Parameters: 64, Value: 4096}
	tests := []struct {
		name, raw string
		want      *tokenv1.ExchangeRequest // nil: refused
	}{
		{"known names", "grant_type=refresh_token&scope=a+b", &tokenv1.ExchangeRequest{GrantType: "refresh_token", Scope: "a b"}},
		{"a list takes every value", "resource=x&resource=y", &tokenv1.ExchangeRequest{Resource: []string{"x", "y"}}},
		{"an empty value is absent", "scope=&resource=&code=c", &tokenv1.ExchangeRequest{Code: "c"}},
		{"unknown names are ignored", "foo=1&bar=2&code=c", &tokenv1.ExchangeRequest{Code: "c"}},
		{"the lower camel name is unknown", "grantType=x&code=c", &tokenv1.ExchangeRequest{Code: "c"}},
		{"no way into maps and messages", "resource[x]=y&resource.z=1&code=c", &tokenv1.ExchangeRequest{Code: "c"}},
		{"names have one case", "CODE=x", &tokenv1.ExchangeRequest{}},
		{"a known name twice", "code=a&code=a", nil},
		{"a known name twice, once empty", "code=&code=a", nil},
		{"an unknown name twice", "foo=a&foo=b", nil},
		{"one name in two spellings", "code=a&%63ode=b", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			values, err := form.Parse(tt.raw, wide)
			if err != nil {
				t.Fatal(err)
			}
			var got tokenv1.ExchangeRequest
			err = form.Decode(values, &got)
			if tt.want == nil {
				if !errors.Is(err, oauth.InvalidRequest) {
					t.Errorf("Decode(%q) = %v, want invalid_request", tt.raw, err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, &got, protocmp.Transform()); err != nil || diff != "" {
				t.Errorf("Decode(%q) = %v\n%s", tt.raw, err, diff)
			}
		})
	}
}

func TestFillLeavesRepeatedParametersEmpty(t *testing.T) {
	values, err := form.Parse("code=a&scope=s&code=b", form.Limits{Parameters: 9, Value: 9})
	if err != nil {
		t.Fatal(err)
	}
	var got tokenv1.ExchangeRequest
	if repeated := form.Fill(values, &got); !slices.Equal(repeated, []string{"code"}) {
		t.Errorf("Fill() = %v, want [code]", repeated)
	}
	if want := (&tokenv1.ExchangeRequest{Scope: "s"}); !proto.Equal(&got, want) {
		t.Errorf("message = %v, want %v", &got, want)
	}
}

// What is accepted means the same to the parser everybody else uses, and nothing
// comes twice.
func FuzzFormCodec(f *testing.F) {
	for _, seed := range []string{
		"grant_type=authorization_code&code=abc&redirect_uri=https%3A%2F%2Fapp.example%2Fcb", "a=1;b=2", "code=a&code=b",
		"resource=a&resource=b", "code=%00", "code=%ff&", "=x&=y", "code", "code=+%2B", "resource=&resource=x", "%63ode=1&code",
	} {
		f.Add(seed)
	}
	wide := form.Limits{Parameters: 64, Value: 4 << 10}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := form.Parse(raw, wide)
		if err != nil {
			return
		}
		var got tokenv1.ExchangeRequest
		if form.Decode(values, &got) != nil {
			return
		}
		want, err := url.ParseQuery(raw)
		if err != nil {
			t.Fatalf("accepted %q, which url.ParseQuery refuses: %v", raw, err)
		}
		for name, all := range want {
			if len(all) > 1 && name != "resource" {
				t.Errorf("accepted %q, in which %q comes %d times", raw, name, len(all))
			}
		}
		fields := map[string]string{
			"grant_type": got.GetGrantType(), "client_id": got.GetClientId(), "client_secret": got.GetClientSecret(),
			"client_assertion_type": got.GetClientAssertionType(), "client_assertion": got.GetClientAssertion(),
			"code": got.GetCode(), "redirect_uri": got.GetRedirectUri(), "code_verifier": got.GetCodeVerifier(),
			"refresh_token": got.GetRefreshToken(), "scope": got.GetScope(),
		}
		for name, value := range fields {
			if value != want.Get(name) {
				t.Errorf("%s = %q, want %q in %q", name, value, want.Get(name), raw)
			}
		}
		resources := slices.DeleteFunc(slices.Clone(want["resource"]), func(s string) bool { return s == "" })
		if !slices.Equal(got.GetResource(), resources) {
			t.Errorf("resource = %q, want %q in %q", got.GetResource(), resources, raw)
		}
	})
}

// N242: a flood is refused by its count, before anything is kept of it.
func TestN242_FloodIsCountedFirst(t *testing.T) {
	raw := strings.Repeat("a=1&", 1<<20)
	allocated := testing.AllocsPerRun(10, func() {
		if _, err := form.Parse(raw, limits); !errors.Is(err, oauth.InvalidRequest) {
			t.Errorf("Parse(flood) = %v", err)
		}
	})
	if allocated > 8 {
		t.Errorf("Parse(flood) made %v allocations", allocated)
	}
}
