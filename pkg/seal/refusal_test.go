package seal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/seal"
)

// credential is one sealed value, with everything needed to open it again.
type credential struct {
	form   seal.Form
	kind   seal.Kind
	open   opener
	sealed []byte
}

func (c credential) text() string { return c.form.Encode(c.sealed) }

// credentials returns a code, an access token and a refresh token of one ring.
func credentials(t *testing.T) []credential {
	t.Helper()
	r := newRing(t)
	return []credential{
		{seal.Form{Prefix: "rfac"}, seal.AuthorizationCode, r.Open, mustSeal(t, r, seal.AuthorizationCode)},
		{seal.Form{Prefix: "rfoa"}, seal.AccessToken, r.Open, mustSeal(t, r, seal.AccessToken)},
		{seal.Form{Prefix: "rfrt"}, seal.RefreshToken, r.OpenDeterministic, mustSealDeterministic(t, r, seal.RefreshToken, r.Primary())},
	}
}

// each runs check on every credential, once it has seen that the credential
// itself is good.
func each(t *testing.T, check func(*testing.T, credential)) {
	for _, c := range credentials(t) {
		t.Run(string(c.kind), func(t *testing.T) {
			sealed, err := c.form.Decode(c.text())
			if err != nil || !bytes.Equal(sealed, c.sealed) {
				t.Fatalf("Decode(%q) = %x, %v", c.text(), sealed, err)
			}
			checkOpens(t, c.open, c.kind, sealed, binary.BigEndian.Uint32(c.sealed[1:5]))
			check(t, c)
		})
	}
}

// checkSealedRefused encodes forged anew, so that only the cryptography is left
// to refuse it.
func checkSealedRefused(t *testing.T, c credential, forged []byte) {
	t.Helper()
	if bytes.Equal(forged, c.sealed) {
		return
	}
	sealed, err := c.form.Decode(c.form.Encode(forged))
	if err != nil {
		if len(forged) > 0 {
			t.Errorf("Decode(Encode(%x)) = %v", forged, err)
		}
		return
	}
	if got, _, err := c.open(c.kind, sealed); err == nil || got != nil {
		t.Errorf("opened %x = %q, %v", forged, got, err)
	}
}

func checkTextRefused(t *testing.T, form seal.Form, text string) {
	t.Helper()
	if sealed, err := form.Decode(text); !errors.Is(err, seal.ErrMalformed) || sealed != nil {
		t.Errorf("Decode(%q) = %x, %v, want %v", text, sealed, err, seal.ErrMalformed)
	}
}

func TestN121_EverySealedBitFlipIsRefused(t *testing.T) {
	each(t, func(t *testing.T, c credential) {
		for bit := range len(c.sealed) * 8 {
			forged := slices.Clone(c.sealed)
			forged[bit/8] ^= 1 << (bit % 8)
			checkSealedRefused(t, c, forged)
		}
	})
}

func TestN121_EverySealedTruncationIsRefused(t *testing.T) {
	each(t, func(t *testing.T, c credential) {
		for n := range len(c.sealed) {
			checkSealedRefused(t, c, c.sealed[:n])
			checkSealedRefused(t, c, c.sealed[n+1:])
		}
	})
}

func TestN121_ExtensionAndSwapOfHalvesAreRefused(t *testing.T) {
	each(t, func(t *testing.T, c credential) {
		for b := range 256 {
			checkSealedRefused(t, c, append(slices.Clone(c.sealed), byte(b)))
		}
		half := len(c.sealed) / 2
		checkSealedRefused(t, c, slices.Concat(c.sealed[half:], c.sealed[:half]))
		checkSealedRefused(t, c, slices.Concat(c.sealed, c.sealed))
	})
}

func TestN121_EveryBitFlipOfTheTextIsRefused(t *testing.T) {
	each(t, func(t *testing.T, c credential) {
		for bit := range len(c.text()) * 8 {
			forged := []byte(c.text())
			forged[bit/8] ^= 1 << (bit % 8)
			checkTextRefused(t, c.form, string(forged))
		}
	})
}

func TestN131_KindsDoNotPassAsEachOther(t *testing.T) {
	r := newRing(t)
	all := []seal.Kind{
		seal.AccessToken, seal.AuthorizationCode, seal.RefreshToken,
		seal.DeviceCode, seal.PageToken, seal.Position, seal.Cookie,
	}
	for _, made := range all {
		random, fixed := mustSeal(t, r, made), mustSealDeterministic(t, r, made, r.Primary())
		for _, asked := range all {
			if asked == made {
				checkOpens(t, r.Open, asked, random, r.Primary())
				checkOpens(t, r.OpenDeterministic, asked, fixed, r.Primary())
				continue
			}
			checkRefused(t, r.Open, asked, random, seal.ErrForged)
			checkRefused(t, r.OpenDeterministic, asked, fixed, seal.ErrForged)
		}
		checkRefused(t, r.OpenDeterministic, made, random, seal.ErrForged)
		checkRefused(t, r.Open, made, fixed, seal.ErrForged)
	}
}

