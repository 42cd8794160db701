package coherent

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// The form of a hint: a version byte, the seconds to keep it, restrictions to
// the end, each as kind, version, key and value; and, where there is a key, a
// MAC over all before it. Whole numbers are varints, key and value are preceded
// by their length. A MAC is in the same place in every version, so that a
// receiver can tell a newer release from a stranger.

const (
	// versionPlain has no MAC. It is for a bus that nobody else can reach.
	versionPlain = 1
	// versionSealed ends with a MAC.
	versionSealed = 2

	// macSize is that of a truncated HMAC-SHA256 (RFC 2104 §5).
	macSize = 16
	// macDomain keeps a MAC from meaning anything elsewhere under the same key.
	macDomain = "chancery restriction hint\x00"

	// hintRoom is the length at which a message takes no more restrictions, far
	// below the greatest payload of a server.
	hintRoom = 64 << 10
	// maxHintSize is the longest message that is looked at.
	maxHintSize = 4 * hintRoom
	// maxHintKeep caps how long a hint may claim memory.
	maxHintKeep = 48 * time.Hour
)

var (
	// errForged is for what nobody with the key has sent.
	errForged = errors.New("hint is not authentic")
	// errUnreadable is for what is authentic and means nothing to this release.
	errUnreadable = errors.New("hint is not readable")
)

// hintKey is the key of the MAC. Nil writes and reads messages without one.
type hintKey []byte

func (k hintKey) version() byte {
	if k == nil {
		return versionPlain
	}
	return versionSealed
}

// encode writes a message with at least the first of rs, and returns those that
// found no room.
func (k hintKey) encode(keep time.Duration, rs []Restriction) (message []byte, rest []Restriction) {
	b := []byte{k.version()}
	b = binary.AppendUvarint(b, uint64(max(0, keep/time.Second)))
	for len(rs) > 0 && len(b) < hintRoom {
		b = appendRestriction(b, rs[0])
		rs = rs[1:]
	}
	if k == nil {
		return b, rs
	}
	return append(b, k.mac(b)...), rs
}

func appendRestriction(b []byte, r Restriction) []byte {
	b = binary.AppendVarint(b, int64(r.Kind))
	b = binary.AppendVarint(b, r.Version)
	b = appendBytes(b, r.Key)
	return appendBytes(b, r.Value)
}

func appendBytes(b, field []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(field))), field...)
}

func (k hintKey) mac(content []byte) []byte {
	h := hmac.New(sha256.New, k)
	h.Write([]byte(macDomain))
	h.Write(content)
	return h.Sum(nil)[:macSize]
}

// decode reads a message of any origin. The restrictions share its memory.
// Fails with errForged or errUnreadable.
func (k hintKey) decode(message []byte) (keep time.Duration, rs []Restriction, err error) {
	content, err := k.authentic(message)
	if err != nil {
		return 0, nil, err
	}
	if len(content) == 0 || content[0] != k.version() {
		return 0, nil, errUnreadable
	}
	d := decoder{rest: content[1:]}
	seconds := d.uvarint()
	for len(d.rest) > 0 && !d.failed {
		r := Restriction{Kind: d.kind(), Version: d.varint(), Key: d.bytes(), Value: d.bytes()}
		rs = append(rs, r)
	}
	if d.failed {
		return 0, nil, errUnreadable
	}
	seconds = min(seconds, uint64(maxHintKeep/time.Second))
	return time.Duration(seconds) * time.Second, rs, nil
}

// authentic returns what the MAC of the message vouches for.
func (k hintKey) authentic(message []byte) (content []byte, err error) {
	if len(message) > maxHintSize {
		return nil, errForged
	}
	if k == nil {
		return message, nil
	}
	if len(message) < macSize {
		return nil, errForged
	}
	content, mac := message[:len(message)-macSize], message[len(message)-macSize:]
	if !hmac.Equal(mac, k.mac(content)) {
		return nil, errForged
	}
	return content, nil
}

// decoder takes fields off the front of rest until one is malformed.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	d.skip(n)
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	d.skip(n)
	return v
}

func (d *decoder) kind() Kind {
	v := d.varint()
	if v < math.MinInt16 || v > math.MaxInt16 {
		d.failed = true
		return 0
	}
	return Kind(v)
}

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if d.failed || n > uint64(len(d.rest)) {
		d.failed = true
		return nil
	}
	field := d.rest[:n:n]
	d.rest = d.rest[n:]
	return field
}

// skip takes the n bytes that a varint had; n is not positive if it was cut
// short or too great.
func (d *decoder) skip(n int) {
	if n <= 0 {
		d.failed, d.rest = true, nil
		return
	}
	d.rest = d.rest[n:]
}
