package transaction

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sweep"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
	"github.com/chancery-auth/chancery/services/authorize/internal/pushed"
)

// Store keeps transactions. It is safe for concurrent use, across processes too.
//
// A transaction that is over by the database's clock is not found, whether or
// not it was swept.
type Store struct {
	db      *database.DB
	bounds  Bounds
	created atomic.Int64
}

// NewStore returns a store on db, which must be migrated.
func NewStore(db *database.DB, b Bounds) *Store { return &Store{db: db, bounds: b} }

// Parts of a statement that pushes out what is beyond a bound: of an address, or in
// all. The list of what is beyond takes no lock. What somebody else holds at that
// moment, or has acted on meanwhile, stays; a row that is Begun and has a stage was
// noted by the release before this one. SQLite knows no OFFSET without a LIMIT.
const (
	pushOut = `
		DELETE FROM authorize.transaction
		 WHERE id IN (
			SELECT id
			  FROM authorize.transaction
			 WHERE id `
	beyondAddress = `
				SELECT id
				  FROM authorize.transaction
				 WHERE address_block = @address_block AND hold = @hold
				 ORDER BY expire_time DESC
				 LIMIT 10000 OFFSET @keep`
	beyondAll = `
				SELECT id
				  FROM authorize.transaction
				 WHERE hold = @hold
				 ORDER BY expire_time DESC
				 LIMIT 10000 OFFSET @keep`
	untouched = `
			   AND hold = @hold
			   AND (hold > 0 OR coalesce(signed_in, chosen, left_behind, offered, shown) IS NULL)
			   FOR UPDATE SKIP LOCKED)`

	// PostgreSQL makes the list first, and then locks.
	listed, listedEnd = `= ANY (ARRAY(`, `))`
	within, withinEnd = `IN (`, `)`
)

// Create adds t for lifetime from now. If t.Pushed is not zero, the pushed
// request is taken in the same transaction: of any number of callers exactly
// one succeeds, and the rest get pushed.ErrNotFound.
func (s *Store) Create(ctx context.Context, t Transaction, lifetime time.Duration) error {
	encoded, err := t.Request.Marshal()
	if err != nil {
		return err
	}
	err = s.db.InTx(ctx, func(tx *database.Tx) error {
		var from []byte
		if t.Pushed != (secret.Digest{}) {
			from = t.Pushed[:]
			if err := pushed.Take(ctx, tx, t.Pushed); err != nil {
				return err
			}
		}
		var batch database.Batch
		// One beyond the room for the others.
		s.pushOut(&batch, tx, t.AddressBlock, Begun, s.bounds.PerAddress-1)
		batch.Queue(`
			INSERT INTO authorize.transaction (id, binding, pushed, request, address_block, expire_time)
			VALUES ($1, $2, $3, $4, $5, statement_timestamp() + $6::interval)`,
			t.ID, t.Binding[:], from, string(encoded), t.AddressBlock, lifetime)
		if err := tx.Send(ctx, batch); err != nil {
			return fmt.Errorf("insert transaction: %w", err)
		}
		return nil
	})
	if err != nil || !s.bounds.due(s.created.Add(1)) {
		return err
	}
	return s.trim(ctx)
}

// pushOut queues the deletion of what an address has beyond keep.
func (s *Store) pushOut(batch *database.Batch, tx *database.Tx, block string, hold Hold, keep int) {
	batch.Queue(pushOut+tx.Either(listed, within)+beyondAddress+tx.Either(listedEnd, withinEnd)+untouched,
		database.Args{"address_block": block, "hold": hold, "keep": keep})
}

// trim pushes out what is beyond the bounds in all.
func (s *Store) trim(ctx context.Context) error {
	for _, hold := range []Hold{Begun, Viewed} {
		_, err := s.db.Exec(ctx, pushOut+s.db.Either(listed, within)+beyondAll+s.db.Either(listedEnd, withinEnd)+untouched,
			database.Args{"hold": hold, "keep": s.bounds.InAll})
		if err != nil {
			return fmt.Errorf("push out transactions: %w", err)
		}
	}
	return nil
}

// View makes a transaction that is Begun Viewed. Any other stays as it is, and that
// is no error. What is beyond the [Bounds] goes.
func (s *Store) View(ctx context.Context, id string) error {
	return s.db.InTx(ctx, func(tx *database.Tx) error {
		var block string // empty for a NULL of the release before this one, which is in no count
		err := tx.QueryRow(ctx, `
			UPDATE authorize.transaction
			   SET hold = 1
			 WHERE id = $1 AND hold = 0 AND expire_time > statement_timestamp()
			RETURNING address_block`, id).Scan(database.Null(&block))
		switch {
		case errors.Is(err, database.ErrNoRows):
			return nil
		case err != nil:
			return fmt.Errorf("update transaction: %w", err)
		}
		var batch database.Batch
		s.pushOut(&batch, tx, block, Viewed, s.bounds.PerAddress)
		if err := tx.Send(ctx, batch); err != nil {
			return fmt.Errorf("push out transactions: %w", err)
		}
		return nil
	})
}

