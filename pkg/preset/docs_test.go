package preset_test

import (
	"os"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/preset"
)

func TestGuideNamesEveryKey(t *testing.T) {
	guide, err := os.ReadFile("../../docs/presets.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range preset.Keys() {
		if !strings.Contains(string(guide), "`"+key+"`") {
			t.Errorf("docs/presets.md does not name `%s`", key)
		}
	}
}

// The file that the guide shows is one.
func TestGuideShowsAFileThatLoads(t *testing.T) {
	guide, err := os.ReadFile("../../docs/presets.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(guide), "```yaml\n")
	file, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("docs/presets.md shows no file")
	}
	if _, err := preset.Parse("docs/presets.md", []byte(file)); err != nil {
		t.Error(err)
	}
}
