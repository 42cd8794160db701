package jwks

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-jose/go-jose/v4/json"
)

// ErrInvalidAssertion is returned for claims that do not authenticate a client.
var ErrInvalidAssertion = errors.New("invalid client assertion")

const (
	// maxAssertionLifetime is how far ahead exp may be: for that long the jti
	// has to be remembered.
	maxAssertionLifetime = 5 * time.Minute
	// maxSkew is how far iat and nbf may be ahead, for a client whose clock is
	// fast (FAPI 2.0 §5.3.2.1 asks for 10 s, and for no more than 60 s).
	maxSkew = time.Minute

	maxJTILength = 256 // bytes

	// maxNumericDate is the largest integer that JSON carries safely
	// (RFC 8259 §6). Beyond it, time arithmetic could overflow.
	maxNumericDate = 1<<53 - 1
)

// AssertionClaims is the claims of a client assertion (RFC 7523 §3). An instant
// that is absent is the zero time.
type AssertionClaims struct {
	Issuer        string    // iss
	Subject       string    // sub
	Audience      string    // aud
	ExpireTime    time.Time // exp
	IssueTime     time.Time // iat, optional
	NotBeforeTime time.Time // nbf, optional
	JTI           string    // jti
}

// ParseAssertionClaims reads the claims and checks their types, without
// judging their values. Members it does not know are ignored, but none may come
// twice; instants are integers; aud is one string (RFC 7523 §3 would allow an
// array, which let an assertion meant for one server be used at another). Fails
// with [ErrInvalidAssertion].
func ParseAssertionClaims(encoded []byte) (AssertionClaims, error) {
	var members claimSet
	if err := json.Unmarshal(encoded, &members); err != nil {
		return AssertionClaims{}, fmt.Errorf("%w: claims are not a JSON object with distinct members", ErrInvalidAssertion)
	}
	var c AssertionClaims
	err := errors.Join(
		members.text("iss", &c.Issuer),
		members.text("sub", &c.Subject),
		members.text("aud", &c.Audience),
		members.text("jti", &c.JTI),
		members.instant("exp", &c.ExpireTime),
		members.instant("iat", &c.IssueTime),
		members.instant("nbf", &c.NotBeforeTime),
	)
	if err != nil {
		return AssertionClaims{}, fmt.Errorf("%w: %w", ErrInvalidAssertion, err)
	}
	return c, nil
}

// Check applies the rules of RFC 7523 §3 to an assertion of the client for
// this issuer. It does not know whether jti was used before. Fails with
// [ErrInvalidAssertion].
func (c AssertionClaims) Check(clientID, issuer string, now time.Time) error {
	switch {
	case c.Issuer != clientID || c.Subject != clientID:
		return fmt.Errorf("%w: iss and sub must be the client_id", ErrInvalidAssertion)
	case c.Audience != issuer:
		return fmt.Errorf("%w: aud must be the issuer, exactly", ErrInvalidAssertion)
	case c.ExpireTime.IsZero():
		return fmt.Errorf("%w: exp is missing", ErrInvalidAssertion)
	case !now.Before(c.ExpireTime):
		return fmt.Errorf("%w: it has expired", ErrInvalidAssertion)
	case c.ExpireTime.After(now.Add(maxAssertionLifetime)):
		return fmt.Errorf("%w: exp is more than %s ahead", ErrInvalidAssertion, maxAssertionLifetime)
	case c.IssueTime.After(now.Add(maxSkew)), c.NotBeforeTime.After(now.Add(maxSkew)):
		return fmt.Errorf("%w: iat or nbf is in the future", ErrInvalidAssertion)
	case c.JTI == "" || len(c.JTI) > maxJTILength:
		return fmt.Errorf("%w: jti must have 1 to %d bytes", ErrInvalidAssertion, maxJTILength)
	}
	return nil
}

// claimSet is the members of a JSON object, not yet decoded.
type claimSet map[string]json.RawMessage

// text sets to to the string called name, if there is one.
func (s claimSet) text(name string, to *string) error {
	raw, ok := s[name]
	if !ok {
		return nil
	}
	// null would decode too, and leave to as it is.
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, to) != nil {
		return fmt.Errorf("%s must be a string", name)
	}
	return nil
}

// instant sets to to the NumericDate called name, if there is one. RFC 7519 §2
// allows fractions; nobody needs them here, and an exponent is an attack.
func (s claimSet) instant(name string, to *time.Time) error {
	raw, ok := s[name]
	if !ok {
		return nil
	}
	seconds, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || seconds < 0 || seconds > maxNumericDate {
		return fmt.Errorf("%s must be an integer number of seconds", name)
	}
	*to = time.Unix(seconds, 0)
	return nil
}
