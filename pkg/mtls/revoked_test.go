package mtls_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/mtls"
)

// revocation is a server with a list of its authority that names one of its
// clients. The list is good for a day, the certificates for longer.
type revocation struct {
	*testing.T

	clock       *clock
	authority   *mtls.Authority
	files       folder
	server      *mtls.Identity
	good, other *mtls.Identity
	revoked     *mtls.Identity
	revokedCert []byte
	otherCert   []byte
}

func newRevocation(t *testing.T) *revocation {
	c := &clock{}
	a := authority(t, c)
	r := &revocation{T: t, clock: c, authority: a, files: newFolder(t, a, "token")}
	client := func() (*mtls.Identity, []byte) {
		f := newFolder(t, a, "gateway")
		certificate := f.issue(a, 10*day, "gateway")
		return f.load(c), certificate
	}
	r.files.issue(a, 2*day, "token")
	r.good, _ = client()
	r.other, r.otherCert = client()
	r.revoked, r.revokedCert = client()
	r.files.revoke(a, r.revokedCert)
	r.server = r.files.load(c)
	return r
}

// takes checks that the server takes a client.
func (r *revocation) takes(what string, client *mtls.Identity) {
	r.Helper()
	if err := r.meet(client); err != nil {
		r.Errorf("%s: the server refuses the client: %v", what, err)
	}
}

// refuses checks that the server refuses a client for being revoked.
func (r *revocation) refuses(what string, client *mtls.Identity) {
	r.Helper()
	if err := r.meet(client); err == nil || !strings.Contains(err.Error(), "revoked") {
		r.Errorf("%s: the server says %v, want revoked", what, err)
	}
}

func (r *revocation) meet(client *mtls.Identity) error {
	r.Helper()
	serverErr, _ := shake(r.T, r.server.ServerTLS(mtls.Required), with(client.ClientTLS("token")))
	return serverErr
}

// renews checks that the server takes a certificate of ten days.
func (r *revocation) renews() {
	r.Helper()
	r.files.issue(r.authority, 10*day, "token")
	reload(r.T, r.server)
	if left := r.server.ExpireTime().Sub(r.clock.now()); left < 9*day {
		r.Errorf("the certificate ends in %v, want ten days", left)
	}
}

// Who does not fetch lists any more does not lose its certificate over it.
func TestRenewalTakesAListThatIsOutOfDate(t *testing.T) {
	r := newRevocation(t)
	r.clock.advance(day + time.Hour)
	r.renews()
	r.refuses("revoked by the list that is out of date", r.revoked)
	r.takes("not revoked", r.good)

	if _, err := mtls.Load(r.files.files, r.clock.options()); err == nil || !strings.Contains(err.Error(), "out of date") {
		t.Errorf("Load() = %v, want out of date: nobody starts with such a list", err)
	}
	r.files.revoke(r.authority, r.otherCert)
	reload(t, r.server)
	r.refuses("revoked by the new list", r.other)
	r.takes("not on the new list", r.revoked)
}

// An old list in the place of a new one brings nobody back.
func TestOldListBringsNobodyBack(t *testing.T) {
	r := newRevocation(t)
	first := read(t, r.files.files.Revoked)
	r.files.revoke(r.authority, r.otherCert)
	reload(t, r.server)
	r.takes("not on the second list", r.revoked)

	r.clock.advance(day + time.Hour)
	r.files.write(r.files.files.Revoked, first)
	r.renews()
	r.refuses("revoked by the old list", r.revoked)
	r.refuses("revoked by the list before", r.other)
	r.takes("not revoked", r.good)
}

// What is no list of the authority is no list that is out of date.
func TestListOfAStrangerChangesNothing(t *testing.T) {
	for name, late := range map[string]time.Duration{"current": 0, "out of date": day + time.Hour} {
		r := newRevocation(t)
		before := r.server.ExpireTime()
		r.files.revoke(authority(t, r.clock), r.otherCert)
		r.clock.advance(late)
		r.files.issue(r.authority, 10*day, "token")
		if err := r.server.Reload(); err == nil || !strings.Contains(err.Error(), "signed by none") {
			t.Errorf("%s: Reload() = %v, want signed by none", name, err)
		}
		if now := r.server.ExpireTime(); !now.Equal(before) {
			t.Errorf("%s: the certificate ends at %v, want %v as before", name, now, before)
		}
		r.refuses(name+", revoked before", r.revoked)
		r.takes(name+", revoked by the stranger", r.other)
	}
}

func TestListThatIsOutOfDateIsLoggedOnce(t *testing.T) {
	r := newRevocation(t)
	log := &safeBuffer{}
	i, err := mtls.Load(r.files.files, mtls.Options{Now: r.clock.now, Log: slog.New(slog.NewTextHandler(log, nil)), Period: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- i.Watch(ctx) }()
	r.clock.advance(day + time.Hour)
	for _, lifetime := range []time.Duration{5 * day, 10 * day} {
		r.files.issue(r.authority, lifetime, "token")
		await(t, func() bool { return i.ExpireTime().After(r.clock.now().Add(lifetime - time.Hour)) })
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Watch() = %v", err)
	}
	if got := strings.Count(log.String(), "level=WARN"); got != 1 || !strings.Contains(log.String(), "out of date") {
		t.Errorf("the list is logged %d times, want once:\n%s", got, log)
	}
}
