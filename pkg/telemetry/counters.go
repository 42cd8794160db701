package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/chancery-auth/chancery/pkg/h2conn"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
)

// Counters count what happens, by kind and never by whom. They start at zero,
// so that the first event of a kind is an increase. A nil *Counters counts
// nothing. It is safe for concurrent use.
type Counters struct {
	tokens, reuse, repeat, extended, ahead, replay, unknown, events, limited, refused, counted, signIns metric.Int64Counter

	hashingWait metric.Float64Histogram

	grantTypes, outcomes, classes, reasons, signInOutcomes map[string][]metric.AddOption // made once
}

// counters makes the counters of the process.
func (m *maker) counters() *Counters {
	c := &Counters{
		tokens:   m.counter("chancery_tokens_issued_total", "Access tokens issued, by grant type."),
		reuse:    m.counter("chancery_refresh_reuse_total", "Refresh tokens that came after they were replaced, and ended their family."),
		repeat:   m.counter("chancery_refresh_repeat_total", "Refresh tokens that came after they were replaced, within the window of their client."),
		extended: m.counter("chancery_refresh_extended_total", "Refresh tokens that stay in use for longer because their family has replaced as many as it remembers."),
		ahead:    m.counter("chancery_refresh_ahead_total", "Refresh tokens newer than the database knows: a write was lost."),
		replay:   m.counter("chancery_code_replay_total", "Authorization codes that came a second time."),
		unknown:  m.counter("chancery_unknown_commits_total", "Transactions of which it is unknown whether they were committed."),
		events:   m.counter("chancery_events_published_total", "Events handed to the stream, by outcome."),
		limited:  m.counter("chancery_rate_limited_total", "Requests and calls refused because their source makes too many, by class."),
		refused:  m.counter("chancery_connections_refused_total", "Connections refused or ended because they take too much, by reason."),
		counted:  m.counter("chancery_events_counted_total", "Events that were counted and not recorded one by one, because one source causes many."),
		signIns:  m.counter("chancery_sign_ins_total", "Attempts to sign in or to change a password, by outcome: limited_* were not looked at."),

		hashingWait: m.histogram("chancery_hashing_wait_seconds", "How long a password waited to be hashed, by outcome."),
	}
	if len(m.errs) > 0 {
		return nil
	}
	ctx := context.Background()
	c.grantTypes = prepare(ctx, c.tokens, "grant_type", append(grantTypes(), other))
	c.outcomes = prepare(ctx, c.events, "outcome", []string{outcomeOK, outcomeFailed})
	c.classes = prepare(ctx, c.limited, "class", ratelimit.Names())
	c.reasons = prepare(ctx, c.refused, "reason", h2conn.Reasons())
	c.signInOutcomes = prepare(ctx, c.signIns, "outcome", append(signInOutcomes(), other))
	for _, counter := range []metric.Int64Counter{c.reuse, c.repeat, c.extended, c.ahead, c.replay, c.unknown, c.counted} {
		counter.Add(ctx, 0)
	}
	return c
}

// prepare shows a counter as zero for each value of its label, and returns how
// to count with that value.
func prepare(ctx context.Context, c metric.Int64Counter, label string, values []string) map[string][]metric.AddOption {
	options := make(map[string][]metric.AddOption, len(values))
	for _, value := range values {
		options[value] = []metric.AddOption{labelled(label, value)}
		c.Add(ctx, 0, options[value]...)
	}
	return options
}

// TokensIssued counts an access token. A grant type that is not known becomes
// "other".
func (c *Counters) TokensIssued(ctx context.Context, grantType string) {
	if c == nil {
		return
	}
	options, known := c.grantTypes[grantType]
	if !known {
		options = c.grantTypes[other]
	}
	c.tokens.Add(ctx, 1, options...)
}

// RefreshReuse counts a refresh token that came after it was replaced, and ended
// its family.
func (c *Counters) RefreshReuse(ctx context.Context) {
	if c != nil {
		c.reuse.Add(ctx, 1)
	}
}

// RefreshRepeat counts one that came after it was replaced, within the window of
// its client.
func (c *Counters) RefreshRepeat(ctx context.Context) {
	if c != nil {
		c.repeat.Add(ctx, 1)
	}
}

