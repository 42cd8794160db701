package code_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/database"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/services/token/internal/code"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/migrations"
)

// counter counts statements.
type counter struct{ n int }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n++
	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// Nothing is recorded of a redemption that ends nothing: begin, the gate, the
// lock of the grant, the family, the oldest, commit.
func TestRedemptionIsSixStatements(t *testing.T) {
	var c counter
	url := pgtest.URL(t, coherence.Set(), events.Set(), migrations.Set())
	db, err := pg.Open(t.Context(), url, pg.Options{Tracer: &c, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	f := family.Family{
		ID: uuid.New(), GrantID: uuid.New(), ClientID: "c", Sub: "s", Scope: oauth.Scope{"a"},
		AuthTime: time.Unix(0, 0), KeyID: 1, Lifetime: time.Hour, AbsoluteLifetime: time.Hour,
	}
	redeemed := credential.AuthorizationCode{ID: f.ID, ExpireTime: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)}
	c.n = 0
	if _, err := code.NewStore(database.Postgres(db), time.Hour).Redeem(t.Context(), redeemed, &f, 1); err != nil {
		t.Fatal(err)
	}
	if c.n != 6 {
		t.Errorf("Redeem() is %d statements, want 6", c.n)
	}
}

// writes notes of each commit whether its transaction has written: only such a commit
// waits for a standby.
type writes struct{ commits []bool }

func (w *writes) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if data.SQL != "commit" {
		return ctx
	}
	var wrote bool
	err := conn.QueryRow(ctx, `SELECT pg_current_xact_id_if_assigned() IS NOT NULL`).Scan(&wrote)
	w.commits = append(w.commits, err == nil && wrote)
	return ctx
}

func (w *writes) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// The first replay may have come to an unknown outcome. Success of the second says
// that the standby has it.
func TestRepeatedReplayWaitsForAStandby(t *testing.T) {
	var w writes
	url := pgtest.URL(t, coherence.Set(), events.Set(), migrations.Set())
	db, err := pg.Open(t.Context(), url, pg.Options{Tracer: &w, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s := code.NewStore(database.Postgres(db), time.Hour)
	c := credential.AuthorizationCode{ID: uuid.New(), ClientID: "c", ExpireTime: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)}
	if _, err := s.Redeem(t.Context(), c, nil, 1); err != nil {
		t.Fatal(err)
	}
	w.commits = nil
	for range 2 {
		if _, err := s.Replay(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if want := []bool{true, true}; !slices.Equal(w.commits, want) {
		t.Errorf("the replays have written: %v, want %v", w.commits, want)
	}
}
