package config

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/chancery-auth/chancery/pkg/secret"
)

// maxSecret is the longest secret, in bytes.
const maxSecret = 16 << 10

// Schemes of a [Secret].
const (
	schemeFile = "file"
	schemeEnv  = "env"
)

// Secret says where a secret is: file:PATH or env:NAME. For a database it may
// also be a URL without password. The zero value says nothing.
type Secret struct {
	scheme string // empty for a text that stands for itself
	rest   string // path, name or text
	lookup Lookup
}

// parseSecret reads a reference. A path is relative to the folder.
func parseSecret(text, folder string, lookup Lookup) Secret {
	s := Secret{rest: text, lookup: lookup}
	if scheme, rest, ok := strings.Cut(text, ":"); ok && (scheme == schemeFile || scheme == schemeEnv) {
		s.scheme, s.rest = scheme, rest
	}
	if s.scheme == schemeFile {
		// file:///PATH is the same as file:/PATH (RFC 8089 §2).
		s.rest = strings.TrimPrefix(s.rest, "//")
		if s.rest != "" && !filepath.IsAbs(s.rest) {
			s.rest = filepath.Join(folder, s.rest)
		}
	}
	return s
}

// Set says whether there is a reference.
func (s Secret) Set() bool { return s.rest != "" || s.scheme != "" }

// URI is file:PATH or env:NAME, as pkg/kek takes it. It is empty for a text that
// stands for itself.
func (s Secret) URI() string {
	if s.scheme == "" {
		return ""
	}
	return s.scheme + ":" + s.rest
}

// String is where the secret is, and never the secret.
func (s Secret) String() string {
	if s.scheme == "" && s.Set() {
		return secret.Redacted
	}
	return s.URI()
}

// Resolve reads the secret, without the line end after it. Fails if it is not
// there, is empty, or is in a file that any user of the machine can read.
func (s Secret) Resolve() (secret.Secret, error) {
	content, err := s.read()
	if err != nil {
		return secret.Secret{}, err
	}
	text := strings.TrimRight(string(content), "\r\n")
	if text == "" {
		return secret.Secret{}, fmt.Errorf("%s is empty", s.where())
	}
	return secret.Wrap(text), nil
}

// where names the secret's place.
func (s Secret) where() string {
	if s.scheme == schemeEnv {
		return "environment variable " + s.rest
	}
	return s.rest
}

// read is the content as it is.
func (s Secret) read() ([]byte, error) {
	switch s.scheme {
	case schemeFile:
		return secret.ReadFile(s.rest, maxSecret)
	case schemeEnv:
		if text, ok := s.lookup(s.rest); ok {
			return []byte(text), nil
		}
		return nil, fmt.Errorf("environment variable %s is not set", s.rest)
	}
	return []byte(s.rest), nil
}

// hintKeySize is the length of a hint key, in bytes.
const hintKeySize = 32

// HintKeyBytes reads the key that authenticates hints: 32 bytes, found in
// base64, in hex or as they are.
func (n NATS) HintKeyBytes() ([]byte, error) {
	content, err := n.HintKey.read()
	if err != nil {
		return nil, err
	}
	key := decodeKey(content)
	if len(key) != hintKeySize {
		return nil, fmt.Errorf("%s does not hold a key: want %d random bytes in base64, as of: openssl rand -base64 %d", n.HintKey.where(), hintKeySize, hintKeySize)
	}
	if uniform(key) {
		return nil, fmt.Errorf("%s holds one byte again and again: want random bytes, as of: openssl rand -base64 %d", n.HintKey.where(), hintKeySize)
	}
	return key, nil
}

func decodeKey(content []byte) []byte {
	if len(content) == hintKeySize {
		return content
	}
	text := strings.TrimSpace(string(content))
	if key, err := hex.DecodeString(text); err == nil {
		return key
	}
	if key, err := base64.StdEncoding.Strict().DecodeString(text); err == nil {
		return key
	}
	return nil
}

// uniform says whether all bytes are the same, as in a file of zeros.
func uniform(key []byte) bool { return strings.Count(string(key), string(key[:1])) == len(key) }

// Reasons to refuse a reference.
var (
	errNotReference = errors.New("want file:PATH or env:NAME: a secret does not belong in this file")
	errNotDatabase  = errors.New("want env:NAME, file:PATH, or a URL that begins with postgres://")
	errPassword     = errors.New("has a password in it: put the URL into an environment variable or a file, and write env:NAME or file:PATH here")
)

// checkReference refuses a text that stands for itself.
func (s Secret) checkReference() error {
	if s.scheme == "" || s.rest == "" {
		return errNotReference
	}
	return nil
}

// checkDatabase refuses a password in the file.
func (s Secret) checkDatabase() error {
	if s.scheme != "" {
		return s.checkReference()
	}
	if !postgresURL(s.rest) {
		return errNotDatabase
	}
	if _, err := url.Parse(s.rest); err != nil {
		return errNotDatabase
	}
	if HasPassword(s.rest) {
		return errPassword
	}
	return nil
}

// HasPassword says whether the URL of a database has a password in it, or what
// would be one in another form that the driver takes.
func HasPassword(database string) bool {
	if !postgresURL(database) {
		return strings.Contains(database, "password")
	}
	u, err := url.Parse(database)
	if err != nil {
		return false
	}
	_, inUser := u.User.Password()
	query := u.Query()
	return inUser || query.Has("password") || query.Has("sslpassword")
}

func postgresURL(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}
