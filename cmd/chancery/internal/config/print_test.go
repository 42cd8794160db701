package config_test

import (
	"bytes"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
)

func reference(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := config.Reference(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReferenceLoads(t *testing.T) {
	c, err := newFolder(t).load(reference(t))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c.Listen, config.Default().Listen) {
		t.Errorf("Listen is %+v, want the default", c.Listen)
	}
}

// keysOf lists the keys of a struct, deepest last, with how deep they are.
func keysOf(t reflect.Type, depth int) (list [][2]any) {
	for f := range t.Fields() {
		inner := f.Type
		if f.Anonymous {
			list = append(list, keysOf(inner, depth)...)
			continue
		}
		key, ok := f.Tag.Lookup("yaml")
		if !ok {
			continue
		}
		list = append(list, [2]any{key, depth})
		if inner.Kind() == reflect.Slice {
			inner, depth := inner.Elem(), depth+2
			if inner.Kind() == reflect.Struct && inner.PkgPath() == reflect.TypeFor[config.Config]().PkgPath() {
				list = append(list, keysOf(inner, depth)...)
			}
			continue
		}
		if inner.Kind() == reflect.Struct && inner != reflect.TypeFor[config.Secret]() {
			list = append(list, keysOf(inner, depth+1)...)
		}
	}
	return list
}

func TestReferenceExplainsEveryKey(t *testing.T) {
	rest := reference(t)
	for _, each := range keysOf(reflect.TypeFor[config.Config](), 0) {
		indent := strings.Repeat("  ", each[1].(int))
		pattern := regexp.MustCompile(`(?m)^` + indent + `# [A-Zh].*\n(` + indent + `# .*\n)*` + indent + each[0].(string) + `:`)
		at := pattern.FindStringIndex(rest)
		if at == nil {
			t.Errorf("%s%s is not there with a comment", indent, each[0])
			continue
		}
		rest = rest[at[1]:]
	}
}

func TestReferenceSaysEachDefault(t *testing.T) {
	text := reference(t)
	for _, want := range []string{
		"revocation_bound: 5s  # the default", "memory: 256MiB  # the default", "clients: 2000  # the default",
		"rotation_period: 720h  # the default", "target: dns:///token:9090  # the default",
		"authority: /etc/chancery/tls/ca.crt  # an example: there is no default",
		"database: env:CHANCERY_DATABASE  # an example: there is no default",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the reference lacks %q", want)
		}
	}
}

func TestPrintedConfigurationIsTheSame(t *testing.T) {
	f := newFolder(t)
	c, err := f.load(valid)
	if err != nil {
		t.Fatal(err)
	}
	for _, all := range []bool{false, true} {
		var once, twice bytes.Buffer
		if err := c.Print(&once, config.PrintOptions{Defaults: all}); err != nil {
			t.Fatal(err)
		}
		again, err := f.load(once.String())
		if err != nil {
			t.Fatalf("what is printed has mistakes: %v\n%s", err, once.String())
		}
		if err := again.Print(&twice, config.PrintOptions{Defaults: false}); err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(once.String(), "  # default", ""); got != twice.String() {
			t.Errorf("defaults %t: printed\n%s\nand then\n%s", all, got, twice.String())
		}
	}
}

func TestPrintSaysWhereSecretsAre(t *testing.T) {
	f := newFolder(t)
	c, err := f.load(valid)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.Print(&b, config.PrintOptions{Defaults: true}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"database: env:TEST_DATABASE  # [redacted], from the environment variable TEST_DATABASE\n",
		"  hint_key: file:" + f.path + "/hint.key  # [redacted], from the file " + f.path + "/hint.key\n",
		"  domain: chancery.internal  # default\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "pa55word") || strings.Contains(b.String(), strings.TrimSpace(encoded())) {
		t.Errorf("a secret is in\n%s", b.String())
	}
}
