package coherent

import (
	"context"
	"fmt"
	"log/slog"
)

// writeBackSize is how many restrictions are written back between two polls, so
// that the lease does not wait for them.
const writeBackSize = 1000

// suspect notes that the database which answers now may have lost the end of
// the log: what the load does not mark is lost. A raised restore epoch is another
// matter: every token of before is dead, and versions may count anew from the backup.
func (f *feed) suspect(s *State, begin Batch) {
	f.lost, f.unsearched, f.written = nil, 0, 0
	f.suspected = begin.RestoreEpoch <= f.restoreEpoch
	s.unmark()
}

// writeBack gives the database a part of what it had lost, so that replicas
// which start from now on know it too. Several replicas may do so at once.
func (r *Replica) writeBack(ctx context.Context) error {
	f := &r.feed
	for len(f.lost) < writeBackSize && f.unsearched > 0 {
		f.unsearched--
		f.lost = append(f.lost, r.state.missing(f.unsearched)...)
	}
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
	f.written += written
	r.counters.reconciled.Add(int64(written))
	r.Nudge()
	if len(f.lost) == 0 && f.unsearched == 0 {
		r.o.Log.WarnContext(ctx, "restrictions that the database had lost are written back", slog.Int("rows", f.written))
	}
	return nil
}
