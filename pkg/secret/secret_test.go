package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/secret"
)

const canary = "canary-value"

func TestSecretIsRedactedInEveryForm(t *testing.T) {
	s := secret.Wrap(canary)
	hidden := struct{ inner secret.Secret }{s}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		for _, value := range []any{s, &s, []secret.Secret{s}, hidden, &hidden} {
			if got := fmt.Sprintf(verb, value); strings.Contains(got, canary) || strings.Contains(got, fmt.Sprintf("%x", canary)) {
				t.Errorf("Sprintf(%q, %T) = %s", verb, value, got)
			}
		}
		if verb != "%T" && fmt.Sprintf(verb, s) != secret.Redacted {
			t.Errorf("Sprintf(%q) = %s, want %s", verb, fmt.Sprintf(verb, s), secret.Redacted)
		}
	}
	for name, got := range map[string]string{"String": s.String(), "GoString": s.GoString()} {
		if got != secret.Redacted {
			t.Errorf("%s() = %q, want %q", name, got, secret.Redacted)
		}
	}
}

func TestSecretIsRedactedWhenMarshalled(t *testing.T) {
	s := secret.Wrap(canary)
	got, err := json.Marshal(map[string]any{"value": s})
	if want := `{"value":"[redacted]"}`; err != nil || string(got) != want {
		t.Errorf("json.Marshal() = %s, %v, want %s", got, err, want)
	}
	text, err := s.MarshalText()
	if err != nil || string(text) != secret.Redacted {
		t.Errorf("MarshalText() = %s, %v, want %s", text, err, secret.Redacted)
	}
}

func TestSecretIsRedactedInLogs(t *testing.T) {
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Info("issued",
			slog.Any("direct", secret.Wrap(canary)),
			slog.Any("nested", struct{ S secret.Secret }{secret.Wrap(canary)}))
	}
	if strings.Contains(out.String(), canary) {
		t.Errorf("log shows the secret: %s", out.String())
	}
}

func TestSecretCannotBeCompared(t *testing.T) {
	if reflect.TypeFor[secret.Secret]().Comparable() {
		t.Error("Secret is comparable by ==")
	}
}

func TestRevealReturnsTheText(t *testing.T) {
	if got := secret.Wrap(canary).Reveal(); got != canary {
		t.Errorf("Reveal() = %q, want %q", got, canary)
	}
	if got := (secret.Secret{}).Reveal(); got != "" {
		t.Errorf("Reveal() of the zero value = %q, want nothing", got)
	}
}

func TestNewHasTheDocumentedForm(t *testing.T) {
	for prefix, form := range map[string]string{
		"rfcs": `^rfcs_[0-9A-Za-z]{49}$`,
		"":     `^[0-9A-Za-z]{49}$`,
	} {
		got := secret.New(prefix).Reveal()
		if !regexp.MustCompile(form).MatchString(got) {
			t.Errorf("New(%q) = %q, want %s", prefix, got, form)
		}
		if err := secret.Check(prefix, got); err != nil {
			t.Errorf("Check(%q, %q) = %v", prefix, got, err)
		}
	}
}

func TestHandleHas256BitsInBase64URL(t *testing.T) {
	got := secret.NewHandle().Reveal()
	if !regexp.MustCompile(`^[0-9A-Za-z_-]{43}$`).MatchString(got) {
		t.Errorf("NewHandle() = %q", got)
	}
}

func TestRandomValuesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		seen[secret.New("p").Reveal()] = true
		seen[secret.NewHandle().Reveal()] = true
	}
	if len(seen) != 2000 {
		t.Errorf("%d different values of 2000", len(seen))
	}
}

// Of 43,000 characters each of the 62 is expected 694 times. Without the
// rejection of high bytes the first eight would come 840 times; the bounds lie
// more than five standard deviations from the fair count.
func TestNewFavoursNoCharacter(t *testing.T) {
	count := map[rune]int{}
	for range 1000 {
		for _, c := range secret.New("").Reveal()[:43] {
			count[c]++
		}
	}
	if len(count) != 62 {
		t.Errorf("%d different characters, want 62", len(count))
	}
	for c, n := range count {
		if n < 540 || n > 835 {
			t.Errorf("%q comes %d times, want about 694", c, n)
		}
	}
}

func TestDigest(t *testing.T) {
	// FIPS 180-2 appendix B.1.
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	d := secret.Wrap("abc").Digest()
	if got := fmt.Sprintf("%x", d[:]); got != abc {
		t.Errorf("Digest() = %s, want %s", got, abc)
	}
	if !d.Equal(secret.DigestOf("abc")) {
		t.Error("digests of the same text differ")
	}
	if d.Equal(secret.DigestOf("abd")) {
		t.Error("digests of different texts are equal")
	}
}
