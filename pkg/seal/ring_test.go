package seal_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/chancery-auth/chancery/pkg/seal"
)

const issuer = "https://as.test"

var payload = []byte("what a token says, of about the usual length: client, subject, grant, scopes.")

// newRing returns a ring of one new key.
func newRing(t testing.TB) *seal.Ring {
	t.Helper()
	k := seal.NewKey()
	return ringOf(t, issuer, k.ID, k)
}

func ringOf(t testing.TB, issuer string, primary uint32, keys ...seal.Key) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(issuer, primary, keys...)
	if err != nil {
		t.Fatalf("NewRing() = %v", err)
	}
	return r
}

func mustSeal(t testing.TB, r *seal.Ring, kind seal.Kind) []byte {
	t.Helper()
	sealed, err := r.Seal(kind, payload)
	if err != nil {
		t.Fatalf("Seal() = %v", err)
	}
	return sealed
}

func mustSealDeterministic(t testing.TB, r *seal.Ring, kind seal.Kind, keyID uint32) []byte {
	t.Helper()
	sealed, err := r.SealDeterministic(kind, keyID, payload)
	if err != nil {
		t.Fatalf("SealDeterministic() = %v", err)
	}
	return sealed
}

// opener is Ring.Open or Ring.OpenDeterministic.
type opener func(seal.Kind, []byte) ([]byte, uint32, error)

func checkOpens(t *testing.T, open opener, kind seal.Kind, sealed []byte, wantKey uint32) {
	t.Helper()
	got, keyID, err := open(kind, sealed)
	if err != nil || !bytes.Equal(got, payload) || keyID != wantKey {
		t.Errorf("open = %q, %08x, %v, want %q, %08x", got, keyID, err, payload, wantKey)
	}
}

func checkRefused(t *testing.T, open opener, kind seal.Kind, sealed []byte, want error) {
	t.Helper()
	if got, _, err := open(kind, sealed); !errors.Is(err, want) || got != nil {
		t.Errorf("open(%x) = %q, %v, want %v", sealed, got, err, want)
	}
}

func TestOpenReturnsWhatWasSealed(t *testing.T) {
	r := newRing(t)
	for _, kind := range []seal.Kind{
		seal.AccessToken, seal.AuthorizationCode, seal.RefreshToken,
		seal.DeviceCode, seal.PageToken, seal.Position, seal.Cookie,
	} {
		t.Run(string(kind), func(t *testing.T) {
			checkOpens(t, r.Open, kind, mustSeal(t, r, kind), r.Primary())
			checkOpens(t, r.OpenDeterministic, kind, mustSealDeterministic(t, r, kind, r.Primary()), r.Primary())
		})
	}
}

func TestEmptyPayloadCanBeSealed(t *testing.T) {
	r := newRing(t)
	sealed, err := r.Seal(seal.AccessToken, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := r.Open(seal.AccessToken, sealed); err != nil || len(got) != 0 {
		t.Errorf("Open() = %q, %v", got, err)
	}
}

func TestSealNeverRepeatsItself(t *testing.T) {
	r := newRing(t)
	first, second := mustSeal(t, r, seal.AccessToken), mustSeal(t, r, seal.AccessToken)
	if bytes.Equal(first, second) || seal.TokenID(first) == seal.TokenID(second) {
		t.Errorf("two seals of one payload: %x, %x", first, second)
	}
}

func TestTokenIDIsTheBeginningOfTheNonce(t *testing.T) {
	sealed := mustSeal(t, newRing(t), seal.AccessToken)
	if id := seal.TokenID(sealed); !bytes.Equal(id[:], sealed[5:21]) {
		t.Errorf("TokenID() = %x, want %x", id, sealed[5:21])
	}
}

// The successor of a refresh token is made again from its family row, also
// after the primary has changed.
func TestSealDeterministicAlwaysGivesTheSameValue(t *testing.T) {
	former, current := seal.NewKey(), seal.NewKey()
	before := ringOf(t, issuer, former.ID, former)
	after := ringOf(t, issuer, current.ID, current, former)
	first := mustSealDeterministic(t, before, seal.RefreshToken, former.ID)
	if again := mustSealDeterministic(t, after, seal.RefreshToken, former.ID); !bytes.Equal(again, first) {
		t.Errorf("SealDeterministic() = %x, then %x", first, again)
	}
	if other := mustSealDeterministic(t, after, seal.RefreshToken, current.ID); bytes.Equal(other[5:], first[5:]) {
		t.Errorf("two keys give the same value %x", other)
	}
}

func TestRotatedRingOpensFormerValues(t *testing.T) {
	former, current := seal.NewKey(), seal.NewKey()
	before := ringOf(t, issuer, former.ID, former)
	after := ringOf(t, issuer, current.ID, former, current)
	checkOpens(t, after.Open, seal.AccessToken, mustSeal(t, before, seal.AccessToken), former.ID)
	checkOpens(t, after.Open, seal.AccessToken, mustSeal(t, after, seal.AccessToken), current.ID)
	checkRefused(t, before.Open, seal.AccessToken, mustSeal(t, after, seal.AccessToken), seal.ErrUnknownKey)
}

func TestSealDeterministicRefusesUnknownKey(t *testing.T) {
	r := newRing(t)
	if _, err := r.SealDeterministic(seal.RefreshToken, r.Primary()+1, payload); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("SealDeterministic() = %v, want %v", err, seal.ErrUnknownKey)
	}
}

