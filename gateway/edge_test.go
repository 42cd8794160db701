package gateway_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"github.com/chancery-auth/chancery/gateway"
	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// N248, N201: a path has one spelling.
func TestN248_PathsHaveOneSpelling(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{
		"//oauth//token", "/oauth/token/", "/oauth/%74oken", "/OAUTH/TOKEN", "/oauth/token;x", "/oauth/../admin/keys",
		"/oauth/%2e%2e/admin", "/oauth/./token", "/oauth/token%2f", "/oauth%2ftoken", "/oauth/token%00", "/oauth/token#x",
		"//.well-known/openid-configuration", "/.well-known/openid-configuration/..;/", "/.well-known/openid-configuration/other",
		"/other/.well-known/openid-configuration", "/assets/../oauth/token", "/assets//x", "/assets", "*", "/signin/", "//signin",
	} {
		for _, method := range []string{"GET", "POST"} {
			got := w.raw(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: as.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\nConnection: close\r\n\r\na=b", method, path))
			if got.StatusCode != 404 && got.StatusCode != 400 || got.Header.Get("Location") != "" {
				t.Errorf("%s %s = %d to %q", method, path, got.StatusCode, got.Header.Get("Location"))
			}
		}
	}
	if n := w.token.count() + w.authorize.count(); n != 0 {
		t.Errorf("%d calls reached a service", n)
	}
	w.get("/nothing", "Accept", "text/html").wantPage(t, 404)
	w.get("/nothing", "Accept", "*/*").wantJSONError(t, 404, "invalid_request")
}

// Paths are the preset's: the ones of the annotations are then nobody's.
func TestPathsComeFromThePreset(t *testing.T) {
	w := newWorld(t, func(c *gateway.Config) {
		c.Preset.Paths.Token = "/api/oauth.access"
		c.Preset.Paths.JWKS = "/keys"
	})
	w.post("/api/oauth.access", goodForm).wantStatus(t, 200)
	w.get("/keys").wantStatus(t, 200)
	w.post("/oauth/token", goodForm).wantStatus(t, 404)
	w.get("/.well-known/jwks.json").wantStatus(t, 404)
	if got := w.get("/.well-known/openid-configuration").body; !strings.Contains(got, `"https://as.test/api/oauth.access"`) {
		t.Errorf("metadata has no preset path: %s", got)
	}
}

func TestN013_RequestLinesAreShort(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]int{"/": 404, "/oauth/authorize/": 404, "/.well-known/jwks.json?a=": 200} {
		// The longest there may be, which ends with the version of HTTP.
		room := 8<<10 - len("GET  HTTP/1.1") - len(path)
		for more, want := range map[int]int{0: want, 1: 414, 1 << 10: 414} {
			target := path + strings.Repeat("a", room+more)
			if got := w.raw("GET " + target + " HTTP/1.1\r\nHost: as.test\r\nConnection: close\r\n\r\n"); got.StatusCode != want || strings.Contains(got.body, "aaaa") {
				t.Errorf("%s and %d bytes: %d, want %d: %.300s", path, len(target), got.StatusCode, want, got.body)
			}
		}
	}
}

func TestN239_Limits(t *testing.T) {
	w := newWorld(t)
	long := "/oauth/authorize?redirect_uri=" + strings.Repeat("a", 8<<10)
	w.get(long).wantPage(t, 414)
	w.post("/oauth/token", strings.Repeat("a", 64<<10+1)).wantJSONError(t, 413, "invalid_request")

	var headers []string
	for i := range 100 {
		headers = append(headers, fmt.Sprintf("X-H-%d", i), "v")
	}
	w.get("/.well-known/jwks.json", headers...).wantJSONError(t, 431, "invalid_request")
	w.get("/.well-known/jwks.json", headers[:180]...).wantStatus(t, 200)
	w.get("/.well-known/jwks.json", "X-Long", strings.Repeat("a", 32<<10)).wantStatus(t, 431)
	w.get("/.well-known/jwks.json", "X-Long", strings.Repeat("a", 31<<10)).wantStatus(t, 200)
	w.get("/.well-known/jwks.json", "X-Long", strings.Repeat("a", 1<<20)).wantStatus(t, 431)

	chunked := func(n int) answer {
		return w.raw(fmt.Sprintf("POST /oauth/token HTTP/1.1\r\nHost: as.test\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
			n, strings.Repeat("&", n-63*1024)+strings.Repeat("a", 63*1024)))
	}
	chunked(64<<10+1).wantJSONError(t, 413, "invalid_request")
	if got := chunked(64 << 10); got.StatusCode == 413 {
		t.Error("a chunked body of 64 KiB is too long")
	}
}

