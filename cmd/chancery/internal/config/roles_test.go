package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
)

func TestRolesNeed(t *testing.T) {
	tests := []struct{ name, role, old, bad, want string }{
		{"token its database", "token", "database: env:TEST_DATABASE\n", "", "f:1:1: database: is required for token"},
		{"introspection its database", "introspection", "database: env:TEST_DATABASE\n", "", "f:1:1: database: is required for introspection"},
		{"token its key", "token", "key_encryption_key: file:kek\n", "", "f:1:1: key_encryption_key: is required for token"},
		{"consent servers", "consent", "  servers: [tls://nats-0:4222]\n", "", "f:6:1: nats.servers: is required"},
		{"consent a hint key", "consent", "  hint_key: file:hint.key\n", "", "f:6:1: nats.hint_key: is required"},
		{"gateway TLS or a proxy", "gateway", "http: 127.0.0.1:8443", "http: 0.0.0.0:8443", ""},
	}
	f := newFolder(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := f.load(valid, tt.role); err != nil {
				t.Fatalf("the valid file has mistakes for %s: %v", tt.role, err)
			}
			content := change(t, tt.old, tt.bad)
			if _, err := f.load(content); err != nil {
				t.Errorf("without a role it has mistakes: %v", err)
			}
			if tt.want == "" { // beside a proxy there is nothing wrong
				content, tt.want = strings.Replace(content, "[10.0.0.0/8]", "[]", 1), "f:20:1: gateway: listen.http 0.0.0.0:8443 is reached from other machines"
			}
			_, err := f.load(content, tt.role)
			checkOne(t, err, tt.want)
		})
	}
}

func TestGatewayNeedsNoSecretOfOthers(t *testing.T) {
	content := change(t, "database: env:TEST_DATABASE\nkey_encryption_key: file:kek\nnats:\n  servers: [tls://nats-0:4222]\n  hint_key: file:hint.key\n", "")
	f := newFolder(t)
	if _, err := f.load(content, "gateway"); err != nil {
		t.Error(err)
	}
	if _, err := f.load(content, "gateway", "registry"); len(mistakes(t, err)) != 3 {
		t.Errorf("Load() = %v, want database, servers and hint key", err)
	}
}

func TestRoleOfAServiceHasItsOwnDatabase(t *testing.T) {
	f := newFolder(t)
	f.write("token.url", "postgres://token@127.0.0.1/chancery\n")
	c, err := f.load(change(t, "  target: dns:///token:9090", "  database: file:token.url"), "token", "consent")
	if err != nil {
		t.Fatal(err)
	}
	for role, want := range map[string]string{"token": "postgres://token@127.0.0.1/chancery", "consent": database} {
		if got, err := c.DatabaseOf(role).Resolve(); err != nil || got.Reveal() != want {
			t.Errorf("DatabaseOf(%s) = %q, %v, want %q", role, got.Reveal(), err, want)
		}
	}
}

func TestRemoteAreTheRolesCalledElsewhere(t *testing.T) {
	for roles, want := range map[string]string{
		"directory":       "registry",
		"gateway":         "authorize token consent introspection registry directory",
		"authorize":       "token consent registry directory",
		"token":           "consent registry directory",
		"consent":         "directory",
		"registry":        "directory",
		"introspection":   "token registry directory",
		"token consent":   "registry directory",
		"token authorize": "consent registry directory",
		"gateway authorize token consent introspection registry directory": "",
	} {
		if got := strings.Join(config.Remote(strings.Fields(roles)), " "); got != want {
			t.Errorf("Remote(%s) = %q, want %q", roles, got, want)
		}
	}
}

func TestValidateDoesNotChangeTheConfiguration(t *testing.T) {
	c, err := newFolder(t).load(change(t, "key_encryption_key: file:kek\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		checkOne(t, c.Validate([]string{"token"}), "f:1:1: key_encryption_key")
		if err := c.Validate([]string{"directory"}); err != nil {
			t.Error(err)
		}
	}
}

func TestRolesAreNamedOnceAndRightly(t *testing.T) {
	c, err := newFolder(t).load(valid)
	if err != nil {
		t.Fatal(err)
	}
	checkOne(t, c.Validate(nil), "f: no role")
	checkOne(t, c.Validate([]string{"token", "token"}), "f: the role token is named twice")
	checkOne(t, c.Validate([]string{"tokn"}), `f: "tokn" is not a role: did you mean token?`)
	checkOne(t, c.Validate([]string{"admin"}), `f: "admin" is not a role: want some of`)
}

func TestWarningsNameWhatIsUnsafe(t *testing.T) {
	tests := []struct{ name, old, by, want string }{
		{"unlimited", "limits: {clients: 2000}", "limits: {unsafe_unlimited: true}", "unsafe_unlimited"},
		{"clients unlimited", "listen:\n", "limits: {unsafe_unlimited: true}\nlisten:\n", "limits.unsafe_unlimited"},
		{"key in the environment", "key_encryption_key: file:kek", "key_encryption_key: env:KEK", "key_encryption_key"},
		{"traces in the clear", "  sample_ratio: 0.5", "  otlp: collector:4317\n  otlp_insecure: true", "otlp_insecure"},
		{"profiles for others", "internal: 127.0.0.1:9091", "internal: 0.0.0.0:9091", "listen.internal"},
	}
	f := newFolder(t)
	c, err := f.load(valid)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Warnings(); len(got) != 0 {
		t.Errorf("Warnings() = %q of the valid file, want none", got)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := f.load(change(t, tt.old, tt.by))
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Warnings(); len(got) != 1 || !strings.Contains(got[0], tt.want) {
				t.Errorf("Warnings() = %q, want one about %s", got, tt.want)
			}
		})
	}
}

