// Package e2e tests Chancery from outside: real processes, real databases, a
// real browser, and client libraries that nobody here wrote.
package e2e

import (
	"fmt"
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