// N249: what net/http refuses by itself stays refused.
func TestN249_NothingIsUpgradedOrTunnelled(t *testing.T) {
	w := newWorld(t)
	for _, method := range []string{"TRACE", "CONNECT", "OPTIONS"} {
		if got := w.raw(method + " /oauth/token HTTP/1.1\r\nHost: as.test\r\nConnection: close\r\n\r\n"); got.StatusCode != 405 && got.StatusCode != 404 {
			t.Errorf("%s = %d", method, got.StatusCode)
		}
	}
	if got := w.raw("GET /.well-known/jwks.json HTTP/1.1\r\nHost: as.test\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"); got.StatusCode != 200 {
		t.Errorf("h2c upgrade = %d, want an answer in HTTP/1.1", got.StatusCode)
	}
}

// N247: only what trusted proxies say of the client counts.
func TestN247_ClientAddress(t *testing.T) {
	tests := []struct {
		name, forwarded string
		trusted         []string
		want            string
	}{
		{"untrusted peer", "1.2.3.4", nil, "127.0.0.1/32"},
		{"trusted peer", "1.2.3.4", []string{"127.0.0.0/8"}, "1.2.3.4/32"},
		{"the client's own entries", "9.9.9.9, 1.2.3.4", []string{"127.0.0.0/8"}, "1.2.3.4/32"},
		{"two trusted hops", "9.9.9.9, 1.2.3.4, 10.0.0.1", []string{"127.0.0.0/8", "10.0.0.0/8"}, "1.2.3.4/32"},
		{"IPv6", "2001:db8:1:2:3::4", []string{"127.0.0.0/8"}, "2001:db8:1:2::/64"},
		{"IPv4 in IPv6", "::ffff:1.2.3.4", []string{"127.0.0.0/8"}, "1.2.3.4/32"},
		{"no address", "unknown", []string{"127.0.0.0/8"}, "127.0.0.1/32"},
		{"many entries", strings.Repeat("10.0.0.1, ", 1000) + "10.0.0.1", []string{"127.0.0.0/8", "10.0.0.0/8"}, "10.0.0.1/32"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, trusting(tt.trusted...))
			w.authorize.begin = func(req *authorizev1.StartAuthorizationRequest) (*authorizev1.Step, error) {
				if got := req.GetBrowser().GetAddressBlock(); got != tt.want {
					t.Errorf("address block = %q, want %q", got, tt.want)
				}
				return errorStep("invalid_request", ""), nil
			}
			w.get("/oauth/authorize?client_id=c", "X-Forwarded-For", tt.forwarded).wantPage(t, 400)
		})
	}
}

// N181: one address block has one allowance, and others keep theirs.
func TestN181_RateIsPerAddressBlock(t *testing.T) {
	w := newWorld(t, trusting("127.0.0.0/8"), func(c *gateway.Config) { c.Limits.Holders = 2 })
	w.intro.validate = func(*introspectionv1.ValidateRequest) (*introspectionv1.ValidateResponse, error) {
		return &introspectionv1.ValidateResponse{}, nil
	}
	from := func(address string) answer {
		return w.get("/oauth/validate", "Authorization", "Bearer t", "X-Forwarded-For", address)
	}
	for i := range 4 {
		from(fmt.Sprintf("2001:db8::%d", i)).wantStatus(t, 200)
	}
	busy := from("2001:db8::ffff")
	busy.wantJSONError(t, 429, "temporarily_unavailable")
	if busy.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After = %q", busy.Header.Get("Retry-After"))
	}
	from("2001:db8:0:1::1").wantStatus(t, 200)
	w.post("/oauth/token", goodForm, "X-Forwarded-For", "2001:db8::1").wantStatus(t, 200)
}

// N181: of 10⁴ guesses from one /64, as many as the allowance reach the service, and
// who calls from elsewhere meanwhile waits for nothing.
func TestN181_GuessesOfOneBlockAreBusy(t *testing.T) {
	w := newWorld(t, trusting("127.0.0.0/8"))
	from := func(i int, address string) answer {
		return w.post("/oauth/token", fmt.Sprintf("grant_type=authorization_code&code=guess%d&client_id=c%d", i, i), "X-Forwarded-For", address)
	}
	const guesses = 10_000
	passed := 0
	for i := range guesses {
		switch got := from(i, fmt.Sprintf("2001:db8::%x", i+1)); got.StatusCode {
		case http.StatusOK:
			passed++
		case http.StatusTooManyRequests:
		default:
			t.Fatalf("guess %d: %d", i, got.StatusCode)
		}
		if i%1000 == 0 {
			from(i, fmt.Sprintf("2001:db8:1:%x::1", i+1)).wantStatus(t, 200)
		}
	}
	if passed != 4000 {
		t.Errorf("%d guesses pass at one instant, want 4000", passed)
	}
}

