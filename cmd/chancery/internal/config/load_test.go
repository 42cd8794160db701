package config_test

import (
	"errors"
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
)

func TestValidFileLoads(t *testing.T) {
	f := newFolder(t)
	c, err := f.load(valid, config.Roles()...)
	if err != nil {
		t.Fatal(err)
	}
	if c.Telemetry.SampleRatio != 0.5 || c.Introspection.Memory != 256<<20 || c.Log.Level != slog.LevelInfo || c.Token.Keys.PublishLead != 10*time.Minute {
		t.Errorf("Load() = %+v", c)
	}
	if want := filepath.Join(f.path, "tls/ca.crt"); c.MutualTLS.Authority != want || c.MutualTLS.Key != "/abs/tls.key" {
		t.Errorf("paths are %q and %q, want %q and the absolute one as it is", c.MutualTLS.Authority, c.MutualTLS.Key, want)
	}
	if got, want := c.DatabaseOf("token").URI(), c.Database.URI(); got != want {
		t.Errorf("DatabaseOf(token) = %s, want %s", got, want)
	}
}

func TestMissingKeysHaveTheirDefaults(t *testing.T) {
	c, err := newFolder(t).load("issuer: https://id.acme.io\nmutual_tls: {authority: /a, certificate: /c, key: /k}\nconsent:\n")
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	for name, pair := range map[string][2]any{
		"revocation_bound": {c.RevocationBound, want.RevocationBound},
		"listen":           {c.Listen, want.Listen},
		"drain":            {c.Drain, want.Drain},
		"connections":      {c.Connections, want.Connections},
		"gateway":          {c.Gateway, want.Gateway},
		"token":            {c.Token, want.Token},
		"consent":          {c.Consent, want.Consent},
		"introspection":    {c.Introspection, want.Introspection},
		"domain":           {c.MutualTLS.Domain, want.MutualTLS.Domain},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s is %+v, want %+v", name, pair[0], pair[1])
		}
	}
}

