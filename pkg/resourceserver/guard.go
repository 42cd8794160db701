package resourceserver

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

// defaultRecheck is the bound that Chancery publishes unless told otherwise.
const defaultRecheck = 5 * time.Second

// Config is what a guard has to know of the API.
type Config struct {
	// Realm is what challenges call the API, such as its URL. Characters that
	// would end the text of a challenge are left out.
	Realm string
	// Audience is the API's own identifier: a token must name it, or is not
	// active here (RFC 8707 §2). Empty: whatever Chancery tells this API about.
	Audience string
	// Recheck is how long a message of a stream may rely on the check before it.
	// Zero: 5 seconds. A message that comes later is held until the token was
	// checked again.
	Recheck time.Duration
	// Log gets what the client is not told: why a token could not be checked.
	// Never a token. Nil: nobody does.
	Log *slog.Logger
	// Now is the clock of streams. Required.
	Now func() time.Time
}

// Guard lets requests pass that come with a good token.
type Guard struct {
	checker Checker
	config  Config
}

// New returns a guard that asks the checker.
func New(checker Checker, c Config) *Guard {
	if c.Recheck == 0 {
		c.Recheck = defaultRecheck
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Guard{checker, c}
}

// admit checks a token and what it has to be good for. Fails with invalid_token,
// insufficient_scope, temporarily_unavailable.
func (g *Guard) admit(ctx context.Context, token string, scope oauth.Scope) (*Access, error) {
	access, err := g.checker.Check(ctx, token)
	switch {
	case errors.Is(err, ErrInactive):
		return nil, oauth.RefuseBecause(oauth.InvalidToken, "access token is not active", err)
	case err != nil:
		if ctx.Err() == nil { // a caller that went away is no failure
			g.config.Log.ErrorContext(ctx, "check a token", slog.Any("error", err))
		}
		return nil, oauth.RefuseBecause(oauth.TemporarilyUnavailable, "try again later", err)
	case g.config.Audience != "" && !slices.Contains(access.Audience, g.config.Audience):
		// A token for another API looks like one that is not good for anything.
		return nil, oauth.Refuse(oauth.InvalidToken, "access token is not active")
	case !scope.SubsetOf(access.Scope):
		return nil, oauth.Refuse(oauth.InsufficientScope, "access token has not the scope that this needs")
	}
	return access, nil
}

// quotable keeps the characters that a quoted text of a challenge may have as they
// are (RFC 6750 §3).
func quotable(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return -1
		}
		return c
	}, text)
}
