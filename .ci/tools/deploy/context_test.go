package deploy_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImageIsBuiltFromEveryPackageOfTheBinary: what the ignore file leaves out is
// not there when the image is built.
func TestImageIsBuiltFromEveryPackageOfTheBinary(t *testing.T) {
	const module = "github.com/chancery-auth/chancery/"
	var kept []string
	for line := range strings.Lines(string(read(t, "deploy/Dockerfile.dockerignore"))) {
		if folder, ok := strings.CutPrefix(strings.TrimSpace(line), "!"); ok {
			kept = append(kept, folder)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/chancery")
	cmd.Dir = top
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		path, ours := strings.CutPrefix(strings.TrimSpace(line), module)
		within := func(folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }
		if ours && !slices.ContainsFunc(kept, within) {
			t.Errorf("the image is built without %s", path)
		}
	}
}
