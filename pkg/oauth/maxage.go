package oauth

import (
	"math"
	"strconv"
	"time"
)

// ParseMaxAge reads a max_age parameter, in seconds (OIDC Core §3.1.2.1). An
// empty one is absent (RFC 6749 §3.1), which is not the same as 0.
//
// The seconds fit a [time.Duration]. Fails with invalid_request.
func ParseMaxAge(s string) (seconds int64, present bool, err error) {
	if s == "" {
		return 0, false, nil
	}
	const most = math.MaxInt64 / int64(time.Second)
	seconds, parseErr := strconv.ParseInt(s, 10, 64)
	// ParseInt alone would take a sign.
	if !all(s, isDigit) || parseErr != nil || seconds > most {
		return 0, false, Refuse(InvalidRequest, "max_age must be a number of seconds in decimal digits")
	}
	return seconds, true, nil
}
