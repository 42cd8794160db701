package mtls_test

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/mtls"
)

func TestLoadSaysWhatToDo(t *testing.T) {
	tests := map[string]struct {
		breaks func(t *testing.T, c *clock, a *mtls.Authority, f *folder)
		says   string // empty: it loads
	}{
		"nothing wrong": {func(*testing.T, *clock, *mtls.Authority, *folder) {}, ""},
		"key of another": {func(t *testing.T, _ *clock, a *mtls.Authority, f *folder) {
			f.files.Key = newFolder(t, a, "token").files.Key
		}, "does not fit"},
		"expired": {func(_ *testing.T, c *clock, a *mtls.Authority, f *folder) {
			f.issue(a, time.Hour, "token")
			c.advance(time.Hour + time.Second)
		}, "issue a new one"},
		"not expired": {func(_ *testing.T, c *clock, a *mtls.Authority, f *folder) {
			f.issue(a, time.Hour, "token")
			c.advance(time.Hour - time.Minute)
		}, ""},
		"not valid yet":       {func(_ *testing.T, c *clock, _ *mtls.Authority, _ *folder) { c.advance(-10 * time.Minute) }, "set the clock"},
		"no role":             {func(_ *testing.T, _ *clock, a *mtls.Authority, f *folder) { f.issue(a, day) }, "names no role"},
		"another domain":      {func(t *testing.T, _ *clock, a *mtls.Authority, f *folder) { *f = foreign(t, a, "example.com", "token") }, "names no role"},
		"another authority":   {func(t *testing.T, c *clock, _ *mtls.Authority, f *folder) { f.trust(authority(t, c)) }, "not one of the authority"},
		"two authorities":     {func(t *testing.T, c *clock, a *mtls.Authority, f *folder) { f.trust(authority(t, c), a) }, ""},
		"key open to others":  {func(t *testing.T, _ *clock, _ *mtls.Authority, f *folder) { mode(t, f.files.Key, 0o604) }, "chmod 600"},
		"key open to a group": {func(t *testing.T, _ *clock, _ *mtls.Authority, f *folder) { mode(t, f.files.Key, 0o640) }, ""},
		"no authority":        {func(_ *testing.T, _ *clock, _ *mtls.Authority, f *folder) { f.files.Authority = "" }, "authority"},
		"no certificate":      {func(_ *testing.T, _ *clock, _ *mtls.Authority, f *folder) { f.files.Certificate += ".gone" }, "no such file"},
		"no PEM":              {func(_ *testing.T, _ *clock, _ *mtls.Authority, f *folder) { f.write(f.files.Authority, []byte("x")) }, "no certificate in PEM"},
		"own one revoked":     {func(t *testing.T, _ *clock, a *mtls.Authority, f *folder) { f.revoke(a, read(t, f.files.Certificate)) }, "is revoked by"},
		"nothing revoked":     {func(_ *testing.T, _ *clock, a *mtls.Authority, f *folder) { f.revoke(a) }, ""},
		"list of a stranger":  {func(t *testing.T, c *clock, _ *mtls.Authority, f *folder) { f.revoke(authority(t, c)) }, "signed by none"},
		"list out of date": {func(_ *testing.T, c *clock, a *mtls.Authority, f *folder) {
			f.issue(a, 2*day, "token")
			f.revoke(a)
			c.advance(day + time.Second)
		}, "out of date"},
		"list that is none": {func(_ *testing.T, _ *clock, a *mtls.Authority, f *folder) {
			f.revoke(a)
			f.write(f.files.Revoked, []byte("x"))
		}, "no revocation list"},
	}
	for name, tt := range tests {
		c := &clock{}
		a := authority(t, c)
		f := newFolder(t, a, "token")
		tt.breaks(t, c, a, &f)
		_, err := mtls.Load(f.files, c.options())
		if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: Load() = %v, want %q", name, err, tt.says)
		}
	}
}

// revoke adds a list of what a has revoked.
func (f *folder) revoke(a *mtls.Authority, certificates ...[]byte) {
	f.t.Helper()
	list, err := a.Revoke(certificates...)
	if err != nil {
		f.t.Fatal(err)
	}
	f.files.Revoked = f.files.Key + ".crl"
	f.write(f.files.Revoked, list)
}

func mode(t *testing.T, path string, m os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, m); err != nil {
		t.Fatal(err)
	}
}