// Each case has one mistake; the twin beside it has none.
func TestEachMistakeIsFoundWhereItIs(t *testing.T) {
	tests := []struct{ name, old, bad, want, good string }{
		{"unknown key", "revocation_bound: 5s", "revocation_bond: 5s", "f:2:1: revocation_bond: unknown key: did you mean revocation_bound?", "revocation_bound: 6s"},
		{"unknown key unlike any", "log: {level: info}", "log: {colour: red}", "f:3:7: log.colour: unknown key: known here: level", "log: {level: warn}"},
		{"unknown key in a list", "    - name: billing", "    - nane: x\n      name: billing", "f:30:7: introspection.callers[0].nane: unknown key: did you mean name?", "    - name: invoices"},
		{"twice", "drain: {delay: 5s, timeout: 20s}", "drain: {delay: 5s, delay: 6s}", "f:17:20: drain.delay: is there twice", "drain: {delay: 5s}"},
		{"list for text", "issuer: https://id.acme.io", "issuer: [https://id.acme.io]", "f:1:1: issuer: want text, got a list", "issuer: https://acme.io"},
		{"colon within braces", "log: {level: info}", "directory: {database: {env: X}}", "f:3:13: directory.database: want file:PATH or env:NAME, got keys with values (put text with a colon into quotes)", "directory: {database: env:X}"},
		{"text for list", "servers: [tls://nats-0:4222]", "servers: tls://nats-0:4222", "f:7:3: nats.servers: want a list, got text", "servers: [tls://nats-1:4222]"},
		{"text for section", "log: {level: info}", "log: info", "f:3:1: log: want keys with values, got text", "log:"},
		{"number for text", "http: 127.0.0.1:8443", "http: 8443", "f:15:9: listen.http: want text, got a number", "http: localhost:8443"},
		{"text for number", "sample_ratio: 0.5", "sample_ratio: half", "f:19:17: telemetry.sample_ratio: want a number", "sample_ratio: 0"},
		{"word for truth", "limits: {clients: 2000}", "limits: {unsafe_unlimited: yes}", "f:23:30: gateway.limits.unsafe_unlimited: want true or false", "limits: {unsafe_unlimited: true}"},
		{"no value", "revocation_bound: 5s", "revocation_bound:", "f:2:1: revocation_bound: has no value", "revocation_bound: 1s"},
		{"alias", "drain: {delay: 5s, timeout: 20s}", "drain: &a {delay: 5s}", "f:17:1: drain: want keys with values, got an anchor", "drain: {delay: 0s}"},
		{"duration without unit", "revocation_bound: 5s", "revocation_bound: 5", "f:2:19: revocation_bound: want a duration with its unit", "revocation_bound: 5000ms"},
		{"duration of another form", "rotation_period: 720h", "rotation_period: 30d", "f:26:27: token.keys.rotation_period: want a duration", "rotation_period: 700h"},
		{"size without unit", "memory: 256MiB", "memory: 268435456", "f:28:11: introspection.memory: want a size with its unit", "memory: 1GiB"},
		{"size in other units", "memory: 256MiB", "memory: 256MB", "f:28:11: introspection.memory: want a size with its unit", "memory: 1024KiB"},
		{"size too small", "memory: 256MiB", "memory: 1023KiB", "f:28:11: introspection.memory: want at least 1MiB", "memory: 1MiB"},
		{"level", "log: {level: info}", "log: {level: loud}", "f:3:14: log.level: want debug, info, warn or error", "log: {level: debug}"},
		{"bound too short", "revocation_bound: 5s", "revocation_bound: 999ms", "f:2:19: revocation_bound: want from 1s to 1m", "revocation_bound: 1s"},
		{"bound too long", "revocation_bound: 5s", "revocation_bound: 61s", "f:2:19: revocation_bound: want from 1s to 1m", "revocation_bound: 60s"},
		{"drain", "timeout: 20s", "timeout: 0s", "f:17:29: drain.timeout: want from 1s to 10m", "timeout: 1s"},
		{"rotation too rare", "rotation_period: 720h", "rotation_period: 721h", "f:26:27: token.keys.rotation_period: want from 5s to 720h", "rotation_period: 719h"},
		{"lead beside period", "rotation_period: 720h, publish_lead: 10m", "rotation_period: 1h, publish_lead: 31m", "f:26:45: token.keys.publish_lead: want at most half of token.keys.rotation_period, which is 1h", "rotation_period: 1h, publish_lead: 30m"},
		{"ratio", "sample_ratio: 0.5", "sample_ratio: 1.01", "f:19:17: telemetry.sample_ratio: want from 0 to 1", "sample_ratio: 1"},
		{"insecure export to nowhere", "  sample_ratio: 0.5", "  otlp_insecure: true", "f:19:18: telemetry.otlp_insecure: has no meaning", "  otlp_insecure: true\n  otlp: localhost:4317"},
		{"collector", "  sample_ratio: 0.5", "  otlp: http://collector", "f:19:9: telemetry.otlp: want host:port", "  otlp: collector:4317"},
		{"address", "grpc: 0.0.0.0:9090", "grpc: 0.0.0.0", "f:14:9: listen.grpc: want host:port", "grpc: :9090"},
		{"port", "grpc: 0.0.0.0:9090", "grpc: 0.0.0.0:65536", "f:14:9: listen.grpc: want host:port", "grpc: 0.0.0.0:65535"},
		{"address twice", "internal: 127.0.0.1:9091", "internal: 127.0.0.1:8443", "f:16:13: listen.internal: is the address of listen.http as well", "internal: 127.0.0.1:8444"},
		{"target", "target: dns:///token:9090", "target: dns:///token", "f:25:11: token.target: want a gRPC target", "target: token:9090"},
		{"empty target", "target: dns:///token:9090", `target: ""`, "f:25:11: token.target: want a gRPC target", "target: unix:/run/token"},
		{"static target", "target: dns:///token:9090", "target: static:///a:1,b", "f:25:11: token.target: want static:///host:port,host:port", "target: static:///a:1,b:2"},
		{"plain NATS", "servers: [tls://nats-0:4222]", "servers: [nats://nats-0:4222]", "f:7:13: nats.servers[0]: want tls://", "servers: [nats://127.0.0.1:4222]"},
		{"plain NATS beside loopback", "servers: [tls://nats-0:4222]", "servers: [tls://nats-0:4222, nats://localhost:4222]", "f:7:32: nats.servers[1]: want tls://", "servers: [tls://nats-0:4222, tls://localhost:4222]"},
		{"NATS user", "servers: [tls://nats-0:4222]", "servers: [tls://joe@nats-0:4222]", "f:7:13: nats.servers[0]: has a user", "servers: [tls://nats-0]"},
		{"authority", "  authority: tls/ca.crt\n", "", "f:9:1: mutual_tls.authority: is required", "  authority: ca.crt\n"},
		{"domain", "  authority: tls/ca.crt\n", "  authority: ca\n  domain: Chancery\n", "f:11:11: mutual_tls.domain: want a domain", "  authority: ca\n  domain: as.local\n"},
		{"half a certificate", `certificate: "", key: ""`, `certificate: a, key: ""`, "f:21:3: gateway.tls: certificate and key belong together", "certificate: a, key: b"},
		{"proxies", "trusted_proxies: [10.0.0.0/8]", "trusted_proxies: [10.0.0.0]", "f:22:21: gateway.trusted_proxies[0]: want an address range", "trusted_proxies: []"},
		{"everybody a proxy", "trusted_proxies: [10.0.0.0/8]", "trusted_proxies: [0.0.0.0/0]", "f:22:21: gateway.trusted_proxies[0]: is every address", "trusted_proxies: [0.0.0.0/1]"},
		{"proxies with more bits", "trusted_proxies: [10.0.0.0/8]", "trusted_proxies: [10.1.0.0/8]", "f:22:21: gateway.trusted_proxies[0]: has bits beyond its length", "trusted_proxies: [10.1.0.0/16]"},
		{"HSTS for longer than ten years", "limits: {clients: 2000}", "hsts: {max_age: 87601h}", "f:23:19: gateway.hsts.max_age: want from 0s to 87600h", "hsts: {max_age: 87600h}"},
		{"HSTS for part of a second", "limits: {clients: 2000}", "hsts: {max_age: 1500ms}", "f:23:19: gateway.hsts.max_age: want whole seconds", "hsts: {max_age: 0s}"},
		{"preload for less than a year", "limits: {clients: 2000}", "hsts: {preload: true, max_age: 8759h}", "f:23:19: gateway.hsts.preload: needs include_subdomains", "hsts: {preload: true, max_age: 8760h}"},
		{"preload of one host", "limits: {clients: 2000}", "hsts: {preload: true, include_subdomains: false}", "f:23:19: gateway.hsts.preload: needs include_subdomains", "hsts: {preload: true}"},
		{"limit", "limits: {clients: 2000}", "limits: {clients: 0}", "f:23:21: gateway.limits.clients: want from 1", "limits: {clients: 1}"},
		{"connections", "listen:\n", "connections: {most: 100001}\nlisten:\n", "f:13:21: connections.most: want from 16 to 100000", "connections: {most: 128}\nlisten:\n"},
		{"connections of a source", "listen:\n", "connections: {per_source: 513}\nlisten:\n", "f:13:27: connections.per_source: want from 4 to 512", "connections: {per_source: 512}\nlisten:\n"},
		{"memory of connections", "listen:\n", "connections: {memory: 8191KiB}\nlisten:\n", "f:13:23: connections.memory: want at least 8MiB", "connections: {memory: 8MiB}\nlisten:\n"},
		{"time of a request", "listen:\n", "connections: {receive_timeout: 61s}\nlisten:\n", "f:13:32: connections.receive_timeout: want from 1s to 1m", "connections: {receive_timeout: 1m}\nlisten:\n"},
		{"limit of a client", "listen:\n", "limits: {token: 0.5}\nlisten:\n", "f:13:17: limits.token: want from 1", "limits: {token: 1}\nlisten:\n"},
		{"caller with a role's name", "    - name: billing", "    - name: token", "f:30:13: introspection.callers[0].name: token is a role", "    - name: tokens"},
		{"caller's name", "    - name: billing", "    - name: billing.acme", "f:30:13: introspection.callers[0].name: want one label", "    - name: billing-1"},
		{"caller without audience", "      audience: [https://billing.acme.io]\n", "", "f:30:7: introspection.callers[0].audience: is required", "      audience: [urn:billing]\n"},
		{"audience", "audience: [https://billing.acme.io]", "audience: [billing]", "f:31:18: introspection.callers[0].audience[0]: want an absolute URI", "audience: [https://billing]"},
		{"issuer missing", "issuer: https://id.acme.io\n", "", "f:1:1: issuer: is required", "issuer: https://id.acme.io\n"},
		{"issuer with a slash", "issuer: https://id.acme.io", "issuer: https://id.acme.io/", "f:1:9: issuer: want a URL of scheme and host", "issuer: https://id.acme.io:8443"},
		{"issuer with a query", "issuer: https://id.acme.io", "issuer: https://id.acme.io?", "f:1:9: issuer: want a URL of scheme and host", "issuer: https://ID.acme.io"},
		{"issuer where the preset has none", "issuer: https://id.acme.io", "issuer: https://id.acme.io/tenant", "f:1:9: issuer: the preset chancery has its issuer at another path: want https://id.acme.io", "issuer: https://acme.io"},
		{"issuer without the path of the preset", "issuer: https://id.acme.io", "preset: railway\nissuer: https://id.acme.io", "f:2:9: issuer: the preset railway has its issuer at another path: want https://id.acme.io/oauth", "preset: railway\nissuer: https://id.acme.io/oauth"},
		{"unknown preset", "issuer: https://id.acme.io", "issuer: https://id.acme.io\npreset: railwy", "f:2:9: preset: there is no preset \"railwy\": want one of chancery, ", "issuer: https://id.acme.io\npreset: roboflow"},
		{"preset file that is not there", "issuer: https://id.acme.io", "issuer: https://id.acme.io\npreset: ./acme.yaml", "f:2:9: preset: read the preset: open ", "issuer: https://id.acme.io\npreset: chancery"},
		{"second document", "drain: {delay: 5s, timeout: 20s}", "---\ndrain: {}", "f:18:1: a second document", "drain: {}"},
	}
	f := newFolder(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := f.load(change(t, tt.old, tt.bad))
			checkOne(t, err, tt.want)
			if _, err := f.load(change(t, tt.old, tt.good)); err != nil {
				t.Errorf("the twin %q has mistakes: %v", tt.good, err)
			}
		})
	}
}

