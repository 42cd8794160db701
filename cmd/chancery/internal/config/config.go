// Package config is the one configuration file of a process that runs services:
// its keys, their defaults, and everything that can be wrong with it.
//
// A key lives in two places: its field, with what it means, and [Default]. All
// mistakes of a file are reported at once, each with its line. Secrets are never
// in the file: it says where they are, and nothing here shows one.
package config

import (
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/strictyaml"
)

// Config is the file. Tags hold what each key means: they are the reference
// that [Reference] prints. Paths are absolute, or relative to the working
// directory, once loaded. It does not change once loaded, and is safe for
// concurrent use.
type Config struct {
	Issuer           string        `yaml:"issuer" help:"URL that tokens name as their issuer, and under which the gateway is reached: https, and http for localhost alone. No slash at the end. The same for every process. Required."`
	Preset           string        `yaml:"preset" help:"The provider to be: the name of a preset ('chancery preset list'), or the path of a preset file. The same for every process."`
	RevocationBound  time.Duration `yaml:"revocation_bound" help:"How soon a revocation holds everywhere, at the latest; from 1s to 60s. A process that has not heard from the database for so long does not call a token active. The same for every process."`
	Log              Log           `yaml:"log" help:"What is logged, as JSON on standard error."`
	Database         Secret        `yaml:"database" help:"The Postgres database: env:NAME or file:PATH of what holds its URL, or the URL if it has no password. A server on another machine needs sslmode=verify-full. Required for every role but gateway."`
	KeyEncryptionKey Secret        `yaml:"key_encryption_key" help:"The key under which every other key is stored: file:PATH, mode 0600, or env:NAME of 32 random bytes in base64. Required for token."`
	NATS             NATS          `yaml:"nats" help:"The NATS servers that carry hints of revocations, and events."`
	MutualTLS        MutualTLS     `yaml:"mutual_tls" help:"The certificate by which this process and its peers know each other."`
	Connections      Connections   `yaml:"connections" help:"What connections to listen.grpc may take. Those without a certificate have a quarter of each for themselves."`
	Listen           Listen        `yaml:"listen" help:"The addresses to listen to, host:port. Port 0 picks a free one."`
	Drain            Drain         `yaml:"drain" help:"How a process ends."`
	Limits           CallLimits    `yaml:"limits" help:"What one client, or one source of calls at listen.grpc, may ask of this process a second. Twice as much may come at once."`
	Telemetry        Telemetry     `yaml:"telemetry" help:"Traces. Metrics need no setting: they are at /metrics of listen.internal."`

	Gateway       Gateway       `yaml:"gateway" help:"The public HTTP endpoints."`
	Authorize     Service       `yaml:"authorize" help:"The authorize service: authorization requests and sign-in."`
	Token         Token         `yaml:"token" help:"The token service: codes, tokens and keys."`
	Consent       Service       `yaml:"consent" help:"The consent service: what users have allowed clients."`
	Introspection Introspection `yaml:"introspection" help:"The introspection service: whether a token is active."`
	Registry      Service       `yaml:"registry" help:"The registry service: clients and their secrets."`
	Directory     Service       `yaml:"directory" help:"The directory service: users, workspaces and projects."`

	file *strictyaml.Document
}

// Log is the section log.
type Log struct {
	Level slog.Level `yaml:"level" help:"The least level that is logged: debug, info, warn or error."`
}

// NATS is the section nats.
type NATS struct {
	Servers  []string `yaml:"servers" help:"URLs of the servers: tls://host:port, and nats://host:port where every host is loopback. Required for every role but gateway."`
	Replicas int      `yaml:"stream_replicas" help:"How many servers keep each event: 1, 3 or 5, and no more than there are. It counts when the stream of events is made; one that is there stays as it is."`
	HintKey  Secret   `yaml:"hint_key" help:"The key that authenticates hints: file:PATH or env:NAME of 32 random bytes in base64, in hex, or as they are. The same for every process. Required for every role but gateway."`
}

// MutualTLS is the section mutual_tls.
type MutualTLS struct {
	Authority   string `yaml:"authority" file:"" help:"File with the certificates (PEM) of the authority that peers must have theirs from. Required."`
	Certificate string `yaml:"certificate" file:"" help:"File with the certificate chain (PEM) of this process, with the name ROLE.DOMAIN of each role it runs. Read again when it changes. Required."`
	Key         string `yaml:"key" file:"" help:"File with the key of the certificate (PEM), mode 0600. Required."`
	Revoked     string `yaml:"revoked" file:"" help:"File with the authority's list of revoked certificates (PEM or DER). Empty: no list."`
	Domain      string `yaml:"domain" help:"The domain of the names in certificates. The same for every process."`
}

