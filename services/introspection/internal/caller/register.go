package caller

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
)

const (
	// rememberFor is how long a verified secret need not be verified again. It is
	// below the bound on revocations: what of a client has no restriction of its
	// own, as its audience, is no older either.
	rememberFor = 4 * time.Second
	// maxRemembered is how many verified secrets are remembered.
	maxRemembered = 4096
)

// Presented is what a request shows of its client.
type Presented struct {
	ClientID string
	// Method is the token_endpoint_auth_method by which it is shown.
	Method string
	// Secret is empty unless the method has one.
	Secret secret.Secret
	// Assertion is a JWS (RFC 7523 §2.2), empty unless the method has one.
	Assertion string
}

// Authenticate asks the owner of clients. Fails with invalid_client.
type Authenticate func(ctx context.Context, p Presented) (Caller, error)

// Register authenticates callers, and remembers secrets that were right. A
// wrong one is never remembered, and neither is an assertion: it may be used
// once. Register is safe for concurrent use.
type Register struct {
	authenticate Authenticate
	clocks       coherent.Clocks
	macs         sync.Pool // of *mac, all with one key that this process alone has
	known        *otter.Cache[digest, remembered]
}

// digest stands for a client with its secret, which it does not reveal.
type digest [sha256.Size]byte

type remembered struct {
	caller *Caller
	// verified is when the verification began: what it read is no newer.
	verified coherent.Instant
}

// NewRegister returns a register that knows nobody yet.
func NewRegister(authenticate Authenticate, clocks coherent.Clocks) *Register {
	var key [sha256.Size]byte
	rand.Read(key[:])
	return &Register{
		authenticate: authenticate,
		clocks:       clocks,
		macs:         sync.Pool{New: func() any { return &mac{hash: hmac.New(sha256.New, key[:])} }},
		known:        otter.Must(&otter.Options[digest, remembered]{MaximumSize: maxRemembered}),
	}
}

// Recall returns the client whose credentials were verified within the last
// seconds. Whoever uses it asks [Caller.Current] too, and needs a lease.
func (r *Register) Recall(p Presented) (*Caller, bool) {
	if !hasSecret(p) {
		return nil, false
	}
	found, ok := r.known.GetIfPresent(r.digest(p))
	if !ok {
		return nil, false
	}
	return found.caller, r.clocks.Within(found.verified, rememberFor)
}

// Authenticate returns the client that p proves to be, as of now. A client
// without credentials cannot prove anything (RFC 7662 §2.1). Fails with
// invalid_client, invalid_request or temporarily_unavailable.
func (r *Register) Authenticate(ctx context.Context, p Presented) (*Caller, error) {
	if p.Method == oauth.AuthNone {
		return nil, oauth.Refuse(oauth.InvalidClient, "client authentication is required")
	}
	begin := r.clocks.Now()
	c, err := r.authenticate(ctx, p)
	if err != nil {
		return nil, err
	}
	if hasSecret(p) && c.SecretID != uuid.Nil {
		r.known.Set(r.digest(p), remembered{&c, begin})
	}
	return &c, nil
}

// hasSecret reports whether a secret was presented, by whichever method.
func hasSecret(p Presented) bool { return p.Secret.Reveal() != "" }

// mac is a keyed hash with room for what it reads and writes.
type mac struct {
	hash hash.Hash
	in   []byte
	out  digest
}

// digest binds the method as well: a client may be registered for one only.
func (r *Register) digest(p Presented) digest {
	m, _ := r.macs.Get().(*mac)
	defer r.macs.Put(m)
	m.in = binary.AppendUvarint(m.in[:0], uint64(len(p.ClientID)))
	m.in = append(append(m.in, p.ClientID...), p.Method...)
	m.in = append(append(m.in, 0), p.Secret.Reveal()...)
	m.hash.Reset()
	m.hash.Write(m.in)
	m.hash.Sum(m.out[:0])
	clear(m.in) // the secret
	return m.out
}
