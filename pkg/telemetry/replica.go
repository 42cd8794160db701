package telemetry

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/metric"
)

// pollSample is how often the duration of the last poll is looked at: as often
// as a replica polls.
const pollSample = 250 * time.Millisecond

// ReplicaStats is what a replica of the restrictions says of itself. Counters
// begin with the process.
type ReplicaStats struct {
	LeaseAge time.Duration
	// Polls counts all polls, FailedPolls those of them that failed, and PollRows
	// the restrictions they brought.
	Polls, FailedPolls, PollRows int64
	// IdentityChanges counts how often another database began to answer.
	IdentityChanges int64
	// Stale counts answers refused for want of a lease.
	Stale int64
	// LastPoll is how long the last poll took that succeeded.
	LastPoll time.Duration
	// Restrictions are held in Bytes of memory.
	Restrictions, Bytes int64
	// LostClients is how many clients have restrictions that found no room.
	LostClients int64
	// Loaded is the part of the log that the last load has read, 0 to 1.
	Loaded float64
	// ClockDisagrees says that the database's clock does not decide what has run out.
	ClockDisagrees bool
}

// ObserveReplica shows a replica in each scrape, until [Telemetry.Shutdown]. Of
// several in one process the worst is shown, and their counts together. Call it
// before the process serves.
func (t *Telemetry) ObserveReplica(read func() ReplicaStats) {
	t.observed.replicas.add(read)
	if t.stop == nil {
		var ctx context.Context
		ctx, t.stop = context.WithCancel(context.Background())
		t.running.Go(func() { t.samplePolls(ctx) })
	}
}

// samplePolls turns the duration of each replica's last poll into a histogram.
func (t *Telemetry) samplePolls(ctx context.Context) {
	ticker := time.NewTicker(pollSample)
	defer ticker.Stop()
	var seen []int64 // successful polls, by replica
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for i, read := range t.observed.replicas.all() {
			if i == len(seen) {
				seen = append(seen, 0)
			}
			stats := read()
			if good := stats.Polls - stats.FailedPolls; good > seen[i] {
				seen[i] = good
				t.polls.Record(ctx, stats.LastPoll.Seconds())
			}
		}
	}
}

func (m *maker) watchReplicas(o *observed) {
	age := m.gauge("chancery_lease_age_seconds", "Time since the restrictions were known to be complete.")
	restrictions := m.gauge("chancery_restrictions", "Restrictions in memory.")
	bytes := m.gauge("chancery_restriction_bytes", "Memory that the restrictions take.")
	lost := m.gauge("chancery_restriction_lost_clients", "Clients of which restrictions found no room, so that their tokens get 503.")
	loaded := m.gauge("chancery_restrictions_loaded_ratio", "Part of the log that the last load has read, 0 to 1.")
	clock := m.gauge("chancery_restriction_clock_disagrees", "1 while no restriction is dropped because the database's clock is not believed, else 0.")
	polls := m.sum("chancery_polls_total", "Polls for restrictions, by outcome.")
	rows := m.sum("chancery_poll_rows_total", "Restrictions that polls brought.")
	stale := m.sum("chancery_stale_answers_total", "Answers refused because the restrictions were not known to be current.")
	identity := m.sum("chancery_database_identity_changes_total", "Times that another database, or another life of the same, began to answer.")
	m.watch(func(_ context.Context, to metric.Observer) {
		all := o.replicas.all()
		if len(all) == 0 {
			return
		}
		s := together(all)
		to.ObserveFloat64(age, s.LeaseAge.Seconds())
		to.ObserveFloat64(restrictions, float64(s.Restrictions))
		to.ObserveFloat64(bytes, float64(s.Bytes))
		to.ObserveFloat64(lost, float64(s.LostClients))
		to.ObserveFloat64(loaded, s.Loaded)
		to.ObserveFloat64(clock, map[bool]float64{true: 1}[s.ClockDisagrees])
		to.ObserveFloat64(polls, float64(o.grown(s.Polls-s.FailedPolls)), labelled("outcome", outcomeOK))
		to.ObserveFloat64(polls, float64(s.FailedPolls), labelled("outcome", outcomeFailed))
		to.ObserveFloat64(rows, float64(s.PollRows))
		to.ObserveFloat64(stale, float64(s.Stale))
		to.ObserveFloat64(identity, float64(s.IdentityChanges))
	}, age, restrictions, bytes, lost, loaded, clock, polls, rows, stale, identity)
}

// together is the worst of what replicas hold, and the sum of what they counted.
func together(replicas []func() ReplicaStats) ReplicaStats {
	all := ReplicaStats{Loaded: 1}
	for _, read := range replicas {
		s := read()
		all.LeaseAge = max(all.LeaseAge, s.LeaseAge)
		all.Restrictions = max(all.Restrictions, s.Restrictions)
		all.Bytes = max(all.Bytes, s.Bytes)
		all.LostClients = max(all.LostClients, s.LostClients)
		all.Loaded = min(all.Loaded, s.Loaded)
		all.ClockDisagrees = all.ClockDisagrees || s.ClockDisagrees
		all.Polls += s.Polls
		all.FailedPolls += s.FailedPolls
		all.PollRows += s.PollRows
		all.Stale += s.Stale
		all.IdentityChanges += s.IdentityChanges
	}
	return all
}

// grown keeps the difference of two counters, which are not read at one instant,
// from going back: to Prometheus that is a restart.
func (o *observed) grown(goodPolls int64) int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.goodPolls = max(o.goodPolls, goodPolls)
	return o.goodPolls
}