// The settings of role and database that a server has are the doctor's to find.
func TestN283_UnverifiedDatabaseIsRefused(t *testing.T) {
	path := newFolder(t).write("chancery.yaml", valid)
	for url, ok := range map[string]bool{
		"postgres://db.acme.io/chancery":                                      false,
		"postgres://db.acme.io/chancery?sslmode=disable":                      false,
		"postgres://db.acme.io/chancery?sslmode=require":                      false,
		"postgres://db.acme.io/chancery?sslmode=verify-ca":                    false,
		"postgres://db.acme.io/chancery?sslmode=verify-full":                  true,
		"postgres://db.acme.io,127.0.0.1/chancery?sslmode=disable":            false,
		"postgres://127.0.0.1/chancery":                                       true,
		"postgres:///chancery?host=/run/postgresql":                           true,
		"host=127.0.0.1 dbname=chancery password=pa55word":                    false, // no URL
		"postgres://u:pa55word@db.acme.io/chancery?sslmode=verify-full&x=%zz": false, // no URL either
	} {
		_, err := config.Load(path, env(url), "consent")
		if ok != (err == nil) {
			t.Errorf("%s: Load() = %v, want accepted: %t", url, err, ok)
		}
		if err != nil && strings.Contains(err.Error(), "pa55word") {
			t.Errorf("the mistake shows the password: %v", err)
		}
	}
}

func TestN289_ExampleIssuerIsRefused(t *testing.T) {
	f := newFolder(t)
	for issuer, want := range map[string]string{
		"https://id.example.com":   "is a name for examples",
		"https://example.org":      "is a name for examples",
		"https://EXAMPLE.net:8443": "is a name for examples",
		"https://id.acme.example":  "is a name for examples",
		"https://id.acme.test":     "is a name for examples",
		"https://acme.invalid.":    "is a name for examples",
		"http://id.acme.io":        "want https",
		"http://10.0.0.1:8080":     "want https",
		"ftp://localhost":          "want https",
		"https://id.example.io":    "",
		"https://myexample.com":    "",
		"http://localhost:8080":    "",
		"http://127.0.0.1:8080":    "",
		"http://[::1]:8080":        "",
	} {
		_, err := f.load(change(t, "issuer: https://id.acme.io", "issuer: "+issuer))
		if want == "" && err != nil {
			t.Errorf("%s is refused: %v", issuer, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: Load() = %v, want %q", issuer, err, want)
		}
	}
}

func TestN289_WeakKeysAreRefused(t *testing.T) {
	zeros := strings.Repeat("\x00", 32)
	tests := []struct{ name, file, content, want string }{
		{"hint key in base64", "hint.key", encoded(), ""},
		{"hint key in hex", "hint.key", hexKey() + "\n", ""},
		{"hint key as it is", "hint.key", string(randomKey), ""},
		{"hint key that ends in a line end", "hint.key", string(randomKey[:31]) + "\n", ""},
		{"hint key of 31 bytes", "hint.key", hexKey()[:62], "f:8:13: nats.hint_key: "},
		{"hint key of 33 bytes", "hint.key", hexKey() + "aa", "f:8:13: nats.hint_key: "},
		{"hint key of words", "hint.key", "changeme", "f:8:13: nats.hint_key: "},
		{"hint key of zeros", "hint.key", zeros, "f:8:13: nats.hint_key: "},
		{"empty hint key", "hint.key", "", "f:8:13: nats.hint_key: "},
		{"key-encryption key", "kek", encoded(), ""},
		{"short key-encryption key", "kek", "c2hvcnQ=", "f:5:21: key_encryption_key: "},
		{"empty key-encryption key", "kek", "", "f:5:21: key_encryption_key: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFolder(t)
			f.write(tt.file, tt.content)
			_, err := f.load(valid, "token")
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("Load() = %v, want none", err)
			case tt.want != "":
				checkOne(t, err, tt.want)
			}
		})
	}
}

func TestN289_SecretsThatOthersCanReadAreRefused(t *testing.T) {
	for file, want := range map[string]string{"kek": "f:5:21: key_encryption_key: ", "hint.key": "f:8:13: nats.hint_key: "} {
		for mode, ok := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o604: false, 0o606: false, 0o644: false} {
			f := newFolder(t)
			if err := os.Chmod(filepath.Join(f.path, file), mode); err != nil {
				t.Fatal(err)
			}
			_, err := f.load(valid, "token")
			if ok && err != nil {
				t.Errorf("%s with mode %o: Load() = %v", file, mode, err)
			}
			if !ok {
				checkOne(t, err, want)
			}
		}
	}
}

func TestEveryRoleIsKnown(t *testing.T) {
	for _, role := range config.Roles() {
		if (role != "gateway") != (config.Default().TargetOf(role) != "") {
			t.Errorf("TargetOf(%s) = %q", role, config.Default().TargetOf(role))
		}
		for _, called := range config.Calls(role) {
			if !slices.Contains(config.Roles(), called) || called == role {
				t.Errorf("%s calls %s", role, called)
			}
		}
	}
}
