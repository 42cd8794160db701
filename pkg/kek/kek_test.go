package kek_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chancery-auth/chancery/pkg/kek"
)

var (
	plaintext  = []byte("a signing key")
	associated = []byte("signing_key/1")
	keyText    = base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
)

// write makes a file of that content and mode, and returns its URI.
func write(t *testing.T, content string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kek")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return "file:" + path
}

func open(t *testing.T, uri string, opts ...kek.Option) *kek.Key {
	t.Helper()
	k, err := kek.Open(uri, opts...)
	if err != nil {
		t.Fatalf("Open(%q) = %v", uri, err)
	}
	return k
}

func encrypt(t *testing.T, k *kek.Key) []byte {
	t.Helper()
	ciphertext, err := k.Encrypt(plaintext, associated)
	if err != nil {
		t.Fatalf("Encrypt() = %v", err)
	}
	return ciphertext
}

func checkDecrypts(t *testing.T, k *kek.Key, ciphertext []byte) {
	t.Helper()
	if got, err := k.Decrypt(ciphertext, associated); err != nil || !bytes.Equal(got, plaintext) {
		t.Errorf("Decrypt() = %q, %v, want %q", got, err, plaintext)
	}
}

func TestFileAndEnvironmentNameTheSameKey(t *testing.T) {
	t.Setenv("CHANCERY_TEST_KEK", keyText)
	uri := write(t, keyText+"\n", 0o400)
	path := strings.TrimPrefix(uri, "file:")
	ciphertext := encrypt(t, open(t, uri))
	if bytes.Contains(ciphertext, plaintext) {
		t.Errorf("ciphertext %x shows the plaintext", ciphertext)
	}
	checkDecrypts(t, open(t, "env:CHANCERY_TEST_KEK"), ciphertext)
	checkDecrypts(t, open(t, "file://"+path), ciphertext)
}

func TestDecryptRefuses(t *testing.T) {
	k := open(t, write(t, keyText, 0o600))
	other := open(t, write(t, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("o"), 32)), 0o600))
	valid := encrypt(t, k)
	flipped := slices.Clone(valid)
	flipped[len(flipped)-1] ^= 1
	checkDecrypts(t, k, valid)
	tests := []struct {
		name       string
		key        *kek.Key
		ciphertext []byte
		associated []byte
		want       error
	}{
		{"another key", other, valid, associated, kek.ErrOtherKey},
		{"a flipped bit", k, flipped, associated, kek.ErrDamaged},
		{"a truncated end", k, valid[:len(valid)-1], associated, kek.ErrDamaged},
		{"the header alone", k, valid[:5], associated, kek.ErrDamaged},
		{"nothing", k, nil, associated, kek.ErrDamaged},
		{"another place", k, valid, []byte("signing_key/2"), kek.ErrDamaged},
		{"no place", k, valid, nil, kek.ErrDamaged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := tt.key.Decrypt(tt.ciphertext, tt.associated); !errors.Is(err, tt.want) || got != nil {
				t.Errorf("Decrypt() = %q, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestFileThatOthersCanReadOrTheGroupWriteIsRefused(t *testing.T) {
	for mode, ok := range map[fs.FileMode]bool{
		0o600: true, 0o400: true, 0o640: true, 0o440: true, 0o700: true,
		0o620: false, 0o660: false, 0o604: false, 0o602: false, 0o644: false, 0o601: false,
	} {
		_, err := kek.Open(write(t, keyText, mode))
		if (err == nil) != ok {
			t.Errorf("Open() of mode %04o = %v, want success %t", mode, err, ok)
		}
		if err != nil && !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("Open() = %v, want it to say what to do", err)
		}
	}
}

func TestMalformedKeyIsRefusedWithoutShowingIt(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	canary := bytes.Repeat([]byte("c"), 33)
	for name, text := range map[string]string{
		"empty":           "",
		"31 bytes":        encode(canary[:31]),
		"33 bytes":        encode(canary),
		"not base64":      "*" + keyText[1:],
		"two keys":        keyText + "\n" + keyText,
		"all zeros":       encode(make([]byte, 32)),
		"more than a key": keyText + strings.Repeat("A", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CHANCERY_TEST_KEK", text)
			for _, uri := range []string{write(t, text, 0o600), "env:CHANCERY_TEST_KEK"} {
				_, err := kek.Open(uri)
				if err == nil {
					t.Fatalf("Open(%q) succeeds", uri)
				}
				if len(text) > 0 && strings.Contains(err.Error(), text[1:]) {
					t.Errorf("Open(%q) = %v, which shows the key", uri, err)
				}
			}
		})
	}
}

func TestUnsupportedURIIsRefused(t *testing.T) {
	for _, uri := range []string{"vault:transit/key", "awskms://arn", "file:", "env:", "", "/etc/kek", keyText} {
		_, err := kek.Open(uri)
		if err == nil || !strings.Contains(err.Error(), "file:PATH or env:NAME") {
			t.Errorf("Open(%q) = %v, want an error that names the supported schemes", uri, err)
		}
		if err != nil && strings.Contains(err.Error(), keyText) {
			t.Errorf("Open() = %v, which shows the key", err)
		}
	}
}

func TestMissingKeyIsRefused(t *testing.T) {
	if _, err := kek.Open("file:" + filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open() = %v, want %v", err, fs.ErrNotExist)
	}
	if _, err := kek.Open("env:CHANCERY_TEST_NONE", kek.Create()); err == nil {
		t.Error("Open() of an unset variable succeeds")
	}
	if _, err := kek.Open("file:" + t.TempDir()); err == nil {
		t.Error("Open() of a folder succeeds")
	}
}

func TestCreateMakesAKeyOnce(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "kek")
	ciphertext := encrypt(t, open(t, "file:"+path, kek.Create()))
	checkDecrypts(t, open(t, "file:"+path, kek.Create()), ciphertext)
	checkDecrypts(t, open(t, "file:"+path), ciphertext)

	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v, want 0600", info.Mode(), err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("folder holds %v, %v, want the key alone", entries, err)
	}
}

