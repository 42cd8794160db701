package secret_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/secret"
)

func write(t *testing.T, content string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadFileRefusesWhatOthersCanReadOrChange(t *testing.T) {
	for mode, ok := range map[fs.FileMode]bool{
		0o600: true, 0o400: true, 0o640: true, 0o440: true, 0o700: true,
		0o620: false, 0o660: false, 0o604: false, 0o602: false, 0o644: false, 0o601: false,
	} {
		content, err := secret.ReadFile(write(t, "s", mode), 8)
		if (err == nil) != ok || ok && string(content) != "s" {
			t.Errorf("ReadFile() of mode %04o = %q, %v, want success %t", mode, content, err, ok)
		}
		if err != nil && !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("ReadFile() = %v, want it to say what to do", err)
		}
	}
}

func TestReadFileHasALimit(t *testing.T) {
	for content, ok := range map[string]bool{"": true, "12345678": true, "123456789": false} {
		if got, err := secret.ReadFile(write(t, content, 0o600), 8); (err == nil) != ok || ok && string(got) != content {
			t.Errorf("ReadFile() of %d bytes = %q, %v, want success %t", len(content), got, err, ok)
		}
	}
	if _, err := secret.ReadFile(t.TempDir(), 8); err == nil {
		t.Error("ReadFile() reads a folder")
	}
}
