package main

import (
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
)

// Which database a destructive command is about is what its flags say, not what
// the shell had exported before.
func TestFlagsNameTheInstallationBeforeTheEnvironment(t *testing.T) {
	t.Setenv("CHANCERY_CONFIG", "/nowhere/production.yaml")
	tests := []struct {
		name string
		args []string
		code int
		says string
	}{
		{"environment alone", []string{"audit", "purge", "--keep", "9600h"}, exitFailed, "/nowhere/production.yaml"},
		{"a database", []string{"audit", "purge", "--keep", "9600h", "--database", "postgres://127.0.0.1:1/rehearsal"}, exitFailed, "127.0.0.1"},
		{"a data folder", []string{"restore-epoch", "show", "--data", t.TempDir()}, exitFailed, "there is no database below"},
		{"a server", []string{"client", "list", "--server", "127.0.0.1:1"}, exitFailed, "admin credential"},
		{"a password", []string{"migrate", "status", "--database", "postgres://u:pa55word@127.0.0.1:1/x"}, exitUsage, "CHANCERY_DATABASE"},
		{"a password in the query", []string{"serve", "--database", "postgres://u@127.0.0.1:1/x?password=pa55word"}, exitUsage, "CHANCERY_DATABASE"},
		{"a password in another form", []string{"doctor", "--database", "host=127.0.0.1 password=pa55word"}, exitUsage, "CHANCERY_DATABASE"},
		{"two", []string{"audit", "purge", "--keep", "9600h", "--config", "x.yaml", "--database", "postgres://127.0.0.1:1/x"}, exitUsage, "give one of them"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, err strings.Builder
			code := run(t.Context(), tt.args, terminal.Streams{In: strings.NewReader(""), Out: &out, Err: &err})
			if strings.Contains(err.String(), "pa55word") {
				t.Errorf("the password is shown: %q", err.String())
			}
			if code != tt.code || !strings.Contains(err.String(), tt.says) {
				t.Errorf("code %d, %q, want %d and %q", code, err.String(), tt.code, tt.says)
			}
		})
	}
}
