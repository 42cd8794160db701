package config

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// commentWidth is where comments of the reference break, in characters.
const commentWidth = 100

// Reference writes a file with every key, what it means, its unit and its
// default. It loads as it is, once the files that it names are there.
func Reference(w io.Writer) error {
	p := printer{w: w, defaults: reflect.ValueOf(Default()).Elem(), comments: true}
	p.line("# Every key of the configuration. A key that is left out has its default.\n")
	p.section("", "", reflect.ValueOf(example()).Elem())
	return p.err
}

// Print writes the configuration in force as a file: what the file says and,
// with defaults, what it leaves out. It says where secrets come from, and shows
// none.
func (c *Config) Print(w io.Writer, o PrintOptions) error {
	p := printer{w: w, of: c, defaults: reflect.ValueOf(Default()).Elem(), all: o.Defaults}
	p.section("", "", reflect.ValueOf(c).Elem())
	return p.err
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

// printer writes sections as YAML, and keeps the first error.
type printer struct {
	w        io.Writer
	of       *Config       // whose file says which keys are set; nil for the reference
	defaults reflect.Value // of a Config
	all      bool          // keys that the file leaves out too
	comments bool          // with what each key means
	err      error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// section writes the keys of a struct.
func (p *printer) section(key, indent string, from reflect.Value) {
	for _, f := range fieldsOf(from.Type()) {
		path := join(key, f.key)
		if p.of != nil && !p.all && !p.of.has(path) {
			continue
		}
		if p.comments {
			p.comment(indent, f.help)
		}
		p.value(path, indent, f.key, from.FieldByIndex(f.index))
		if p.comments && key == "" {
			p.line("")
		}
	}
}

// value writes a key with what it has.
func (p *printer) value(path, indent, key string, from reflect.Value) {
	_, single := ownScalar(from.Type())
	switch {
	case !single && from.Kind() == reflect.Struct:
		p.line("%s%s:", indent, key)
		p.section(path, indent+"  ", from)
	case !single && from.Kind() == reflect.Slice:
		p.list(path, indent, key, from)
	default:
		p.line("%s%s: %s%s", indent, key, render(from), p.note(path, from))
	}
}

func (p *printer) list(path, indent, key string, from reflect.Value) {
	if from.Len() == 0 {
		p.line("%s%s: []%s", indent, key, p.note(path, from))
		return
	}
	if _, single := ownScalar(from.Type().Elem()); !single && from.Type().Elem().Kind() == reflect.Struct {
		p.line("%s%s:%s", indent, key, p.note(path, from))
		for i := range from.Len() {
			p.line("%s  -", indent)
			p.section(path+"["+strconv.Itoa(i)+"]", indent+"    ", from.Index(i))
		}
		return
	}
	items := make([]string, 0, from.Len())
	for i := range from.Len() {
		items = append(items, render(from.Index(i)))
	}
	p.line("%s%s: [%s]%s", indent, key, strings.Join(items, ", "), p.note(path, from))
}

// note is the comment after a value.
func (p *printer) note(path string, from reflect.Value) string {
	switch {
	case p.of == nil:
		return p.defaultNote(path, from)
	case from.Type() == reflect.TypeFor[Secret]():
		return from.Interface().(Secret).note()
	case !p.of.has(path):
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
func (p *printer) defaultNote(path string, from reflect.Value) string {
	value, ok := at(p.defaults, path)
	switch {
	case !ok:
		return "" // in a list
	case reflect.DeepEqual(value.Interface(), from.Interface()):
		return "  # the default"
	}
	return "  # an example: there is no default"
}

// at is the value of a key, such as drain.delay.
func at(section reflect.Value, path string) (reflect.Value, bool) {
	name, rest, more := strings.Cut(path, ".")
	for _, f := range fieldsOf(section.Type()) {
		if f.key != name {
			continue
		}
		value := section.FieldByIndex(f.index)
		if more {
			return at(value, rest)
		}
		return value, true
	}
	return reflect.Value{}, false
}

// comment writes text as comment lines.
func (p *printer) comment(indent, text string) {
	line := indent + "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > commentWidth {
			p.line("%s", line)
			line = indent + "#"
		}
		line += " " + word
	}
	p.line("%s", line)
}

// render is a single value in YAML.
func render(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case time.Duration:
		return short(value)
	case Size:
		return value.String()
	case slog.Level:
		return strings.ToLower(value.String())
	case netip.Prefix:
		return value.String()
	case Secret:
		return quote(value.text())
	case string:
		return quote(value)
	default:
		return fmt.Sprint(value)
	}
}

// text is the reference as the file has it. A URL is shown if it was checked to
// have no password.
func (s Secret) text() string {
	if s.scheme == "" && s.Set() && s.checkDatabase() == nil {
		return s.rest
	}
	return s.String()
}

// quote is text as one YAML value: as it is where nothing else could be read.
func quote(text string) string {
	plain := regexp.MustCompile(`^[A-Za-z0-9/.][A-Za-z0-9/._:+-]*[A-Za-z0-9/._+-]$`)
	_, number := strconv.ParseFloat(text, 64)
	if !plain.MatchString(text) || number == nil || slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off"}, strings.ToLower(text)) {
		return strconv.Quote(text)
	}
	return text
}
