// Package accesstoken opens access tokens, and remembers what it opened.
//
// Opening says what a token permitted when it was made, and nothing about now:
// that is for package verdict, each time anew. The one thing to get right is
// that nothing but the opened token is remembered, because whatever depends on
// the time or on who asks would be wrong a moment later.
package accesstoken

import (
	"encoding/hex"

	"github.com/chancery-auth/chancery/pkg/credential"
)

// Token is an opened access token. It is immutable and shared.
type Token struct {
	credential.AccessToken
	// ScopeText is Scope as a parameter value.
	ScopeText string
	// JTI is ID in hexadecimal.
	JTI string
}

func newToken(t credential.AccessToken) *Token {
	return &Token{AccessToken: t, ScopeText: t.Scope.String(), JTI: hex.EncodeToString(t.ID[:])}
}