// Listen is the section listen.
type Listen struct {
	GRPC     string `yaml:"grpc" help:"Address of the services, mutual TLS."`
	HTTP     string `yaml:"http" help:"Address of the public endpoints, for gateway."`
	Internal string `yaml:"internal" help:"Address of health, metrics and profiles, plain HTTP: for this machine and for probes, never for the public."`
}

// Connections is the section connections.
type Connections struct {
	Most           int           `yaml:"most" help:"How many there may be; from 16 to 100000."`
	PerSource      int           `yaml:"per_source" help:"How many of them from one address (of IPv6, one /64); from 4 to most."`
	Memory         Size          `yaml:"memory" help:"Memory for requests, from their first byte until they are answered; from 8MiB. Each connection may also hold 64KiB. The limit on the process's own memory follows from both."`
	ReceiveTimeout time.Duration `yaml:"receive_timeout" help:"How long a request may take to arrive, before its connection is closed; from 1s to 1m."`
}

// Drain is the section drain.
type Drain struct {
	Delay   time.Duration `yaml:"delay" help:"How long a process that was told to end still serves while it says that it is not ready, so that callers turn away first; up to 5m."`
	Timeout time.Duration `yaml:"timeout" help:"How long calls that run may then take to finish; from 1s to 10m."`
}

// Telemetry is the section telemetry.
type Telemetry struct {
	OTLP         string  `yaml:"otlp" help:"host:port of an OpenTelemetry collector (OTLP over gRPC). Empty: nothing is exported."`
	OTLPInsecure bool    `yaml:"otlp_insecure" help:"Send to the collector without TLS."`
	SampleRatio  float64 `yaml:"sample_ratio" help:"Part of the traces that is exported, from 0 to 1. A trace that a caller has begun is as the caller decided."`
}

// Gateway is the section gateway.
type Gateway struct {
	TLS            TLS            `yaml:"tls" help:"The public certificate. Empty: plain HTTP, on loopback or behind trusted_proxies alone."`
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies" help:"Address ranges of the reverse proxies that may say whom they forward for. Empty: no peer may."`
	HSTS           HSTS           `yaml:"hsts" help:"HTTP Strict Transport Security (RFC 6797). It is sent where the issuer is https."`
	Limits         Limits         `yaml:"limits" help:"Requests a second of one address (of IPv6, one /64)."`
}

// TLS is a certificate and its key. Both are empty for none.
type TLS struct {
	Certificate string `yaml:"certificate" file:"" help:"File with the certificate chain (PEM)."`
	Key         string `yaml:"key" file:"" help:"File with its key (PEM)."`
}

// HSTS is the section gateway.hsts.
type HSTS struct {
	MaxAge            time.Duration `yaml:"max_age" help:"How long browsers use https alone for the host of the issuer; whole seconds, up to 87600h. 0s: they forget it."`
	IncludeSubdomains bool          `yaml:"include_subdomains" help:"Browsers do so for every host below it, too."`
	Preload           bool          `yaml:"preload" help:"Allow makers of browsers to build the host into their lists, which takes months to undo. Needs include_subdomains and a max_age of 8760h."`
}

// Header is the value of the Strict-Transport-Security header (RFC 6797 §6.1).
func (h HSTS) Header() string {
	value := fmt.Sprintf("max-age=%d", h.MaxAge/time.Second)
	if h.IncludeSubdomains {
		value += "; includeSubDomains"
	}
	if h.Preload {
		value += "; preload"
	}
	return value
}

// Limits are requests a second of one address.
type Limits struct {
	Clients         float64 `yaml:"clients" help:"Requests a second to the endpoints that authenticate clients."`
	Holders         float64 `yaml:"holders" help:"Requests a second to the endpoints for holders of tokens, and for metadata."`
	Browsers        float64 `yaml:"browsers" help:"Requests a second to authorize and the pages."`
	UnsafeUnlimited bool    `yaml:"unsafe_unlimited" help:"Lift these limits: one client can then keep the gateway busy. For load tests."`
}

