// Package e2e tests Chancery from outside: real processes, real databases, a
// real browser, and client libraries that nobody here wrote.
package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the program under test. TestMain sets it before anything runs.
var binary string

func TestMain(m *testing.M) {
	if os.Getenv(echoVariable) != "" {
		os.Exit(serveEcho())
	}
	os.Exit(buildAndRun(m))
}

// buildAndRun builds the program into a folder of this run's own.
func buildAndRun(m *testing.M) int {
	if err := lookAtSources(); err != nil {
		fmt.Fprintln(os.Stderr, "look at the sources:", err)
		return 1
	}
	dir, err := os.MkdirTemp("", "chancery-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "chancery")
	build := exec.Command("go", "build", "-o", binary, "../cmd/chancery")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the program under test:", err)
		return 1
	}
	return m.Run()
}

// lookAtSources looks at what the program is built from. Go remembers the result
// of a test by the files that it looked at, and does not see those of the build.
func lookAtSources() error {
	for _, folder := range []string{"cmd", "deploy", "gateway", "pkg", "proto", "services"} {
		err := filepath.WalkDir(filepath.Join("..", folder), func(path string, d fs.DirEntry, err error) error {
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
