package tcpproxy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chancery-auth/chancery/pkg/tcpproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers with what it is sent, until the test ends.
func echo(t *testing.T, network, address string) (target string) {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, p *tcpproxy.Proxy) net.Conn {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// say sends text and reads it back.
func say(c net.Conn, text string, within time.Duration) (string, error) {
	if _, err := c.Write([]byte(text)); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	deadline, _ := ctx.Deadline()
	if err := c.SetReadDeadline(deadline); err != nil {
		return "", err
	}
	answer := make([]byte, len(text))
	n, err := io.ReadFull(c, answer)
	return string(answer[:n]), err
}

func TestProxyForwardsUnlessTold(t *testing.T) {
	for name, target := range map[string]string{
		"tcp": echo(t, "tcp", "127.0.0.1:0"), "unix socket": echo(t, "unix", filepath.Join(t.TempDir(), "s")),
	} {
		t.Run(name, func(t *testing.T) {
			p := tcpproxy.Start(t, target)
			c := dial(t, p)
			if got, err := say(c, "hello", time.Minute); err != nil || got != "hello" {
				t.Fatalf("%q, %v through the proxy", got, err)
			}
			p.BlackHole()
			p.BlackHole()
			if got, err := say(c, "one", 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) || got != "" {
				t.Errorf("%q, %v through a black hole", got, err)
			}
			if got, err := say(dial(t, p), "new", 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%q, %v on a new connection through a black hole", got, err)
			}
			p.Heal()
			p.Heal()
			if got, err := say(c, "two", time.Minute); err != nil || got != "one" {
				t.Errorf("%q, %v, want what was sent before", got, err)
			}
			p.Cut()
			if _, err := say(c, "three", time.Minute); err == nil {
				t.Error("a cut connection answers")
			}
			c = dial(t, p)
			if got, err := say(c, "here", time.Minute); err != nil || got != "here" {
				t.Errorf("%q, %v on a new connection", got, err)
			}
			p.Reset()
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("a connection that was reset says %v", err)
			}
			if got, err := say(dial(t, p), "four", time.Minute); err != nil || got != "four" {
				t.Errorf("%q, %v on a new connection after the cut", got, err)
			}
		})
	}
}

// A connection through a slow proxy takes as long as its bytes need, and what is sent
// arrives whole.
func TestSlowProxy(t *testing.T) {
	const rate, sent = 1 << 20, 64 << 10
	p := tcpproxy.Start(t, echo(t, "tcp", "127.0.0.1:0"))
	c := dial(t, p)
	text := strings.Repeat("0123456789abcdef", sent/16)
	p.Slow(rate)
	begin := time.Now() //nolint:forbidigo // The time that it takes is what is tested.
	got, err := say(c, text, time.Minute)
	// The bytes pass twice; what is there and back at once counts once.
	if took, least := time.Since(begin), time.Second*sent/rate; err != nil || got != text || took < least {
		t.Errorf("%d bytes, %v, after %s, want %d after %s at least", len(got), err, took, sent, least)
	}
	p.Slow(0)
	if got, err := say(c, "at once", time.Minute); err != nil || got != "at once" {
		t.Errorf("%q, %v after the proxy was slow", got, err)
	}
}

func TestServerThatIsAway(t *testing.T) {
	p := tcpproxy.Start(t, filepath.Join(t.TempDir(), "none"))
	if _, err := say(dial(t, p), "hello", time.Minute); err == nil {
		t.Error("a proxy answers for a server that is away")
	}
}