// CallLimits is the section limits. Each process counts for itself.
type CallLimits struct {
	Clients         float64 `yaml:"clients" help:"Calls a second at listen.grpc to the methods that authenticate clients, of one certificate other than those of Chancery's own roles, or else of one address (of IPv6, one /64)."`
	Holders         float64 `yaml:"holders" help:"The same, to the other methods that every caller may call."`
	Token           float64 `yaml:"token" help:"Token requests a second of one client that has authenticated itself, over HTTP and gRPC together; and as many revocations."`
	PushedRequests  float64 `yaml:"pushed_requests" help:"The same, pushed authorization requests."`
	Introspect      float64 `yaml:"introspect" help:"The same, tokens that the client asks about."`
	UnsafeUnlimited bool    `yaml:"unsafe_unlimited" help:"Lift these limits: one client can then keep the process busy. For load tests."`
}

// Service is what every service's section has.
type Service struct {
	Target   string `yaml:"target" help:"Where others reach the service: a gRPC target, such as dns:///host:port, or static:///host:port,host:port."`
	Database Secret `yaml:"database" help:"The database of this service, where it has a role of its own. Empty: the common one."`
}

// Token is the section token.
type Token struct {
	Service
	Keys Keys `yaml:"keys" help:"The keys that sign and seal tokens."`
}

// Keys is the section token.keys.
type Keys struct {
	RotationPeriod time.Duration `yaml:"rotation_period" help:"The age at which a key gives way to the next; from 5s to 720h."`
	PublishLead    time.Duration `yaml:"publish_lead" help:"How long before its first use a new key is published; from 1s, and at most half the rotation_period."`
}

// Introspection is the section introspection.
type Introspection struct {
	Service
	Memory  Size     `yaml:"memory" help:"Bound on the restrictions in memory, from 1MiB. A client that fills an eighth of it gets 503 for its own tokens; an eighth is kept for what belongs to no client."`
	Callers []Client `yaml:"callers" help:"The platform's own services that may introspect by their certificate."`
}

// Client is a service of the platform that is known by its certificate.
type Client struct {
	Name     string   `yaml:"name" help:"The first label of the name in its certificate: NAME.DOMAIN. Not a role."`
	Audience []string `yaml:"audience" help:"The resources (URIs) that it serves: it is told of tokens for these alone."`
}

// Default is what an empty file stands for. It is the only place with defaults.
func Default() *Config {
	service := func(role string) Service { return Service{Target: fmt.Sprintf("dns:///%s:9090", role)} }
	return &Config{
		Preset:          preset.Default().Name,
		RevocationBound: 5 * time.Second,
		NATS:            NATS{Replicas: 3},
		MutualTLS:       MutualTLS{Domain: "chancery.internal"},
		Listen:          Listen{GRPC: "0.0.0.0:9090", HTTP: "0.0.0.0:8443", Internal: "127.0.0.1:9091"},
		Connections:     Connections{Most: 512, PerSource: 128, Memory: 64 << 20, ReceiveTimeout: 10 * time.Second},
		Drain:           Drain{Delay: 5 * time.Second, Timeout: 20 * time.Second},
		Limits:          CallLimits{Clients: 2000, Holders: 1000, Token: 50, PushedRequests: 20, Introspect: 2000},
		Telemetry:       Telemetry{SampleRatio: 0.01},
		Gateway: Gateway{
			HSTS:   HSTS{MaxAge: 2 * 8760 * time.Hour, IncludeSubdomains: true},
			Limits: Limits{Clients: 2000, Holders: 1000, Browsers: 300},
		},
		Authorize: service("authorize"),
		Token: Token{
			Service: service("token"),
			Keys:    Keys{RotationPeriod: 720 * time.Hour, PublishLead: 10 * time.Minute},
		},
		Consent:       service("consent"),
		Introspection: Introspection{Service: service("introspection"), Memory: 256 << 20},
		Registry:      service("registry"),
		Directory:     service("directory"),
		file:          new(strictyaml.Document),
	}
}

// DatabaseOf is where the URL of a role's database is: its own, or the common one.
func (c *Config) DatabaseOf(role string) Secret {
	if s := c.service(role); s != nil && s.Database.Set() {
		return s.Database
	}
	return c.Database
}

// TargetOf is where others reach a role; empty for one that has no callers.
func (c *Config) TargetOf(role string) string {
	if s := c.service(role); s != nil {
		return s.Target
	}
	return ""
}

// service is the section of a role, nil for one that is no service.
func (c *Config) service(role string) *Service {
	switch role {
	case "authorize":
		return &c.Authorize
	case "token":
		return &c.Token.Service
	case "consent":
		return &c.Consent
	case "introspection":
		return &c.Introspection.Service
	case "registry":
		return &c.Registry
	case "directory":
		return &c.Directory
	}
	return nil
}
