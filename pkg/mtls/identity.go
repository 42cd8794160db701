package mtls

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	// DefaultDomain is the domain of role names where none is configured.
	DefaultDomain = "chancery.internal"
	defaultPeriod = 5 * time.Second
)

// Files are the paths that an identity is read from, all PEM.
type Files struct {
	// Authority has the certificates that sign everybody's. Two of them let one
	// replace the other without an interruption.
	Authority string
	// Certificate has the process's own, and the intermediate ones below it.
	Certificate string
	// Key is private: a file that others may read is refused.
	Key string
	// Revoked has revocation lists of the authority, PEM or DER, which must be
	// current at the start. Empty: nothing is revoked.
	Revoked string
}

// Options are what an identity needs besides its files.
type Options struct {
	// Domain is the DNS domain of role names. Empty: [DefaultDomain].
	Domain string
	Now    func() time.Time
	Log    *slog.Logger
	// Period is how often [Identity.Watch] looks at the files. Zero: five seconds.
	Period time.Duration
}

// Identity is a certificate and the trust in others. It is safe for concurrent
// use.
type Identity struct {
	files   Files
	options Options
	current atomic.Pointer[material]
}

// Load reads the files. Its errors say what to do about them.
func Load(files Files, o Options) (*Identity, error) {
	if o.Domain == "" {
		o.Domain = DefaultDomain
	}
	if o.Period <= 0 {
		o.Period = defaultPeriod
	}
	i := &Identity{files: files, options: o}
	if err := i.Reload(); err != nil {
		return nil, err
	}
	m := i.current.Load()
	if m.revoked.has(m.certificate.Leaf) {
		return nil, fmt.Errorf("certificate %s is revoked by %s: issue a new one", files.Certificate, files.Revoked)
	}
	return i, nil
}

// Reload reads the files again. Connections that start afterwards go by what
// they hold. If one of them is broken, everything stays as it was, and the error
// says what to do. A revocation list that is out of date does not break the
// others: what it names is refused, and whatever was refused before.
func (i *Identity) Reload() error {
	c, err := i.files.read()
	if err != nil {
		return err
	}
	before := i.current.Load()
	if before != nil && before.from.equal(c) {
		return nil
	}
	m, err := i.parse(c, before)
	if err != nil {
		return err
	}
	i.current.Store(m)
	return nil
}

// Watch reloads changed files until ctx ends, and returns nil then. A new file
// that is broken is logged once, and what was read before stays; so is, once, a
// revocation list that is out of date when another file changes.
func (i *Identity) Watch(ctx context.Context) error {
	tick := time.NewTicker(i.options.Period)
	defer tick.Stop()
	logged := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			logged = i.look(ctx, logged)
		}
	}
}

// look reloads, and logs what that changes. It returns the failure that the log
// has now.
func (i *Identity) look(ctx context.Context, logged string) string {
	before := i.current.Load()
	if err := i.Reload(); err != nil {
		if err.Error() != logged {
			i.options.Log.ErrorContext(ctx, "the certificate files are broken, and the ones before stay in use",
				slog.String("error", err.Error()))
		}
		return err.Error()
	}
	m := i.current.Load()
	if m.outdated != "" && m.outdated != before.outdated {
		i.options.Log.WarnContext(ctx, "the revocation list is out of date, and stays in use with what was revoked before",
			slog.String("file", i.files.Revoked), slog.String("error", m.outdated))
	}
	if m != before {
		i.options.Log.InfoContext(ctx, "certificate files reloaded", slog.Time("expire_time", i.ExpireTime()))
	}
	return ""
}

// Names are the roles of the process's own certificate.
func (i *Identity) Names() []string {
	return namesIn(i.current.Load().certificate.Leaf, i.options.Domain)
}

// Domain is the domain of role names.
func (i *Identity) Domain() string { return i.options.Domain }

// ExpireTime is when the process's own certificate ends.
func (i *Identity) ExpireTime() time.Time { return i.current.Load().certificate.Leaf.NotAfter }
