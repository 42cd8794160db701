package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/chancery-auth/chancery/e2e/cluster"
)

const (
	stopPatience = 30 * time.Second
	// publishLead is how long a key of the cluster is published before its use.
	publishLead = 2 * time.Second
	rotations   = 6
)

// strictly is a load of which every request is to succeed the first time.
func strictly(t *testing.T, f *fleet) *load {
	t.Helper()
	l := newLoad(t, f, 0)
	l.strict = true
	return l
}

// rollingRestart replaces every process, one after the other, each the moment that
// the one before reports that it is ready.
func rollingRestart(t *testing.T, f *fleet) {
	l := strictly(t, f)
	end := l.run(t, l.issue, l.introspect, l.issue, l.introspect)
	for _, p := range f.Services() {
		restartOne(t, p)
	}
	end()
}

// restartOne asks a process to end, and starts it again once it has ended well.
func restartOne(t *testing.T, p *cluster.Process) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stopPatience)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		t.Errorf("want status 0: %v", err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// keysRotate makes new keys as fast as they may follow each other, and checks
// every ID token as a client does that keeps the key set for as long as it is told to.
func keysRotate(t *testing.T, f *fleet) {
	l := newLoad(t, f, 1)
	l.strict = true
	rp := &relyingParty{issuer: f.Issuer, clientID: f.s.Demo.Client.ClientID, keyIDs: map[string]bool{}}
	end := l.run(t, l.issue, l.introspect, func(ctx context.Context) error {
		l.mu.Lock()
		raw := l.idToken
		l.mu.Unlock()
		return rp.verify(ctx, raw)
	})
	for made := 0; made < rotations; {
		if _, err := f.Admin(t.Context(), "", "key", "rotate"); err == nil {
			made++
		} else if !strings.Contains(err.Error(), "next key") {
			t.Fatal(err)
		}
		<-time.After(publishLead / 2)
	}
	tick(t, settled, "the keys have changed", func() bool { return rp.keys() >= rotations/2 })
	end()
	t.Logf("%d keys have signed %d ID tokens", rp.keys(), rp.verified)
}

// relyingParty checks ID tokens by a key set that it fetches when its copy has
// expired, and at no other time.
type relyingParty struct {
	issuer, clientID string

	mu       sync.Mutex
	expires  time.Time
	set      oidc.StaticKeySet
	keyIDs   map[string]bool // of the keys that ID tokens were signed with
	verified int
}

func (r *relyingParty) keys() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.keyIDs)
}

// verify checks an ID token; there is none at the beginning.
func (r *relyingParty) verify(ctx context.Context, raw string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if raw == "" {
		return nil
	}
	if !time.Now().Before(r.expires) {
		if err := r.fetch(ctx); err != nil {
			return err
		}
	}
	config := &oidc.Config{ClientID: r.clientID}
	if _, err := oidc.NewVerifier(r.issuer, &r.set, config).Verify(ctx, raw); err != nil {
		return fmt.Errorf("verify an ID token: %w", err)
	}
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		return err
	}
	r.keyIDs[signed.Signatures[0].Header.KeyID] = true
	r.verified++
	return nil
}

// fetch gets the key set, and remembers how long it may be used (RFC 9111 §5.2.2.1).
func (r *relyingParty) fetch(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.issuer+"/.well-known/jwks.json", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(resp.Body).Decode(&set); err != nil {
		return fmt.Errorf("key set with status %d: %w", resp.StatusCode, err)
	}
	_, age, found := strings.Cut(resp.Header.Get("Cache-Control"), "max-age=")
	seconds, err := strconv.Atoi(age)
	if !found || err != nil {
		return errors.New("the key set does not say how long it may be kept")
	}
	r.expires = time.Now().Add(time.Duration(seconds) * time.Second)
	r.set = oidc.StaticKeySet{}
	for _, key := range set.Keys {
		r.set.PublicKeys = append(r.set.PublicKeys, key.Key)
	}
	return nil
}

// certificatesAreReplaced gives every process a new certificate.
func certificatesAreReplaced(t *testing.T, f *fleet) {
	l := strictly(t, f)
	end := l.run(t, l.issue, l.introspect)
	before := map[string]*big.Int{}
	for _, role := range cluster.Roles() {
		for _, p := range f.Processes(role) {
			if p.GRPC != "" {
				before[p.Name] = f.serial(t, p)
			}
			if err := f.Certify(p.Name, role); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, p := range f.Services() {
		if p.GRPC != "" {
			tick(t, persistence, p.Name+" shows its new certificate", func() bool {
				return f.serial(t, p).Cmp(before[p.Name]) != 0
			})
		}
	}
	l.goOn(t)
	end()
	// What is new works by itself: no old connection hides a mistake.
	atOnce(t, f.Services(), func(p *cluster.Process) error { return p.Stop(t.Context()) })
	f.recover(t)
	if !introspect(t, f.s, clientToken(t, f.s)).Active {
		t.Error("a token is not active")
	}
}

// serial is that of the certificate a process shows on a new connection.
func (f *fleet) serial(t *testing.T, p *cluster.Process) *big.Int {
	t.Helper()
	role, _, _ := strings.Cut(p.Name, "-")
	config := f.identity(t, "admin").ClientTLS(role)
	config.NextProtos = []string{"h2"}
	dialer := tls.Dialer{Config: config}
	conn, err := dialer.DialContext(t.Context(), "tcp", p.GRPC)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber
}
