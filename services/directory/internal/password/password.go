// Package password keeps the rules of passwords, and hashes them with argon2id
// (RFC 9106).
//
// A password is 8 to 1,024 bytes of any characters, as sent. It is normalised to
// NFC before it is hashed, because keyboards differ in how they compose an
// accent, and is never cut short. Hashing takes memory and a processor on
// purpose, so only as many hashes as there are slots are computed at once.
package password

import (
	"golang.org/x/text/unicode/norm"

	"github.com/chancery-auth/chancery/pkg/fault"
)

// MinLength and MaxLength bound a password, in bytes of UTF-8.
const (
	MinLength = 8
	MaxLength = 1024
)

// Check reports whether a password may be chosen. Fails with fault.Invalid.
func Check(password string) error {
	if len(password) < MinLength {
		return fault.New(fault.Invalid, "password must be at least 8 bytes long")
	}
	return CheckPresented(password)
}

// CheckPresented reports whether a presented password is short enough to be
// looked at. Fails with fault.Invalid.
func CheckPresented(password string) error {
	if len(password) > MaxLength {
		return fault.New(fault.Invalid, "password must be at most 1,024 bytes long")
	}
	return nil
}

// normal is the one form of a password that is hashed.
func normal(password string) []byte { return norm.NFC.Bytes([]byte(password)) }
