package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/chancery-auth/chancery/pkg/seal"
	"github.com/chancery-auth/chancery/pkg/secret"
)

// withChecksum appends the checksum that belongs to s.
func withChecksum(s string) string { return s + secret.Checksum(s) }

func TestDecode(t *testing.T) {
	form := seal.Form{Prefix: "p"}
	// Every refused text has the checksum that fits it.
	tests := []struct {
		name, text string
		want       error
	}{
		{"one byte", withChecksum("p_AA"), nil},
		{"two bytes", withChecksum("p_AAA"), nil},
		{"every mark of the alphabet", withChecksum("p_-_-_"), nil},
		{"nothing", "", seal.ErrMalformed},
		{"no body", withChecksum("p_"), seal.ErrMalformed},
		{"no underscore", withChecksum("pAAA"), seal.ErrMalformed},
		{"non-canonical last character of one byte", withChecksum("p_AB"), seal.ErrMalformed},
		{"non-canonical last character of two bytes", withChecksum("p_AAB"), seal.ErrMalformed},
		{"length no bytes can have", withChecksum("p_AAAAA"), seal.ErrMalformed},
		{"padded", withChecksum("p_AA=="), seal.ErrMalformed},
		{"standard alphabet", withChecksum("p_+/+/"), seal.ErrMalformed},
		{"line feed", withChecksum("p_AA\nAA"), seal.ErrMalformed},
		{"carriage return at the end", withChecksum("p_AAAA\r"), seal.ErrMalformed},
		{"beyond ASCII", withChecksum("p_AAé"), seal.ErrMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := form.Decode(tt.text); !errors.Is(err, tt.want) {
				t.Errorf("Decode(%q) = %v, want %v", tt.text, err, tt.want)
			}
		})
	}
}

func TestDecodeRefusesTextBeyondTheLimit(t *testing.T) {
	for length, want := range map[int]error{
		seal.MaxTextLength:     nil,
		seal.MaxTextLength + 4: seal.ErrMalformed,
	} {
		// "pp_" makes the body a multiple of four: valid but for its length.
		text := withChecksum("pp_" + strings.Repeat("A", length-len("pp_")-secret.ChecksumLength+1)[:(length-9)/4*4])
		if len(text) > seal.MaxTextLength != (want != nil) {
			t.Fatalf("the case for %d has %d bytes", length, len(text))
		}
		if _, err := (seal.Form{Prefix: "pp"}).Decode(text); !errors.Is(err, want) {
			t.Errorf("Decode of %d bytes = %v, want %v", len(text), err, want)
		}
	}
}

func TestFormWithoutPrefixHasNoUnderscore(t *testing.T) {
	if got, want := (seal.Form{}).Encode([]byte{0}), withChecksum("AA"); got != want {
		t.Errorf("Encode() = %q, want %q", got, want)
	}
	if got, err := (seal.Form{}).Decode(withChecksum("AA")); err != nil || !bytes.Equal(got, []byte{0}) {
		t.Errorf("Decode() = %x, %v", got, err)
	}
}

func TestDecodeInvertsEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		form := seal.Form{Prefix: rapid.StringMatching(`[a-z]{0,8}`).Draw(t, "prefix")}
		sealed := rapid.SliceOfN(rapid.Byte(), 1, 1024).Draw(t, "sealed")
		text := form.Encode(sealed)
		if got, err := form.Decode(text); err != nil || !bytes.Equal(got, sealed) {
			t.Fatalf("Decode(%q) = %x, %v, want %x", text, got, err, sealed)
		}
	})
}

// Text that decodes is the text its value encodes to: a value has one text.
func FuzzDecode(f *testing.F) {
	f.Add("p", withChecksum("p_AAAA"))
	f.Add("p", withChecksum("p_AAB"))
	f.Add("p", withChecksum("p_AA\n"))
	f.Add("", withChecksum(base64.RawURLEncoding.EncodeToString([]byte("value"))))
	f.Fuzz(func(t *testing.T, prefix, text string) {
		form := seal.Form{Prefix: prefix}
		// The second try gets the text past the checksum, which a fuzzer does
		// not guess.
		for _, s := range []string{text, withChecksum(text)} {
			if sealed, err := form.Decode(s); err == nil && form.Encode(sealed) != s {
				t.Errorf("Decode(%q) = %x, which encodes to %q", s, sealed, form.Encode(sealed))
			}
		}
	})
}
