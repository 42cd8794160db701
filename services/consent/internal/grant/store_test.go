package grant_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
	"github.com/chancery-auth/chancery/services/consent/internal/grant/granttest"
	"github.com/chancery-auth/chancery/services/consent/internal/migrations"
)

func TestStore(t *testing.T) {
	databasetest.Each(t, func(t *testing.T, open databasetest.Open) {
		granttest.RunStore(t, func(t *testing.T) granttest.Database {
			db := open(t, coherence.Set(), events.Set(), migrations.Set())
			return granttest.Database{
				Store: grant.NewStore(db, time.Hour), Log: coherenttest.Source(t, db), Audit: eventtest.On(db),
				WriteFormer: func(t *testing.T, id uuid.UUID, f grant.Former, identities ...grant.Identity) {
					writeFormer(t, db, id, f, identities)
				},
				ReadFormer: func(t *testing.T, id uuid.UUID) (grant.Former, []grant.Identity) { return readFormer(t, db, id) },
				Age: func(ctx context.Context, id uuid.UUID, by time.Duration) error {
					_, err := db.Exec(ctx, `UPDATE consent.grant SET revoke_time = revoke_time - $2::interval WHERE id = $1`, id, by)
					return err
				},
				Rows: func(ctx context.Context, table string, id uuid.UUID) (int, error) {
					return database.Scan[int](db.QueryRow(ctx, `SELECT count(*) FROM consent.`+table+` WHERE grant_id = $1`, id))
				},
			}
		})
	})
}

// writeFormer has the statements of the release before approvals, which comes in
// another process, and so at another time: in SQLite in another millisecond.
func writeFormer(t *testing.T, db *database.DB, id uuid.UUID, f grant.Former, identities []grant.Identity) {
	t.Helper()
	for same := true; same; {
		err := db.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM consent.grant WHERE update_time >= statement_timestamp())`).Scan(&same)
		if err != nil {
			t.Fatal(err)
		}
	}
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.Exec(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`INSERT INTO consent.grant (id, client_id, sub, scope, create_time, update_time)
		VALUES ($1, 'former client', 'former subject', $2, statement_timestamp(), statement_timestamp())
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

func readFormer(t *testing.T, db *database.DB, id uuid.UUID) (f grant.Former, identities []grant.Identity) {
	t.Helper()
	scope, err := database.Scan[string](db.QueryRow(t.Context(), `SELECT scope FROM consent.grant WHERE id = $1`, id))
	if err != nil {
		t.Fatal(err)
	}
	f.Scope = strings.Fields(scope)
	f.Resources, err = database.Collect(t.Context(), db, func(row database.Row) (r grant.Resource, err error) {
		err = row.Scan(&r.Kind, &r.ID, &r.WorkspaceID, &r.MembershipID)
		return r, err
	}, `
		SELECT 'workspace', workspace_id, workspace_id, membership_id FROM consent.grant_workspace WHERE grant_id = $1
		UNION ALL SELECT 'project', project_id, workspace_id, membership_id FROM consent.grant_project WHERE grant_id = $1
		ORDER BY 1 DESC, 2`, id)
	if err != nil {
		t.Fatal(err)
	}
	identities, err = database.Collect(t.Context(), db, func(row database.Row) (grant.Identity, error) {
		digest, err := database.Scan[[]byte](row)
		return grant.Identity(digest), err
	}, `SELECT digest FROM consent.grant_identity WHERE grant_id = $1 ORDER BY digest`, id)
	if err != nil {
		t.Fatal(err)
	}
	return f, identities
}
