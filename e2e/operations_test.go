package e2e

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/chancery-auth/chancery/pkg/pgtest"
)

// N269: the embedded bus listens on loopback, and lets in who has its password.
func TestN269_TheEmbeddedBusNeedsItsPassword(t *testing.T) {
	s := start(t)
	info := decode[struct {
		Address  string `json:"nats_url"`
		User     string `json:"nats_user"`
		Password string `json:"nats_password_file"`
	}](t, []byte(readFile(t, filepath.Join(s.data, "server.json"))))
	address, err := url.Parse(info.Address)
	if err != nil || address.Hostname() != "127.0.0.1" {
		t.Fatalf("the bus listens on %s, %v", info.Address, err)
	}
	password := strings.TrimSpace(readFile(t, info.Password))
	if stat, err := os.Stat(info.Password); err != nil || stat.Mode().Perm() != 0o600 || len(password) < 32 {
		t.Errorf("the password's file: %v, %v", stat, err)
	}
	for name, options := range map[string][]nats.Option{
		"nobody": nil, "a wrong password": {nats.UserInfo(info.User, password+"x")}, "no password": {nats.UserInfo(info.User, "")},
		"the password as another": {nats.UserInfo("admin", password)}, "the password as a token": {nats.Token(password)},
	} {
		if conn, err := nats.Connect(info.Address, options...); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: %v, want an authorization violation", name, err)
			if err == nil {
				conn.Close()
			}
		}
	}
	conn, err := nats.Connect(info.Address, nats.UserInfo(info.User, password))
	if err != nil {
		t.Fatalf("with the password: %v", err)
	}
	conn.Close()
}

// N286: the public listener has no administrative method, for nobody, and a user's
// token is no credential for one on the other port.
func TestN286_TheEdgeHasNoAdministration(t *testing.T) {
	s := start(t)
	a := newApp(t, s, "openid", "workspace:admin")
	p := newPerson(t, s)
	try := a.begin()
	token := a.tokens(t, s, try, p.authorize(try.link))
	c := newCaller(t, s)
	header := http.Header{
		"Authorization": {"Bearer " + token.AccessToken}, "Cookie": {"__Host-session=" + p.cookies["__Host-session"]},
		"Content-Type": {"application/grpc"}, "Origin": {s.Issuer},
	}
	if p.cookies["__Host-session"] == "" {
		t.Fatalf("there is no session among %v", p.cookies)
	}
	strangers := c
	strangers.ctx = metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token.AccessToken)
	administrative := 0
	eachMethod(func(method protoreflect.MethodDescriptor) {
		if resp, body := ask(t, http.MethodPost, s.Issuer+pathOf(method), header); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s on the public port: %d %.80s", pathOf(method), resp.StatusCode, body)
		}
		if slices.Contains(callersOf(method), "anyone") {
			return
		}
		administrative++
		if _, err := strangers.call(method, nil); status.Code(err) != codes.PermissionDenied {
			t.Errorf("%s with a user's token: %v, want PermissionDenied", pathOf(method), err)
		}
	})
	if administrative < 30 {
		t.Errorf("%d methods: the contracts are not linked", administrative)
	}
}

// N287: what takes something away names the one thing that it takes. A request
// that names nothing is refused, and takes nothing.
func TestN287_NothingIsTakenAwayByAnEmptyRequest(t *testing.T) {
	s := start(t)
	n := newTenant(t, s, "alpha")
	c := newCaller(t, s)
	before := everything(t, s)
	var found []string
	eachMethod(func(method protoreflect.MethodDescriptor) {
		name := string(method.Name())
		if reads(method) || !slices.Contains(callersOf(method), "admin") || !takes.MatchString(name) {
			return
		}
		found = append(found, name)
		if answer, err := c.call(method, nil); err == nil {
			t.Errorf("%s of nothing: %s", name, answer)
		}
		fields := method.Input().Fields()
		for i := range fields.Len() {
			if fields.Get(i).IsList() {
				t.Errorf("%s takes %s at once", name, fields.Get(i).Name())
			}
		}
	})
	slices.Sort(found)
	want := []string{
		"AdminRevoke", "DeleteClient", "DeleteProject", "DeleteWorkspace", "DeleteWorkspaceClients", "DisableSubject", "EndSession",
		"RemoveMember", "RetireKey", "RevokeGrant", "RevokeInitialAccessToken", "RevokeSecret",
	}
	if !slices.Equal(found, want) {
		t.Errorf("these take something away: %q, want %q", found, want)
	}
	if after := everything(t, s); after != before {
		t.Errorf("something is gone: %s, before %s", after, before)
	}
	if !decode[introspection](t, s.chancery(t, "token", "introspect", n.token.AccessToken)).Active {
		t.Error("a token ended")
	}
}

// takes is how the names of methods begin that take something away.
var takes = regexp.MustCompile(`^(AdminRevoke|Revoke|Delete|Remove|Disable|End|Retire|Purge|Clear|Reset)`)

