package coherent

import (
	"bytes"
	"encoding/hex"
	"errors"
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
	for _, k := range []hintKey{nil, key} {
		m, rest := k.encode(70*time.Minute, examples)
		keep, rs, err := k.decode(m)
		if err != nil || keep != 70*time.Minute || len(rest) != 0 {
			t.Errorf("decode() keeps for %s, error %v, %d left", keep, err, len(rest))
		}
		if diff := cmp.Diff(examples, rs, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("restrictions (-want +got):\n%s", diff)
		}
	}
}

// The form is that of every release: what one sends, another reads.
func TestMessageIsWrittenAsEver(t *testing.T) {
	got := hex.EncodeToString(message(key, Subject("x", 2), ClientScope("c", 1, "a")))
	if want := "02901c0a040178000e0201630161eff68c73e5b2640b6d547d29f5cebc98"; got != want {
		t.Errorf("message %s, want %s", got, want)
	}
}

// The longest restriction is larger than any that the log takes.
func TestMessageIsFilledAndNeverTooLong(t *testing.T) {
	long := ClientScope("client", 1, string(make([]byte, 3*hintRoom)))
	for _, k := range []hintKey{nil, key} {
		rest, messages, read := []Restriction{long, long, Token(id), long, Token(id), Token(id)}, 0, 0
		for total := len(rest); len(rest) > 0; messages++ {
			var m []byte
			m, rest = k.encode(time.Hour, rest)
			_, rs, err := k.decode(m)
			if read += len(rs); err != nil || read != total-len(rest) {
				t.Fatalf("decode() = %v of %d bytes, %d read and %d left", err, len(m), read, len(rest))
			}
		}
		if messages != 4 {
			t.Errorf("%d messages, want one for each that is long and one for the rest", messages)
		}
	}
}

func TestMalformedHintIsRefused(t *testing.T) {
	for _, k := range []hintKey{nil, key} {
		seal := func(content []byte) []byte {
			if k == nil {
				return content
			}
			return append(bytes.Clone(content), k.mac(content)...)
		}
		good := message(nil, examples[:1]...)
		good[0] = k.version()
		for name, content := range map[string][]byte{
			"empty":            {},
			"version 0":        append([]byte{0}, good[1:]...),
			"next version":     append([]byte{k.version() + 1}, good[1:]...),
			"version alone":    good[:1],
			"cut short":        good[:len(good)-1],
			"one byte more":    append(bytes.Clone(good), 2),
			"length too great": append(bytes.Clone(good), 2, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0),
			"endless varint":   append(bytes.Clone(good[:1]), bytes.Repeat([]byte{0xff}, 11)...),
			"great kind":       append(bytes.Clone(good), 0x80, 0x80, 0x04, 0, 0, 0),
		} {
			if _, _, err := k.decode(seal(content)); !errors.Is(err, errUnreadable) {
				t.Errorf("%s of version %d: decode() = %v", name, k.version(), err)
			}
		}
		if _, _, err := k.decode(seal(good)); err != nil {
			t.Errorf("decode() = %v of version %d", err, k.version())
		}
	}
}

func TestHintIsReadUpToItsGreatestLength(t *testing.T) {
	for length, want := range map[int]error{maxHintSize: errUnreadable, maxHintSize + 1: errForged} {
		m := make([]byte, length-macSize)
		if _, _, err := key.decode(append(m, key.mac(m)...)); !errors.Is(err, want) {
			t.Errorf("%d bytes: decode() = %v, want %v", length, err, want)
		}
	}
}

func TestHintKeepIsCapped(t *testing.T) {
	for in, want := range map[time.Duration]time.Duration{
		maxHintKeep: maxHintKeep, maxHintKeep + time.Second: maxHintKeep, 1<<63 - 1: maxHintKeep, -time.Hour: 0,
	} {
		m, _ := key.encode(in, nil)
		if got, _, err := key.decode(m); err != nil || got != want {
			t.Errorf("keep of %s reads as %s, %v", in, got, err)
		}
	}
}

// What is accepted means the same after it is written again.
func FuzzDecodeHint(f *testing.F) {
	f.Add(message(nil, examples...))
	f.Add([]byte{versionPlain})
	f.Fuzz(func(t *testing.T, m []byte) {
		if _, _, err := key.decode(m); err == nil {
			t.Errorf("%x is authentic", m)
		}
		keep, rs, err := hintKey(nil).decode(m)
		if err != nil {
			return
		}
		again, rest := key.encode(keep, rs)
		keep2, rs2, err := key.decode(again)
		rs2 = append(rs2, rest...)
		if err != nil || keep2 != keep || !cmp.Equal(rs, rs2, cmpopts.EquateEmpty()) {
			t.Errorf("%x reads as %s %v, then as %s %v, %v", m, keep, rs, keep2, rs2, err)
		}
	})
}
