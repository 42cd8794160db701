// Package pushed is the pushed authorization request (RFC 9126): checked and
// kept for the short time until its client sends the browser.
//
// Its request_uri works once. When the authorization has to wait for a user, the
// request moves into the transaction; when it has not, it is taken by the code.
package pushed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
)

// URIPrefix is what every request_uri of a pushed request begins with
// (RFC 9126 §2.2).
const URIPrefix = "urn:ietf:params:oauth:request_uri:"

// MaxPerClient is how many pushed requests of one client wait at a time. Pushes
// that run at the same moment may go beyond it by their number.
const MaxPerClient = 1000

var (
	// ErrNotFound is returned for a request that was never pushed, is over, or
	// was taken.
	ErrNotFound = errors.New("pushed request not found")
	// ErrTooMany is returned to a client that has pushed too much.
	ErrTooMany = errors.New("too many pushed requests")
)

// New is a request to keep. Its ClientID is that of the client that pushed it.
type New struct {
	Request  authreq.Request
	Digest   secret.Digest
	Lifetime time.Duration
}

// Keeper keeps requests for their clients. It is safe for concurrent use.
type Keeper struct {
	Requests *Store
	// Lifetime is that of a request_uri.
	Lifetime time.Duration
}

// Push keeps a request that was checked, and returns its request_uri. Fails with
// temporarily_unavailable when the client has too many waiting.
func (k *Keeper) Push(ctx context.Context, r authreq.Request) (requestURI secret.Secret, err error) {
	handle := secret.NewHandle()
	err = k.Requests.Create(ctx, New{Request: r, Digest: handle.Digest(), Lifetime: k.Lifetime}, MaxPerClient)
	switch {
	case errors.Is(err, ErrTooMany):
		return secret.Secret{}, oauth.RefuseBecause(oauth.TemporarilyUnavailable, "client has too many pushed requests waiting", err)
	case err != nil:
		return secret.Secret{}, fmt.Errorf("create pushed request: %w", err)
	}
	return secret.Wrap(URIPrefix + handle.Reveal()), nil
}

// DigestOf returns what the request with that request_uri is kept under. ok is
// false for a request_uri that is none of ours.
func DigestOf(requestURI string) (digest secret.Digest, ok bool) {
	handle, ok := strings.CutPrefix(requestURI, URIPrefix)
	return secret.DigestOf(handle), ok
}