func TestUnknownKindIsRefused(t *testing.T) {
	r := newRing(t)
	if _, err := r.Seal("other", payload); !errors.Is(err, seal.ErrUnknownKind) {
		t.Errorf("Seal() = %v, want %v", err, seal.ErrUnknownKind)
	}
	checkRefused(t, r.Open, "other", mustSeal(t, r, seal.AccessToken), seal.ErrUnknownKind)
}

func TestNewRing(t *testing.T) {
	k, other := seal.NewKey(), seal.NewKey()
	tests := []struct {
		name    string
		issuer  string
		primary uint32
		keys    []seal.Key
		ok      bool
	}{
		{"one key", issuer, k.ID, []seal.Key{k}, true},
		{"two keys", issuer, other.ID, []seal.Key{k, other}, true},
		{"no issuer", "", k.ID, []seal.Key{k}, false},
		{"no key", issuer, 0, nil, false},
		{"primary is missing", issuer, other.ID, []seal.Key{k}, false},
		{"key without id", issuer, 0, []seal.Key{{Root: k.Root}}, false},
		{"key without root", issuer, k.ID, []seal.Key{{ID: k.ID}}, false},
		{"one id twice", issuer, k.ID, []seal.Key{k, {ID: k.ID, Root: other.Root}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := seal.NewRing(tt.issuer, tt.primary, tt.keys...); (err == nil) != tt.ok {
				t.Errorf("NewRing() = %v, want success %t", err, tt.ok)
			}
		})
	}
}

func TestRingIsSafeForConcurrentUse(t *testing.T) {
	r := newRing(t)
	shared := mustSeal(t, r, seal.AccessToken)
	want := mustSealDeterministic(t, r, seal.RefreshToken, r.Primary())
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 100 {
				checkOpens(t, r.Open, seal.AccessToken, shared, r.Primary())
				got, err := r.SealDeterministic(seal.RefreshToken, r.Primary(), payload)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("SealDeterministic() = %x, %v, want %x", got, err, want)
				}
			}
		})
	}
	wg.Wait()
}

func TestKeyShowsItsIDOnly(t *testing.T) {
	k := seal.NewKey()
	copy(k.Root[:], "canarycanarycanarycanarycanaryca")
	ring := ringOf(t, issuer, k.ID, k)
	root := []string{"canary", fmt.Sprintf("%x", "canary"), "99 97 110", "99,97,110", "0x63, 0x61"}
	var shown []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown = append(shown, fmt.Sprintf(verb, k), fmt.Sprintf(verb, &k), fmt.Sprintf(verb, []seal.Key{k}), fmt.Sprintf(verb, ring))
	}
	encoded, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	shown = append(shown, string(encoded), k.LogValue().String(), k.GoString())
	for _, text := range shown {
		for _, part := range root {
			if strings.Contains(text, part) {
				t.Errorf("%q shows the root", text)
			}
		}
	}
	if !strings.Contains(k.String(), fmt.Sprintf("%08x", k.ID)) {
		t.Errorf("String() = %q, want the id %08x in it", k.String(), k.ID)
	}
}

// Values sealed by one release open in the next: these were sealed under the
// fixed key below, and pin derivation, associated data and layout.
func TestFormatIsStable(t *testing.T) {
	k := seal.Key{ID: 0x01020304, Root: [32]byte(bytes.Repeat([]byte{7}, 32))}
	r := ringOf(t, issuer, k.ID, k)
	const fixed = "01010203048c08f43a860e2bd1e0943e27ca343c92d58f499184d785bb2a278e160f4a71eaf862679df1173cfe42592f5ee6b95e2e4391ca12dc48222b547f4b09faa842afed637e399b3092c81565134fb4fad5c7dc08b9d011cd10da196cebafe6"
	if got := fmt.Sprintf("%x", mustSealDeterministic(t, r, seal.RefreshToken, k.ID)); got != fixed {
		t.Errorf("SealDeterministic() = %s, want %s", got, fixed)
	}
	random, err := hex.DecodeString("010102030474127ffe66bdf1de9db95c7732707b6e92e07897e92f2ca0cb7fb3836e8af7123b003b5f0352ef1f8d3a5c4f291f5e8e0fbd89ddc8890853ac40c8bae7e1656f8d51043104b1342ce7c46e34221db9ff808ee5d6e69d40f70ed9039351890206977afb458f48ccf081cfdf7bfabf93b018bdfe5036")
	if err != nil {
		t.Fatal(err)
	}
	checkOpens(t, r.Open, seal.AccessToken, random, k.ID)
}
