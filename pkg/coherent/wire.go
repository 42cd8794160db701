package coherent

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// The form of a hint: a version byte, the seconds to keep it, and then to the
// end of the message restrictions, each as kind, version, key and value. Whole
// numbers are varints, key and value are preceded by their length. A receiver
// ignores what it cannot read: the poll brings the same.

const (
	wireVersion = 1
	// maxHintKeep caps how long a hint may claim memory.
	maxHintKeep = 48 * time.Hour
)

var errMalformed = errors.New("malformed hint")

// encodeHint is the inverse of [decodeHint].
func encodeHint(keep time.Duration, rs []Restriction) []byte {
	b := []byte{wireVersion}
	b = binary.AppendUvarint(b, uint64(max(0, keep/time.Second)))
	for _, r := range rs {
		b = binary.AppendVarint(b, int64(r.Kind))
		b = binary.AppendVarint(b, r.Version)
		b = appendBytes(b, r.Key)
		b = appendBytes(b, r.Value)
	}
	return b
}

func appendBytes(b, field []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(field))), field...)
}

// decodeHint reads a message of any origin. The restrictions share its memory.
func decodeHint(message []byte) (keep time.Duration, rs []Restriction, err error) {
	if len(message) == 0 || message[0] != wireVersion {
		return 0, nil, errMalformed
	}
	d := decoder{rest: message[1:]}
	seconds := d.uvarint()
	for len(d.rest) > 0 && !d.failed {
		r := Restriction{Kind: d.kind(), Version: d.varint(), Key: d.bytes(), Value: d.bytes()}
		rs = append(rs, r)
	}
	if d.failed {
		return 0, nil, errMalformed
	}
	seconds = min(seconds, uint64(maxHintKeep/time.Second))
	return time.Duration(seconds) * time.Second, rs, nil
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
