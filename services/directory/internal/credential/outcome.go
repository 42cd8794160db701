package credential

import (
	"context"
	"errors"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/services/directory/internal/attempt"
)

// How an attempt ended, for a metric: in words of ours alone. One that a limit
// refused ended by the name of the limit.
const (
	endedAuthenticated = "authenticated"
	endedRefused       = "refused"
	endedBusy          = "busy"
	endedFailed        = "failed"
	limitedBy          = "limited_"
)

// Outcomes are the words that [Authenticator.Ended] is told.
func Outcomes() []string {
	words := []string{endedAuthenticated, endedRefused, endedBusy, endedFailed}
	for _, by := range []attempt.By{attempt.ByDevice, attempt.ByPair, attempt.ByAccount, attempt.ByAddress, attempt.ByNetwork} {
		words = append(words, limitedBy+string(by))
	}
	return words
}

// tell passes on how an attempt ended.
func (a *Authenticator) tell(ctx context.Context) func(Result, error) (Result, error) {
	return func(r Result, err error) (Result, error) {
		if a.Ended != nil {
			a.Ended(ctx, ended(r, err))
		}
		return r, err
	}
}

func ended(r Result, err error) string {
	switch {
	case errors.Is(err, fault.Unavailable):
		return endedBusy
	case err != nil:
		return endedFailed
	case r.Outcome == Authenticated:
		return endedAuthenticated
	case r.by != "":
		return limitedBy + string(r.by)
	default:
		return endedRefused
	}
}