// RFC 6797 §6.1.
func TestHSTSHeader(t *testing.T) {
	for limits, want := range map[string]string{
		"limits: {clients: 1}":                           "max-age=63072000; includeSubDomains",
		"hsts: {max_age: 8760h, preload: true}":          "max-age=31536000; includeSubDomains; preload",
		"hsts: {max_age: 1m, include_subdomains: false}": "max-age=60",
		"hsts: {max_age: 0s, include_subdomains: false}": "max-age=0",
	} {
		c, err := newFolder(t).load(change(t, "limits: {clients: 2000}", limits))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Gateway.HSTS.Header(); got != want {
			t.Errorf("%s: the header is %q, want %q", limits, got, want)
		}
	}
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	content := change(t, "revocation_bound: 5s", "revocation_bond: 5s\nrevocation_bound: 2h")
	content = strings.Replace(content, "memory: 256MiB", "memory: lots", 1)
	content = strings.Replace(content, "https://id.acme.io", "http://id.acme.io", 1)
	content = strings.Replace(content, "  certificate: tls/tls.crt\n", "  certificat: tls/tls.crt\n", 1)
	content = strings.Replace(content, "file:hint.key", "file:none.key", 1)
	_, err := newFolder(t).load(content, "token", "gatewy")
	want := []string{
		`f: "gatewy" is not a role: did you mean gateway?`,
		"f:1:9: issuer: want https",
		"f:2:1: revocation_bond: unknown key",
		"f:3:19: revocation_bound: want from 1s to 1m",
		"f:10:1: mutual_tls.certificate: is required",
		"f:12:3: mutual_tls.certificat: unknown key",
		"f:29:11: introspection.memory: want a size",
	}
	got := mistakes(t, err)
	if len(got) != len(want) {
		t.Fatalf("mistakes are\n  %s\nwant %d", strings.Join(got, "\n  "), len(want))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("mistake %d is %q, want %q", i, got[i], want[i])
		}
	}
}

