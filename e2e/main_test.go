// Package e2e tests Chancery from outside: real processes, real databases, a
// real browser, and client libraries that nobody here wrote.
package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// folder is what this run keeps the program under test in.
var folder string

func TestMain(m *testing.M) {
	if os.Getenv(echoVariable) != "" {
		os.Exit(serveEcho())
	}
	os.Exit(runInFolder(m))
}

func runInFolder(m *testing.M) int {
	dir, err := os.MkdirTemp("", "chancery-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	folder = dir
	return m.Run()
}

// built makes the program under test. It does so within a test, and looks at the
// sources there: Go remembers the result of a test by the files that it looked at,
// and sees neither those of the build nor what TestMain does.
var built = sync.OnceValues(func() (string, error) {
	if err := lookAtSources(); err != nil {
		return "", fmt.Errorf("look at the sources: %w", err)
	}
	path := filepath.Join(folder, "chancery")
	if out, err := exec.Command("go", "build", "-o", path, "../cmd/chancery").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program under test: %w\n%s", err, out)
	}
	return path, nil
})

// program is the path of the program under test.
func program() string {
	path, err := built()
	if err != nil {
		panic(err)
	}
	return path
}

// lookAtSources looks at what the program and the examples are built from.
func lookAtSources() error {
	for _, root := range []string{"cmd", "deploy", "e2e/cluster", "examples", "gateway", "pkg", "proto", "services"} {
		err := filepath.WalkDir(filepath.Join("..", root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			_, err = os.Stat(path)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
