package e2e

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/sqlite"
)

// Whatever was acknowledged is there after the process was killed, and what was
// taken away stays away.
func TestEverythingAcknowledgedOutlivesAKill(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, flags...)
		a := newApp(t, s, "openid", "workspace:member", "offline_access")
		p := newPerson(t, s)
		try := a.begin(forceConsent())
		token := a.tokens(t, s, try, p.authorize(try.link))
		revoked := clientToken(t, s)
		if status, body := post(t, s, "/oauth/revoke", url.Values{"token": {revoked}}); status != http.StatusOK {
			t.Fatalf("revoke answers %d: %s", status, body)
		}
		role := s.Demo.Workspaces[0]
		s.chancery(t, "member", "set-role", "--workspace", role.ID, "--subject", s.Demo.User.Sub, "--role", "viewer")
		made := decode[struct {
			ClientID string `json:"client_id"`
		}](t, s.chancery(t, "client", "create", "--name", "Made before", "--redirect-uri", "https://app.example/cb", "--json"))

		s.kill(t)
		s.restart(t)

		if answer := introspect(t, s, token.AccessToken); !answer.Active || roleIn(answer, role.ID) != "viewer" {
			t.Errorf("the access token is %+v, want it active with the lowered role", answer)
		}
		if answer := introspect(t, s, revoked); answer.Active {
			t.Error("the revoked token is active again")
		}
		if _, err := a.TokenSource(t.Context(), refreshOnly(token)).Token(); err != nil {
			t.Errorf("refresh after the restart: %v", err)
		}
		s.chancery(t, "client", "get", made.ClientID)
		again := a.begin()
		a.tokens(t, s, again, p.authorize(again.link)) // session and grant are still there
	})
}

// A process that is killed the moment a code's redemption is in the database may
// or may not have answered. Either way the code was good for one answer at most.
func TestKillBetweenRedemptionAndAnswer(t *testing.T) {
	for _, db := range databases() {
		t.Run(db.name, func(t *testing.T) {
			flags := db.flags(t)
			s := start(t, flags...)
			a := newApp(t, s, "openid", "offline_access")
			p := newPerson(t, s)
			first := a.begin(forceConsent())
			a.tokens(t, s, first, p.authorize(first.link))
			for round := range 5 {
				try := a.begin(forceConsent())
				redeemAndKill(t, s, flags, int64(round)+2, url.Values{
					"grant_type": {"authorization_code"}, "code": {p.authorize(try.link).Get("code")},
					"code_verifier": {try.verifier}, "redirect_uri": {a.RedirectURL},
				})
			}
		})
	}
}

// redeemAndKill makes a token request, kills the server at the nth redemption, and
// makes the request again.
func redeemAndKill(t *testing.T, s *server, flags []string, n int64, form url.Values) {
	t.Helper()
	answered := make(chan error, 1)
	go func() { answered <- exchangeOnce(s, form) }()
	waitForRedemptions(t, s, flags, n)
	s.kill(t)
	first := <-answered
	s.restart(t)
	status, body := post(t, s, "/oauth/token", form)
	if status != http.StatusBadRequest || !strings.Contains(string(body), "invalid_grant") {
		t.Errorf("the code is good again after its redemption (first answer: %v): %d %s", first, status, body)
	}
}

// exchangeOnce exchanges a code; it fails when the server dies under it.
func exchangeOnce(s *server, form url.Values) error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.Issuer+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(s.Demo.Client.ClientID, s.Demo.Client.ClientSecret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// waitForRedemptions returns when the database has n redemptions.
func waitForRedemptions(t *testing.T, s *server, flags []string, n int64) {
	t.Helper()
	count := redemptions(t, s, flags)
	deadline := time.Now().Add(startTimeout)
	for got := count(); got < n; got = count() {
		if time.Now().After(deadline) {
			t.Fatalf("%d redemptions, want %d\n%s", got, n, s.log)
		}
	}
}

// redemptions returns a function that counts them.
func redemptions(t *testing.T, s *server, flags []string) func() int64 {
	t.Helper()
	return rows(t, s, flags, "token.redemption")
}

// rows returns a function that counts the rows of a table, whose name is that of
// Postgres.
func rows(t *testing.T, s *server, flags []string, table string) func() int64 {
	t.Helper()
	if len(flags) == 0 || flags[0] != "--database" {
		db, err := sqlite.Open(t.Context(), s.data+"/chancery.db")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return func() (n int64) {
			err := db.Read().QueryRowContext(t.Context(), `SELECT count(*) FROM `+strings.Replace(table, ".", "_", 1)).Scan(&n)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				t.Fatal(err)
			}
			return n
		}
	}
	conn, err := pgx.Connect(t.Context(), flags[1])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return func() (n int64) {
		if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

func TestGracefulShutdown(t *testing.T) {
	s := start(t)
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		address := s.HTTP
		if err := s.stopBy(t, signal); err != nil {
			t.Errorf("%s: serve ends with %v, want status 0\n%s", signal, err, s.log)
		}
		if !closed(address) {
			t.Errorf("%s: something still listens", signal)
		}
		s.restart(t)
		if answer := introspect(t, s, clientToken(t, s)); !answer.Active {
			t.Errorf("%s: not working after a restart", signal)
		}
	}
}

// A server that nohup has started outlives its terminal.
func TestAnIgnoredHangUpStaysIgnored(t *testing.T) {
	s := &server{data: t.TempDir(), launcher: []string{"nohup"}}
	t.Cleanup(func() { s.kill(t) })
	s.boot(t, "127.0.0.1:0", "127.0.0.1:0")
	status := readFile(t, fmt.Sprintf("/proc/%d/status", s.process.Process.Pid))
	_, ignored, _ := strings.Cut(status, "\nSigIgn:")
	ignored, _, _ = strings.Cut(strings.TrimSpace(ignored), "\n")
	mask, err := strconv.ParseUint(ignored, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	if mask&(1<<(syscall.SIGHUP-1)) == 0 {
		t.Errorf("the signals %s are ignored, and SIGHUP is not among them", ignored)
	}
}
