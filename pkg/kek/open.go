package kek

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/chancery-auth/chancery/pkg/secret"
)

// maxText is more than the base64 of a key and the white space around it.
const maxText = 256

// Option changes what [Open] does.
type Option func(*options)

type options struct{ create bool }

// Create makes [Open] write a new random key where file:PATH does not exist.
// Of several processes that do so at once one writes, and all use that key. It
// means nothing for env:NAME.
func Create() Option { return func(o *options) { o.create = true } }

// Open reads the key that uri names:
//
//	file:PATH  a file that others cannot read, such as one with mode 0600
//	env:NAME   an environment variable
//
// Its errors say what to change, and show nothing of the key. A missing file
// fails with fs.ErrNotExist.
func Open(uri string, opts ...Option) (*Key, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok || rest == "" {
		// The text is not shown: it may be a key, put where its URI belongs.
		return nil, errors.New("open key-encryption key: not a URI: want file:PATH or env:NAME")
	}
	switch scheme {
	case "file":
		return openFile(rest, o)
	case "env":
		return openEnv(rest)
	default:
		return nil, fmt.Errorf("open key-encryption key: scheme %q is not supported: want file:PATH or env:NAME", scheme)
	}
}

func openEnv(name string) (*Key, error) {
	text, ok := os.LookupEnv(name)
	if !ok {
		return nil, fmt.Errorf("open key-encryption key: environment variable %s is not set", name)
	}
	k, err := parse([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("open key-encryption key in environment variable %s: %w", name, err)
	}
	return k, nil
}

func openFile(path string, o options) (*Key, error) {
	// file:///PATH is the same as file:/PATH (RFC 8089 §2).
	if strings.HasPrefix(path, "///") {
		path = path[len("//"):]
	}
	text, err := secret.ReadFile(path, maxText)
	if o.create && errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("create key-encryption key: %w", err)
		}
		text, err = secret.ReadFile(path, maxText)
	}
	if err != nil {
		return nil, fmt.Errorf("open key-encryption key: %w", err)
	}
	k, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("open key-encryption key in %s: %w", path, err)
	}
	return k, nil
}

// create writes a new key to path, with mode 0600, unless a file is there by
// then. The file appears with its content: it is written under another name,
// and linked to path, which never replaces.
func create(path string) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".kek-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()

	if err := errors.Join(writeKey(f), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func writeKey(f *os.File) error {
	var raw [size]byte
	rand.Read(raw[:])
	if _, err := f.WriteString(base64.StdEncoding.EncodeToString(raw[:]) + "\n"); err != nil {
		return err
	}
	return f.Sync()
}

// syncFolder makes the new name survive a crash. A key that is lost after data
// was encrypted under it would take that data along.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
