package deploy_test

import (
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// top is the folder of the whole tree.
const top = "../../.."

// roles are the services, each a process of its own.
func roles() []string {
	return []string{"gateway", "authorize", "token", "consent", "introspection", "registry", "directory"}
}

// read returns a file of the tree.
func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(top, path))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// chancery builds the binary once for all tests.
//
//nolint:gochecknoglobals // A build is too slow for each test; it is never reassigned.
var chancery = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "chancery-deploy")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "chancery")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/chancery")
	cmd.Dir, cmd.Stderr = top, os.Stderr
	return path, cmd.Run()
})

func TestMain(m *testing.M) {
	// Helm tells of each link in the chart, each time.
	log.SetOutput(io.Discard)
	code := m.Run()
	if path, err := chancery(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// checkConfig lets the real binary read a configuration.
func checkConfig(t *testing.T, content []byte) {
	t.Helper()
	binary, err := chancery()
	if err != nil {
		t.Fatalf("build chancery: %v", err)
	}
	path := filepath.Join(t.TempDir(), "chancery.yaml")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	// Without roles: the files that the configuration names are not here.
	out, err := exec.CommandContext(t.Context(), binary, "config", "check", "--config", path).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s\n%s", err, out, content)
	}
}

// writeFile writes a file to a folder of the test's own.
func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
