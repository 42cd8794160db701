package secret

import (
	"crypto/rand"
	"errors"
	"hash/crc32"
	"strings"
)

// ErrMalformed is returned for text that [New] cannot have made.
var ErrMalformed = errors.New("malformed secret")

const (
	alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

	// bodyLength is the least number of base62 characters that hold 256 bits.
	bodyLength = 43

	// ChecksumLength is the number of characters of a [Checksum].
	ChecksumLength = 6
)

// Checksum returns the CRC-32 (IEEE) of s in base62, padded with zeros to six
// characters. It lets a secret scanner recognise a value without asking anyone
// and spares a look-up for a mistyped one. It proves nothing about the origin.
func Checksum(s string) string {
	var out [ChecksumLength]byte
	sum := crc32.ChecksumIEEE([]byte(s))
	for i := range out {
		out[ChecksumLength-1-i] = alphabet[sum%uint32(len(alphabet))]
		sum /= uint32(len(alphabet))
	}
	return string(out[:])
}

// Check reports whether s has the form of New(prefix): cheap, and done before
// any look-up. It does not say that s was ever issued. Fails with
// [ErrMalformed].
func Check(prefix, s string) error {
	body, ok := strings.CutPrefix(s, lead(prefix))
	if !ok || len(body) != bodyLength+ChecksumLength {
		return ErrMalformed
	}
	for i := range len(body) {
		if !isBase62(body[i]) {
			return ErrMalformed
		}
	}
	if split := len(s) - ChecksumLength; Checksum(s[:split]) != s[split:] {
		return ErrMalformed
	}
	return nil
}

// lead is what precedes the body of a secret with that prefix.
func lead(prefix string) string {
	if prefix == "" {
		return ""
	}
	return prefix + "_"
}

// randomBase62 returns n characters, each of the alphabet equally likely.
func randomBase62(n int) string {
	// The largest multiple of 62 that fits in a byte: what lies above would
	// favour the first characters.
	const fair = 256 / len(alphabet) * len(alphabet)

	out := make([]byte, 0, n)
	var random [64]byte
	for len(out) < n {
		rand.Read(random[:])
		for _, b := range random {
			if int(b) < fair && len(out) < n {
				out = append(out, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(out)
}

func isBase62(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
