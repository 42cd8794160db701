package coherent

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/role"
)

// writeBackSize is how many restrictions are written back between two polls, so
// that the lease does not wait for them.
const writeBackSize = 1000

// suspect notes that the database which answers now may have lost the end of
// the log. A raised restore epoch is another matter: every token of before is
// dead, and versions may count anew from the backup.
func (f *feed) suspect(batch Batch) {
	f.loaded, f.lost = false, nil
	f.suspected = batch.RestoreEpoch <= f.restoreEpoch
}

// findLost compares what is known with the whole log of a suspected database.
func (r *Replica) findLost(batch Batch) {
	if !r.feed.suspected {
		return
	}
	r.feed.suspected = false
	r.feed.lost = r.state.without(batch.Entries)
}

// writeBack gives the database a part of what it had lost, so that replicas
// which start from now on know it too. Several replicas may do so at once.
func (r *Replica) writeBack(ctx context.Context) error {
	f := &r.feed
	if len(f.lost) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.o.PollTimeout)
	defer cancel()
	part := f.lost[:min(len(f.lost), writeBackSize)]
	written, err := r.source.Reconcile(ctx, part)
	if err != nil {
		return fmt.Errorf("write back restrictions: %w", err)
	}
	f.lost = f.lost[len(part):]
	r.counters.reconciled.Add(int64(written))
	r.o.Log.WarnContext(ctx, "restrictions that the database had lost are written back",
		slog.Int("written", written), slog.Int("left", len(f.lost)))
	if len(f.lost) > 0 {
		r.Nudge()
	}
	return nil
}

// without returns the entries of the state that do not follow from those of a
// log which has been joined into it.
func (s *State) without(log []Entry) []Entry {
	theirs := NewState(math.MaxInt64)
	for _, e := range log {
		theirs.Join(e.KeepUntil, e.Restriction)
	}
	has := map[string]bool{}
	for _, e := range theirs.entries() {
		has[e.name()] = true
	}
	var missing []Entry
	for _, e := range s.entries() {
		if !has[e.name()] {
			missing = append(missing, e)
		}
	}
	return missing
}

// name tells restrictions apart.
func (r Restriction) name() string { return string(appendRestriction(nil, r)) }

// entries returns everything the state has, but for the restore epoch, which is
// no row of the log. It is no snapshot: what is joined meanwhile may be missing.
func (s *State) entries() []Entry {
	list := make([]Entry, 0, s.room.entries.Load())
	add := func(until int64, r Restriction) {
		list = append(list, Entry{r, time.UnixMicro(until)})
	}
	s.tokens.each(func(id uuid.UUID, _ struct{}, until int64) { add(until, Token(id)) })
	s.sessions.each(func(id uuid.UUID, _ struct{}, until int64) { add(until, Session(id)) })
	s.secrets.each(func(id uuid.UUID, _ struct{}, until int64) { add(until, Secret(id)) })
	s.keys.each(func(id uint32, _ struct{}, until int64) { add(until, SealingKey(id)) })
	s.grants.each(func(id uuid.UUID, epoch, until int64) { add(until, Grant(id, epoch)) })
	s.families.each(func(id uuid.UUID, epoch, until int64) { add(until, Family(id, epoch)) })
	s.projects.each(func(id uuid.UUID, epoch, until int64) { add(until, Project(id, epoch)) })
	s.subjects.each(func(sub string, epoch, until int64) { add(until, Subject(sub, epoch)) })
	s.clients.each(func(id string, epoch, until int64) { add(until, Client(id, epoch)) })
	s.scopes.each(func(id string, all []versioned[string], until int64) {
		for _, v := range all {
			add(until, ClientScope(id, v.version, v.value))
		}
	})
	s.members.each(func(m member, all []versioned[role.Role], until int64) {
		for _, v := range all {
			add(until, Membership(m.sub, m.workspace, v.version, v.value))
		}
	})
	return list
}
