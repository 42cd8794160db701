package config

import (
	"io"
	"net/netip"
	"reflect"

	"github.com/chancery-auth/chancery/pkg/strictyaml"
)

// Reference writes a file with every key, what it means, its unit and its
// default. It loads as it is, once the files that it names are there.
func Reference(w io.Writer) error {
	p := strictyaml.Printer{W: w, Scalars: scalars("", nil), Comments: true, Note: defaultNote}
	p.Line("# Every key of the configuration. A key that is left out has its default.\n")
	return p.Print(example())
}

// Print writes the configuration in force as a file: what the file says and,
// with defaults, what it leaves out. It says where secrets come from, and shows
// none.
func (c *Config) Print(w io.Writer, o PrintOptions) error {
	p := strictyaml.Printer{
		W: w, Scalars: scalars("", nil), Note: c.note,
		Skip: func(key string, _ reflect.Value) bool { return !o.Defaults && !c.file.Has(key) },
	}
	return p.Print(c)
}

// PrintOptions are what [Config.Print] writes.
type PrintOptions struct {
	// Defaults writes the keys that the file leaves out as well.
	Defaults bool
}

// example has a value for each key that has no default, to show its form.
func example() *Config {
	c := Default()
	file := func(path string) Secret { return Secret{scheme: schemeFile, rest: path} }
	c.Issuer = "http://localhost:8443"
	c.Database = Secret{scheme: schemeEnv, rest: "CHANCERY_DATABASE"}
	c.KeyEncryptionKey = file("/etc/chancery/kek")
	c.NATS = NATS{Servers: []string{"tls://nats-0:4222", "tls://nats-1:4222", "tls://nats-2:4222"}, Replicas: c.NATS.Replicas, HintKey: file("/etc/chancery/hint.key")}
	c.MutualTLS.Authority = "/etc/chancery/tls/ca.crt"
	c.MutualTLS.Certificate = "/etc/chancery/tls/tls.crt"
	c.MutualTLS.Key = "/etc/chancery/tls/tls.key"
	c.Gateway.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	c.Introspection.Callers = []Client{{Name: "billing", Audience: []string{"https://billing.internal"}}}
	return c
}

// note is the comment after a value of the configuration in force.
func (c *Config) note(key string, value reflect.Value) string {
	switch {
	case value.Type() == reflect.TypeFor[Secret]():
		return value.Interface().(Secret).note()
	case !c.file.Has(key):
		return "  # default"
	}
	return ""
}

// note says where a secret comes from.
func (s Secret) note() string {
	switch s.scheme {
	case schemeEnv:
		return "  # [redacted], from the environment variable " + s.rest
	case schemeFile:
		return "  # [redacted], from the file " + s.rest
	}
	return ""
}

// defaultNote says what the default is, where the value shown is another.
func defaultNote(key string, shown reflect.Value) string {
	value, ok := strictyaml.ValueAt(reflect.ValueOf(Default()).Elem(), key)
	switch {
	case !ok:
		return "" // in a list
	case reflect.DeepEqual(value.Interface(), shown.Interface()):
		return "  # the default"
	}
	return "  # an example: there is no default"
}

// text is the reference as the file has it. A URL is shown if it was checked to
// have no password.
func (s Secret) text() string {
	if s.scheme == "" && s.Set() && s.checkDatabase() == nil {
		return s.rest
	}
	return s.String()
}
