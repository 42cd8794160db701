package e2e

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// wire is how a running server is reached without a library for HTTP.
type wire struct {
	*server
	tls *tls.Config // nil for plain HTTP
}

// onWires runs the test on a server of plain HTTP, and on one of TLS.
func onWires(t *testing.T, test func(t *testing.T, w wire), flags ...string) {
	t.Run("HTTP", func(t *testing.T) { test(t, wire{start(t, flags...), nil}) })
	t.Run("TLS", func(t *testing.T) {
		dir := t.TempDir()
		if out, err := exec.Command(program(), "cert", "dev", "--out", dir, "gateway").CombinedOutput(); err != nil {
			t.Fatalf("cert dev: %v\n%s", err, out)
		}
		authority, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(authority)
		s := start(t, append(flags, "--tls-cert", filepath.Join(dir, "gateway.crt"), "--tls-key", filepath.Join(dir, "gateway.key"))...)
		test(t, wire{s, &tls.Config{RootCAs: roots, ServerName: "gateway.chancery.internal"}})
	})
}

// answer is the first to what is sent.
func (w wire) answer(t *testing.T, sent string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", w.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if w.tls != nil {
		conn = tls.Client(conn, w.tls)
	}
	if _, err := io.WriteString(conn, sent); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer to %.60q: %v", sent, err)
	}
	resp.Body.Close()
	return resp
}

func TestN243_ARunningServerReadsOneRequest(t *testing.T) {
	onWires(t, func(t *testing.T, w wire) {
		const top = "GET /.well-known/jwks.json HTTP/1.1\r\nHost: as.test\r\n"
		if got := w.answer(t, top+"X: a\n\r\n"); got.StatusCode != http.StatusBadRequest || !got.Close {
			t.Errorf("a line feed alone: %d, close %v", got.StatusCode, got.Close)
		}
		good, hsts := w.answer(t, top+"X: a\r\n\r\n"), ""
		if w.tls != nil {
			hsts = "max-age=63072000; includeSubDomains"
		}
		if got := good.Header.Get("Strict-Transport-Security"); good.StatusCode != http.StatusOK || got != hsts {
			t.Errorf("answers %d, Strict-Transport-Security %q, want %q", good.StatusCode, got, hsts)
		}
	})
}

func TestN013_LongRequestLinesAreNotLogged(t *testing.T) {
	onWires(t, func(t *testing.T, w wire) {
		long := strings.Repeat("a", 9<<10)
		for target, want := range map[string]int{
			"/" + long: http.StatusRequestURITooLong, "/oauth/authorize?redirect_uri=" + long: http.StatusRequestURITooLong,
			"/" + strings.Repeat(long, 10): http.StatusRequestHeaderFieldsTooLarge, "/" + long[:1<<10]: http.StatusNotFound,
		} {
			if got := w.answer(t, "GET "+target+" HTTP/1.1\r\nHost: as.test\r\nConnection: close\r\n\r\n"); got.StatusCode != want {
				t.Errorf("%d bytes: %d, want %d", len(target), got.StatusCode, want)
			}
		}
		if err := w.stop(t); err != nil {
			t.Fatal(err)
		}
		if log := w.log.String(); strings.Contains(log, long[:64]) || !strings.Contains(log, `"status":414`) {
			t.Errorf("the log is\n%.2000s", log)
		}
	}, "--log-level", "debug")
}
