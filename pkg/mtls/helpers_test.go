package mtls_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/mtls"
)

const (
	domain = "chancery.internal"
	day    = 24 * time.Hour
)

// noon is when tests begin.
var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// clock is the time of a test, which it may change.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time           { return noon.Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(by time.Duration) { c.ahead.Add(int64(by)) }
func (c *clock) options() mtls.Options {
	return mtls.Options{Now: c.now, Log: slog.New(slog.DiscardHandler)}
}

func authority(t *testing.T, c *clock) *mtls.Authority {
	t.Helper()
	a, err := mtls.NewAuthority(c.now, 100*day)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// folder holds the files of one identity.
type folder struct {
	t     *testing.T
	files mtls.Files
}

func newFolder(t *testing.T, a *mtls.Authority, names ...string) folder {
	t.Helper()
	dir := t.TempDir()
	f := folder{t, mtls.Files{
		Authority:   filepath.Join(dir, "ca.crt"),
		Certificate: filepath.Join(dir, "tls.crt"),
		Key:         filepath.Join(dir, "tls.key"),
	}}
	f.trust(a)
	f.issue(a, day, names...)
	return f
}

func (f folder) write(path string, content []byte) {
	f.t.Helper()
	// At once: who watches does not see half of it.
	err := os.WriteFile(path+".new", content, 0o600)
	if err := errors.Join(err, os.Rename(path+".new", path)); err != nil {
		f.t.Fatal(err)
	}
}

// trust makes the authorities the ones that the identity believes.
func (f folder) trust(list ...*mtls.Authority) {
	f.t.Helper()
	var all []byte
	for _, a := range list {
		all = append(all, a.PEM()...)
	}
	f.write(f.files.Authority, all)
}

// issue replaces certificate and key, and returns the certificate.
func (f folder) issue(a *mtls.Authority, lifetime time.Duration, names ...string) []byte {
	f.t.Helper()
	certificate, key, err := a.Issue(domain, names, []string{"localhost", "127.0.0.1"}, lifetime)
	if err != nil {
		f.t.Fatal(err)
	}
	f.write(f.files.Certificate, certificate)
	f.write(f.files.Key, key)
	return certificate
}

func (f folder) load(c *clock) *mtls.Identity {
	f.t.Helper()
	identity, err := mtls.Load(f.files, c.options())
	if err != nil {
		f.t.Fatal(err)
	}
	return identity
}

func reload(t *testing.T, i *mtls.Identity) {
	t.Helper()
	if err := i.Reload(); err != nil {
		t.Fatal(err)
	}
}

// identity is that of a process with these names.
func identity(t *testing.T, c *clock, a *mtls.Authority, names ...string) *mtls.Identity {
	t.Helper()
	return newFolder(t, a, names...).load(c)
}

// errRefused says that the other side of a handshake went away.
var errRefused = errors.New("refused by the other side")

// shake makes a connection between a server and a client. Each has an error if it
// refuses the other, or if it could not exchange a byte.
func shake(t *testing.T, server *tls.Config, client func(net.Conn) net.Conn) (serverErr, clientErr error) {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	done := make(chan error, 1)
	go func() {
		raw, err := lis.Accept()
		if err != nil {
			done <- err
			return
		}
		defer raw.Close()
		done <- echo(tls.Server(raw, server))
	}()
	raw, err := net.Dial("tcp", lis.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	conn := client(raw)
	_, err = conn.Write([]byte("?"))
	if err == nil {
		_, err = io.ReadFull(conn, make([]byte, 1))
	}
	if err != nil && !ours(err) {
		err = errors.Join(errRefused, err)
	}
	raw.Close()
	return <-done, err
}

func echo(conn net.Conn) error {
	b := make([]byte, 1)
	if _, err := io.ReadFull(conn, b); err != nil {
		return err
	}
	_, err := conn.Write(b)
	return err
}

// ours reports whether err is this side's own judgement of the other.
func ours(err error) bool {
	var alert tls.AlertError
	var op *net.OpError
	return !errors.As(err, &alert) && !errors.As(err, &op) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
}

// with is a client that speaks TLS.
func with(config *tls.Config) func(net.Conn) net.Conn {
	return func(raw net.Conn) net.Conn { return tls.Client(raw, config) }
}

// safeBuffer is a log that is read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
