package coherent

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chancery-auth/chancery/pkg/role"
)

var examples = []Restriction{
	Token(id), Grant(id, 1), Client("client", Deleted), ClientScope("client", 2, "a b"),
	Membership("sub", id, 300, role.None), SealingKey(1), Restore(1 << 40),
	{Kind: -5, Version: -1},
}

func TestHintReadsBack(t *testing.T) {
	keep, rs, err := decodeHint(encodeHint(70*time.Minute, examples))
	if err != nil || keep != 70*time.Minute {
		t.Errorf("decodeHint() keeps for %s, error %v", keep, err)
	}
	if diff := cmp.Diff(examples, rs, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("restrictions (-want +got):\n%s", diff)
	}
}

func TestMalformedHintIsRefused(t *testing.T) {
	good := encodeHint(time.Hour, examples[:1])
	for name, message := range map[string][]byte{
		"empty":            {},
		"version 0":        append([]byte{0}, good[1:]...),
		"version 2":        append([]byte{2}, good[1:]...),
		"version alone":    good[:1],
		"cut short":        good[:len(good)-1],
		"one byte more":    append(bytes.Clone(good), 2),
		"length too great": append(bytes.Clone(good), 2, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0),
		"endless varint":   append([]byte{wireVersion}, bytes.Repeat([]byte{0xff}, 11)...),
		"great kind":       append(bytes.Clone(good), 0x80, 0x80, 0x04, 0, 0, 0),
	} {
		if _, _, err := decodeHint(message); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, _, err := decodeHint(good); err != nil {
		t.Errorf("decodeHint() = %v", err)
	}
}

func TestHintKeepIsCapped(t *testing.T) {
	for in, want := range map[time.Duration]time.Duration{
		maxHintKeep: maxHintKeep, maxHintKeep + time.Second: maxHintKeep, 1<<63 - 1: maxHintKeep, -time.Hour: 0,
	} {
		if got, _, err := decodeHint(encodeHint(in, nil)); err != nil || got != want {
			t.Errorf("keep of %s reads as %s, %v", in, got, err)
		}
	}
}

// What is accepted means the same after it is written again.
func FuzzDecodeHint(f *testing.F) {
	f.Add(encodeHint(time.Hour, examples))
	f.Add([]byte{wireVersion})
	f.Fuzz(func(t *testing.T, message []byte) {
		keep, rs, err := decodeHint(message)
		if err != nil {
			return
		}
		keep2, rs2, err := decodeHint(encodeHint(keep, rs))
		if err != nil || keep2 != keep || !cmp.Equal(rs, rs2, cmpopts.EquateEmpty()) {
			t.Errorf("%x reads as %s %v, then as %s %v, %v", message, keep, rs, keep2, rs2, err)
		}
	})
}
