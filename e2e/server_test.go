package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/pgtest"
)

// startTimeout is how long a server may take to be ready. It is no measurement:
// the machine may be busy.
const startTimeout = 60 * time.Second

// ready is the line that "chancery serve --json" prints.
type ready struct {
	Ready           bool   `json:"ready"`
	Issuer          string `json:"issuer"`
	HTTP            string `json:"http"`
	GRPC            string `json:"grpc"`
	Internal        string `json:"internal"`
	AdminCredential string `json:"admin_credential"`
	Demo            struct {
		User struct {
			Username, Password, Sub string
		} `json:"user"`
		Client struct {
			ClientID     string `json:"client_id"`
			ClientSecret string `json:"client_secret"`
			RedirectURI  string `json:"redirect_uri"`
		} `json:"client"`
		NativeClient struct {
			ClientID    string `json:"client_id"`
			RedirectURI string `json:"redirect_uri"`
		} `json:"native_client"`
		Workspaces []struct {
			ID, Name, Role string
			Projects       []struct{ ID, Name string }
		} `json:"workspaces"`
	} `json:"demo"`
}

// server is a running chancery.
type server struct {
	ready
	data  string
	flags []string
	// launcher is the command that starts the program; empty for none.
	launcher []string
	process  *exec.Cmd
	exited   chan error
	log      *lockedBuffer
}

// origin is the scheme and host of the issuer, which may have a path.
func (s *server) origin() string { return origin(s.Issuer) }

// database is one that servers run on: the flags that name it.
type database struct {
	name string
	// flags makes an empty one with its schema.
	flags func(t testing.TB) []string
}

// databases are both that Chancery runs on.
func databases() []database {
	return []database{
		{"sqlite", func(testing.TB) []string { return nil }},
		{"postgres", func(t testing.TB) []string {
			t.Helper()
			url := pgtest.URL(t)
			if out, err := exec.Command(program(), "migrate", "up", "--database", url).CombinedOutput(); err != nil {
				t.Fatalf("migrate up: %v\n%s", err, out)
			}
			return []string{"--database", url}
		}},
	}
}

// onEach runs the test on both databases.
func onEach(t *testing.T, test func(t *testing.T, flags []string)) {
	for _, db := range databases() {
		t.Run(db.name, func(t *testing.T) { test(t, db.flags(t)) })
	}
}

// start runs a server with demo data on ports of its own, and stops it at the end.
func start(t testing.TB, flags ...string) *server {
	t.Helper()
	s := &server{data: t.TempDir(), flags: append([]string{"--demo"}, flags...)}
	t.Cleanup(func() { s.kill(t) })
	s.boot(t, "127.0.0.1:0", "127.0.0.1:0")
	return s
}

// skipping are the flags for a preset under which nobody is asked twice, although
// the app listens on this machine (N320).
func skipping(t testing.TB) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "skipping.yaml")
	if err := os.WriteFile(file, []byte("name: skipping\nconsent: {skip_public: true}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--preset", file}
}

// restart starts it again, where it was.
func (s *server) restart(t testing.TB) {
	t.Helper()
	s.boot(t, s.HTTP, s.GRPC)
}

func (s *server) boot(t testing.TB, http, grpc string) {
	t.Helper()
	line := slices.Concat(s.launcher, []string{program(), "serve", "--json", "--data", s.data, "--http", http, "--grpc", grpc}, s.flags)
	s.process = exec.Command(line[0], line[1:]...)
	s.log = &lockedBuffer{}
	s.process.Stderr = s.log
	out, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1)
	s.exited = make(chan error, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n')
		lines <- line
		_, _ = io.Copy(io.Discard, out)
		s.exited <- s.process.Wait()
	}()
	select {
	case line := <-lines:
		if err := json.Unmarshal([]byte(line), &s.ready); err != nil || !s.Ready {
			t.Fatalf("serve printed %q (%v)\n%s", line, err, s.log)
		}
	case <-time.After(startTimeout):
		t.Fatalf("serve is not ready after %s\n%s", startTimeout, s.log)
	}
}

// kill ends it without any warning.
func (s *server) kill(t testing.TB) {
	t.Helper()
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill() // it may have ended by itself
	t.Logf("the server ended: %v", <-s.exited)
	s.process = nil
}

// stop asks it to end, and returns how it did.
func (s *server) stop(t testing.TB) error {
	t.Helper()
	return s.stopBy(t, syscall.SIGTERM)
}

// stopBy is stop by one of the signals that ask it.
func (s *server) stopBy(t testing.TB, signal syscall.Signal) error {
	t.Helper()
	if err := s.process.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	err := <-s.exited
	s.process = nil
	return err
}

// chancery runs an administrative command against the server, and returns what
// it printed. It fails the test when the command fails.
func (s *server) chancery(t testing.TB, args ...string) []byte {
	t.Helper()
	out, err := s.try("", args...)
	if err != nil {
		t.Fatalf("chancery %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// try is chancery with input, for commands that may fail.
func (s *server) try(input string, args ...string) ([]byte, error) {
	command := exec.Command(program(), append(args, "--data", s.data)...)
	command.Stdin = strings.NewReader(input)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.Bytes(), &commandError{err, stderr.String()}
	}
	return stdout.Bytes(), nil
}

// commandError is how a command failed, with what it said.
type commandError struct {
	err    error
	stderr string
}

func (e *commandError) Error() string { return e.err.Error() + ": " + e.stderr }

func (e *commandError) Unwrap() error { return e.err }

// decode reads JSON that a command printed.
func decode[T any](t testing.TB, encoded []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(encoded, &v); err != nil {
		t.Fatalf("decode %s: %v", encoded, err)
	}
	return v
}

// closed reports whether nothing answers at the address.
func closed(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return true
	}
	conn.Close()
	return false
}

// lockedBuffer is a buffer that a process writes while a test reads it.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// exitCode is of a command that was tried.
func exitCode(err error) int {
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

// readFile is for files that the server wrote.
func readFile(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