// N111: 10⁴ wrong secrets for C1 make their sender busy. C1 works from elsewhere,
// and so do other clients from the sender's address.
func TestN111_WrongSecretsHoldUpTheirSender(t *testing.T) {
	w := newWorld(t, trusting("127.0.0.0/8"), func(c *gateway.Config) { c.Limits.Clients = 1e6 })
	w.token.exchange = func(ctx context.Context, req *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		presented, err := clientauth.Sort(ctx, req)
		if err != nil {
			return nil, err
		}
		if presented.GetClientSecret() != "right" {
			return nil, oauth.Refuse(oauth.InvalidClient, "client authentication failed")
		}
		return &tokenv1.ExchangeResponse{AccessToken: "at"}, nil
	}
	const attacker, home = "192.0.2.66", "192.0.2.1"
	asForm := func(address, client, secret string) answer {
		return w.post("/oauth/token", "grant_type=client_credentials&client_id="+client+"&client_secret="+secret, "X-Forwarded-For", address)
	}
	asHeader := func(address, client, secret string) answer {
		return w.post("/oauth/token", "grant_type=client_credentials", "X-Forwarded-For", address,
			"Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(client+":"+secret)))
	}
	count := map[int]int{}
	for i := range 10_000 {
		// By either way of showing it: they share the allowance.
		if present := asForm; i%2 == 0 {
			count[present(attacker, "c1", "wrong").StatusCode]++
		} else {
			count[asHeader(attacker, "c1", "wrong").StatusCode]++
		}
		if i%1000 == 0 {
			asForm(home, "c1", "right").wantStatus(t, 200)
		}
	}
	if count[401] != 100 || count[429] != 9900 {
		t.Errorf("answers by status: %v, want 100 of 401 and 9900 of 429", count)
	}
	busy := asForm(attacker, "c1", "right")
	busy.wantJSONError(t, 429, "temporarily_unavailable")
	if busy.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After = %q", busy.Header.Get("Retry-After"))
	}
	asForm(attacker, "c2", "right").wantStatus(t, 200)
	asHeader(home, "c1", "right").wantStatus(t, 200)
}

// A client that has authenticated and asks too much is told so by the service.
func TestN319_AClientOverItsAllowanceIsBusy(t *testing.T) {
	w := newWorld(t)
	w.token.exchange = func(context.Context, *tokenv1.ExchangeRequest) (*tokenv1.ExchangeResponse, error) {
		return nil, fault.Later("too many requests", 1500*time.Millisecond)
	}
	busy := w.post("/oauth/token", goodForm)
	busy.wantJSONError(t, 429, "temporarily_unavailable")
	if got := busy.Header.Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After = %q, want 2", got)
	}
}

func TestRateCanBeSwitchedOff(t *testing.T) {
	w := newWorld(t, withoutRates, func(c *gateway.Config) { c.Limits.Clients = rate.Inf })
	for range 20 {
		w.post("/oauth/token", goodForm).wantStatus(t, 200)
	}
}

// N255, N199.
func TestN255_CORS(t *testing.T) {
	w := newWorld(t)
	w.registry.origins = []string{"https://app.example"}
	preflight := func(path, origin string) answer {
		return w.do(call{method: "OPTIONS", path: path, header: headerOf([]string{
			"Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization",
		})})
	}
	for _, path := range []string{"/oauth/token", "/oauth/userinfo", "/oauth/revoke", "/.well-known/openid-configuration", "/.well-known/jwks.json"} {
		got := preflight(path, "https://app.example")
		got.wantStatus(t, 204)
		if o, h := got.Header.Get("Access-Control-Allow-Origin"), got.Header.Get("Access-Control-Allow-Headers"); o != "https://app.example" || h != "Authorization, Content-Type" {
			t.Errorf("%s: origin %q, headers %q", path, o, h)
		}
		other := preflight(path, "https://evil.test")
		other.wantStatus(t, 403)
		noCORS(t, path, other)
		if got.Header.Get("Vary") != "Origin" || other.Header.Get("Vary") != "Origin" {
			t.Errorf("%s: answers do not vary by origin", path)
		}
	}
	for _, path := range []string{"/oauth/par", "/oauth/introspect", "/oauth/authorize", "/oauth/validate", "/signin", "/consent", "/"} {
		got := preflight(path, "https://app.example")
		got.wantStatus(t, 405)
		noCORS(t, path, got)
	}
	simple := w.post("/oauth/token", goodForm, "Origin", "https://app.example")
	if simple.Header.Get("Access-Control-Allow-Origin") != "https://app.example" || simple.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("headers = %v", simple.Header)
	}
	noCORS(t, "token", w.post("/oauth/token", goodForm, "Origin", "https://evil.test"))
}