func TestCreateDoesNotReplaceAKeyItRefuses(t *testing.T) {
	uri := write(t, "not a key", 0o600)
	if _, err := kek.Open(uri, kek.Create()); err == nil {
		t.Fatal("Open() succeeds")
	}
	if got, err := os.ReadFile(strings.TrimPrefix(uri, "file:")); err != nil || string(got) != "not a key" {
		t.Errorf("file holds %q, %v", got, err)
	}
}

func TestConcurrentCreatorsAgreeOnOneKey(t *testing.T) {
	uri := "file:" + filepath.Join(t.TempDir(), "kek")
	keys := make([]*kek.Key, 16)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = kek.Open(uri, kek.Create()); err != nil {
				t.Errorf("Open() = %v", err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	ciphertext := encrypt(t, keys[0])
	for _, k := range keys {
		checkDecrypts(t, k, ciphertext)
	}
}

func TestKeyShowsNothing(t *testing.T) {
	k := open(t, write(t, keyText, 0o600))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, k); got != "[redacted]" {
			t.Errorf("Sprintf(%q) = %s", verb, got)
		}
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("opened", slog.Any("key", k))
	if !strings.Contains(log.String(), "key=[redacted]") {
		t.Errorf("log = %s", log.String())
	}
	if got, err := json.Marshal(k); err != nil || string(got) != `"[redacted]"` {
		t.Errorf("json.Marshal() = %s, %v", got, err)
	}
	if k.String() != "[redacted]" || k.GoString() != "[redacted]" {
		t.Errorf("String() = %s, GoString() = %s", k.String(), k.GoString())
	}
}

// Nothing decrypts except what was encrypted.
func FuzzDecrypt(f *testing.F) {
	f.Setenv("CHANCERY_TEST_KEK", keyText)
	k, err := kek.Open("env:CHANCERY_TEST_KEK")
	if err != nil {
		f.Fatal(err)
	}
	ciphertext, err := k.Encrypt(plaintext, associated)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{0}, uint16(0))
	f.Add([]byte{1}, uint16(5))
	f.Fuzz(func(t *testing.T, mask []byte, at uint16) {
		changed := slices.Clone(ciphertext)
		for i, b := range mask {
			if n := int(at) + i; n < len(changed) {
				changed[n] ^= b
			}
		}
		got, err := k.Decrypt(changed, associated)
		if same := bytes.Equal(changed, ciphertext); same != (err == nil) || same != bytes.Equal(got, plaintext) {
			t.Errorf("Decrypt(%x) = %q, %v", changed, got, err)
		}
	})
}
