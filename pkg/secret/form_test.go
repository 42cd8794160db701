package secret_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chancery-auth/chancery/pkg/secret"
)

// body is 43 characters of base62, without a checksum.
const body = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg"

// signed appends the checksum that belongs to s.
func signed(s string) string { return s + secret.Checksum(s) }

func TestChecksum(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing is all zeros", "", "000000"},
		// The check value of CRC-32/ISO-HDLC is 0xCBF43926 = 3421780262.
		{"check value of the CRC", "123456789", "3jZRME"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := secret.Checksum(tt.text); got != tt.want {
				t.Errorf("Checksum(%q) = %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	valid := signed("rfcs_" + body)
	// Every refused value but the last two carries the checksum that fits it.
	tests := []struct {
		name, prefix, text string
		want               error
	}{
		{"valid", "rfcs", valid, nil},
		{"valid without prefix", "", signed(body), nil},
		{"empty", "", "", secret.ErrMalformed},
		{"other prefix", "rfcs", signed("rfoa_" + body), secret.ErrMalformed},
		{"prefix in upper case", "rfcs", signed("RFCS_" + body), secret.ErrMalformed},
		{"prefix that is not expected", "", valid, secret.ErrMalformed},
		{"prefix missing", "rfcs", signed(body), secret.ErrMalformed},
		{"42 characters", "rfcs", signed("rfcs_" + body[:42]), secret.ErrMalformed},
		{"44 characters", "rfcs", signed("rfcs_" + body + "0"), secret.ErrMalformed},
		{"underscore in the body", "rfcs", signed("rfcs_" + body[:42] + "_"), secret.ErrMalformed},
		{"line feed in the body", "rfcs", signed("rfcs_" + body[:42] + "\n"), secret.ErrMalformed},
		{"checksum in other case", "rfcs", valid[:48] + strings.ToLower(valid[48:]), secret.ErrMalformed},
		{"checksum of another value", "rfcs", "rfcs_" + body + secret.Checksum("rfcs_"+body+"0"), secret.ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := secret.Check(tt.prefix, tt.text); !errors.Is(got, tt.want) {
				t.Errorf("Check(%q, %q) = %v, want %v", tt.prefix, tt.text, got, tt.want)
			}
		})
	}
}

func TestAnyMistypedCharacterIsNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := secret.New("p").Reveal()
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		char := rapid.Byte().Draw(t, "char")
		if text[at] == char {
			return
		}
		mistyped := text[:at] + string([]byte{char}) + text[at+1:]
		if err := secret.Check("p", mistyped); !errors.Is(err, secret.ErrMalformed) {
			t.Fatalf("Check(%q) = %v, want %v", mistyped, err, secret.ErrMalformed)
		}
	})
}

// What passes is base62 of one length with the checksum that belongs to it,
// and no change of its last character passes as well.
func FuzzCheck(f *testing.F) {
	f.Add(signed("p_" + body))
	f.Add(signed("p_" + body + "\n"))
	f.Add("p_")
	f.Fuzz(func(t *testing.T, text string) {
		// The second try gets the text past the checksum, which a fuzzer does
		// not guess.
		for _, s := range []string{text, signed(text)} {
			if secret.Check("p", s) != nil {
				continue
			}
			if len(s) != 51 || signed(s[:45]) != s {
				t.Errorf("Check(%q) passes", s)
			}
			if secret.Check("p", s[:50]+string([]byte{s[50] ^ 1})) == nil {
				t.Errorf("Check passes %q with its last bit flipped", s)
			}
		}
	})
}
