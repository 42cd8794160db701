package config_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestPasswordInTheFileIsRefused(t *testing.T) {
	const advice = "f:4:11: database: has a password in it: put the URL into an environment variable or a file, and write env:NAME or file:PATH here"
	tests := []struct{ name, by, want string }{
		{"URL without password", "postgresql://chancery@127.0.0.1/chancery", ""},
		{"password of the user", "postgres://chancery:pa55word@127.0.0.1/chancery", advice},
		{"empty password", "postgres://chancery:@127.0.0.1/chancery", advice},
		{"password parameter", "postgres://chancery@127.0.0.1/chancery?password=pa55word", advice},
		{"password of the key", "postgres://chancery@127.0.0.1/chancery?sslpassword=pa55word", advice},
		{"another form", `"host=127.0.0.1 password=pa55word"`, "f:4:11: database: want env:NAME, file:PATH, or a URL"},
		{"broken URL", "postgres://u:pa55word@127.0.0.1:port/", "f:4:11: database: want env:NAME, file:PATH, or a URL"},
		{"no name", `"env:"`, "f:4:11: database: want file:PATH or env:NAME"},
	}
	f := newFolder(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := f.load(change(t, "env:TEST_DATABASE", tt.by))
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			checkOne(t, err, tt.want)
			if strings.Contains(err.Error(), "pa55word") {
				t.Errorf("the mistake shows the password: %v", err)
			}
		})
	}
}

func TestKeyInTheFileIsRefusedAndNotShown(t *testing.T) {
	for key, old := range map[string]string{"key_encryption_key": "file:kek", "nats.hint_key": "file:hint.key"} {
		_, err := newFolder(t).load(change(t, old, hexKey()))
		if got := mistakes(t, err); len(got) != 1 || !strings.Contains(got[0], key+": want file:PATH or env:NAME: a secret does not belong in this file") || strings.Contains(got[0], hexKey()) {
			t.Errorf("mistakes are %q", got)
		}
	}
}

func TestSecretsAreFound(t *testing.T) {
	f := newFolder(t)
	path := f.write("url", "postgres://a@127.0.0.1/b\r\n")
	for by, want := range map[string]string{
		"file:url":          "postgres://a@127.0.0.1/b",
		"file:" + path:      "postgres://a@127.0.0.1/b",
		"file://" + path:    "postgres://a@127.0.0.1/b",
		"env:TEST_DATABASE": database,
	} {
		c, err := f.load(change(t, "env:TEST_DATABASE", by))
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Database.Resolve()
		if err != nil || got.Reveal() != want {
			t.Errorf("%s: Resolve() = %q, %v, want %q", by, got.Reveal(), err, want)
		}
	}
}

func TestSecretsThatAreNotThereAreRefused(t *testing.T) {
	f := newFolder(t)
	f.write("empty", "\n")
	f.write("long", strings.Repeat("x", 16<<10+1))
	for by, want := range map[string]string{
		"file:none":  "no such file",
		"file:empty": "is empty",
		"file:long":  "is longer than 16384 bytes",
		"file:.":     "is not a file",
		"env:OTHER":  "environment variable OTHER is not set",
	} {
		_, err := f.load(change(t, "env:TEST_DATABASE", by), "consent")
		if got := mistakes(t, err); len(got) != 1 || !strings.HasPrefix(got[0], "f:4:11: database: ") || !strings.Contains(got[0], want) {
			t.Errorf("%s: mistakes are %q, want %q", by, got, want)
		}
	}
}

func TestFormattedConfigurationShowsNoSecret(t *testing.T) {
	c, err := newFolder(t).load(change(t, "env:TEST_DATABASE", "postgres://chancery@127.0.0.1/chancery"))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.Database); got != "[redacted]" {
		t.Errorf("Sprint(Database) = %q, want [redacted]", got)
	}
	if got := fmt.Sprint(c.KeyEncryptionKey); !strings.HasPrefix(got, "file:/") {
		t.Errorf("Sprint(KeyEncryptionKey) = %q, want where it is", got)
	}
}