// A preset file is relative to the configuration, and its mistakes are told as
// those of the configuration are.
func TestPresetFileIsBesideTheConfiguration(t *testing.T) {
	f := newFolder(t)
	f.write("acme.yaml", "name: acme\n")
	content := change(t, "issuer: https://id.acme.io", "issuer: https://id.acme.io\npreset: acme.yaml")
	c, err := f.load(content)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(f.path, "acme.yaml"); c.Preset != want {
		t.Errorf("Preset is %q, want %q", c.Preset, want)
	}
	path := f.write("acme.yaml", "name: acme\nlifetimes: {code: 11m}\nrefresh: {public: never}\n")
	_, err = f.load(content)
	got := mistakes(t, err)
	for i, want := range []string{"f:2:9: preset: " + path + ":2:19: lifetimes.code: ", "f:2:9: preset: " + path + ":3:19: refresh.public: "} {
		if len(got) != 2 || !strings.HasPrefix(got[i], want) {
			t.Errorf("mistakes are %q, want one that begins with %q", got, want)
		}
	}
}

func TestBrokenYAMLIsReportedWithItsLine(t *testing.T) {
	_, err := newFolder(t).load("issuer: https://id.acme.io\nlog: {level: info\ndatabase: \"x\n")
	got := mistakes(t, err)
	if len(got) == 0 || !strings.Contains(strings.Join(got, "\n"), "not YAML: ") {
		t.Errorf("mistakes are %q, want one of YAML", got)
	}
}

