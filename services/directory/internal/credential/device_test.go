package credential_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/directory/internal/credential"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/password"
)

const next = "another battery staple"

// from signs in on a browser that has the handles.
func (f *fixture) from(t *testing.T, username, presented, addressBlock string, handles ...string) credential.Result {
	t.Helper()
	got, err := f.Authenticate(t.Context(), credential.SignIn{
		Username: username, Password: secret.Wrap(presented), AddressBlock: addressBlock, Devices: handles,
	})
	if err != nil {
		t.Fatalf("Authenticate(%q) = %v", username, err)
	}
	return got
}

// 120 wrong passwords from 120 /64s of one /48, over three replicas: 100 are looked
// at, and all that time the user gets in on a known device.
func TestN312_ManyAddressesGuessOnePassword(t *testing.T) {
	directorytest.Each(t, func(t *testing.T, stores directorytest.Open) {
		f := newFixtureOn(t, stores)
		replicas := []credential.Authenticator{f.replica(cheap), f.replica(cheap), f.replica(cheap)}
		known := f.from(t, "ada", right, block).Device.Reveal()
		for n := 1; n <= 120; n++ {
			f.hashes.Store(0)
			got := signIn(t, &replicas[n%3], "ada", "wrong horse", fmt.Sprintf("2001:db8:1:%x::/64", n))
			want := credential.Refused
			if n >= 100 {
				want = credential.TooManyAttempts
			}
			if looked := f.hashes.Load() == 1; got.Outcome != want || looked != (n <= 100) {
				t.Errorf("attempt %d = %v, looked at: %v", n, got.Outcome, looked)
			}
			if want == credential.TooManyAttempts && (got.RetryAfter <= time.Hour || got.RetryAfter > 24*time.Hour) {
				t.Errorf("attempt %d: RetryAfter = %v, want the rest of a day", n, got.RetryAfter)
			}
			if n%40 == 0 {
				if got := f.from(t, "ada", right, block, known); got.Outcome != credential.Authenticated || got.Device.Reveal() != known {
					t.Errorf("the user on a known device = %v, want in as that device", got.Outcome)
				}
			}
		}
		if got := f.from(t, "ada", right, "198.51.100.7/32"); got.Outcome != credential.TooManyAttempts {
			t.Errorf("the right password from an unknown device = %v, want it not looked at", got.Outcome)
		}
		if err := f.Attempts.Unlock(t.Context(), "ada", f.ada.Sub); err != nil {
			t.Fatalf("Unlock() = %v", err)
		}
		if got := f.from(t, "ada", right, "198.51.100.7/32"); got.Outcome != credential.Authenticated {
			t.Errorf("after the unlock = %v, want in", got.Outcome)
		}
	})
}

// 10⁴ accounts are tried from one address: 100 are looked at, known users and others
// alike, and others sign in from elsewhere.
func TestN312_OneAddressTriesManyAccounts(t *testing.T) {
	f := newFixture(t)
	f.hashes.Store(0)
	for n := range 10_000 {
		name := fmt.Sprint("user ", n)
		if n%50 == 0 {
			name = "ada"
		}
		got := signIn(t, &f.Authenticator, name, "wrong horse", block)
		if refused := got.Outcome == credential.Refused; refused != (n < 99) {
			t.Fatalf("attempt %d = %v", n+1, got.Outcome)
		}
	}
	if n := f.hashes.Load(); n != 100 {
		t.Errorf("%d passwords were looked at, want 100", n)
	}
	want := map[string]int{"refused": 100, "limited_address": 9900}
	if !maps.Equal(f.ended, want) {
		t.Errorf("counted %v, want %v", f.ended, want)
	}
	if got := f.from(t, "ada", right, "198.51.100.7/32"); got.Outcome != credential.Authenticated {
		t.Errorf("from another address = %v, want in", got.Outcome)
	}
}

func TestN312_AKnownDeviceHasALimitOfItsOwn(t *testing.T) {
	f := newFixture(t)
	known := f.from(t, "ada", right, block).Device.Reveal()
	for n := 1; n <= 11; n++ {
		f.hashes.Store(0)
		// The address of a known device is not looked at.
		got := f.from(t, "ada", "wrong horse", fmt.Sprintf("10.0.0.%d/32", n), known)
		if late := n >= 10; late != (got.Outcome == credential.TooManyAttempts) || (f.hashes.Load() == 1) != (n <= 10) {
			t.Errorf("attempt %d = %v", n, got.Outcome)
		}
	}
	if got := f.from(t, "ada", right, block, known); got.Outcome != credential.TooManyAttempts {
		t.Errorf("the right password there = %v, want it not looked at", got.Outcome)
	}
	if got := f.from(t, "ada", right, block); got.Outcome != credential.Authenticated {
		t.Errorf("an unknown device = %v, want in: nothing counts against it", got.Outcome)
	}
	if len(f.pauses) != 0 {
		t.Errorf("a known device waits %v", f.pauses)
	}
}