func TestN131_AnotherIssuerWithTheSameKeyIsRefused(t *testing.T) {
	k := seal.NewKey()
	ours, again := ringOf(t, issuer, k.ID, k), ringOf(t, issuer, k.ID, k)
	checkOpens(t, again.Open, seal.AccessToken, mustSeal(t, ours, seal.AccessToken), k.ID)
	for _, other := range []string{issuer + "/", "https://as.tes", "https://AS.test", "http://as.test"} {
		theirs := ringOf(t, other, k.ID, k)
		checkRefused(t, theirs.Open, seal.AccessToken, mustSeal(t, ours, seal.AccessToken), seal.ErrForged)
		checkRefused(t, theirs.OpenDeterministic, seal.RefreshToken,
			mustSealDeterministic(t, ours, seal.RefreshToken, k.ID), seal.ErrForged)
	}
}

func TestN131_KeyIDIsBoundEvenIfTwoKeysShareARoot(t *testing.T) {
	k := seal.NewKey()
	twin := seal.Key{ID: k.ID ^ 1, Root: k.Root}
	r := ringOf(t, issuer, k.ID, k, twin)
	sealed := mustSeal(t, r, seal.AccessToken)
	fixed := mustSealDeterministic(t, r, seal.RefreshToken, k.ID)
	binary.BigEndian.PutUint32(sealed[1:], twin.ID)
	binary.BigEndian.PutUint32(fixed[1:], twin.ID)
	checkRefused(t, r.Open, seal.AccessToken, sealed, seal.ErrForged)
	checkRefused(t, r.OpenDeterministic, seal.RefreshToken, fixed, seal.ErrForged)
}

func TestN149_WrongKeyIDIsRefused(t *testing.T) {
	k, other := seal.NewKey(), seal.NewKey()
	r := ringOf(t, issuer, k.ID, k, other)
	sealed := mustSealDeterministic(t, r, seal.RefreshToken, k.ID)
	checkOpens(t, r.OpenDeterministic, seal.RefreshToken, sealed, k.ID)
	binary.BigEndian.PutUint32(sealed[1:], other.ID)
	checkRefused(t, r.OpenDeterministic, seal.RefreshToken, sealed, seal.ErrForged)
}

// The checksum filters; it does not decide.
func TestN149_FittingChecksumDoesNotHelpAForgery(t *testing.T) {
	each(t, func(t *testing.T, c credential) {
		forged := slices.Clone(c.sealed)
		forged[len(forged)-1] ^= 1
		sealed, err := c.form.Decode(c.form.Encode(forged))
		if err != nil {
			t.Fatal(err)
		}
		checkRefused(t, c.open, c.kind, sealed, seal.ErrForged)
	})
}

func TestN162_RetypedTextIsRefused(t *testing.T) {
	each(t, func(t *testing.T, c credential) {
		text := c.text()
		for n := range len(text) {
			checkTextRefused(t, c.form, text[:n])
			for _, inserted := range []string{"\n", "\r", "\r\n", " ", "=", "%0A", "\x00", "A"} {
				checkTextRefused(t, c.form, text[:n]+inserted+text[n:])
			}
			checkTextRefused(t, c.form, text+text[:n+1])
		}
		for _, appended := range []string{"\n", "\r", "=", "==", " ", "A"} {
			checkTextRefused(t, c.form, text+appended)
		}
		checkTextRefused(t, c.form, strings.ToUpper(text))
		checkTextRefused(t, c.form, strings.ToLower(text))
	})
}

func TestN162_OtherPrefixIsRefused(t *testing.T) {
	each(t, func(t *testing.T, c credential) {
		for _, prefix := range []string{"", "rf", "RFAC", c.form.Prefix + "x", "x" + c.form.Prefix} {
			checkTextRefused(t, c.form, seal.Form{Prefix: prefix}.Encode(c.sealed))
		}
	})
}

func TestN162_ChecksumOfAnotherBodyIsRefused(t *testing.T) {
	each(t, func(t *testing.T, c credential) {
		other := c.form.Encode(append(slices.Clone(c.sealed[:len(c.sealed)-1]), c.sealed[len(c.sealed)-1]^1))
		text := c.text()
		split := len(text) - 6
		checkTextRefused(t, c.form, text[:split]+other[split:])
		checkTextRefused(t, c.form, other[:split]+text[split:])
	})
}

func TestN163_CredentialsOfOtherKindsAreNotAccessTokens(t *testing.T) {
	r := newRing(t)
	for _, kind := range []seal.Kind{seal.AuthorizationCode, seal.PageToken, seal.Position} {
		checkRefused(t, r.Open, seal.AccessToken, mustSeal(t, r, kind), seal.ErrForged)
	}
	refresh := mustSealDeterministic(t, r, seal.RefreshToken, r.Primary())
	checkRefused(t, r.Open, seal.AccessToken, refresh, seal.ErrForged)
}

func TestN164_RetiredKeyAndOtherIssuerAreRefused(t *testing.T) {
	retired, current := seal.NewKey(), seal.NewKey()
	before := ringOf(t, issuer, retired.ID, retired, current)
	after := ringOf(t, issuer, current.ID, current)
	sealed := mustSeal(t, before, seal.AccessToken)
	checkOpens(t, before.Open, seal.AccessToken, sealed, retired.ID)
	checkRefused(t, after.Open, seal.AccessToken, sealed, seal.ErrUnknownKey)
	other := ringOf(t, "https://other.test", retired.ID, retired)
	checkRefused(t, other.Open, seal.AccessToken, sealed, seal.ErrForged)
}
