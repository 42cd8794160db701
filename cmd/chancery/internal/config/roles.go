package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/chancery-auth/chancery/pkg/kek"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/strictyaml"
)

// Roles are the names of what a process can run.
func Roles() []string {
	return []string{"gateway", "authorize", "token", "consent", "introspection", "registry", "directory"}
}

// Calls are the roles that a role calls.
func Calls(role string) []string {
	switch role {
	case "gateway":
		return []string{"authorize", "token", "consent", "introspection", "registry", "directory"}
	case "authorize":
		return []string{"registry", "directory", "consent", "token"}
	case "token":
		return []string{"registry", "consent", "directory"}
	case "consent", "registry":
		return []string{"directory"}
	case "directory":
		return []string{"registry"}
	case "introspection":
		return []string{"token", "registry", "directory"}
	}
	return nil
}

// Remote are the roles that a process of these roles calls in other processes,
// in the order of [Roles].
func Remote(roles []string) []string {
	var remote []string
	for _, role := range Roles() {
		called := slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(Calls(r), role) })
		if called && !slices.Contains(roles, role) {
			remote = append(remote, role)
		}
	}
	return remote
}

// NeedsDatabase says whether a role has a database. The introspection service
// reads the restrictions from it.
func NeedsDatabase(role string) bool { return role != "gateway" }

// NeedsNATS says whether a role sends or hears hints. The gateway does neither,
// and so has no key by which to make one.
func NeedsNATS(role string) bool { return role != "gateway" }

// Validate checks what the roles of a process need: that their secrets are there,
// good, and nobody else's to read. It connects to nothing. Fails with [*Mistakes],
// all at once.
func (c *Config) Validate(roles []string) error {
	checked := *c
	checked.file = c.file.Anew()
	checked.checkRoles(roles)
	return checked.file.Err()
}

func (c *Config) checkRoles(roles []string) {
	if !c.checkNames(roles) {
		return
	}
	c.checkDatabases(roles)
	if slices.Contains(roles, "token") {
		c.rule("key_encryption_key", c.checkKEK())
	}
	if slices.Contains(roles, "gateway") {
		c.rule("gateway", c.checkPublic())
	}
	if slices.ContainsFunc(roles, NeedsNATS) {
		c.checkHints()
	}
}

// checkHints wants what carries hints.
func (c *Config) checkHints() {
	if len(c.NATS.Servers) == 0 {
		c.rule("nats.servers", errors.New("is required: a list of URLs such as tls://nats-0:4222"))
	}
	if !c.NATS.HintKey.Set() {
		c.rule("nats.hint_key", errors.New("is required: file:PATH or env:NAME"))
		return
	}
	_, err := c.NATS.HintKeyBytes()
	c.rule("nats.hint_key", err)
}

// checkNames refuses what is no role. Then nothing is known about needs.
func (c *Config) checkNames(roles []string) bool {
	before := c.file.Len()
	if len(roles) == 0 {
		c.file.Unfit("no role: want some of %s", strings.Join(Roles(), ", "))
	}
	seen := map[string]bool{}
	for _, role := range roles {
		switch {
		case seen[role]:
			c.file.Unfit("the role %s is named twice", role)
		case !slices.Contains(Roles(), role):
			hint := "want some of " + strings.Join(Roles(), ", ")
			if guess := strictyaml.Nearest(role, Roles()); guess != "" {
				hint = "did you mean " + guess + "?"
			}
			c.file.Unfit("%q is not a role: %s", role, hint)
		}
		seen[role] = true
	}
	return c.file.Len() == before
}

// checkDatabases looks at each database once, however many roles use it.
func (c *Config) checkDatabases(roles []string) {
	checked := map[string]bool{}
	for _, role := range roles {
		if !NeedsDatabase(role) {
			continue
		}
		key, from := "database", c.DatabaseOf(role)
		if c.service(role).Database.Set() {
			key = role + ".database"
		}
		if checked[key] {
			continue
		}
		checked[key] = true
		if !from.Set() {
			c.rule(key, fmt.Errorf("is required for %s: env:NAME or file:PATH of what holds the URL", role))
			continue
		}
		c.rule(key, from.checkConnection())
	}
}

// checkConnection wants a URL that reaches its server over verified TLS.
func (s Secret) checkConnection() error {
	url, err := s.Resolve()
	if err != nil {
		return err
	}
	_, err = pg.Config(url.Reveal(), pg.Options{})
	switch {
	case errors.Is(err, pg.ErrUnsafeServer):
		return err
	case err != nil || !postgresURL(url.Reveal()):
		// The driver's message would quote the text.
		return errors.New("does not lead to a URL that begins with postgres://")
	}
	return nil
}

func (c *Config) checkKEK() error {
	if !c.KeyEncryptionKey.Set() {
		return errors.New("is required for token: file:PATH or env:NAME")
	}
	_, err := kek.Open(c.KeyEncryptionKey.URI())
	return err
}

// checkPublic refuses plain HTTP where others could read along.
func (c *Config) checkPublic() error {
	if c.Gateway.TLS.Certificate == "" && len(c.Gateway.TrustedProxies) == 0 && !Loopback(c.Listen.HTTP) {
		return fmt.Errorf("listen.http %s is reached from other machines: give gateway.tls a certificate, or name the proxy that has one in gateway.trusted_proxies", c.Listen.HTTP)
	}
	return nil
}

// Warnings are what is allowed, and should be known: one sentence each.
func (c *Config) Warnings() []string {
	var list []string
	for _, each := range []struct {
		holds bool
		text  string
	}{
		{c.Gateway.Limits.UnsafeUnlimited, "gateway.limits.unsafe_unlimited: there is no limit on requests of one address"},
		{c.Limits.UnsafeUnlimited, "limits.unsafe_unlimited: there is no limit on requests of one client, nor on calls at listen.grpc"},
		{c.KeyEncryptionKey.scheme == schemeEnv, "key_encryption_key is in an environment variable, which child processes and crash reports show: a file with mode 0600 is safer"},
		{c.Telemetry.OTLPInsecure && !Loopback(c.Telemetry.OTLP), "telemetry.otlp_insecure: traces go over the network in the clear"},
		{!Loopback(c.Listen.Internal), "listen.internal is reached from other machines: profiles and metrics have no access control of their own"},
	} {
		if each.holds {
			list = append(list, each.text)
		}
	}
	return list
}