// What a handle is good for: one user's account, in one browser or several.
func TestN312_ADeviceIsKnownForItsUserAlone(t *testing.T) {
	f := newFixture(t)
	f.user(t, "bob")
	ofAda := f.from(t, "ada", right, block)
	ofBob := f.from(t, "bob", right, block, ofAda.Device.Reveal())
	if a, b := ofAda.Device.Reveal(), ofBob.Device.Reveal(); len(a) != 43 || len(b) != 43 || a == b {
		t.Errorf("handles are %q and %q, want two of 43 characters", a, b)
	}
	both := []string{ofBob.Device.Reveal(), ofAda.Device.Reveal()}
	if got := f.from(t, "ada", right, block, both...); got.Device.Reveal() != ofAda.Device.Reveal() {
		t.Error("a browser with two handles is not known by that of the user")
	}
	for n := range 100 {
		f.from(t, "ada", "wrong horse", fmt.Sprintf("10.0.0.%d/32", n), ofBob.Device.Reveal())
	}
	if got := f.from(t, "ada", right, block, ofBob.Device.Reveal()); got.Outcome != credential.TooManyAttempts {
		t.Errorf("a browser that another user is known on = %v, want it treated as unknown", got.Outcome)
	}
	if got := f.from(t, "ada", right, block, both...); got.Outcome != credential.Authenticated {
		t.Errorf("the user's own = %v, want in", got.Outcome)
	}
}

// A failure yields no handle, whoever the user is.
func TestN071_NoAnswerButSuccessHasAHandle(t *testing.T) {
	f := newFixture(t)
	known := f.from(t, "ada", right, block).Device.Reveal()
	for _, name := range []string{"ada", "eve", "nobody", "ada\x00"} {
		for _, handles := range [][]string{nil, {known}, {"", "x"}} {
			if got := f.from(t, name, "wrong horse", block, handles...); got.Device.Reveal() != "" || got.Subject.Sub != "" {
				t.Errorf("Authenticate(%q) = %+v", name, got)
			}
		}
	}
}

func TestN312_AttemptsWaitFromTheFifthFailureOn(t *testing.T) {
	f := newFixture(t)
	for n := 1; n <= 8; n++ {
		for _, name := range []string{"ada", "nobody"} {
			f.pauses = nil
			signIn(t, &f.Authenticator, name, "wrong horse", fmt.Sprintf("10.0.0.%d/32", n))
			want := []time.Duration(nil)
			if n > 5 {
				want = []time.Duration{time.Second}
			}
			if !slices.Equal(f.pauses, want) {
				t.Errorf("attempt %d for %s waits %v, want %v", n, name, f.pauses, want)
			}
		}
	}
}

// change changes ada's password on a browser that has the handles.
func (f *fixture) change(t *testing.T, presented, chosen string, handles ...string) (credential.Result, error) {
	t.Helper()
	return f.ChangePassword(t.Context(), credential.SignIn{
		Username: "ada", Password: secret.Wrap(presented), AddressBlock: block, Devices: handles,
	}, secret.Wrap(chosen))
}

func TestChangePassword(t *testing.T) {
	directorytest.Each(t, func(t *testing.T, stores directorytest.Open) {
		f := newFixtureOn(t, stores)
		this, other := f.from(t, "ada", right, block).Device.Reveal(), f.from(t, "ada", right, block).Device.Reveal()
		got, err := f.change(t, right, next, this)
		if err != nil || got.Outcome != credential.Authenticated || got.Subject.Version != f.ada.Version+1 || got.Device.Reveal() != this {
			t.Fatalf("ChangePassword() = %+v, %v", got, err)
		}
		want := []coherent.Restriction{coherent.Subject(f.ada.Sub, f.ada.Version+1)}
		if diff := cmp.Diff(want, f.published) + cmp.Diff(want, f.log(t)); diff != "" {
			t.Errorf("published or logged differs (-want +got):\n%s", diff)
		}
		if got := f.from(t, "ada", right, block); got.Outcome != credential.Refused {
			t.Errorf("the former password = %v", got.Outcome)
		}
		if got := f.from(t, "ada", next, block); got.Outcome != credential.Authenticated {
			t.Errorf("the new password = %v", got.Outcome)
		}
		for n := range 100 {
			signIn(t, &f.Authenticator, "ada", "wrong horse", fmt.Sprintf("10.0.0.%d/32", n))
		}
		if got := f.from(t, "ada", next, block, other); got.Outcome != credential.TooManyAttempts {
			t.Errorf("another device of before = %v, want it unknown", got.Outcome)
		}
		if got := f.from(t, "ada", next, block, this); got.Outcome != credential.Authenticated {
			t.Errorf("the device of the change = %v, want it known", got.Outcome)
		}
	})
}