func TestNamesAreThoseOfTheDomain(t *testing.T) {
	c := &clock{}
	i := identity(t, c, authority(t, c), "token", "consent")
	if got, want := i.Names(), []string{"token", "consent"}; !slices.Equal(got, want) {
		t.Errorf("Names() = %q, want %q", got, want)
	}
	if left := i.ExpireTime().Sub(c.now()); left > day || left < day-time.Minute {
		t.Errorf("the certificate ends in %v, want a day", left)
	}
	if i.Domain() != mtls.DefaultDomain {
		t.Errorf("Domain() = %q", i.Domain())
	}
}

// The configurations are made once, as a running process does.
func TestT38_RunningProcessesFollowTheFiles(t *testing.T) {
	c := &clock{}
	first, second := authority(t, c), authority(t, c)
	serverFiles, clientFiles := newFolder(t, first, "token"), newFolder(t, first, "gateway")
	server, client := serverFiles.load(c), clientFiles.load(c)
	serverTLS, clientTLS := server.ServerTLS(mtls.Required), client.ClientTLS("token")
	meet := func(when string, want bool) {
		t.Helper()
		serverErr, clientErr := shake(t, serverTLS, with(clientTLS))
		if (serverErr == nil && clientErr == nil) != want {
			t.Errorf("%s: %v and %v, want them to meet: %v", when, serverErr, clientErr, want)
		}
	}
	meet("at the start", true)
	for _, f := range []folder{serverFiles, clientFiles} {
		f.trust(first, second)
	}
	reload(t, server)
	reload(t, client)
	meet("with a second authority", true)
	serverFiles.issue(second, 2*day, "token")
	reload(t, server)
	meet("with the server's new certificate", true)
	clientFiles.trust(second)
	if err := client.Reload(); err == nil {
		t.Error("the client's own certificate is of no authority any more, and is taken")
	}
	clientFiles.issue(second, 2*day, "gateway")
	reload(t, client)
	meet("with the client's new certificate", true)
	serverFiles.trust(second)
	reload(t, server)
	meet("without the first authority", true)
	c.advance(day + time.Hour)
	meet("after the first certificates have ended", true)
	c.advance(day)
	meet("after all have ended", false)
}

func TestAuthorityThatIsTakenAwayIsNotBelieved(t *testing.T) {
	c := &clock{}
	first, second := authority(t, c), authority(t, c)
	f := newFolder(t, first, "token")
	server := f.load(c)
	serverTLS, client := server.ServerTLS(mtls.Required), identity(t, c, first, "gateway").ClientTLS("token")
	if serverErr, clientErr := shake(t, serverTLS, with(client)); serverErr != nil || clientErr != nil {
		t.Fatal(serverErr, clientErr)
	}
	f.trust(second)
	f.issue(second, day, "token")
	reload(t, server)
	if serverErr, clientErr := shake(t, serverTLS, with(client)); serverErr == nil || clientErr == nil {
		t.Errorf("they meet without a common authority: %v, %v", serverErr, clientErr)
	}
}

func TestWatchKeepsWhatItHasAndLogsOnce(t *testing.T) {
	c := &clock{}
	a := authority(t, c)
	f := newFolder(t, a, "token")
	log := &safeBuffer{}
	i, err := mtls.Load(f.files, mtls.Options{Now: c.now, Log: slog.New(slog.NewTextHandler(log, nil)), Period: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- i.Watch(ctx) }()

	before := i.ExpireTime()
	good := read(t, f.files.Certificate)
	f.write(f.files.Certificate, []byte("broken"))
	await(t, func() bool { return strings.Contains(log.String(), "broken") })
	f.write(f.files.Certificate, good)
	f.issue(a, 2*day, "token", "consent")
	await(t, func() bool { return strings.Contains(log.String(), "reloaded") })
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Watch() = %v", err)
	}
	if !i.ExpireTime().After(before) || len(i.Names()) != 2 {
		t.Errorf("it ends at %v and names %q: the new files are not there", i.ExpireTime(), i.Names())
	}
	if got := strings.Count(log.String(), "no certificate in PEM"); got != 1 {
		t.Errorf("one broken file is logged %d times:\n%s", got, log)
	}
}

// await waits until done, and fails the test when that takes too long.
func await(t *testing.T, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 10_000 {
		if done() {
			return
		}
		<-tick.C
	}
	t.Fatal("it does not happen")
}
