// Package ratelimit bounds how often one source may do one kind of thing: a
// bucket of tokens for each class and source, in the memory of a process.
//
// What to get right: classes never share a bucket, whatever their numbers are;
// and the memory is bounded, however many sources there are. A bucket that is
// forgotten for want of room is whole again, so the limits are for load and not
// for guessing: what must not be guessed is counted in the database.
package ratelimit

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"

	"github.com/chancery-auth/chancery/pkg/fault"
)

const (
	// maxBuckets bounds the memory of a limiter, to some 30 MiB.
	maxBuckets = 100_000
	// maxSource is how long a source is kept as it is. A longer one, which somebody
	// may have made up, is kept as its digest.
	maxSource = 64
	// leastLifetime is how long a bucket that nobody asks is kept at least.
	leastLifetime = 10 * time.Minute
)

// Class is a kind of request.
type Class struct {
	// Name is what tells classes apart, one of [Names]. A name has the same numbers
	// for as long as its limiter lives.
	Name string
	// Rate is how many requests a second one source may make. Zero or [rate.Inf]: no
	// limit.
	Rate rate.Limit
	// Burst is how many of them may come at once. Zero: twice Rate, and at least one.
	Burst int
}

// Names of the classes: those of the edge count by address, those of the gRPC port by
// certificate or address, and the last four by client, once it is authenticated.
const (
	// Clients is the endpoints of the edge that authenticate clients.
	Clients = "clients"
	// Holders is those for holders of tokens and readers of documents.
	Holders = "holders"
	// Browsers is authorize and the pages.
	Browsers = "browsers"
	// Register is where clients register.
	Register = "register"
	// Registration is where registered clients manage themselves.
	Registration = "registration"
	// WrongClients is failed authentications of a client from one source.
	WrongClients = "wrong_clients"
	// CallClients is the methods of gRPC that authenticate clients.
	CallClients = "call_clients"
	// CallHolders is the others that anyone may call.
	CallHolders = "call_holders"
	// Token is token requests.
	Token = "token"
	// Revoke is revocations.
	Revoke = "revoke"
	// Push is pushed authorization requests.
	Push = "push"
	// Introspect is tokens that are asked about.
	Introspect = "introspect"
)

// Names returns the name of every class.
func Names() []string {
	return []string{
		Clients, Holders, Browsers, Register, Registration, WrongClients,
		CallClients, CallHolders, Token, Revoke, Push, Introspect,
	}
}

// WrongClientsClass is how often a client may fail to authenticate itself from one
// address, over HTTP and over gRPC.
func WrongClientsClass() Class { return Class{Name: WrongClients, Rate: 10, Burst: 100} }

func (c Class) unlimited() bool { return c.Rate <= 0 || c.Rate == rate.Inf }

func (c Class) burst() int {
	if c.Burst > 0 {
		return c.Burst
	}
	return max(1, int(2*c.Rate))
}

// lifetime is how long a bucket that nobody asks is kept: until it is whole again,
// so that forgetting it gives nothing away.
func (c Class) lifetime() time.Duration {
	whole := time.Duration(float64(c.burst()) / float64(c.Rate) * float64(time.Second))
	return max(leastLifetime, whole)
}

// Limiter counts requests. It is safe for concurrent use. A nil *Limiter limits
// nothing.
type Limiter struct {
	buckets *otter.Cache[key, bucket]
	now     func() time.Time
	observe func(ctx context.Context, class string)
}

type key struct{ class, source string }

type bucket struct {
	*rate.Limiter
	lifetime time.Duration
}

// New returns a limiter in which every bucket is whole. observe is told the class of
// each request that is refused; nil: nobody is.
func New(now func() time.Time, observe func(ctx context.Context, class string)) *Limiter {
	return &Limiter{
		now: now, observe: observe,
		buckets: otter.Must(&otter.Options[key, bucket]{
			MaximumSize: maxBuckets,
			ExpiryCalculator: otter.ExpiryAccessingFunc(func(e otter.Entry[key, bucket]) time.Duration {
				return e.Value.lifetime
			}),
		}),
	}
}

// Take counts a request of source. Fails with fault.Exhausted, which says when
// another is worth it; that request is not counted.
func (l *Limiter) Take(ctx context.Context, c Class, source string) error {
	return l.take(ctx, c, source, 1)
}

func (l *Limiter) take(ctx context.Context, c Class, source string, n int) error {
	if l == nil || c.unlimited() || l.bucket(c, source).AllowN(l.now(), min(n, c.burst())) {
		return nil
	}
	return l.refuse(ctx, c)
}

// Gate is one class of a limiter. The zero Gate limits nothing.
type Gate struct {
	Limiter *Limiter
	Class   Class
}

// Take is [Limiter.Take] for a request that is as much work as n. One that is more
// than a whole bucket needs a whole bucket.
func (g Gate) Take(ctx context.Context, source string, n int) error {
	return g.Limiter.take(ctx, g.Class, source, n)
}

// Check fails as [Limiter.Take] would, and counts nothing.
func (l *Limiter) Check(ctx context.Context, c Class, source string) error {
	if l == nil || c.unlimited() || l.bucket(c, source).TokensAt(l.now()) >= 1 {
		return nil
	}
	return l.refuse(ctx, c)
}

func (l *Limiter) refuse(ctx context.Context, c Class) error {
	if l.observe != nil {
		l.observe(ctx, c.Name)
	}
	return fault.Later("too many requests", time.Duration(float64(time.Second)/float64(c.Rate)))
}

func (l *Limiter) bucket(c Class, source string) bucket {
	if len(source) > maxSource {
		sum := sha256.Sum256([]byte(source))
		source = string(sum[:])
	}
	if b, ok := l.buckets.GetIfPresent(key{c.Name, source}); ok {
		return b
	}
	// A source may be a part of a request, all of which it would keep in memory.
	b, _ := l.buckets.ComputeIfAbsent(key{c.Name, strings.Clone(source)}, func() (bucket, bool) {
		return bucket{rate.NewLimiter(c.Rate, c.burst()), c.lifetime()}, false
	})
	return b
}
