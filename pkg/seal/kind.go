package seal

// Kind says what a sealed value is. A value sealed as one kind does not open
// as another. The names are part of the key derivation: renaming one ends
// every value of that kind.
type Kind string

// The kinds of sealed values.
const (
	AccessToken       Kind = "access_token"
	AuthorizationCode Kind = "authorization_code"
	RefreshToken      Kind = "refresh_token"
	DeviceCode        Kind = "device_code"
	PageToken         Kind = "page_token"
	// Position is how fresh an answer has to be, as returned by a revocation.
	Position Kind = "position"
	Cookie   Kind = "cookie"
)

// kinds returns every kind a ring derives keys for.
func kinds() []Kind {
	return []Kind{AccessToken, AuthorizationCode, RefreshToken, DeviceCode, PageToken, Position, Cookie}
}
