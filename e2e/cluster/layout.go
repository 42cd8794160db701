package cluster

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// layout is the folder of a cluster.
type layout struct{ dir string }

// newLayout makes the folder and those in it.
func newLayout(dir string) (layout, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return layout{}, err
	}
	// The database server may run as another user, who has to get through.
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // What is secret is in folders of its own.
		return layout{}, err
	}
	l := layout{dir}
	for _, name := range []string{"keys", "tls", "config", "log", "nats", "run"} {
		if err := os.MkdirAll(l.file(name), 0o700); err != nil {
			return layout{}, err
		}
	}
	return l, nil
}

func (l layout) file(elements ...string) string {
	return filepath.Join(append([]string{l.dir}, elements...)...)
}

// demo has the clients and users of the demo.
func (l layout) demo() string { return l.file("demo.json") }

// keep reads a secret, or makes one that is read the next time.
func keep(path string, generate func() string) (string, error) {
	content, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(content)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	made := generate()
	return made, os.WriteFile(path, []byte(made+"\n"), 0o600)
}
