package workspace_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

func newDirectory(t *testing.T) *workspace.Directory {
	t.Helper()
	return &workspace.Directory{Workspaces: directorytest.SQLite(t).Workspaces}
}

func TestSlugThatIsChosen(t *testing.T) {
	d := newDirectory(t)
	for _, tt := range []struct {
		slug string
		want error
	}{
		{"a", nil},
		{"7", nil},
		{"acme-research-2", nil},
		{"a--b", nil},
		{strings.Repeat("a", 63), nil},
		{strings.Repeat("a", 64), fault.Invalid},
		{"-acme", fault.Invalid},
		{"acme-", fault.Invalid},
		{"-", fault.Invalid},
		{"Acme", fault.Invalid},
		{"ac me", fault.Invalid},
		{"ac.me", fault.Invalid},
		{"ac/me", fault.Invalid},
		{"ac_me", fault.Invalid},
		{"zo\u00eb", fault.Invalid},
		{"acme\n", fault.Invalid},
		{"a", fault.AlreadyExists},
	} {
		w, err := d.Create(t.Context(), "one", tt.slug)
		if !errors.Is(err, tt.want) || err == nil && w.Slug != tt.slug {
			t.Errorf("Create(%q) = %+v, %v, want %v", tt.slug, w, err, tt.want)
		}
	}
}

func TestSlugIsMadeOfTheName(t *testing.T) {
	long := strings.Repeat("a", 62)
	for name, want := range map[string]string{
		"Research":             "research",
		"Acme Corp. / Team #1": "acme-corp-team-1",
		"  --a--  ":            "a",
		"Zo\u00eb's":           "zo-s",
		"\u7814\u7a76":         "workspace",
		"!":                    "workspace",
		long + " bc":           long,
		long + "bc":            long + "b",
	} {
		if w, err := newDirectory(t).Create(t.Context(), name, ""); err != nil || w.Slug != want {
			t.Errorf("Create(%q) = %q, %v, want %q", name, w.Slug, err, want)
		}
	}
}

func TestSlugThatIsTakenGetsARandomEnd(t *testing.T) {
	form := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	for _, name := range []string{"Acme", strings.Repeat("a", 70), strings.Repeat("a", 57) + " b c"} {
		d := newDirectory(t)
		seen := make(map[string]bool)
		for range 50 {
			w, err := d.Create(t.Context(), name, "")
			if err != nil || seen[w.Slug] || !form.MatchString(w.Slug) || w.Slug[:4] != strings.ToLower(name[:4]) {
				t.Fatalf("Create() = %q, %v, want another slug of %s", w.Slug, err, name)
			}
			seen[w.Slug] = true
		}
	}
}

func TestNamesAreCheckedBeforeSlugs(t *testing.T) {
	for _, slug := range []string{"", "acme"} {
		if _, err := newDirectory(t).Create(t.Context(), " ", slug); !errors.Is(err, fault.Invalid) {
			t.Errorf("Create() = %v, want invalid", err)
		}
	}
}

// Whatever the name, the slug has the form that addresses need.
func FuzzSlugOfAName(f *testing.F) {
	f.Add("Acme Corp.")
	f.Add("\u0130stanbul \u212a")
	f.Fuzz(func(t *testing.T, name string) {
		if workspace.CheckName(name) != nil {
			return
		}
		d := newDirectory(t)
		first, err1 := d.Create(t.Context(), name, "")
		_, err2 := d.Create(t.Context(), name, "")
		_, err3 := d.Create(t.Context(), name, first.Slug)
		if err1 != nil || err2 != nil || !errors.Is(err3, fault.AlreadyExists) {
			t.Errorf("Create(%q) = %q, %v, then %v, then %v", name, first.Slug, err1, err2, err3)
		}
	})
}
