package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
)

// command runs the command line, and returns what it prints.
func command(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, terminal.Streams{In: strings.NewReader(""), Out: &stdout, Err: &stderr})
	return code, stdout.String(), stderr.String()
}