func TestChangePasswordRefusals(t *testing.T) {
	f := newFixture(t)
	unchanged := func() {
		t.Helper()
		if log := f.log(t); len(log) != 0 {
			t.Errorf("log has %v", log)
		}
	}
	for _, chosen := range []string{"", "1234567", string(make([]byte, password.MaxLength+1))} {
		f.hashes.Store(0)
		if _, err := f.change(t, right, chosen); !errors.Is(err, fault.Invalid) || f.hashes.Load() != 0 {
			t.Errorf("ChangePassword(%d bytes) = %v with %d hashes, want %v before hashing", len(chosen), err, f.hashes.Load(), fault.Invalid)
		}
	}
	unchanged()
	for n := 1; n <= 11; n++ {
		got, err := f.change(t, "wrong horse", next)
		want := credential.Refused
		if n >= limit {
			want = credential.TooManyAttempts
		}
		if err != nil || got.Outcome != want {
			t.Errorf("attempt %d = %v, %v, want %v", n, got.Outcome, err, want)
		}
	}
	unchanged()
	if got := f.from(t, "ada", right, "198.51.100.7/32"); got.Outcome != credential.Authenticated {
		t.Errorf("the password = %v, want it as it was", got.Outcome)
	}
}

func TestSetPasswordEndsEverything(t *testing.T) {
	directorytest.Each(t, func(t *testing.T, stores directorytest.Open) {
		f := newFixtureOn(t, stores)
		known := f.from(t, "ada", right, block).Device.Reveal()
		changed, err := f.SetPassword(t.Context(), f.ada.Sub, secret.Wrap(next))
		if err != nil || changed.Version != f.ada.Version+1 {
			t.Fatalf("SetPassword() = %+v, %v", changed, err)
		}
		want := []coherent.Restriction{coherent.Subject(f.ada.Sub, f.ada.Version+1)}
		if diff := cmp.Diff(want, f.published); diff != "" {
			t.Errorf("published differs (-want +got):\n%s", diff)
		}
		if got := f.from(t, "ada", right, block, known); got.Outcome != credential.Refused {
			t.Errorf("the former password = %v", got.Outcome)
		}
		if got := f.from(t, "ada", next, block, known); got.Outcome != credential.Authenticated || got.Device.Reveal() == known {
			t.Errorf("the new password = %v, want in on a device that was not known", got.Outcome)
		}
		for sub, want := range map[string]error{uuid.NewString(): fault.NotFound, "x\x00": fault.NotFound} {
			if _, err := f.SetPassword(t.Context(), sub, secret.Wrap(next)); !errors.Is(err, want) {
				t.Errorf("SetPassword(%q) = %v, want %v", sub, err, want)
			}
		}
		if _, err := f.SetPassword(t.Context(), f.ada.Sub, secret.Wrap("1234567")); !errors.Is(err, fault.Invalid) {
			t.Errorf("SetPassword(7 bytes) = %v, want %v", err, fault.Invalid)
		}
	})
}

func TestOutcomesAreCounted(t *testing.T) {
	f := newFixture(t)
	f.from(t, "ada", right, block)
	for range limit + 1 {
		f.from(t, "ada", "wrong horse", block)
	}
	f.Hasher = password.NewHasher(password.Options{Params: cheap, Slots: 1, KDF: password.Argon2id})
	slot, err := f.Hasher.Acquire(t.Context(), "")
	if err != nil {
		t.Fatalf("Acquire() = %v", err)
	}
	defer slot.Release()
	if _, err := f.Authenticate(t.Context(), credential.SignIn{Username: "bob"}); !errors.Is(err, fault.Unavailable) {
		t.Errorf("Authenticate() = %v, want %v", err, fault.Unavailable)
	}
	if _, err := f.Authenticate(t.Context(), credential.SignIn{Password: secret.Wrap(string(make([]byte, 2000)))}); err == nil {
		t.Error("a password of 2,000 bytes is looked at")
	}
	want := map[string]int{"authenticated": 1, "refused": limit, "limited_pair": 1, "busy": 1, "failed": 1}
	if !maps.Equal(f.ended, want) {
		t.Errorf("counted %v, want %v", f.ended, want)
	}
	for word := range f.ended {
		if !slices.Contains(credential.Outcomes(), word) {
			t.Errorf("%s is no outcome", word)
		}
	}
}
