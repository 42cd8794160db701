package grantsqlite_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent/coherentsqlite"
	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/event/eventtest"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
	"github.com/chancery-auth/chancery/services/consent/internal/grant/grantsqlite"
	"github.com/chancery-auth/chancery/services/consent/internal/grant/granttest"
	"github.com/chancery-auth/chancery/services/consent/internal/migrations"
)

func TestStore(t *testing.T) {
	granttest.RunStore(t, func(t *testing.T) granttest.Database {
		db := sqlitetest.New(t, coherence.Set(), events.Set(), migrations.Set())
		return granttest.Database{
			Store: grantsqlite.New(db, time.Hour), Log: coherentsqlite.NewSource(db), Audit: eventtest.SQLite(db),
			WriteFormer: func(t *testing.T, id uuid.UUID, f grant.Former, identities ...grant.Identity) {
				writeFormer(t, db, id, f, identities)
			},
			ReadFormer: func(t *testing.T, id uuid.UUID) (grant.Former, []grant.Identity) { return readFormer(t, db, id) },
			Age: func(ctx context.Context, id uuid.UUID, by time.Duration) error {
				_, err := db.Write().ExecContext(ctx, `UPDATE consent_grant SET revoke_time = revoke_time - ?2 WHERE id = ?1`, id[:], by.Microseconds())
				return err
			},
			Rows: func(ctx context.Context, table string, id uuid.UUID) (n int, err error) {
				err = db.Read().QueryRowContext(ctx, `SELECT count(*) FROM consent_`+table+` WHERE grant_id = ?`, id[:]).Scan(&n)
				return n, err
			},
		}
	})
}

// writeFormer has the statements of the release before approvals, which comes in
// another process, and so in another millisecond.
func writeFormer(t *testing.T, db *sqlite.DB, id uuid.UUID, f grant.Former, identities []grant.Identity) {
	t.Helper()
	for same := true; same; {
		err := db.Read().QueryRowContext(t.Context(), `SELECT EXISTS (SELECT 1 FROM consent_grant WHERE update_time >= `+sqlite.NowMicros+`)`).Scan(&same)
		if err != nil {
			t.Fatal(err)
		}
	}
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.Write().ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`INSERT INTO consent_grant (id, client_id, sub, scope, create_time, update_time)
		SELECT ?1, 'former client', 'former subject', ?2, t, t FROM (SELECT `+sqlite.NowMicros+` AS t) WHERE true
		ON CONFLICT (sub, client_id) WHERE revoke_time IS NULL DO UPDATE SET update_time = excluded.update_time`, id[:], f.Scope.String())
	exec(`UPDATE consent_grant SET scope = ?2, update_time = `+sqlite.NowMicros+` WHERE id = ?1`, id[:], f.Scope.String())
	exec(`DELETE FROM consent_grant_workspace WHERE grant_id = ?`, id[:])
	exec(`DELETE FROM consent_grant_project WHERE grant_id = ?`, id[:])
	for _, r := range f.Resources {
		if r.Kind == preset.Workspace {
			exec(`INSERT INTO consent_grant_workspace (grant_id, workspace_id, membership_id) VALUES (?, ?, ?)`, id[:], r.ID[:], r.MembershipID[:])
			continue
		}
		exec(`INSERT INTO consent_grant_project (grant_id, project_id, workspace_id, membership_id) VALUES (?, ?, ?, ?)`,
			id[:], r.ID[:], r.WorkspaceID[:], r.MembershipID[:])
	}
	for _, as := range identities {
		exec(`INSERT INTO consent_grant_identity (grant_id, digest) VALUES (?, ?) ON CONFLICT DO NOTHING`, id[:], as[:])
	}
}

func readFormer(t *testing.T, db *sqlite.DB, id uuid.UUID) (f grant.Former, identities []grant.Identity) {
	t.Helper()
	var scope string
	if err := db.Read().QueryRowContext(t.Context(), `SELECT scope FROM consent_grant WHERE id = ?`, id[:]).Scan(&scope); err != nil {
		t.Fatal(err)
	}
	f.Scope = strings.Fields(scope)
	each := func(query string, read func(*sql.Rows) error) {
		t.Helper()
		rows, err := db.Read().QueryContext(t.Context(), query, id[:])
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			if err := read(rows); err != nil {
				t.Fatal(err)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	each(`SELECT 'workspace', workspace_id, workspace_id, membership_id FROM consent_grant_workspace WHERE grant_id = ?1
		UNION ALL SELECT 'project', project_id, workspace_id, membership_id FROM consent_grant_project WHERE grant_id = ?1
		ORDER BY 1 DESC, 2`, func(rows *sql.Rows) error {
		var r grant.Resource
		err := rows.Scan(&r.Kind, &r.ID, &r.WorkspaceID, &r.MembershipID)
		f.Resources = append(f.Resources, r)
		return err
	})
	each(`SELECT digest FROM consent_grant_identity WHERE grant_id = ? ORDER BY digest`, func(rows *sql.Rows) error {
		var digest []byte
		err := rows.Scan(&digest)
		identities = append(identities, grant.Identity(digest))
		return err
	})
	return f, identities
}
