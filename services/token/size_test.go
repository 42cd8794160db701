//go:build size

package token_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

// N309, at size: 16 callers revoke one token 10⁵ times, and then replay one code as
// often. Each leaves one restriction, one record and one event.
func TestN309_SizeOfRepetitions(t *testing.T) {
	const repetitions, callers = 100_000, 16
	db, there := onPostgres(t)
	f := newFixture(t, there)
	token, code := f.signedIn(t).GetAccessToken(), f.code(t)
	f.mustExchange(t, c1, byCode(code))
	for _, tt := range []struct {
		name string
		once func() error
	}{
		{"revocations of one token", func() error { return f.revoke(t, c1, token) }},
		{"replays of one code", func() error {
			_, err := f.exchange(t, c1, byCode(code))
			if errors.Is(err, oauth.InvalidGrant) {
				return nil
			}
			return fmt.Errorf("a code that is replayed: %w", err)
		}},
	} {
		before, begin := written(t, db), time.Now() //nolint:forbidigo // It is measured.
		var made atomic.Int64
		storetest.AtOnce(callers, func(int) {
			for made.Add(1) <= repetitions {
				if err := tt.once(); err != nil {
					t.Error(err)
					return
				}
			}
		})
		took, after := time.Since(begin), written(t, db)
		var left [len(tables)]int
		for i := range tables {
			if left[i] = after[i] - before[i]; left[i] != 1 {
				t.Errorf("%s: %d rows of %s, want 1", tt.name, left[i], tables[i])
			}
		}
		t.Logf("size: %s (N309): requests=%d callers=%d took=%s rate=%.0f/s restrictions=%d records=%d events=%d",
			tt.name, repetitions, callers, took.Round(time.Second), repetitions/took.Seconds(), left[0], left[1], left[2])
	}
}

// tables have what a change leaves: its restriction, its record and its event.
var tables = [3]string{"coherence.restriction_log", "event.audit_log", "event.outbox"}

// written is how many rows each has.
func written(t *testing.T, db *database.DB) (rows [len(tables)]int) {
	t.Helper()
	for i, table := range tables {
		if err := db.QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	return rows
}
