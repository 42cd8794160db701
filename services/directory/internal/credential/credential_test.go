package credential_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt"
	"github.com/chancery-auth/chancery/services/directory/internal/credential"
	"github.com/chancery-auth/chancery/services/directory/internal/device"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/password"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
)

const (
	right = "correct horse"
	block = "192.0.2.1/32"
	limit = 10
)

var cheap = password.Params{MemoryKiB: 8, Time: 1, Threads: 1}

// fixture is an authenticator that counts the hashes it computes.
type fixture struct {
	credential.Authenticator
	stores directorytest.Stores
	hashes *atomic.Int32
	ada    subject.Subject

	mu        sync.Mutex
	ended     map[string]int
	pauses    []time.Duration
	published []coherent.Restriction
}

// Publish implements subject.Publisher.
func (f *fixture) Publish(_ context.Context, rs ...coherent.Restriction) {
	f.published = append(f.published, rs...)
}

// newFixture has the enabled user ada, and the disabled user eve.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureOn(t, directorytest.SQLite)
}

func newFixtureOn(t *testing.T, stores func(*testing.T) directorytest.Stores) *fixture {
	t.Helper()
	f := &fixture{stores: stores(t), hashes: new(atomic.Int32), ended: make(map[string]int)}
	f.Authenticator = f.replica(cheap)
	f.ada = f.user(t, "ada")
	eve := f.user(t, "eve")
	if _, _, err := f.stores.Subjects.Disable(t.Context(), eve.Sub); err != nil {
		t.Fatalf("Disable() = %v", err)
	}
	f.hashes.Store(0)
	return f
}

// log is what was logged after the fixture was made.
func (f *fixture) log(t *testing.T) []coherent.Restriction { return f.stores.Log(t)[1:] }

// replica returns another authenticator over the same stores.
func (f *fixture) replica(p password.Params) credential.Authenticator {
	return credential.Authenticator{
		Credentials: f.stores.Credentials,
		Devices:     &device.Keeper{Devices: f.stores.Devices, Lifetime: time.Hour},
		Attempts: &attempt.Limiter{Attempts: f.stores.Attempts, Limits: attempt.Limits{
			Device:  attempt.Limit{Attempts: limit, Window: 15 * time.Minute},
			Pair:    attempt.Limit{Attempts: limit, Window: 15 * time.Minute},
			Account: attempt.Limit{Attempts: 100, Window: 24 * time.Hour},
			Address: attempt.Limit{Attempts: 100, Window: time.Hour},
			Network: attempt.Limit{Attempts: 1000, Window: time.Hour},
			Delay:   time.Second, DelayFrom: 5,
		}},
		Hints: f,
		Ended: func(_ context.Context, outcome string) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.ended[outcome]++
		},
		Pause: func(_ context.Context, d time.Duration) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.pauses = append(f.pauses, d)
			return nil
		},
		Hasher: password.NewHasher(password.Options{
			Params: p, Slots: 2, Wait: time.Minute,
			KDF: func(pw, salt []byte, p password.Params, size uint32) []byte {
				f.hashes.Add(1)
				return password.Argon2id(pw, salt, p, size)
			},
		}),
	}
}

func (f *fixture) user(t *testing.T, name string) subject.Subject {
	t.Helper()
	slot, err := f.Hasher.Acquire(t.Context(), "")
	if err != nil {
		t.Fatalf("Acquire() = %v", err)
	}
	defer slot.Release()
	created, err := f.stores.Subjects.Create(t.Context(), subject.Subject{Sub: uuid.NewString(), Username: name}, slot.Hash(right))
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	return created
}

func signIn(t *testing.T, a *credential.Authenticator, username, presented, addressBlock string) credential.Result {
	t.Helper()
	got, err := a.Authenticate(t.Context(), credential.SignIn{
		Username: username, Password: secret.Wrap(presented), AddressBlock: addressBlock,
	})
	if err != nil {
		t.Fatalf("Authenticate(%q) = %v", username, err)
	}
	return got
}

func TestAuthenticate(t *testing.T) {
	for _, tt := range []struct {
		name, username, password string
		want                     credential.Outcome
	}{
		{"right password", "ada", right, credential.Authenticated},
		{"wrong password", "ada", right + "x", credential.Refused},
		{"no password", "ada", "", credential.Refused},
		{"user name in other case", "Ada", right, credential.Refused},
		{"user name with a space", "ada ", right, credential.Refused},
		{"unknown user", "bob", right, credential.Refused},
		{"disabled user", "eve", right, credential.Refused},
		{"no user name", "", right, credential.Refused},
		{"what cannot be a user name", "ada\x00", right, credential.Refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			got := signIn(t, &f.Authenticator, tt.username, tt.password, block)
			if got.Outcome != tt.want {
				t.Fatalf("Authenticate() = %v, want %v", got.Outcome, tt.want)
			}
			if want := tt.want == credential.Authenticated; (got.Subject.Sub == f.ada.Sub) != want || (got.Subject.Sub != "") != want {
				t.Errorf("Authenticate() = subject %q", got.Subject.Sub)
			}
		})
	}
}