// RefreshExtended counts one that stays in use for as long as a successor would,
// because its family remembers as many replaced ones as it can.
func (c *Counters) RefreshExtended(ctx context.Context) {
	if c != nil {
		c.extended.Add(ctx, 1)
	}
}

// RefreshAhead counts one that is newer than the database knows.
func (c *Counters) RefreshAhead(ctx context.Context) {
	if c != nil {
		c.ahead.Add(ctx, 1)
	}
}

// CodeReplay counts an authorization code that came a second time.
func (c *Counters) CodeReplay(ctx context.Context) {
	if c != nil {
		c.replay.Add(ctx, 1)
	}
}

// UnknownCommit counts a transaction of which it is unknown whether it was
// committed.
func (c *Counters) UnknownCommit(ctx context.Context) {
	if c != nil {
		c.unknown.Add(ctx, 1)
	}
}

// RateLimited counts a request that was refused because its source makes too many.
// A class that is not known is not counted.
func (c *Counters) RateLimited(ctx context.Context, class string) {
	if c == nil {
		return
	}
	if options, known := c.classes[class]; known {
		c.limited.Add(ctx, 1, options...)
	}
}

// ConnectionRefused counts a connection that was refused or ended because it takes
// too much. A reason that is not known is not counted.
func (c *Counters) ConnectionRefused(ctx context.Context, reason string) {
	if c == nil {
		return
	}
	if options, known := c.reasons[reason]; known {
		c.refused.Add(ctx, 1, options...)
	}
}

// EventCounted counts an event that has no record of its own, because one source
// causes many.
func (c *Counters) EventCounted(ctx context.Context) {
	if c != nil {
		c.counted.Add(ctx, 1)
	}
}

// EventPublished counts an event that the stream took, or did not take now.
func (c *Counters) EventPublished(ctx context.Context, ok bool) { //nolint:revive // the flag is what is counted
	if c == nil {
		return
	}
	outcome := outcomeFailed
	if ok {
		outcome = outcomeOK
	}
	c.events.Add(ctx, 1, c.outcomes[outcome]...)
}

// signInOutcomes are how an attempt to sign in can end.
func signInOutcomes() []string {
	return []string{
		"authenticated", outcomeRefused, "busy", outcomeFailed,
		"limited_device", "limited_pair", "limited_account", "limited_address", "limited_network",
	}
}

// SignIn counts an attempt to sign in or to change a password. An outcome that is
// not known becomes "other".
func (c *Counters) SignIn(ctx context.Context, outcome string) {
	if c == nil {
		return
	}
	options, known := c.signInOutcomes[outcome]
	if !known {
		options = c.signInOutcomes[other]
	}
	c.signIns.Add(ctx, 1, options...)
}

// HashingWait counts how long a password waited to be hashed. One that was not was
// refused.
func (c *Counters) HashingWait(ctx context.Context, wait time.Duration, got bool) { //nolint:revive // the flag is what is counted
	if c == nil {
		return
	}
	outcome := outcomeRefused
	if got {
		outcome = outcomeOK
	}
	c.hashingWait.Record(ctx, wait.Seconds(), labelled("outcome", outcome))
}

// Values of the label outcome.
const (
	outcomeOK      = "ok"
	outcomeFailed  = "failed"
	outcomeRefused = "refused"
	outcomeDropped = "dropped"
)

// labelled is the set of one label.
func labelled(name, value string) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(attribute.String(name, value)))
}

// maker makes instruments and keeps what goes wrong.
type maker struct {
	meter metric.Meter
	errs  []error
}

// buckets reach from a call within the machine to the longest deadline, in
// seconds.
func buckets() []float64 {
	return []float64{
		0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
	}
}

func (m *maker) histogram(name, help string) metric.Float64Histogram {
	h, err := m.meter.Float64Histogram(name, metric.WithDescription(help), metric.WithExplicitBucketBoundaries(buckets()...))
	m.note(err)
	return h
}

func (m *maker) counter(name, help string) metric.Int64Counter {
	c, err := m.meter.Int64Counter(name, metric.WithDescription(help))
	m.note(err)
	return c
}

func (m *maker) note(err error) {
	if err != nil {
		m.errs = append(m.errs, err)
	}
}
