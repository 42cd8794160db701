package coherenttest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/coherent"
)

const (
	writers = 16
	each    = 25 // transactions of a writer
	total   = writers * each
)

// linger is the longest that a transaction stays open.
const linger = 100 * time.Millisecond

// rolledBack says whether the transaction of row n does not commit.
func rolledBack(n int64) bool { return n%20 == 7 }

// journal records what writers were told.
type journal struct {
	mu           sync.Mutex
	acknowledged []int64
}

func (j *journal) add(n int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.acknowledged = append(j.acknowledged, n)
}

// read returns the rows whose commit has been acknowledged by now.
func (j *journal) read() []int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.acknowledged[:len(j.acknowledged):len(j.acknowledged)]
}

// writeMany lets every writer do its transactions at once: one in five stays
// open until a poll has passed, one in twenty is rolled back. The channel is
// closed when all are done.
func writeMany(t *testing.T, l Log, j *journal, polled <-chan struct{}) <-chan struct{} {
	var wg sync.WaitGroup
	for w := range int64(writers) {
		wg.Go(func() {
			for i := range int64(each) {
				n := w*each + i
				err := l.InTx(t.Context(), func(a Append) error { return lingeringAppend(t.Context(), l, a, n, polled) })
				switch {
				case err == nil:
					j.add(n)
				case !errors.Is(err, errRollback):
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	return done
}

func lingeringAppend(ctx context.Context, l Log, a Append, n int64, polled <-chan struct{}) error {
	if err := a(keep, grant(n)); err != nil {
		return err
	}
	if l.Concurrent && n%5 == 0 {
		ctx, cancel := context.WithTimeout(ctx, linger)
		defer cancel()
		select {
		case <-polled:
		case <-ctx.Done():
		}
	}
	if rolledBack(n) {
		return errRollback
	}
	return nil
}

// reader polls and counts what it was given.
type reader struct {
	log    Log
	cursor coherent.Cursor
	seen   map[int64]int
}

// pollOnce also checks what the lease stands on: whatever was acknowledged
// before the poll began is known after it.
func (r *reader) pollOnce(t *testing.T, j *journal) {
	t.Helper()
	before := j.read()
	b := poll(t, r.log, r.cursor)
	r.cursor = b.Cursor
	for _, e := range b.Entries {
		r.seen[e.Version]++
	}
	for _, n := range before {
		if r.seen[n] == 0 {
			t.Fatalf("row %d was acknowledged before a poll that did not return it", n)
		}
	}
}

// nothingIsMissed polls as fast as it can while writers write.
func nothingIsMissed(t *testing.T, l Log) {
	r := &reader{log: l, cursor: load(t, l).Cursor, seen: map[int64]int{}}
	j := &journal{}
	polled := make(chan struct{})
	done := writeMany(t, l, j, polled)
	for running := true; running; {
		r.pollOnce(t, j)
		select {
		case polled <- struct{}{}:
		case <-done:
			running = false
		default:
		}
	}
	r.pollOnce(t, j)
	for n := range int64(total) {
		want := 1
		if rolledBack(n) {
			want = 0
		}
		if r.seen[n] != want {
			t.Errorf("row %d was returned %d times, want %d", n, r.seen[n], want)
		}
	}
}