// N292: what is for operators is on the internal port alone.
func TestN292_OperatorsPagesAreOnTheInternalPort(t *testing.T) {
	s := start(t)
	public := []string{
		"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/vars", "/metrics", "/healthz?verbose", "/livez", "/readyz", "/version", "/config",
	}
	for _, path := range public {
		if resp, body := ask(t, http.MethodGet, s.Issuer+path, nil); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s on the public port: %d %.80s", path, resp.StatusCode, body)
		}
		if content := plainHTTP(t, s.GRPC, path); strings.Contains(content, "goroutine") || strings.Contains(content, "HTTP/1.1 200") {
			t.Errorf("%s on the port of gRPC: %.80q", path, content)
		}
	}
	for _, path := range []string{"/debug/pprof/", "/metrics", "/readyz"} {
		if resp, body := ask(t, http.MethodGet, "http://"+s.Internal+path, nil); resp.StatusCode/100 != 2 {
			t.Errorf("%s on the internal port: %d %.80s", path, resp.StatusCode, body)
		}
	}
}

// plainHTTP is what a listener says to a request of HTTP/1.1.
func plainHTTP(t *testing.T, address, path string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(startTimeout))
	content, _ := io.ReadAll(conn) // The listener may reset the connection.
	return string(content)
}

// N293: a workspace that is deleted leaves every token, with its projects.
func TestN293_ADeletedWorkspaceLeavesEveryToken(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, flags...)
		n := newTenant(t, s, "alpha")
		look := func() introspection {
			return decode[introspection](t, s.chancery(t, "token", "introspect", n.token.AccessToken))
		}
		if before := look(); len(before.Workspaces) != 1 || len(before.Projects) != 1 {
			t.Fatalf("before: %+v", before)
		}
		s.chancery(t, "workspace", "delete", n.keys["workspace_id"])
		until(t, "the workspace and its project are gone from the token", func() bool {
			after := look()
			return len(after.Workspaces)+len(after.Projects) == 0
		})
	})
}

// N294: nobody signs in as somebody else. No administrative method returns what
// would let them: a token, a code, a session or an answer for the app.
func TestN294_NobodyActsAsSomebodyElse(t *testing.T) {
	looked := 0
	eachMethod(func(method protoreflect.MethodDescriptor) {
		if !slices.Contains(callersOf(method), "admin") {
			return
		}
		looked++
		for _, name := range []protoreflect.Name{"access_token", "refresh_token", "id_token", "code", "session", "binding", "redirect"} {
			if method.Output().Fields().ByName(name) != nil {
				t.Errorf("%s returns a %s to administrators", method.FullName(), name)
			}
		}
	})
	if looked < 20 {
		t.Errorf("%d methods: the contracts are not linked", looked)
	}
	help, err := exec.Command(program(), "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"impersonate", "login-as", "sign-in-as", "sudo", "on-behalf"} {
		if strings.Contains(string(help), word) {
			t.Errorf("the command line offers %q", word)
		}
	}
}

// N298: a lifetime is as many seconds wherever the database thinks it is, and no
// instant or duration of a contract ends in 2038.
func TestN298_TimeZonesChangeNoLifetime(t *testing.T) {
	eachMethod(func(method protoreflect.MethodDescriptor) {
		for _, m := range []protoreflect.MessageDescriptor{method.Input(), method.Output()} {
			fields := m.Fields()
			for i := range fields.Len() {
				f := fields.Get(i)
				if (f.Kind() == protoreflect.Int32Kind || f.Kind() == protoreflect.Uint32Kind) && instant.MatchString(string(f.Name())) {
					t.Errorf("%s is of 32 bits", f.FullName())
				}
			}
		}
	})
	for _, zone := range []string{"Pacific/Apia", "America/St_Johns"} {
		t.Run(zone, func(t *testing.T) { lifetimesIn(t, zone) })
	}
}

// instant is what fields with an instant or a duration are called.
var instant = regexp.MustCompile(`(time|lifetime|grace|expires_in|max_age)$|^(exp|iat|nbf)$`)

// lifetimesIn checks what a server gives out whose database is in the zone.
func lifetimesIn(t *testing.T, zone string) {
	address := pgtest.URL(t)
	if out, err := exec.Command(program(), "migrate", "up", "--database", address).CombinedOutput(); err != nil {
		t.Fatalf("migrate up: %v\n%s", err, out)
	}
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	name := pgx.Identifier{conn.Config().Database}.Sanitize()
	if _, err := conn.Exec(t.Context(), "ALTER DATABASE "+name+" SET timezone = '"+zone+"'"); err != nil {
		t.Fatal(err)
	}
	s := start(t, "--database", address)
	a := newApp(t, s, "openid", "offline_access")
	try := a.begin(forceConsent())
	began := time.Now()
	token := a.tokens(t, s, try, newPerson(t, s).authorize(try.link))
	answer := decode[struct{ Exp, Iat int64 }](t, s.chancery(t, "token", "introspect", token.AccessToken))
	if answer.Exp-answer.Iat != token.ExpiresIn || answer.Iat < began.Unix()-1 || answer.Iat > time.Now().Unix()+1 {
		t.Errorf("iat %d, exp %d, expires_in %d, now %d", answer.Iat, answer.Exp, token.ExpiresIn, time.Now().Unix())
	}
	var off float64
	err = conn.QueryRow(t.Context(), `
		SELECT max(abs(extract(epoch FROM rotate_time + lifetime - expire_time)) + abs(extract(epoch FROM clock_timestamp() - start_time)))::float8
		  FROM token.family`).Scan(&off)
	if err != nil || off > startTimeout.Seconds() {
		t.Errorf("a family is off by %v s, %v", off, err)
	}
	if _, err := a.TokenSource(t.Context(), refreshOnly(token)).Token(); err != nil {
		t.Errorf("refresh: %v", err)
	}
}
