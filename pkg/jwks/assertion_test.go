package jwks_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/pkg/jwks"
)

const (
	clientID = "c1"
	issuer   = "https://as.test"
)

var now = time.Unix(1_800_000_000, 0)

// claims returns the claims of a valid assertion, with one member replaced;
// an empty value leaves it out.
func claims(name, value string) string {
	members := map[string]string{
		"iss": `"c1"`, "sub": `"c1"`, "aud": `"https://as.test"`, "jti": `"j1"`,
		"exp": fmt.Sprint(now.Unix() + 60),
	}
	members[name] = value
	var parts []string
	for n, v := range members {
		if v != "" {
			parts = append(parts, fmt.Sprintf("%q:%s", n, v))
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func checkClaims(t *testing.T, encoded string, want error) {
	t.Helper()
	c, err := jwks.ParseAssertionClaims([]byte(encoded))
	if err == nil {
		err = c.Check(clientID, issuer, now)
	}
	if !errors.Is(err, want) {
		t.Errorf("claims %.200s = %v, want %v", encoded, err, want)
	}
}

// ahead is the NumericDate that many seconds from now.
func ahead(seconds int64) string { return fmt.Sprint(now.Unix() + seconds) }

func TestParseAssertionClaims(t *testing.T) {
	got, err := jwks.ParseAssertionClaims([]byte(`{"iss":"i","sub":"s","aud":"a","exp":3,"iat":1,"nbf":2,"jti":"j","other":[{}]}`))
	want := jwks.AssertionClaims{
		Issuer: "i", Subject: "s", Audience: "a", JTI: "j",
		ExpireTime: time.Unix(3, 0), IssueTime: time.Unix(1, 0), NotBeforeTime: time.Unix(2, 0),
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("ParseAssertionClaims() = %v (-want +got):\n%s", err, diff)
	}
}

func TestN114_AudienceIsTheIssuerAsSoleString(t *testing.T) {
	checkClaims(t, claims("aud", `"https://as.test"`), nil)
	for _, aud := range []string{
		"", `""`, "null", `"https://as.test/oauth/token"`, `"https://as.test/oauth/par"`, `"https://as.test/"`,
		`"HTTPS://as.test"`, `"https://other.test"`, `["https://as.test"]`, `["https://as.test","x"]`, `{"aud":"https://as.test"}`,
	} {
		checkClaims(t, claims("aud", aud), jwks.ErrInvalidAssertion)
	}
}

func TestN115_ClaimsAreStrict(t *testing.T) {
	valid := claims("", "")
	tests := []struct {
		name, claims string
		want         error
	}{
		{"valid", valid, nil},
		{"iss is another", claims("iss", `"c2"`), jwks.ErrInvalidAssertion},
		{"no iss", claims("iss", ""), jwks.ErrInvalidAssertion},
		{"sub is another", claims("sub", `"c2"`), jwks.ErrInvalidAssertion},
		{"no sub", claims("sub", ""), jwks.ErrInvalidAssertion},
		{"sub is an array", claims("sub", `["c1"]`), jwks.ErrInvalidAssertion},
		{"no exp", claims("exp", ""), jwks.ErrInvalidAssertion},
		{"exp is null", claims("exp", "null"), jwks.ErrInvalidAssertion},
		{"exp in milliseconds", claims("exp", fmt.Sprint(now.UnixMilli()+60_000)), jwks.ErrInvalidAssertion},
		{"exp is a string", claims("exp", `"`+ahead(60)+`"`), jwks.ErrInvalidAssertion},
		{"exp has an exponent", claims("exp", "1.80000006e9"), jwks.ErrInvalidAssertion},
		{"exp has a fraction", claims("exp", ahead(60)+".5"), jwks.ErrInvalidAssertion},
		{"exp is 1e400", claims("exp", "1e400"), jwks.ErrInvalidAssertion},
		{"exp is -1", claims("exp", "-1"), jwks.ErrInvalidAssertion},
		{"exp overflows", claims("exp", "9223372036854775807"), jwks.ErrInvalidAssertion},
		{"exp is now", claims("exp", ahead(0)), jwks.ErrInvalidAssertion},
		{"exp is in 1 s", claims("exp", ahead(1)), nil},
		{"exp is in 5 min", claims("exp", ahead(300)), nil},
		{"exp is in 5 min and 1 s", claims("exp", ahead(301)), jwks.ErrInvalidAssertion},
		{"no jti", claims("jti", ""), jwks.ErrInvalidAssertion},
		{"jti is empty", claims("jti", `""`), jwks.ErrInvalidAssertion},
		{"jti is a number", claims("jti", "1"), jwks.ErrInvalidAssertion},
		{"jti of 256 bytes", claims("jti", `"`+strings.Repeat("j", 256)+`"`), nil},
		{"jti of 257 bytes", claims("jti", `"`+strings.Repeat("j", 257)+`"`), jwks.ErrInvalidAssertion},
		{"exp twice", strings.TrimSuffix(valid, "}") + `,"exp":` + ahead(60) + "}", jwks.ErrInvalidAssertion},
		{"unknown member", claims("x", `{"y":[1]}`), nil},
		{"unknown member twice", strings.TrimSuffix(valid, "}") + `,"x":1,"x":1}`, jwks.ErrInvalidAssertion},
		{"EXP is not exp", strings.Replace(valid, `"exp"`, `"EXP"`, 1), jwks.ErrInvalidAssertion},
		{"deep nesting", claims("x", strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)), jwks.ErrInvalidAssertion},
		{"deep nesting, not closed", claims("x", strings.Repeat("[", 100_000)), jwks.ErrInvalidAssertion},
		{"an array", "[" + valid + "]", jwks.ErrInvalidAssertion},
		{"trailing text", valid + "{}", jwks.ErrInvalidAssertion},
		{"null", "null", jwks.ErrInvalidAssertion},
		{"nothing", "", jwks.ErrInvalidAssertion},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkClaims(t, tt.claims, tt.want) })
	}
}

func TestN116_ClockOfTheClientMayBeFast(t *testing.T) {
	for _, name := range []string{"iat", "nbf"} {
		for seconds, want := range map[int64]error{
			-3600: nil, 0: nil, 8: nil, 60: nil,
			61: jwks.ErrInvalidAssertion, 3600: jwks.ErrInvalidAssertion,
		} {
			checkClaims(t, claims(name, ahead(seconds)), want)
		}
		checkClaims(t, claims(name, `"`+ahead(0)+`"`), jwks.ErrInvalidAssertion)
		checkClaims(t, claims(name, "-1"), jwks.ErrInvalidAssertion)
	}
}

// Claims that parse are JSON whose members of interest have the right types,
// and read the same to the standard library.
func FuzzParseAssertionClaims(f *testing.F) {
	f.Add([]byte(claims("iat", ahead(0))))
	f.Add([]byte(`{"exp":1e400}`))
	f.Add([]byte(`{"aud":"a","aud":"b"}`))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		c, err := jwks.ParseAssertionClaims(encoded)
		if err != nil {
			return
		}
		var members map[string]any
		if err := json.Unmarshal(encoded, &members); err != nil {
			// The standard library limits nesting, the size of a number too.
			return
		}
		if aud, ok := members["aud"].(string); ok != (members["aud"] != nil) || aud != c.Audience {
			t.Errorf("aud of %s = %q, want %q", encoded, c.Audience, aud)
		}
		if exp, ok := members["exp"].(float64); ok && int64(exp) != c.ExpireTime.Unix() {
			t.Errorf("exp of %s = %v", encoded, c.ExpireTime)
		}
	})
}