const columns = `id, binding, pushed, request, signed_in, chosen, left_behind, offered, shown, shown_client, address_block, hold`

// Find reads the primary. Fails with ErrNotFound.
func (s *Store) Find(ctx context.Context, id string) (Transaction, error) {
	if err := checkID(id); err != nil {
		return Transaction{}, err
	}
	return scan(s.db.QueryRow(ctx, `
		SELECT `+columns+`
		  FROM authorize.transaction
		 WHERE id = $1 AND expire_time > statement_timestamp()`, id))
}

// FindPushed finds by Pushed. Fails with ErrNotFound.
func (s *Store) FindPushed(ctx context.Context, digest secret.Digest) (Transaction, error) {
	return scan(s.db.QueryRow(ctx, `
		SELECT `+columns+`
		  FROM authorize.transaction
		 WHERE pushed = $1 AND expire_time > statement_timestamp()`, digest[:]))
}

func scan(row database.Row) (t Transaction, err error) {
	var binding, from, encoded, shownClient []byte
	err = row.Scan(&t.ID, &binding, &from, &encoded,
		database.Null(&t.SignedIn), database.Null(&t.Chosen), database.Null(&t.LeftBehind), database.Null(&t.Offered), database.Null(&t.Shown),
		&shownClient, database.Null(&t.AddressBlock), &t.Hold)
	switch {
	case errors.Is(err, database.ErrNoRows):
		return Transaction{}, ErrNotFound
	case err != nil:
		return Transaction{}, fmt.Errorf("select transaction: %w", err)
	}
	copy(t.Binding[:], binding)
	copy(t.Pushed[:], from)
	copy(t.ShownClient[:], shownClient)
	t.Request, err = authreq.Unmarshal(encoded)
	return t, err
}

// Note does what [Stages.Note] does, and makes the transaction Acted. Fails with
// ErrNotFound.
func (s *Store) Note(ctx context.Context, id string, stage Stage, in Seen) error {
	if err := checkID(id); err != nil {
		return err
	}
	updated, err := s.db.Exec(ctx, `
		UPDATE authorize.transaction AS t
		   SET signed_in    = CASE $2::int WHEN 1 THEN $3::uuid ELSE signed_in END,
		       chosen       = CASE $2::int WHEN 2 THEN $3::uuid WHEN 3 THEN NULL ELSE chosen END,
		       left_behind  = CASE $2::int WHEN 3 THEN $3::uuid WHEN 2 THEN NULL ELSE left_behind END,
		       offered      = CASE $2::int WHEN 4 THEN $3::uuid ELSE offered END,
		       shown        = CASE $2::int WHEN 5 THEN $3::uuid ELSE shown END,
		       shown_client = CASE $2::int WHEN 5 THEN $4::bytea ELSE shown_client END,
		       hold         = CASE WHEN hold = 2 OR $5 > (
		           SELECT count(*)
		             FROM (SELECT 1 FROM authorize.transaction AS held
		                    WHERE held.address_block = t.address_block AND held.hold = 2
		                    LIMIT $5) AS counted) THEN 2 ELSE 1 END
		 WHERE id = $1 AND expire_time > statement_timestamp()`, id, int(stage), in.Session, in.Client[:], s.bounds.PerAddress)
	if err != nil {
		return fmt.Errorf("update transaction: %w", err)
	}
	return found(updated)
}

// Finish deletes a transaction. Of any number of callers exactly one succeeds; the
// rest get ErrNotFound. The row lock of the DELETE is the gate: the second caller
// waits for the first, and finds nothing.
func (s *Store) Finish(ctx context.Context, id string) error {
	if err := checkID(id); err != nil {
		return err
	}
	// A transaction of its own makes a commit of unknown outcome an error.
	return s.db.InTx(ctx, func(tx *database.Tx) error {
		deleted, err := tx.Exec(ctx, `
			DELETE FROM authorize.transaction
			 WHERE id = $1 AND expire_time > statement_timestamp()`, id)
		if err != nil {
			return fmt.Errorf("delete transaction: %w", err)
		}
		return found(deleted)
	})
}

func found(rows int64) error {
	if rows == 0 {
		return ErrNotFound
	}
	return nil
}

// Sweeps returns the transactions that are over, for deletion.
func (s *Store) Sweeps() []sweep.Table {
	return database.Sweeps(s.db, sweep.Rule{Table: "authorize.transaction", Key: "id", Due: "expire_time"})
}