// Whatever a file holds, loading ends with a configuration that is fine, or with
// mistakes in the order of their lines, none beyond the end.
func FuzzLoad(f *testing.F) {
	f.Add(valid)
	f.Add("a: [1, {b: c}]")
	f.Add("issuer: !!binary x\n? a : b")
	f.Add("nats:\n  servers:\n  - *x\n---\n- 1")
	f.Fuzz(func(t *testing.T, content string) {
		c, err := newFolder(t).load(content)
		if err == nil {
			if err := c.Validate([]string{"directory"}); c.Issuer == "" || c.NATS.HintKey.Set() && err == nil && !c.Database.Set() {
				t.Errorf("Load() accepts %+v", c)
			}
			return
		}
		var found *config.Mistakes
		if !errors.As(err, &found) || len(found.List) == 0 {
			t.Fatalf("Load() = %v, want mistakes", err)
		}
		lines := len(strings.FieldsFunc(content+"x", func(r rune) bool { return r == '\n' || r == '\r' })) + strings.Count(content, "\n") + 1
		last := 1
		for _, each := range found.List {
			if each.Line < last || each.Line > lines || each.Column < 1 || each.Message == "" {
				t.Errorf("mistake %+v after line %d of %d", each, last, lines)
			}
			last = each.Line
		}
	})
}
