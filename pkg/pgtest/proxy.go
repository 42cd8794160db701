package pgtest

import (
	"net/url"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/tcpproxy"
)

// Proxy puts a proxy before the server that dbURL leads to, and returns the URL that
// leads through it. A server on a unix socket has no port in its URL: its socket is
// named after the default one.
func Proxy(t testing.TB, dbURL string) (p *tcpproxy.Proxy, proxied string) {
	t.Helper()
	cfg, err := pgx.ParseConfig(dbURL)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(dbURL)
	if err != nil {
		t.Fatal(err)
	}
	target, q := u.Host, u.Query()
	if filepath.IsAbs(cfg.Host) {
		target = filepath.Join(cfg.Host, ".s.PGSQL."+strconv.Itoa(int(cfg.Port)))
	}
	p = tcpproxy.Start(t, target)
	q.Del("host")
	u.Host, u.RawQuery = p.Addr(), q.Encode()
	return p, u.String()
}
