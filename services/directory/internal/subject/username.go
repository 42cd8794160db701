package subject

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/chancery-auth/chancery/pkg/fault"
)

// maxUsername is the length of a user name in bytes, in NFC.
const maxUsername = 256

// ParseUsername returns the exact form of a user name: NFC, 1 to 256 bytes, no
// control characters. Case and spaces count. Fails with fault.Invalid.
func ParseUsername(name string) (string, error) {
	if !utf8.ValidString(name) {
		return "", fault.New(fault.Invalid, "username must be UTF-8")
	}
	name = norm.NFC.String(name)
	if name == "" || len(name) > maxUsername {
		return "", fault.New(fault.Invalid, "username must be 1 to 256 bytes long")
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return "", fault.New(fault.Invalid, "username must not contain control characters")
		}
	}
	return name, nil
}
