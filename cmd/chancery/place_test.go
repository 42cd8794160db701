package main

import (
	"strings"
	"testing"
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
		{"two", []string{"audit", "purge", "--keep", "9600h", "--config", "x.yaml", "--database", "postgres://127.0.0.1:1/x"}, exitUsage, "give one of them"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, err strings.Builder
			code := run(t.Context(), tt.args, streams{in: strings.NewReader(""), out: &out, err: &err})
			if code != tt.code || !strings.Contains(err.String(), tt.says) {
				t.Errorf("code %d, %q, want %d and %q", code, err.String(), tt.code, tt.says)
			}
		})
	}
}
