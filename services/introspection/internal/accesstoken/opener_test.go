package accesstoken_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/seal"
	"github.com/chancery-auth/chancery/services/introspection/internal/accesstoken"
)

const issuer = "https://as.test"

// owner is who owns the keys: what it says, and how often it was asked.
type owner struct {
	mu     sync.Mutex
	sealer *credential.Sealer
	err    error
	asked  atomic.Int64
	hold   chan struct{} // nil: answers at once
}

func (o *owner) fetch(context.Context) (*credential.Sealer, error) {
	o.asked.Add(1)
	if o.hold != nil {
		<-o.hold
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sealer, o.err
}

// says changes what the owner answers from now on.
func (o *owner) says(s *credential.Sealer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sealer, o.err = s, nil
}

// clock is set by a test.
type clock struct{ atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(1_800_000_000, c.Load()) }

func sealerOf(t *testing.T, primary seal.Key, others ...seal.Key) *credential.Sealer {
	t.Helper()
	ring, err := seal.NewRing(issuer, primary.ID, append(others, primary)...)
	if err != nil {
		t.Fatal(err)
	}
	return credential.NewSealer(ring, preset.Default().Prefixes)
}

func minted(t *testing.T, s *credential.Sealer) string {
	t.Helper()
	text, err := s.SealAccessToken(credential.AccessToken{
		ClientID: "client", Scope: oauth.Scope{"openid", "email"},
		IssueTime: time.Unix(1_800_000_000, 0), ExpireTime: time.Unix(1_800_003_600, 0),
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestOpenReturnsWhatWasSealed(t *testing.T) {
	s := sealerOf(t, seal.NewKey())
	o := &owner{sealer: s}
	opener := loaded(t, o, &clock{})
	text := minted(t, s)
	first, err := opener.Open(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	if first.ClientID != "client" || first.ScopeText != "openid email" || len(first.JTI) != 32 {
		t.Errorf("Open() = %+v", first)
	}
	again, err := opener.Open(t.Context(), text)
	if err != nil || again != first {
		t.Errorf("Open() = %p, %v the second time, want the same %p", again, err, first)
	}
	if n := o.asked.Load(); n != 1 {
		t.Errorf("the key set was read %d times, want once", n)
	}
}

func loaded(t *testing.T, o *owner, c *clock) *accesstoken.Opener {
	t.Helper()
	keys := accesstoken.NewKeys(o.fetch, c.now)
	if keys.Loaded() {
		t.Error("keys are loaded before Load")
	}
	if err := keys.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !keys.Loaded() {
		t.Error("keys are not loaded after Load")
	}
	return accesstoken.NewOpener(keys)
}

func TestN174_GarbageCausesNoIO(t *testing.T) {
	s := sealerOf(t, seal.NewKey())
	o := &owner{sealer: s}
	c := &clock{}
	opener := loaded(t, o, c)
	c.Add(int64(time.Hour)) // a reload would be due
	text := minted(t, s)
	garbage := []string{"", "x", "chat_", strings.Repeat("A", 1<<20), text + "=", "\r\n" + text, strings.ToUpper(text)}
	for i := range text {
		garbage = append(garbage, text[:i], text[:i]+string(text[i]^1)+text[i+1:])
	}
	for _, g := range garbage {
		if _, err := opener.Open(t.Context(), g); !errors.Is(err, credential.ErrInvalid) {
			t.Errorf("Open(%.80q) = %v, want ErrInvalid", g, err)
		}
	}
	if n := o.asked.Load(); n != 1 {
		t.Errorf("the key set was read %d times, want only at the start", n)
	}
	if _, err := opener.Open(t.Context(), text); err != nil {
		t.Errorf("the token itself: %v", err)
	}
}

func TestRotationNeedsNoRestart(t *testing.T) {
	oldKey, newKey := seal.NewKey(), seal.NewKey()
	o := &owner{sealer: sealerOf(t, oldKey)}
	c := &clock{}
	opener := loaded(t, o, c)
	rotated := sealerOf(t, newKey, oldKey)
	o.says(rotated)
	text := minted(t, rotated)

	c.Add(int64(time.Second - 1))
	if _, err := opener.Open(t.Context(), text); !errors.Is(err, credential.ErrInvalid) {
		t.Errorf("Open() = %v less than a second after the last read, want ErrInvalid", err)
	}
	c.Add(1)
	if _, err := opener.Open(t.Context(), text); err != nil {
		t.Errorf("Open() = %v a second after the last read", err)
	}
	if n := o.asked.Load(); n != 2 {
		t.Errorf("the key set was read %d times, want 2", n)
	}
}

func TestUnknownKeysCauseOneReadASecond(t *testing.T) {
	o := &owner{sealer: sealerOf(t, seal.NewKey())}
	c := &clock{}
	opener := loaded(t, o, c)
	stranger := sealerOf(t, seal.NewKey())
	for range 3 {
		c.Add(int64(time.Second))
		for range 100 {
			if _, err := opener.Open(t.Context(), minted(t, stranger)); !errors.Is(err, credential.ErrInvalid) {
				t.Fatalf("Open() = %v, want ErrInvalid", err)
			}
		}
	}
	if n := o.asked.Load(); n != 1+3 {
		t.Errorf("the key set was read %d times, want once at the start and once in each of 3 seconds", n)
	}
}

func TestConcurrentRequestsShareOneRead(t *testing.T) {
	key, later := seal.NewKey(), seal.NewKey()
	o := &owner{sealer: sealerOf(t, key)}
	c := &clock{}
	opener := loaded(t, o, c)
	rotated := sealerOf(t, later, key)
	o.says(rotated)
	c.Add(int64(time.Second))
	o.hold = make(chan struct{})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := opener.Open(t.Context(), minted(t, rotated)); err != nil {
				t.Errorf("Open() = %v", err)
			}
		})
	}
	close(o.hold)
	wg.Wait()
	if n := o.asked.Load(); n != 2 {
		t.Errorf("the key set was read %d times, want 2", n)
	}
}

// What cannot be told is no ErrInvalid: the token may be good.
func TestFailedReadIsNotInvalid(t *testing.T) {
	key := seal.NewKey()
	o := &owner{err: errors.New("owner is away")}
	c := &clock{}
	keys := accesstoken.NewKeys(o.fetch, c.now)
	if err := keys.Load(t.Context()); err == nil || keys.Loaded() {
		t.Fatalf("Load() = %v, loaded %v", err, keys.Loaded())
	}
	opener := accesstoken.NewOpener(keys)
	s := sealerOf(t, key)
	text := minted(t, s)
	for range 2 {
		if _, err := opener.Open(t.Context(), text); err == nil || errors.Is(err, credential.ErrInvalid) {
			t.Errorf("Open() = %v while the owner is away", err)
		}
	}
	o.says(s)
	c.Add(int64(time.Second))
	if _, err := opener.Open(t.Context(), text); err != nil {
		t.Errorf("Open() = %v once the owner is back", err)
	}
}

func TestReadOutlivesItsFirstCaller(t *testing.T) {
	key, later := seal.NewKey(), seal.NewKey()
	o := &owner{sealer: sealerOf(t, key)}
	c := &clock{}
	opener := loaded(t, o, c)
	rotated := sealerOf(t, later, key)
	o.says(rotated)
	c.Add(int64(time.Second))
	o.hold = make(chan struct{})

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	text := minted(t, rotated)
	if _, err := opener.Open(ctx, text); !errors.Is(err, context.Canceled) {
		t.Errorf("Open() = %v, want context.Canceled", err)
	}
	close(o.hold)
	if _, err := opener.Open(t.Context(), text); err != nil {
		t.Errorf("Open() = %v of who waited on", err)
	}
	if n := o.asked.Load(); n != 2 {
		t.Errorf("the key set was read %d times, want 2", n)
	}
}

// What is left or made of a token by cutting and inserting opens only if it is
// the token again.
func FuzzOpen(f *testing.F) {
	ring, err := seal.NewRing(issuer, 1, seal.Key{ID: 1, Root: [32]byte{1}})
	if err != nil {
		f.Fatal(err)
	}
	s := credential.NewSealer(ring, preset.Default().Prefixes)
	genuine, err := s.SealAccessToken(credential.AccessToken{ClientID: "client", IssueTime: time.Unix(1, 0), ExpireTime: time.Unix(2, 0)})
	if err != nil {
		f.Fatal(err)
	}
	o := &owner{sealer: s}
	keys := accesstoken.NewKeys(o.fetch, (&clock{}).now)
	if err := keys.Load(context.Background()); err != nil {
		f.Fatal(err)
	}
	opener := accesstoken.NewOpener(keys)
	f.Add(uint16(0), "", uint16(0)) // the token itself
	f.Add(uint16(40), "\n", uint16(40))
	f.Add(uint16(len(genuine)), "=", uint16(len(genuine)))
	f.Fuzz(func(t *testing.T, head uint16, inserted string, tail uint16) {
		n := len(genuine) + 1
		text := genuine[:int(head)%n] + inserted + genuine[int(tail)%n:]
		if _, err := opener.Open(t.Context(), text); (err == nil) != (text == genuine) {
			t.Errorf("Open(%q) = %v, where %q was sealed", text, err, genuine)
		}
	})
}
