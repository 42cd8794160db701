package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/roles"
	"github.com/chancery-auth/chancery/pkg/mtls"
)

// certificate is a certificate as scripts read it.
type certificate struct {
	Names []string
	Kept  bool
}

func loadCertificate(dir, base, domain string) (*mtls.Identity, error) {
	return mtls.Load(mtls.Files{
		Authority: filepath.Join(dir, "ca.crt"), Certificate: filepath.Join(dir, base+".crt"), Key: filepath.Join(dir, base+".key"),
	}, mtls.Options{Domain: domain, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
}

func TestCertDevMakesWhatProcessesLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	code, out, errOut := command(t, "cert", "dev", "--out", dir)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errOut)
	}
	for _, name := range append(roles.All(), "admin", "nats") {
		identity, err := loadCertificate(dir, name, "")
		if err != nil {
			t.Error(err)
			continue
		}
		if !slices.Equal(identity.Names(), []string{name}) || !strings.Contains(out, name+".chancery.internal") {
			t.Errorf("%s.crt names %q; the table is\n%s", name, identity.Names(), out)
		}
		if left := time.Until(identity.ExpireTime()); left < 29*24*time.Hour || left > 30*24*time.Hour {
			t.Errorf("%s.crt ends in %v, want 30 days", name, left)
		}
	}
	keys, err := filepath.Glob(filepath.Join(dir, "*.key"))
	if err != nil || len(keys) != len(roles.All())+3 {
		t.Errorf("%d keys: %v", len(keys), err)
	}
	for _, key := range keys {
		if info, err := os.Stat(key); err != nil || info.Mode().Perm() != fs.FileMode(0o600) {
			t.Errorf("%s has mode %v: %v", key, info.Mode(), err)
		}
	}
}

func TestCertDevKeepsItsAuthority(t *testing.T) {
	dir := t.TempDir()
	made := func(args ...string) []certificate {
		t.Helper()
		code, out, errOut := command(t, append([]string{"cert", "dev", "--json", "--out", dir}, args...)...)
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, errOut)
		}
		var answer struct{ Certificates []certificate }
		if err := json.Unmarshal([]byte(out), &answer); err != nil {
			t.Fatal(err)
		}
		return answer.Certificates
	}
	if list := made("token", "consent"); len(list) != 3 || list[0].Kept {
		t.Errorf("first run: %+v", list)
	}
	before, err := os.ReadFile(filepath.Join(dir, "token.crt"))
	if err != nil {
		t.Fatal(err)
	}
	if list := made("token", "registry,directory"); len(list) != 3 || !list[0].Kept {
		t.Errorf("second run: %+v", list)
	}
	if after, err := os.ReadFile(filepath.Join(dir, "token.crt")); err != nil || bytes.Equal(before, after) {
		t.Errorf("the certificate is not issued again: %v", err)
	}
	// One of the first run is still good, beside those of the second.
	for base, names := range map[string][]string{"consent": {"consent"}, "token": {"token"}, "registry-directory": {"registry", "directory"}} {
		identity, err := loadCertificate(dir, base, "")
		if err != nil || !slices.Equal(identity.Names(), names) {
			t.Errorf("%s: %v", base, err)
		}
	}
	if list := made("--domain", "example.internal", "--lifetime", "1h", "--host", "10.0.0.1", "token"); list[1].Names[0] != "token.example.internal" {
		t.Errorf("with a domain: %+v", list)
	}
	identity, err := loadCertificate(dir, "token", "example.internal")
	if err != nil || time.Until(identity.ExpireTime()) > time.Hour {
		t.Errorf("with a domain and a lifetime: %v", err)
	}
}

func TestCertDevRefusals(t *testing.T) {
	tests := map[string]struct {
		breaks func(dir string) error
		args   []string
		code   int
		says   string
	}{
		"no folder":             {nil, []string{"token"}, exitUsage, "--out"},
		"a name that is none":   {nil, []string{"--out", "DIR", "a.b"}, exitFailed, "is no name"},
		"a host that is a name": {nil, []string{"--out", "DIR", "--host", "token.chancery.internal", "token"}, exitFailed, "give it as one"},
		"no time":               {nil, []string{"--out", "DIR", "--lifetime", "0s"}, exitFailed, "--lifetime"},
		"half an authority": {
			func(dir string) error { return os.Remove(filepath.Join(dir, "ca.key")) },
			[]string{"--out", "DIR", "token"},
			exitFailed, "both its files",
		},
		"another key": {
			func(dir string) error {
				return os.Rename(filepath.Join(dir, "token.key"), filepath.Join(dir, "ca.key"))
			},
			[]string{"--out", "DIR", "token"},
			exitFailed, "remove both",
		},
		"nothing wrong": {func(string) error { return nil }, []string{"--out", "DIR", "token"}, 0, ""},
	}
	for name, tt := range tests {
		dir := t.TempDir()
		if tt.breaks != nil {
			if code, _, errOut := command(t, "cert", "dev", "--out", dir, "token"); code != 0 {
				t.Fatal(errOut)
			}
			if err := tt.breaks(dir); err != nil {
				t.Fatal(err)
			}
		}
		args := []string{"cert", "dev"}
		for _, arg := range tt.args {
			args = append(args, strings.ReplaceAll(arg, "DIR", dir))
		}
		if code, _, errOut := command(t, args...); code != tt.code || !strings.Contains(errOut, tt.says) {
			t.Errorf("%s: exit code %d, %q, want %d and %q", name, code, errOut, tt.code, tt.says)
		}
	}
}
