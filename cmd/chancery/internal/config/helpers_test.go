package config_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
)

// valid is a file without a mistake. Tests change one line of it.
const valid = `issuer: https://id.acme.io
revocation_bound: 5s
log: {level: info}
database: env:TEST_DATABASE
key_encryption_key: file:kek
nats:
  servers: [tls://nats-0:4222]
  hint_key: file:hint.key
mutual_tls:
  authority: tls/ca.crt
  certificate: tls/tls.crt
  key: /abs/tls.key
listen:
  grpc: 0.0.0.0:9090
  http: 127.0.0.1:8443
  internal: 127.0.0.1:9091
drain: {delay: 5s, timeout: 20s}
telemetry:
  sample_ratio: 0.5
gateway:
  tls: {certificate: "", key: ""}
  trusted_proxies: [10.0.0.0/8]
  limits: {clients: 2000}
token:
  target: dns:///token:9090
  keys: {rotation_period: 720h, publish_lead: 10m}
introspection:
  memory: 256MiB
  callers:
    - name: billing
      audience: [https://billing.acme.io]
`

// database is the URL that TEST_DATABASE has.
const database = "postgres://chancery:pa55word@127.0.0.1/chancery"

var randomKey = []byte("0123456789abcdefghijklmnopqrstuv")

func encoded() string { return base64.StdEncoding.EncodeToString(randomKey) + "\n" }

// folder is a folder with the files that the valid one names.
type folder struct {
	*testing.T
	path string
}

func newFolder(t *testing.T) folder {
	t.Helper()
	f := folder{t, t.TempDir()}
	f.write("kek", encoded())
	f.write("hint.key", encoded())
	return f
}

// write makes a file of the folder that its owner alone may read.
func (f folder) write(name, content string) string {
	f.Helper()
	path := filepath.Join(f.path, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		f.Fatal(err)
	}
	return path
}

// load loads a configuration that is the content of a file in the folder.
func (f folder) load(content string, roles ...string) (*config.Config, error) {
	f.Helper()
	return config.Load(f.write("chancery.yaml", content), env(database), roles...)
}

func env(url string) config.Lookup {
	return func(name string) (string, bool) { return url, name == "TEST_DATABASE" }
}

// change replaces a text that is in the valid file once.
func change(t *testing.T, old, by string) string {
	t.Helper()
	if strings.Count(valid, old) != 1 {
		t.Fatalf("%q is in the valid file %d times, want once", old, strings.Count(valid, old))
	}
	return strings.Replace(valid, old, by, 1)
}

// mistakes are those of an error, without the path of the file.
func mistakes(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var found *config.Mistakes
	if !errors.As(err, &found) {
		t.Fatalf("Load() = %v, want *Mistakes", err)
	}
	lines := make([]string, 0, len(found.List))
	for _, each := range found.List {
		lines = append(lines, each.In("f"))
	}
	return lines
}

// checkOne wants exactly one mistake, that begins so.
func checkOne(t *testing.T, err error, want string) {
	t.Helper()
	if got := mistakes(t, err); len(got) != 1 || !strings.HasPrefix(got[0], want) {
		t.Errorf("mistakes are\n  %s\nwant one that begins with\n  %s", strings.Join(got, "\n  "), want)
	}
}

func hexKey() string { return hex.EncodeToString(randomKey) }
