package doctor

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// longTransaction is the age at which a transaction makes polls costly: they read
// again everything that began after it.
const longTransaction = time.Minute

func checkVersion(ctx context.Context, pool *pgxpool.Pool) Finding {
	var number int
	var text string
	err := pool.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_version')`).Scan(&number, &text)
	if err != nil {
		return queryFailed(err)
	}
	if number < leastVersion {
		return Bad("the server is PostgreSQL %s", text).Do("use PostgreSQL %d or newer", leastVersion/10000)
	}
	return Good("PostgreSQL %s", text)
}

// checkCommit looks at the setting as a session of the role in this database has
// it, whoever set it.
func checkCommit(ctx context.Context, pool *pgxpool.Pool) Finding {
	var mode, source string
	err := pool.QueryRow(ctx, `SELECT setting, source FROM pg_settings WHERE name = 'synchronous_commit'`).Scan(&mode, &source)
	if err != nil {
		return queryFailed(err)
	}
	if mode != "on" && mode != "remote_apply" {
		return Bad("synchronous_commit is %s, set for the %s: an acknowledged revocation can be lost", mode, source).Do("ALTER %s RESET synchronous_commit", altered(source))
	}
	return Good("synchronous_commit is %s", mode)
}

// altered is what has a setting of that source, in SQL.
func altered(source string) string {
	switch source {
	case "user", "database user":
		return "ROLE …"
	case "database":
		return "DATABASE …"
	}
	return "SYSTEM"
}

func checkWrites(ctx context.Context, pool *pgxpool.Pool) Finding {
	var fsync, fullPages string
	err := pool.QueryRow(ctx, `SELECT current_setting('fsync'), current_setting('full_page_writes')`).Scan(&fsync, &fullPages)
	if err != nil {
		return queryFailed(err)
	}
	if fsync != "on" || fullPages != "on" {
		return Bad("fsync is %s and full_page_writes is %s: what was acknowledged does not survive a crash of the machine", fsync, fullPages).Do("set both to on")
	}
	return Good("writes survive a crash")
}

func checkPrimary(ctx context.Context, pool *pgxpool.Pool) Finding {
	var recovering bool
	if err := pool.QueryRow(ctx, `SELECT pg_is_in_recovery()`).Scan(&recovering); err != nil {
		return queryFailed(err)
	}
	if recovering {
		return Bad("the server is a standby: nothing can be written").Do("name the primary, or add target_session_attrs=read-write to the URL of the database")
	}
	return Good("the server is a primary")
}

// checkStandby refuses a standby that may lack what was acknowledged: a failover
// to it would bring revoked tokens back.
func checkStandby(ctx context.Context, pool *pgxpool.Pool) Finding {
	var names string
	var standbys, synchronous int
	var visible bool
	err := pool.QueryRow(ctx, `
		SELECT current_setting('synchronous_standby_names'), count(*),
		       count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')),
		       pg_has_role('pg_read_all_stats', 'USAGE')
		  FROM pg_stat_replication
		 WHERE state IS DISTINCT FROM 'backup'`).Scan(&names, &standbys, &synchronous, &visible)
	switch {
	case err != nil:
		return queryFailed(err)
	case names == "" && standbys > 0:
		return Bad("%d standbys follow, and none is synchronous: a failover would lose acknowledged revocations", standbys).Do("set synchronous_standby_names")
	case names == "":
		return Good("there is no standby")
	case !visible:
		return Good("standbys are synchronous: %s (whether they follow is not for this role to see)", names)
	case synchronous == 0:
		return Bad("synchronous_standby_names is %q, and none of these follows: every commit waits", names).Do("start the standby, or take it from synchronous_standby_names for as long as it is away")
	}
	return Good("%d of %d standbys are synchronous", synchronous, standbys)
}

func checkRights(ctx context.Context, pool *pgxpool.Pool) Finding {
	var role string
	var super, public bool
	err := pool.QueryRow(ctx, `
		SELECT current_user, rolsuper,
		       coalesce(has_schema_privilege('public', to_regnamespace('public')::oid, 'CREATE'), false)
		  FROM pg_roles
		 WHERE rolname = current_user`).Scan(&role, &super, &public)
	switch {
	case err != nil:
		return queryFailed(err)
	case super:
		return Odd("%s is a superuser: who takes the process has the whole server", role).Do("give each service a role of its own")
	case public:
		return Odd("every role can create functions in the schema public").Do("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	}
	return Good("%s is not a superuser", role)
}

// checkTransactions looks for transactions that hold the horizon of polls back.
func checkTransactions(ctx context.Context, pool *pgxpool.Pool) Finding {
	var seconds float64
	var visible bool
	err := pool.QueryRow(ctx, `
		SELECT coalesce(max(extract(epoch FROM clock_timestamp() - began)), 0)::float8,
		       pg_has_role('pg_read_all_stats', 'USAGE')
		  FROM (SELECT xact_start AS began
		          FROM pg_stat_activity
		         WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
		         UNION ALL
		        SELECT prepared FROM pg_prepared_xacts) AS writing`).Scan(&seconds, &visible)
	if err != nil {
		return queryFailed(err)
	}
	return judgeAge(time.Duration(seconds*float64(time.Second)), visible)
}

// judgeAge is what is to say of the oldest writing transaction. Visible says that
// the role may see those of others.
func judgeAge(age time.Duration, visible bool) Finding { //nolint:revive // the second half of a result, not a mode
	seen := ""
	if !visible {
		seen = " (of those that this role may see)"
	}
	if age > longTransaction {
		return Odd("a writing transaction is open for %s%s: every poll of the restrictions reads again what came after it", age.Round(time.Second), seen).
			Do("find it in pg_stat_activity or pg_prepared_xacts, and end it")
	}
	return Good("the oldest writing transaction is %s old%s", age.Round(time.Second), seen)
}
