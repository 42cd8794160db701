package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/provider"
	"github.com/chancery-auth/chancery/pkg/strictyaml"
)

// check notes what is wrong whatever the process runs.
func (c *Config) check() {
	for _, part := range []func(){
		c.checkCommon, c.checkPreset, c.checkNATS, c.checkMutualTLS, c.checkAddresses, c.checkDurations,
		c.checkConnections, c.checkGateway, c.checkLimits, c.checkServices, c.checkCallers,
	} {
		part()
	}
}

// rule notes err about key, unless the key is known to be wrong anyway.
func (c *Config) rule(key string, err error) { c.file.Rule(key, err) }

func (c *Config) checkCommon() {
	c.rule("issuer", checkIssuer(c.Issuer))
	if c.Database.Set() {
		c.rule("database", c.Database.checkDatabase())
	}
	if c.KeyEncryptionKey.Set() {
		c.rule("key_encryption_key", c.KeyEncryptionKey.checkReference())
	}
	if c.Telemetry.OTLP != "" {
		c.rule("telemetry.otlp", checkAddress(c.Telemetry.OTLP))
	}
	c.rule("telemetry.sample_ratio", strictyaml.Within(c.Telemetry.SampleRatio, 0, 1))
	if c.Telemetry.OTLPInsecure && c.Telemetry.OTLP == "" {
		c.rule("telemetry.otlp_insecure", errors.New("has no meaning without telemetry.otlp"))
	}
}

// checkPreset wants a preset that loads, and whose issuer is this one.
func (c *Config) checkPreset() {
	loaded, err := provider.Load(c.Preset)
	var found *Mistakes
	switch {
	case errors.As(err, &found):
		for _, each := range found.List {
			c.file.Wrong("preset", "%s", each.In(found.File))
		}
	case err != nil:
		c.rule("preset", err)
	default:
		c.rule("issuer", provider.CheckIssuer(c.Issuer, loaded))
	}
}

func (c *Config) checkNATS() {
	local := !slices.ContainsFunc(c.NATS.Servers, func(server string) bool {
		u, err := url.Parse(server)
		return err == nil && !loopbackHost(u.Hostname())
	})
	for i, server := range c.NATS.Servers {
		c.rule(fmt.Sprintf("nats.servers[%d]", i), checkServer(server, local))
	}
	if n := c.NATS.Replicas; n != 1 && n != 3 && n != 5 {
		c.rule("nats.stream_replicas", errors.New("want 1, 3 or 5"))
	}
	if c.NATS.HintKey.Set() {
		c.rule("nats.hint_key", c.NATS.HintKey.checkReference())
	}
}

// checkServer refuses a NATS server that would be talked to in the clear over a
// network. Local says that every server is on this machine.
func checkServer(server string, local bool) error {
	u, err := url.Parse(server)
	switch {
	case err != nil || u.Hostname() == "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "":
		return errors.New("want a URL of scheme, host and port, such as tls://nats-0:4222")
	case u.User != nil:
		return errors.New("has a user in it: this process is known by its certificate")
	case u.Scheme == "tls", u.Scheme == "nats" && local:
		return nil
	case u.Scheme == "nats":
		return errors.New("want tls://: nats:// is for servers on loopback alone")
	}
	return errors.New("want tls://host:port")
}

func (c *Config) checkMutualTLS() {
	for _, each := range []struct{ key, path string }{
		{"authority", c.MutualTLS.Authority}, {"certificate", c.MutualTLS.Certificate}, {"key", c.MutualTLS.Key},
	} {
		if each.path == "" {
			c.rule("mutual_tls."+each.key, errors.New("is required: the path of a PEM file"))
		}
	}
	if !domainForm().MatchString(c.MutualTLS.Domain) {
		c.rule("mutual_tls.domain", errors.New("want a domain in lower case, such as chancery.internal"))
	}
}

// domainForm matches names of more than one label (RFC 1123 §2.1).
func domainForm() *regexp.Regexp { return regexp.MustCompile(`^` + label + `(\.` + label + `)+$`) }

const label = `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`

func (c *Config) checkAddresses() {
	addresses := []struct{ key, address string }{
		{"listen.grpc", c.Listen.GRPC}, {"listen.http", c.Listen.HTTP}, {"listen.internal", c.Listen.Internal},
	}
	taken := map[string]string{}
	for _, each := range addresses {
		c.rule(each.key, checkAddress(each.address))
		if other, ok := taken[each.address]; ok && !strings.HasSuffix(each.address, ":0") {
			c.rule(each.key, fmt.Errorf("is the address of %s as well", other))
		}
		taken[each.address] = each.key
	}
}

// checkAddress wants host:port. The host may be empty, for every address.
func checkAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("want host:port, such as 127.0.0.1:9091")
	}
	return nil
}

func (c *Config) checkDurations() {
	keys := c.Token.Keys
	for _, each := range []struct {
		key         string
		value       time.Duration
		least, most time.Duration
	}{
		{"revocation_bound", c.RevocationBound, time.Second, time.Minute},
		{"connections.receive_timeout", c.Connections.ReceiveTimeout, time.Second, time.Minute},
		{"drain.delay", c.Drain.Delay, 0, 5 * time.Minute},
		{"drain.timeout", c.Drain.Timeout, time.Second, 10 * time.Minute},
		{"token.keys.rotation_period", keys.RotationPeriod, 5 * time.Second, 720 * time.Hour},
		{"token.keys.publish_lead", keys.PublishLead, time.Second, 360 * time.Hour},
	} {
		c.rule(each.key, strictyaml.Within(each.value, each.least, each.most))
	}
	if keys.PublishLead > keys.RotationPeriod/2 {
		c.rule("token.keys.publish_lead", fmt.Errorf("want at most half of token.keys.rotation_period, which is %s", strictyaml.Short(keys.RotationPeriod)))
	}
}

