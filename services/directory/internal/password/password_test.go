package password_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/services/directory/internal/password"
)

// cheap are the least costs that there are.
var cheap = password.Params{MemoryKiB: 8, Time: 1, Threads: 1}

func hasher(o password.Options) *password.Hasher {
	if o.Params == (password.Params{}) {
		o.Params = cheap
	}
	if o.Slots == 0 {
		o.Slots = 1
	}
	if o.KDF == nil {
		o.KDF = password.Argon2id
	}
	return password.NewHasher(o)
}

func slot(t *testing.T, h *password.Hasher) *password.Slot {
	t.Helper()
	s, err := h.Acquire(t.Context(), "")
	if err != nil {
		t.Fatalf("Acquire() = %v", err)
	}
	t.Cleanup(s.Release)
	return s
}

func TestCheckBoundsTheLength(t *testing.T) {
	for _, tt := range []struct {
		name     string
		password string
		want     error
	}{
		{"7 bytes", strings.Repeat("a", 7), fault.Invalid},
		{"8 bytes", strings.Repeat("a", 8), nil},
		{"8 bytes in 4 characters", strings.Repeat("\u00e9", 4), nil},
		{"1024 bytes", strings.Repeat("a", 1024), nil},
		{"1025 bytes", strings.Repeat("a", 1025), fault.Invalid},
		{"1025 bytes in few characters", strings.Repeat("\u00e9", 512) + "a", fault.Invalid},
		{"control characters", "\x00\x01\x02\x03\x04\x05\x06\x07", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := password.Check(tt.password); !errors.Is(err, tt.want) {
				t.Errorf("Check() = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestN073_HashDistinguishesWhatPasswordsDistinguish(t *testing.T) {
	s := slot(t, hasher(password.Options{}))
	long := strings.Repeat("a", 72)
	for _, tt := range []struct {
		name           string
		set, presented string
		want           bool
	}{
		{"itself", "correct horse", "correct horse", true},
		{"case", "correct horse", "Correct horse", false},
		{"one byte more", "correct horse", "correct horse ", false},
		{"bytes after the 72nd", long + "b", long + "c", false},
		{"the last of 1024 bytes", strings.Repeat("a", 1023) + "b", strings.Repeat("a", 1023) + "c", false},
		{"bytes after NUL", "secret\x00bb", "secret\x00cc", false},
		{"cut at NUL", "secret\x00bb", "secret", false},
		{"NFC and NFD are one", "p\u00e4ssword", "pa\u0308ssword", true},
		{"compatibility forms are two", "password\ufb01", "passwordfi", false},
		{"empty", "correct horse", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := s.Verify(s.Hash(tt.set), tt.presented)
			if err != nil || got != tt.want {
				t.Errorf("Verify() = %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func TestHashIsSalted(t *testing.T) {
	s := slot(t, hasher(password.Options{}))
	if a, b := s.Hash("correct horse"), s.Hash("correct horse"); a == b {
		t.Error("two hashes of one password are equal")
	}
}

func TestVerifyRefusesWhatHashCannotHaveMade(t *testing.T) {
	s := slot(t, hasher(password.Options{}))
	good := s.Hash("correct horse")
	if !strings.HasPrefix(good, "$argon2id$v=19$m=8,t=1,p=1$") {
		t.Fatalf("Hash() = %q", good)
	}
	parts := strings.Split(good, "$")
	salt, key := parts[4], parts[5]
	const form = "$argon2id$v=19$m=8,t=1,p=1$"
	for name, hash := range map[string]string{
		"empty":                  "",
		"argon2i":                strings.Replace(good, "argon2id", "argon2i", 1),
		"another version":        strings.Replace(good, "v=19", "v=16", 1),
		"no passes":              strings.Replace(good, "t=1", "t=0", 1),
		"65 passes":              strings.Replace(good, "t=1", "t=65", 1),
		"no threads":             strings.Replace(good, "p=1", "p=0", 1),
		"too little memory":      strings.Replace(good, "m=8", "m=7", 1),
		"memory beyond 1 GiB":    strings.Replace(good, "m=8", "m=1048577", 1),
		"a zero before a number": strings.Replace(good, "m=8", "m=08", 1),
		"a sign":                 strings.Replace(good, "m=8", "m=+8", 1),
		"a space":                strings.Replace(good, "m=8", "m= 8", 1),
		"a short salt":           form + salt[:20] + "$" + key,
		"a short key":            form + salt + "$" + key[:40],
		"padding":                good + "=",
		"another field":          good + "$",
		"text before":            "x" + good,
		"not base64":             form + "!" + salt[1:] + "$" + key,
	} {
		t.Run(name, func(t *testing.T) {
			if ok, err := s.Verify(hash, "correct horse"); ok || !errors.Is(err, password.ErrMalformed) {
				t.Errorf("Verify(%q) = %v, %v, want %v", hash, ok, err, password.ErrMalformed)
			}
		})
	}
	if ok, err := s.Verify(good, "correct horse"); !ok || err != nil {
		t.Errorf("Verify(%q) = %v, %v, want true", good, ok, err)
	}
}

func TestDummyMatchesNothingAtTheSameCost(t *testing.T) {
	var used []password.Params
	h := hasher(password.Options{KDF: func(pw, salt []byte, p password.Params, size uint32) []byte {
		used = append(used, p)
		return password.Argon2id(pw, salt, p, size)
	}})
	s := slot(t, h)
	for _, presented := range []string{"", "correct horse"} {
		if ok, err := s.Verify(h.Dummy(), presented); ok || err != nil {
			t.Errorf("Verify(Dummy(), %q) = %v, %v", presented, ok, err)
		}
	}
	if len(used) != 2 || used[0] != cheap || used[1] != cheap {
		t.Errorf("costs are %v, want %v each time", used, cheap)
	}
}

func TestOutdated(t *testing.T) {
	old, current := hasher(password.Options{}), hasher(password.Options{Params: password.Params{MemoryKiB: 16, Time: 1, Threads: 1}})
	hash := slot(t, old).Hash("correct horse")
	if old.Outdated(hash) {
		t.Error("a hash of the costs of today is outdated")
	}
	if !current.Outdated(hash) {
		t.Error("a hash of other costs is not outdated")
	}
	if ok, err := slot(t, current).Verify(hash, "correct horse"); !ok || err != nil {
		t.Errorf("Verify(outdated) = %v, %v, want true", ok, err)
	}
}

func TestN074_AcquireIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hasher(password.Options{Slots: 2, Wait: time.Second})
		first, err := h.Acquire(t.Context(), "")
		if err != nil {
			t.Fatalf("Acquire() = %v", err)
		}
		if _, err := h.Acquire(t.Context(), ""); err != nil {
			t.Fatalf("Acquire() = %v", err)
		}
		start := time.Now() //nolint:forbidigo // It is the time of the bubble.
		if _, err := h.Acquire(t.Context(), ""); !errors.Is(err, fault.Unavailable) {
			t.Errorf("third Acquire() = %v, want %v", err, fault.Unavailable)
		}
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("third Acquire() waited %v, want 1s", waited)
		}
		time.AfterFunc(time.Second/2, first.Release)
		if _, err := h.Acquire(t.Context(), ""); err != nil {
			t.Errorf("Acquire() = %v, want the slot that was released meanwhile", err)
		}
	})
}

func TestN074_NoMoreHashesAtOnceThanSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			mu        sync.Mutex
			now, most int
			refused   atomic.Int32
		)
		count := func(by int) {
			mu.Lock()
			defer mu.Unlock()
			now += by
			most = max(most, now)
		}
		h := hasher(password.Options{Slots: 4, Wait: time.Second, KDF: func([]byte, []byte, password.Params, uint32) []byte {
			count(1)
			defer count(-1)
			<-time.After(100 * time.Millisecond)
			return make([]byte, 32)
		}})
		for i := range 200 {
			go func() {
				s, err := h.Acquire(t.Context(), fmt.Sprintf("192.0.2.%d/32", i))
				if errors.Is(err, fault.Unavailable) {
					refused.Add(1)
					return
				}
				defer s.Release()
				s.Hash("correct horse")
			}()
		}
		<-time.After(time.Minute)
		synctest.Wait()
		if most != 4 {
			t.Errorf("%d hashes at once, want 4", most)
		}
		// 4 slots, 10 to 11 hashes each within the wait.
		if n := refused.Load(); n < 150 || n > 160 {
			t.Errorf("%d of 200 refused, want about 156", n)
		}
	})
}

// What Verify accepts is what Hash made, in its one spelling.
func FuzzVerify(f *testing.F) {
	h := hasher(password.Options{KDF: func([]byte, []byte, password.Params, uint32) []byte { return make([]byte, 32) }})
	s, err := h.Acquire(f.Context(), "")
	if err != nil {
		f.Fatal(err)
	}
	good := s.Hash("x")
	f.Add(good)
	f.Add(strings.Replace(good, "m=8", "m=16", 1))
	f.Fuzz(func(t *testing.T, hash string) {
		if _, err := s.Verify(hash, "x"); err == nil && !strings.HasPrefix(hash, "$argon2id$v=19$m=") {
			t.Errorf("Verify(%q) reads it", hash)
		}
	})
}