func TestSignInFindsTheNameInEitherUnicodeForm(t *testing.T) {
	f := newFixture(t)
	zoe := f.user(t, "zo\u00eb")
	if got := signIn(t, &f.Authenticator, "zoe\u0308", right, block); got.Subject.Sub != zoe.Sub {
		t.Errorf("Authenticate(in NFD) = %+v, want the user", got)
	}
}

// The time of an attempt is that of its hashes. Each costs one, of one size.
func TestN071_EveryAttemptThatIsLookedAtCostsOneHash(t *testing.T) {
	for name, attempted := range map[string][2]string{
		"right password":             {"ada", right},
		"wrong password":             {"ada", "wrong horse"},
		"unknown user":               {"bob", right},
		"disabled user":              {"eve", right},
		"disabled, wrong":            {"eve", "wrong horse"},
		"what cannot be a user name": {"ada\x00", right},
		"a name that is too long":    {strings.Repeat("a", 300), right},
		"no password":                {"ada", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			for n := int32(1); n <= 3; n++ {
				signIn(t, &f.Authenticator, attempted[0], attempted[1], block)
				if got := f.hashes.Load(); got != n {
					t.Errorf("%d hashes after %d attempts", got, n)
				}
			}
		})
	}
}

func TestN071_UnknownAndWrongAreAnsweredAlikeToTheLimitAndBeyond(t *testing.T) {
	f := newFixture(t)
	for n := range limit + 3 {
		before := f.hashes.Load()
		known := signIn(t, &f.Authenticator, "ada", "wrong horse", block)
		ofKnown := f.hashes.Load() - before
		for _, name := range []string{"bob", "eve", "ada\x00"} {
			before = f.hashes.Load()
			other := signIn(t, &f.Authenticator, name, "wrong horse", block)
			if known.Outcome != other.Outcome || ofKnown != f.hashes.Load()-before {
				t.Errorf("attempt %d: %q is answered %+v, ada %+v", n+1, name, other, known)
			}
			if (known.RetryAfter > 0) != (other.RetryAfter > 0) {
				t.Errorf("attempt %d: RetryAfter %v for %q, %v for ada", n+1, other.RetryAfter, name, known.RetryAfter)
			}
		}
	}
}

func TestN072_FiftyWrongPasswordsFromOneAddressOverThreeReplicas(t *testing.T) {
	f := newFixture(t)
	replicas := []credential.Authenticator{f.replica(cheap), f.replica(cheap), f.replica(cheap)}
	for n := 1; n <= 50; n++ {
		got := signIn(t, &replicas[n%3], "ada", "wrong horse", block)
		want := credential.Refused
		if n >= limit {
			want = credential.TooManyAttempts
		}
		if got.Outcome != want {
			t.Errorf("attempt %d = %v, want %v", n, got.Outcome, want)
		}
		if limited := want == credential.TooManyAttempts; limited != (got.RetryAfter > 0 && got.RetryAfter <= 15*time.Minute) {
			t.Errorf("attempt %d: RetryAfter = %v", n, got.RetryAfter)
		}
	}
	if got := f.hashes.Load(); got != limit {
		t.Errorf("%d passwords were looked at, want %d", got, limit)
	}
	if got := signIn(t, &f.Authenticator, "ada", right, block); got.Outcome != credential.TooManyAttempts {
		t.Errorf("right password from there = %v, want it not looked at", got.Outcome)
	}
	if got := signIn(t, &f.Authenticator, "ada", right, "198.51.100.7/32"); got.Outcome != credential.Authenticated {
		t.Errorf("the user, from elsewhere = %v, want in", got.Outcome)
	}
	if got := signIn(t, &f.Authenticator, "eve", "wrong horse", block); got.Outcome != credential.Refused {
		t.Errorf("another account from there = %v, want it looked at", got.Outcome)
	}
}

func TestN072_OneWrongPasswordEachFromManyAddressesLocksNobodyOut(t *testing.T) {
	f := newFixture(t)
	known := signIn(t, &f.Authenticator, "ada", right, block).Device.Reveal()
	for n := range 200 {
		signIn(t, &f.Authenticator, "ada", "wrong horse", fmt.Sprintf("10.0.0.%d/32", n))
	}
	if got := f.from(t, "ada", right, block, known); got.Outcome != credential.Authenticated {
		t.Errorf("the user on a known device = %v, want in", got.Outcome)
	}
	if got := signIn(t, &f.Authenticator, "ada", right, block); got.Outcome != credential.TooManyAttempts {
		t.Errorf("an unknown device = %v, want it not looked at", got.Outcome)
	}
}

func TestN072_AttemptsAtOnceAreNoWayAroundTheLimit(t *testing.T) {
	f := newFixture(t)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, err := f.Authenticate(t.Context(), credential.SignIn{Username: "ada", Password: secret.Wrap("wrong horse"), AddressBlock: block})
			// More than wait for a slot from one address are refused, and not counted.
			if err != nil && !errors.Is(err, fault.Unavailable) {
				t.Errorf("Authenticate() = %v", err)
			}
		})
	}
	wg.Wait()
	if got := f.hashes.Load(); got != limit {
		t.Errorf("%d passwords were looked at, want %d", got, limit)
	}
}