func noCORS(t *testing.T, what string, got answer) {
	t.Helper()
	for name := range got.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s: answer has %s", what, name)
		}
	}
}

func TestOriginsAreAskedForOnce(t *testing.T) {
	w := newWorld(t)
	w.registry.origins = []string{"https://app.example"}
	for range 5 {
		w.get("/.well-known/jwks.json", "Origin", "https://app.example")
		w.get("/.well-known/jwks.json", "Origin", "https://evil.test")
	}
	if n := w.registry.count(); n != 2 {
		t.Errorf("registry was asked %d times, want 2", n)
	}
	w.get("/.well-known/jwks.json", "Origin", "https://"+strings.Repeat("a", 600)+".example")
	w.get("/.well-known/jwks.json", "Origin", "https://\xff.example")
	if n := w.registry.count(); n != 2 {
		t.Errorf("registry was asked for what is no origin")
	}
}

// A registry that is away lets nobody in, and is asked again.
func TestOriginsFailClosed(t *testing.T) {
	w := newWorld(t)
	w.registry.origins, w.registry.fail = []string{"https://app.example"}, http.ErrAbortHandler
	noCORS(t, "jwks", w.get("/.well-known/jwks.json", "Origin", "https://app.example"))
	w.registry.fail = nil
	if got := w.get("/.well-known/jwks.json", "Origin", "https://app.example"); got.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Error("a failure was remembered")
	}
}

// N256.
func TestN256_TLS(t *testing.T) {
	s, err := gateway.Server(http.NotFoundHandler(), &tls.Config{MinVersion: tls.VersionTLS10}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.TLSConfig.MinVersion != tls.VersionTLS12 {
		t.Errorf("MinVersion = %x", s.TLSConfig.MinVersion)
	}
	weak := make(map[uint16]bool)
	for _, suite := range tls.InsecureCipherSuites() {
		weak[suite.ID] = true
	}
	for _, id := range s.TLSConfig.CipherSuites {
		if name := tls.CipherSuiteName(id); weak[id] || !strings.HasPrefix(name, "TLS_ECDHE_") || strings.Contains(name, "CBC") {
			t.Errorf("suite %s", name)
		}
	}
	if s.ReadHeaderTimeout == 0 || s.ReadTimeout == 0 || s.WriteTimeout == 0 || s.IdleTimeout == 0 {
		t.Error("a time limit is missing")
	}
}

func TestHSTSIsAsConfigured(t *testing.T) {
	for _, want := range []string{"max-age=60; includeSubDomains; preload", ""} {
		w := newWorld(t, func(c *gateway.Config) { c.HSTS = want })
		if got := w.get("/").Header.Values("Strict-Transport-Security"); strings.Join(got, ",") != want {
			t.Errorf("Strict-Transport-Security = %q, want %q", got, want)
		}
	}
}

func TestHSTSNeedsHTTPS(t *testing.T) {
	w := newWorld(t, func(c *gateway.Config) { c.Issuer = "http://localhost:8080" })
	if got := w.get("/").Header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("HSTS over http: %q", got)
	}
}

func TestNewRefusesABadConfiguration(t *testing.T) {
	for _, bad := range []string{"", "as.test", "ftp://as.test", "https://as.test/", "https://as.test?x", "https://as.test#x", "https://u@as.test", "https://as.test/%41"} {
		if _, err := gateway.New(gateway.Config{Issuer: bad, Preset: preset.Default()}, gateway.Deps{}); err == nil {
			t.Errorf("New(%q) = nil", bad)
		}
	}
	twice := gateway.Config{Issuer: issuer, Preset: preset.Default()}
	twice.Preset.Paths.Revoke = twice.Preset.Paths.Token
	if _, err := gateway.New(twice, gateway.Deps{}); err == nil {
		t.Error("New(two endpoints with one path) = nil")
	}
}

func TestHomeAndAssets(t *testing.T) {
	w := newWorld(t)
	home := w.get("/")
	home.wantStatus(t, 200)
	if !strings.Contains(home.body, "Chancery") || home.Header.Get("X-Robots-Tag") != "noindex" {
		t.Errorf("home = %.200s", home.body)
	}
	_, rest, _ := strings.Cut(home.body, `href="/assets/`)
	style, _, _ := strings.Cut(rest, `"`)
	w.get("/assets/"+style).wantStatus(t, 200)
	w.get("/assets/none.css").wantStatus(t, 404)
	w.get("/favicon.ico").wantStatus(t, 204)
}
