package pages_test

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/gateway/pages"
)

func files(t *testing.T, tree fs.FS) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(tree, path)
		out[path] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAssetsAreUnder30KB(t *testing.T) {
	total := 0
	for _, content := range files(t, pages.StaticFiles) {
		total += len(content)
	}
	if total >= 30_000 {
		t.Errorf("assets are %d bytes, want less than 30,000", total)
	}
}

// The policy refuses all of it.
func TestTemplatesHoldNoInlineScriptOrStyle(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:|<script(?:[^>]*)>[^<]`)
	for path, content := range files(t, pages.TemplateFiles) {
		if found := inline.FindString(content); found != "" {
			t.Errorf("%s holds %q", path, found)
		}
	}
}

// Each sentence of the catalogue is said somewhere.
func TestCatalogueHasNoDeadSentence(t *testing.T) {
	var templates strings.Builder
	for _, content := range files(t, pages.TemplateFiles) {
		templates.WriteString(content)
	}
	// Keys that are put together from the words of a view.
	composed := regexp.MustCompile(`^(complaint|risk|destination|message|error|done|field|type|visibility|auth|month)\.|^date$`)
	for key := range pages.English() {
		if !composed.MatchString(key) && !strings.Contains(templates.String(), `"`+key+`"`) {
			t.Errorf("no template says %s", key)
		}
	}
}

// WCAG 2.2, success criteria 1.4.3 and 1.4.11.
func TestContrast(t *testing.T) {
	sheet := files(t, pages.StaticFiles)["static/pages.css"]
	schemes := strings.SplitN(sheet, "@media (prefers-color-scheme: dark)", 2)
	if len(schemes) != 2 {
		t.Fatal("the sheet has no dark scheme")
	}
	pairs := []struct {
		front, back string
		least       float64
	}{
		{"text", "ground", 4.5},
		{"text", "card", 4.5},
		{"text", "sunk", 4.5},
		{"text", "danger-ground", 4.5},
		{"text", "warning-ground", 4.5},
		{"muted", "ground", 4.5},
		{"muted", "card", 4.5},
		{"muted", "sunk", 4.5},
		{"danger", "card", 4.5},
		{"danger", "danger-ground", 4.5},
		{"warning", "card", 4.5},
		{"warning", "sunk", 4.5},
		{"warning", "warning-ground", 4.5},
		{"good", "card", 3},
		{"edge", "card", 3},
	}
	for i, name := range []string{"light", "dark"} {
		for _, p := range pairs {
			got := pages.ContrastOf(token(t, schemes[i], p.front), token(t, schemes[i], p.back))
			if got < p.least {
				t.Errorf("%s: --%s on --%s has contrast %.2f, want %.1f", name, p.front, p.back, got, p.least)
			}
		}
	}
	for i, want := range []string{pages.CardLight, pages.CardDark} {
		if !strings.Contains(schemes[i], "--card: "+want+";") {
			t.Errorf("--card is not %s as accents are checked against", want)
		}
	}
}

func token(t *testing.T, css, name string) [3]float64 {
	t.Helper()
	m := regexp.MustCompile(`--` + name + `: (#[0-9a-f]{6});`).FindStringSubmatch(css)
	if m == nil {
		t.Fatalf("no --%s", name)
	}
	c, err := pages.ParseColour(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBrand(t *testing.T) {
	good := pages.Brand{Name: "Railyard"}
	with := func(change func(*pages.Brand)) pages.Brand {
		b := good
		change(&b)
		return b
	}
	tests := []struct {
		name  string
		brand pages.Brand
		want  string // in the error
	}{
		{"defaults", good, ""},
		{"readable accents", with(func(b *pages.Brand) { b.AccentLight, b.AccentDark = "#767676", "#8a8a8a" }), ""},
		{"no name", pages.Brand{}, "name is empty"},
		{"light accent too pale", with(func(b *pages.Brand) { b.AccentLight = "#777777" }), "light accent #777777"},
		{"dark accent too dark", with(func(b *pages.Brand) { b.AccentDark = "#333399" }), "dark accent #333399"},
		{"accent by name", with(func(b *pages.Brand) { b.AccentLight = "navy" }), "rrggbb"},
		{"accent that goes on", with(func(b *pages.Brand) { b.AccentLight = "#000000}" }), "rrggbb"},
		{"logo", with(func(b *pages.Brand) { b.Logo = pages.Logo{MediaType: "image/png", Content: []byte("x")} }), ""},
		{"logo of another type", with(func(b *pages.Brand) { b.Logo = pages.Logo{MediaType: "text/html", Content: []byte("x")} }), "logo is not"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := pages.New(tt.brand)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("New() = %v, want %q", err, tt.want)
			}
		})
	}
}
