package ring_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/kek"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/token/internal/key"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
	"github.com/chancery-auth/chancery/services/token/internal/ring"
)

// store is the SQLite store, which a test can count, hold up and take away.
type store struct {
	*key.Store
	lists atomic.Int64
	mu    sync.Mutex
	err   error
}

func (s *store) List(ctx context.Context) (key.Listing, error) {
	s.lists.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return key.Listing{}, s.err
	}
	return s.Store.List(ctx)
}

func (s *store) fails(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// discard is a publisher that nobody hears.
type discard struct{}

func (discard) Publish(context.Context, ...coherent.Restriction) {}

// replica is a ring with a clock and a store of its own.
type replica struct {
	*ring.Ring
	store *store
	vault *key.Vault
	clock atomic.Int64 // nanoseconds
	epoch atomic.Int64
}

// world is replicas on one database.
type world struct {
	stored *key.Store
	kek    *kek.Key
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, _ := storetest.SQLite(t)
	k, err := kek.Open("file:"+filepath.Join(t.TempDir(), "kek"), kek.Create())
	if err != nil {
		t.Fatal(err)
	}
	return &world{key.NewStore(db, time.Hour), k}
}

// signingKey is made once, since an RSA key takes its time.
var signingKey = sync.OnceValues(func() ([]byte, error) { return key.Generate(key.RS256) })

func (w *world) replica(t *testing.T) *replica {
	t.Helper()
	r := &replica{store: &store{Store: w.stored}}
	r.vault = &key.Vault{
		Keys: r.store, KEK: w.kek, Hints: discard{}, Life: map[key.Purpose]time.Duration{key.Sealing: time.Hour, key.ES256: time.Hour},
		Generate: func(p key.Purpose) ([]byte, error) {
			if p == key.RS256 {
				return signingKey()
			}
			return key.Generate(p)
		},
	}
	r.Ring = ring.New(ring.Config{
		Issuer: "https://as.test", Prefixes: preset.Default().Prefixes, Vault: r.vault,
		RestoreEpoch: func(context.Context) (int64, error) { return r.epoch.Load(), nil },
		Now:          func() time.Time { return time.Unix(1_800_000_000, r.clock.Load()) },
	})
	if r.Loaded() || len(r.Ages()) != 0 {
		t.Error("there are keys before Refresh")
	}
	r.refresh(t)
	return r
}

func (r *replica) refresh(t *testing.T) {
	t.Helper()
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// pass lets time pass on the clock of the replica.
func (r *replica) pass(d time.Duration) { r.clock.Add(int64(d)) }

func (r *replica) rotate(t *testing.T, lead time.Duration, p ...key.Purpose) []key.Key {
	t.Helper()
	made, err := r.vault.Rotate(t.Context(), lead, p...)
	if err != nil {
		t.Fatal(err)
	}
	r.refresh(t)
	return made
}

func (r *replica) code(t *testing.T) string {
	t.Helper()
	text, err := r.SealCode(credential.AuthorizationCode{ID: uuid.UUID{1}, GrantID: uuid.UUID{2}})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (r *replica) opens(t *testing.T, code string) error {
	t.Helper()
	_, err := r.OpenCode(t.Context(), code)
	return err
}

// kid is that of the key that signs now.
func (r *replica) kid(t *testing.T) string {
	t.Helper()
	token, err := r.Sign(jwks.ES256, jwks.IDToken, map[string]string{"sub": "u1"})
	if err != nil {
		t.Fatal(err)
	}
	keys, _ := r.List()
	for _, k := range keys {
		if k.Purpose != key.ES256 {
			continue
		}
		set, err := jwks.NewSet(k.Sign)
		if err != nil {
			t.Fatal(err)
		}
		if _, kid, err := set.Verify(jwks.IDToken, token); err == nil {
			return kid
		}
	}
	t.Fatal("no key of the ring has signed")
	return ""
}

// N203: the next key is published before it is used, and takes over at its time
// even where the database cannot be reached.
func TestN203_NextKeyTakesOverByItself(t *testing.T) {
	r := newWorld(t).replica(t)
	primary, kid := r.Primary(), r.kid(t)
	made := r.rotate(t, time.Hour, key.Sealing, key.ES256)
	r.store.fails(errors.New("away"))
	document, _ := r.Document(t.Context())
	if !strings.Contains(string(document), made[1].ID) || !strings.Contains(string(document), kid) {
		t.Error("the next key is not published beside the active one")
	}
	before := r.store.lists.Load()
	r.pass(59 * time.Minute)
	if r.Primary() != primary || r.kid(t) != kid {
		t.Error("the next key is used before its time")
	}
	r.pass(2 * time.Minute)
	if r.Primary() != made[0].Seal.ID || r.kid(t) != made[1].ID {
		t.Error("the next key is not used at its time")
	}
	if after := r.store.lists.Load(); after != before {
		t.Errorf("%d reads of the keys, want none", after-before)
	}
	if after, _ := r.Document(t.Context()); !strings.Contains(string(after), kid) {
		t.Error("the former key is not published any more")
	}
}

func TestWhatAFasterReplicaSealedOpens(t *testing.T) {
	w := newWorld(t)
	fast, slow := w.replica(t), w.replica(t)
	fast.rotate(t, 0, key.Sealing)
	code := fast.code(t)
	before := slow.store.lists.Load()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := slow.opens(t, code); err != nil {
				t.Errorf("OpenCode() = %v", err)
			}
		})
	}
	all.Wait()
	if reads := slow.store.lists.Load() - before; reads < 1 || reads > 2 {
		t.Errorf("%d reads of the keys, want one, or two where requests came while one ran", reads)
	}
	fast.rotate(t, 0, key.Sealing)
	text, err := slow.SealRefreshToken(t.Context(), credential.RefreshToken{FamilyID: uuid.UUID{3}, KeyID: fast.Primary()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fast.OpenRefreshToken(t.Context(), text); err != nil {
		t.Error(err)
	}
}

// N203: whoever writes codes under keys that nobody has causes few reads, and no
// good code is called bad meanwhile.
func TestN203_StrangersCauseFewReads(t *testing.T) {
	w := newWorld(t)
	fast, r := w.replica(t), w.replica(t)
	stranger := newWorld(t).replica(t).code(t)
	before := r.store.lists.Load()
	for range 8 {
		if err := r.opens(t, stranger); !errors.Is(err, credential.ErrInvalid) {
			t.Errorf("OpenCode() = %v, want ErrInvalid", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	for range 20 {
		if _, err := r.OpenCode(ctx, stranger); err == nil || errors.Is(err, credential.ErrInvalid) {
			t.Errorf("OpenCode() = %v, want that nobody can say", err)
		}
	}
	if reads := r.store.lists.Load() - before; reads != 8 {
		t.Errorf("%d reads of the keys, want 8", reads)
	}
	fast.rotate(t, 0, key.Sealing)
	r.pass(999 * time.Millisecond) // no reason yet to read for any other
	go r.pass(time.Millisecond)
	if err := r.opens(t, fast.code(t)); err != nil {
		t.Errorf("OpenCode() of a good code = %v", err)
	}
}

// What cannot be told is no ErrInvalid: the code may be good.
func TestFailedReadIsNotInvalid(t *testing.T) {
	w := newWorld(t)
	fast, r := w.replica(t), w.replica(t)
	own := r.code(t)
	fast.rotate(t, 0, key.Sealing)
	code, cause := fast.code(t), errors.New("away")
	r.store.fails(cause)
	if err := r.opens(t, code); !errors.Is(err, cause) || errors.Is(err, credential.ErrInvalid) {
		t.Errorf("OpenCode() = %v, want the cause", err)
	}
	if err := r.opens(t, own); err != nil {
		t.Errorf("OpenCode() with keys of a moment ago = %v", err)
	}
	r.store.fails(nil)
	if err := r.opens(t, code); err != nil {
		t.Errorf("OpenCode() = %v once the database is back", err)
	}
}

// N290: a replica that has not heard of it opens nothing with a retired key
// after a second.
func TestN290_RetiredKeyOpensNothingForLong(t *testing.T) {
	w := newWorld(t)
	fast, slow := w.replica(t), w.replica(t)
	code := slow.code(t)
	old := fast.Primary()
	fast.rotate(t, 0, key.Sealing)
	slow.refresh(t)
	if _, err := fast.vault.Retire(t.Context(), keyID(t, fast, old)); err != nil {
		t.Fatal(err)
	}
	slow.pass(time.Second - 1)
	if err := slow.opens(t, code); err != nil {
		t.Errorf("OpenCode() = %v within the second", err)
	}
	slow.pass(1)
	slow.store.fails(errors.New("away"))
	for range 2 {
		if err := slow.opens(t, code); err == nil || errors.Is(err, credential.ErrInvalid) {
			t.Errorf("OpenCode() = %v with keys that may be out of date", err)
		}
	}
	slow.store.fails(nil)
	slow.pass(time.Second)
	if err := slow.opens(t, code); !errors.Is(err, credential.ErrInvalid) {
		t.Errorf("OpenCode() = %v, want ErrInvalid", err)
	}
	if keys, retired := slow.List(); len(keys) != 3 || len(retired) != 1 {
		t.Errorf("%d keys, %d retired, want 3 and 1", len(keys), len(retired))
	}
}

func keyID(t *testing.T, r *replica, id uint32) string {
	t.Helper()
	keys, _ := r.List()
	for _, k := range keys {
		if k.Seal.ID == id {
			return k.ID
		}
	}
	t.Fatalf("no key has the id %08x", id)
	return ""
}

func TestDocumentTellsItsAge(t *testing.T) {
	r := newWorld(t).replica(t)
	first, age := r.Document(t.Context())
	if age != 0 {
		t.Errorf("age = %v, want 0", age)
	}
	r.store.fails(errors.New("away"))
	r.pass(time.Hour)
	again, age := r.Document(t.Context())
	if age != time.Hour || string(again) != string(first) {
		t.Errorf("age = %v, want 1h", age)
	}
	r.store.fails(nil)
	r.pass(time.Second)
	if _, age := r.Document(t.Context()); age != 0 {
		t.Errorf("age = %v, want 0", age)
	}
}

func TestDueIsWhoeverIsOldAndHasNoSuccessor(t *testing.T) {
	r := newWorld(t).replica(t)
	if due := r.Due(time.Hour); len(due) != 0 {
		t.Errorf("Due() = %v, want none", due)
	}
	r.pass(time.Hour)
	if due := r.Due(time.Hour); len(due) != 3 {
		t.Errorf("Due() = %v, want every purpose", due)
	}
	if age := r.Ages()[key.ES256]; age < time.Hour || age > time.Hour+time.Minute {
		t.Errorf("age = %v, want 1h", age)
	}
	r.rotate(t, 2*time.Hour, key.Sealing)
	r.pass(time.Hour + time.Minute)
	if due := r.Due(time.Hour); len(due) != 2 || due[0].Purpose != key.RS256 || due[1].Purpose != key.ES256 {
		t.Errorf("Due() = %v, want those without successor", due)
	}
}

func TestRestoreEpochComesWithTheKeys(t *testing.T) {
	r := newWorld(t).replica(t)
	r.epoch.Store(7)
	if r.RestoreEpoch() != 0 {
		t.Error("the epoch is read each time")
	}
	r.refresh(t)
	if r.RestoreEpoch() != 7 {
		t.Errorf("RestoreEpoch() = %d, want 7", r.RestoreEpoch())
	}
}

// Rotations leave many keys behind; reading them must stay cheap.
func TestHundredsOfFormerKeysAreOpenedOnce(t *testing.T) {
	r := newWorld(t).replica(t)
	first := r.code(t)
	opened := 0
	r.vault.KEK = counting{r.vault.KEK, &opened}
	for range 300 {
		if _, err := r.vault.Rotate(t.Context(), 0, key.Sealing); err != nil {
			t.Fatal(err)
		}
	}
	r.refresh(t)
	if err := r.opens(t, first); err != nil {
		t.Error(err)
	}
	// Each once for who made it, and once as it is read.
	if opened > 2*300 {
		t.Errorf("keys were decrypted %d times, want 600 at most", opened)
	}
}

// counting counts what is decrypted.
type counting struct {
	key.Encrypter
	n *int
}

func (c counting) Decrypt(ciphertext, associated []byte) ([]byte, error) {
	*c.n++
	return c.Encrypter.Decrypt(ciphertext, associated)
}