func TestSuccessForgetsTheFailuresOfItsAddress(t *testing.T) {
	f := newFixture(t)
	fail := func(n int, want credential.Outcome) {
		t.Helper()
		for range n {
			if got := signIn(t, &f.Authenticator, "ada", "wrong horse", block); got.Outcome != want {
				t.Fatalf("Authenticate() = %v, want %v", got.Outcome, want)
			}
		}
	}
	fail(limit-1, credential.Refused)
	if got := signIn(t, &f.Authenticator, "ada", right, block); got.Outcome != credential.Authenticated {
		t.Fatalf("Authenticate() = %v after %d failures, want in", got.Outcome, limit-1)
	}
	fail(limit-1, credential.Refused)
	fail(1, credential.TooManyAttempts)
}

func TestN073_TooLongAPasswordIsRefusedBeforeHashing(t *testing.T) {
	f := newFixture(t)
	for _, size := range []int{1025, 1 << 20} {
		_, err := f.Authenticate(t.Context(), credential.SignIn{Username: "ada", Password: secret.Wrap(strings.Repeat("a", size))})
		if !errors.Is(err, fault.Invalid) {
			t.Errorf("Authenticate(%d bytes) = %v, want %v", size, err, fault.Invalid)
		}
	}
	if f.hashes.Load() != 0 || f.stores.AttemptRows(t) != 0 {
		t.Errorf("%d hashes, %d counted, want none", f.hashes.Load(), f.stores.AttemptRows(t))
	}
	if got := signIn(t, &f.Authenticator, "ada", strings.Repeat("a", 1024), block); got.Outcome != credential.Refused || f.hashes.Load() != 1 {
		t.Errorf("Authenticate(1024 bytes) = %v with %d hashes, want it looked at", got.Outcome, f.hashes.Load())
	}
}

func TestN074_WithoutASlotNothingIsCounted(t *testing.T) {
	f := newFixture(t)
	f.Hasher = password.NewHasher(password.Options{Params: cheap, Slots: 1, KDF: password.Argon2id})
	slot, err := f.Hasher.Acquire(t.Context(), "")
	if err != nil {
		t.Fatalf("Acquire() = %v", err)
	}
	in := credential.SignIn{Username: "ada", Password: secret.Wrap(right), AddressBlock: block}
	for range limit + 1 {
		if _, err := f.Authenticate(t.Context(), in); !errors.Is(err, fault.Unavailable) {
			t.Errorf("Authenticate() = %v, want %v", err, fault.Unavailable)
		}
	}
	slot.Release()
	if got := signIn(t, &f.Authenticator, "ada", right, block); got.Outcome != credential.Authenticated {
		t.Errorf("Authenticate() = %v, want in", got.Outcome)
	}
}

func TestSignInRenewsAHashOfOtherCosts(t *testing.T) {
	f := newFixture(t)
	dearer := f.replica(password.Params{MemoryKiB: 16, Time: 1, Threads: 1})
	find := func() string {
		t.Helper()
		c, err := f.stores.Credentials.Find(t.Context(), "ada")
		if err != nil {
			t.Fatalf("Find() = %v", err)
		}
		return c.PasswordHash
	}
	old := find()
	signIn(t, &dearer, "ada", "wrong horse", block)
	if find() != old {
		t.Error("a wrong password changes the hash")
	}
	signIn(t, &dearer, "ada", right, block)
	renewed := find()
	if dearer.Hasher.Outdated(renewed) {
		t.Errorf("hash is %q after a success", renewed)
	}
	if got := signIn(t, &dearer, "ada", right, block); got.Outcome != credential.Authenticated || find() != renewed {
		t.Errorf("Authenticate() = %v with a hash of today, which becomes %q", got.Outcome, find())
	}
}

// N323: whoever fails from one address leaves a bounded number of records within an
// hour, and what has no record of its own is counted and told.
func TestN323_FailuresOfOneSourceAreFewRecords(t *testing.T) {
	f := newFixture(t)
	counted := 0
	// Known devices are not limited by their address.
	f.Attempts.Address.Attempts = 1000
	f.Counted = func(context.Context) { counted++ }
	trail := f.stores.Audit.Follow(t)
	for i := range 130 {
		in := credential.SignIn{Username: fmt.Sprintf("nobody%d", i), Password: secret.Wrap("wrong"), AddressBlock: block}
		if got, err := f.Authenticate(t.Context(), in); err != nil || got.Outcome != credential.Refused {
			t.Fatalf("Authenticate() = %v, %v", got.Outcome, err)
		}
	}
	want := make([]event.Event, 100)
	for i := range want {
		want[i].Type = event.SignInFailed
	}
	trail.Check(t, want...)
	if counted != 30 {
		t.Errorf("%d were counted, want 30", counted)
	}
	// Another source has records of its own.
	in := credential.SignIn{Username: "nobody", Password: secret.Wrap("wrong"), AddressBlock: "192.0.2.2/32"}
	if _, err := f.Authenticate(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	trail.Check(t, want[0])
}
