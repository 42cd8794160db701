package oauth

// all reports whether every byte of s satisfies ok. No byte outside ASCII
// satisfies any of the predicates of this file.
func all(s string, ok func(byte) bool) bool {
	for i := range len(s) {
		if !ok(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isAlphanumeric(c byte) bool { return isAlpha(c) || isDigit(c) }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// isUnreserved is unreserved of RFC 3986 §2.3, and of RFC 7636 §4.1.
func isUnreserved(c byte) bool {
	return isAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~'
}

// isVSCHAR is VSCHAR of RFC 6749 Appendix A.
func isVSCHAR(c byte) bool { return ' ' <= c && c <= '~' }

// isNQCHAR is NQCHAR of RFC 6749 Appendix A.
func isNQCHAR(c byte) bool { return '!' <= c && c <= '~' && c != '"' && c != '\\' }