func (c *Config) checkConnections() {
	n := c.Connections
	c.rule("connections.most", strictyaml.Within(n.Most, 16, 100_000))
	c.rule("connections.per_source", strictyaml.Within(n.PerSource, 4, max(4, n.Most)))
	if n.Memory < 8<<20 {
		c.rule("connections.memory", errors.New("want at least 8MiB"))
	}
}

func (c *Config) checkGateway() {
	tls := c.Gateway.TLS
	if (tls.Certificate == "") != (tls.Key == "") {
		c.rule("gateway.tls", errors.New("certificate and key belong together"))
	}
	for i, proxies := range c.Gateway.TrustedProxies {
		if proxies.IsValid() && proxies.Bits() == 0 {
			c.rule(fmt.Sprintf("gateway.trusted_proxies[%d]", i), errors.New("is every address there is: name those of the proxies"))
		}
		if proxies.IsValid() && proxies != proxies.Masked() {
			c.rule(fmt.Sprintf("gateway.trusted_proxies[%d]", i), fmt.Errorf("has bits beyond its length: want %s, or %s for one address", proxies.Masked(), netip.PrefixFrom(proxies.Addr(), proxies.Addr().BitLen())))
		}
	}
	c.checkHSTS()
}

func (c *Config) checkLimits() {
	edge, calls := c.Gateway.Limits, c.Limits
	for _, each := range []struct {
		key   string
		value float64
	}{
		{"gateway.limits.clients", edge.Clients},
		{"gateway.limits.holders", edge.Holders},
		{"gateway.limits.browsers", edge.Browsers},
		{"limits.clients", calls.Clients},
		{"limits.holders", calls.Holders},
		{"limits.token", calls.Token},
		{"limits.pushed_requests", calls.PushedRequests},
		{"limits.introspect", calls.Introspect},
	} {
		c.rule(each.key, strictyaml.Within(each.value, 1, 1e6))
	}
}

func (c *Config) checkHSTS() {
	h := c.Gateway.HSTS
	c.rule("gateway.hsts.max_age", strictyaml.Within(h.MaxAge, 0, 87600*time.Hour))
	if h.MaxAge%time.Second != 0 {
		c.rule("gateway.hsts.max_age", errors.New("want whole seconds"))
	}
	// What the lists of browsers ask for (hstspreload.org).
	if h.Preload && (!h.IncludeSubdomains || h.MaxAge < 8760*time.Hour) {
		c.rule("gateway.hsts.preload", errors.New("needs include_subdomains: true and a max_age of at least 8760h"))
	}
}

func (c *Config) checkServices() {
	for _, role := range Roles() {
		s := c.service(role)
		if s == nil {
			continue
		}
		c.rule(role+".target", checkTarget(s.Target))
		if s.Database.Set() {
			c.rule(role+".database", s.Database.checkDatabase())
		}
	}
	if c.Introspection.Memory < 1<<20 {
		c.rule("introspection.memory", errors.New("want at least 1MiB"))
	}
}

// checkTarget wants what gRPC can dial, or the list static:///host:port,host:port.
func checkTarget(target string) error {
	scheme, rest, ok := strings.Cut(target, ":///")
	switch {
	case ok && scheme == "static":
		for address := range strings.SplitSeq(rest, ",") {
			if checkDialled(address) != nil {
				return errors.New("want static:///host:port,host:port")
			}
		}
		return nil
	case ok && (scheme == "dns" || scheme == "passthrough"):
		return checkDialled(rest)
	case strings.Contains(target, ":/"):
		return nil // another resolver of gRPC, which knows its own form
	}
	return checkDialled(target)
}

// checkDialled is [checkAddress] with a host, and a port that is not 0.
func checkDialled(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || port == "0" || checkAddress(address) != nil {
		return errors.New("want a gRPC target, such as dns:///host:port")
	}
	return nil
}

func (c *Config) checkCallers() {
	names := map[string]bool{}
	form := regexp.MustCompile(`^` + label + `$`)
	for i, caller := range c.Introspection.Callers {
		key := fmt.Sprintf("introspection.callers[%d]", i)
		switch {
		case caller.Name == "admin" || slices.Contains(Roles(), caller.Name):
			c.rule(key+".name", fmt.Errorf("%s is a role: give the caller a name of its own", caller.Name))
		case !form.MatchString(caller.Name):
			c.rule(key+".name", errors.New("want one label of a domain name in lower case, such as billing"))
		case names[caller.Name]:
			c.rule(key+".name", errors.New("is there twice"))
		}
		names[caller.Name] = true
		if len(caller.Audience) == 0 {
			c.rule(key+".audience", errors.New("is required: the resources it serves"))
		}
		for j, resource := range caller.Audience {
			c.rule(fmt.Sprintf("%s.audience[%d]", key, j), checkResource(resource))
		}
	}
}

// checkResource is RFC 8707 §2.
func checkResource(resource string) error {
	if u, err := url.Parse(resource); err != nil || !u.IsAbs() || strings.Contains(resource, "#") {
		return errors.New("want an absolute URI without fragment, such as https://billing.internal")
	}
	return nil
}
