package seal_test

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/seal"
)

func BenchmarkSeal(b *testing.B) {
	r := newRing(b)
	b.ReportAllocs()
	for b.Loop() {
		mustSeal(b, r, seal.AccessToken)
	}
}

func BenchmarkOpen(b *testing.B) {
	r := newRing(b)
	sealed := mustSeal(b, r, seal.AccessToken)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := r.Open(seal.AccessToken, sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenDeterministic(b *testing.B) {
	r := newRing(b)
	sealed := mustSealDeterministic(b, r, seal.RefreshToken, r.Primary())
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := r.OpenDeterministic(seal.RefreshToken, sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	form := seal.Form{Prefix: "rfoa"}
	text := form.Encode(mustSeal(b, newRing(b), seal.AccessToken))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := form.Decode(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewRing(b *testing.B) {
	k := seal.NewKey()
	for b.Loop() {
		ringOf(b, issuer, k.ID, k)
	}
}
