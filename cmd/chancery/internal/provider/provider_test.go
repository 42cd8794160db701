package provider_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/provider"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// write makes a file in a folder of the test's own, and returns its path.
func write(t *testing.T, folder, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReferenceIsANameOrAPath(t *testing.T) {
	for ref, want := range map[string]bool{
		"chancery": false, "acme": false, "acme.yaml": true, "acme.yml": true, "./acme": true, "/etc/acme": true, "": false,
	} {
		if got := provider.IsFile(ref); got != want {
			t.Errorf("IsFile(%q) = %t, want %t", ref, got, want)
		}
	}
	for ref, want := range map[string]string{"chancery": "chancery", "acme.yaml": "/etc/acme.yaml", "a/b": "/etc/a/b", "/abs/b": "/abs/b"} {
		if got := provider.Below(ref, "/etc"); got != want {
			t.Errorf("Below(%q) = %q, want %q", ref, got, want)
		}
	}
}

func TestPresetIsLoadedByNameOrPath(t *testing.T) {
	if p, err := provider.Load("chancery"); err != nil || p.Name != "chancery" {
		t.Errorf("Load(chancery) = %q, %v", p.Name, err)
	}
	path := write(t, t.TempDir(), "acme.yaml", []byte("name: acme\n"))
	if p, err := provider.Load(path); err != nil || p.Name != "acme" {
		t.Errorf("Load(file) = %q, %v", p.Name, err)
	}
	for ref, want := range map[string]string{
		"acme":             `there is no preset "acme"`,
		path + ".yaml":     "read the preset: open ",
		filepath.Dir(path): "read the preset: read ", // a folder
	} {
		if _, err := provider.Load(ref); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%q) = %v, want %q", ref, err, want)
		}
	}
}

func TestLargeFilesAreNotRead(t *testing.T) {
	folder := t.TempDir()
	path := write(t, folder, "acme.yaml", append([]byte("name: acme\n#"), bytes.Repeat([]byte("x"), 1<<20)...))
	if _, err := provider.Load(path); err == nil || !strings.Contains(err.Error(), "larger than 1024 KiB") {
		t.Errorf("Load() = %v, want a refusal for its size", err)
	}
}

func TestLogoIsReadWithItsKind(t *testing.T) {
	p := preset.Default()
	if kind, content, err := provider.Logo(p); kind != "" || content != nil || err != nil {
		t.Errorf("Logo() = %q, %q, %v, want none", kind, content, err)
	}
	p.Brand.LogoFile = write(t, t.TempDir(), "logo.SVG", []byte("<svg/>"))
	if kind, content, err := provider.Logo(p); kind != "image/svg+xml" || string(content) != "<svg/>" || err != nil {
		t.Errorf("Logo() = %q, %q, %v", kind, content, err)
	}
	p.Brand.LogoFile += ".png"
	if _, _, err := provider.Logo(p); err == nil {
		t.Error("Logo() of a file that is not there succeeds")
	}
}

func TestIssuerIsWhereThePresetHasIt(t *testing.T) {
	bare, below := preset.Default(), preset.Default()
	below.IssuerPath = "/oauth"
	for _, tt := range []struct {
		issuer string
		preset preset.Preset
		want   string // empty: fine
	}{
		{"https://id.acme.io", bare, ""},
		{"https://id.acme.io/oauth", below, ""},
		{"https://id.acme.io:8443/oauth", below, ""},
		{"https://id.acme.io/oauth", bare, "want https://id.acme.io"},
		{"https://id.acme.io", below, "want https://id.acme.io/oauth"},
		{"https://id.acme.io/tenant/oauth", below, "want https://id.acme.io/oauth"},
	} {
		err := provider.CheckIssuer(tt.issuer, tt.preset)
		if (tt.want == "") != (err == nil) || err != nil && !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("CheckIssuer(%s) = %v, want %q", tt.issuer, err, tt.want)
		}
	}
}

func TestOriginHasNoPath(t *testing.T) {
	for issuer, want := range map[string]string{"http://localhost:8080/oauth": "http://localhost:8080", "https://id.acme.io": "https://id.acme.io"} {
		if got := provider.Origin(issuer); got != want {
			t.Errorf("Origin(%s) = %s, want %s", issuer, got, want)
		}
	}
}
