package arch_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A provider is data: what it is called appears in its preset, and in no code.
func TestNoCodeNamesAProvider(t *testing.T) {
	names := providers(t)
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			content, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if found := namesIn(string(content), names); len(found) > 0 {
				t.Errorf("%s/%s names %s: what differs between providers belongs in a preset", p.path(), name, strings.Join(found, ", "))
			}
		}
	}
}

// providers are the names of the files with presets.
func providers(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../deploy/presets/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("presets are %v, error %v", files, err)
	}
	names := make([]string, 0, len(files))
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".yaml"))
	}
	return names
}

// namesIn are those of the names that a text has, in whatever case.
func namesIn(text string, names []string) (found []string) {
	lower := strings.ToLower(text)
	for _, name := range names {
		if strings.Contains(lower, strings.ToLower(name)) {
			found = append(found, name)
		}
	}
	return found
}

func TestNamesAreFoundInWhateverCase(t *testing.T) {
	names := []string{"acme", "globex"}
	if got := namesIn("const brand = \"GlobEx\"", names); len(got) != 1 || got[0] != "globex" {
		t.Errorf("namesIn() = %v, want globex", got)
	}
	if got := namesIn("package registry", names); len(got) != 0 {
		t.Errorf("namesIn() = %v, want none", got)
	}
}
