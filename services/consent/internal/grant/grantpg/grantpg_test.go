package grantpg_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/chancery-auth/chancery/pkg/coherent/coherentpg"
	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
	"github.com/chancery-auth/chancery/services/consent/internal/grant/grantpg"
	"github.com/chancery-auth/chancery/services/consent/internal/grant/granttest"
	"github.com/chancery-auth/chancery/services/consent/internal/migrations"
)

func TestStore(t *testing.T) {
	granttest.RunStore(t, func(t *testing.T) granttest.Database {
		url := pgtest.URL(t, coherence.Set(), events.Set(), migrations.Set())
		db, err := pg.Open(t.Context(), url, pg.Options{MaxConns: 16})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		log := coherentpg.NewSource(url, pg.Options{})
		t.Cleanup(func() {
			if err := log.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return granttest.Database{
			Store: grantpg.New(db, time.Hour), Log: log, Audit: eventtest.Postgres(db),
			WriteFormer: func(t *testing.T, id uuid.UUID, f grant.Former, identities ...grant.Identity) {
				writeFormer(t, db, id, f, identities)
			},
			ReadFormer: func(t *testing.T, id uuid.UUID) (grant.Former, []grant.Identity) { return readFormer(t, db, id) },
			Age: func(ctx context.Context, id uuid.UUID, by time.Duration) error {
				_, err := db.Exec(ctx, `UPDATE consent.grant SET revoke_time = revoke_time - $2::interval WHERE id = $1`, id, by)
				return err
			},
			Rows: func(ctx context.Context, table string, id uuid.UUID) (n int, err error) {
				err = db.QueryRow(ctx, `SELECT count(*) FROM consent.`+table+` WHERE grant_id = $1`, id).Scan(&n)
				return n, err
			},
		}
	})
}

// writeFormer has the statements of the release before approvals.
func writeFormer(t *testing.T, db *pgxpool.Pool, id uuid.UUID, f grant.Former, identities []grant.Identity) {
	t.Helper()
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.Exec(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`INSERT INTO consent.grant (id, client_id, sub, scope)
		VALUES ($1, 'former client', 'former subject', $2)
		ON CONFLICT (sub, client_id) WHERE revoke_time IS NULL
		DO UPDATE SET update_time = statement_timestamp()`, id, f.Scope.String())
	exec(`UPDATE consent.grant SET scope = $2, version = version + CASE WHEN $3 THEN 1 ELSE 0 END, update_time = statement_timestamp()
		WHERE id = $1`, id, f.Scope.String(), false)
	exec(`DELETE FROM consent.grant_workspace WHERE grant_id = $1`, id)
	exec(`DELETE FROM consent.grant_project WHERE grant_id = $1`, id)
	for _, r := range f.Resources {
		if r.Kind == preset.Workspace {
			exec(`INSERT INTO consent.grant_workspace (grant_id, workspace_id, membership_id) VALUES ($1, $2, $3)`, id, r.ID, r.MembershipID)
			continue
		}
		exec(`INSERT INTO consent.grant_project (grant_id, project_id, workspace_id, membership_id) VALUES ($1, $2, $3, $4)`,
			id, r.ID, r.WorkspaceID, r.MembershipID)
	}
	for _, as := range identities {
		exec(`INSERT INTO consent.grant_identity (grant_id, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING`, id, as[:])
	}
}

func readFormer(t *testing.T, db *pgxpool.Pool, id uuid.UUID) (f grant.Former, identities []grant.Identity) {
	t.Helper()
	var scope string
	if err := db.QueryRow(t.Context(), `SELECT scope FROM consent.grant WHERE id = $1`, id).Scan(&scope); err != nil {
		t.Fatal(err)
	}
	f.Scope = strings.Fields(scope)
	rows, err := db.Query(t.Context(), `
		SELECT 'workspace', workspace_id, workspace_id, membership_id FROM consent.grant_workspace WHERE grant_id = $1
		UNION ALL SELECT 'project', project_id, workspace_id, membership_id FROM consent.grant_project WHERE grant_id = $1
		ORDER BY 1 DESC, 2`, id)
	if err != nil {
		t.Fatal(err)
	}
	if f.Resources, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (r grant.Resource, err error) {
		return r, row.Scan(&r.Kind, &r.ID, &r.WorkspaceID, &r.MembershipID)
	}); err != nil {
		t.Fatal(err)
	}
	rows, err = db.Query(t.Context(), `SELECT digest FROM consent.grant_identity WHERE grant_id = $1 ORDER BY digest`, id)
	if err != nil {
		t.Fatal(err)
	}
	identities, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (grant.Identity, error) {
		var digest []byte
		err := row.Scan(&digest)
		return grant.Identity(digest), err
	})
	if err != nil {
		t.Fatal(err)
	}
	return f, identities
}
