package token

import "context"

// Counters counts what happens, by kind and never by whom. telemetry.Counters
// implements it. It must be safe for concurrent use.
type Counters interface {
	// TokensIssued counts an access token that was issued for the grant type.
	TokensIssued(ctx context.Context, grantType string)
	// RefreshReuse counts a refresh token that came after it was replaced, and ended
	// its family.
	RefreshReuse(ctx context.Context)
	// RefreshRepeat counts one that came after it was replaced, within the window.
	RefreshRepeat(ctx context.Context)
	// RefreshExtended counts one that stays in use for as long as a successor would,
	// because its family remembers as many replaced ones as it can.
	RefreshExtended(ctx context.Context)
	// RefreshAhead counts one that is newer than the database knows.
	RefreshAhead(ctx context.Context)
	// CodeReplay counts a code that came a second time.
	CodeReplay(ctx context.Context)
}

// uncounted implements Counters for who does not want to know.
type uncounted struct{}

func (uncounted) TokensIssued(context.Context, string) {}
func (uncounted) RefreshReuse(context.Context)         {}
func (uncounted) RefreshRepeat(context.Context)        {}
func (uncounted) RefreshExtended(context.Context)      {}
func (uncounted) RefreshAhead(context.Context)         {}
func (uncounted) CodeReplay(context.Context)           {}
