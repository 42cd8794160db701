package key_test

import (
	"sync/atomic"
	"testing"
	"time"

	coherence "github.com/chancery-auth/chancery/pkg/coherent/migrations"
	"github.com/chancery-auth/chancery/pkg/database"
	events "github.com/chancery-auth/chancery/pkg/event/migrations"
	"github.com/chancery-auth/chancery/pkg/pg"
	"github.com/chancery-auth/chancery/pkg/pgtest"
	"github.com/chancery-auth/chancery/services/token/internal/key"
	"github.com/chancery-auth/chancery/services/token/internal/migrations"
)

// Other processes have read that the next key is for later.
func TestKeyThatTakesOverBeforeItsTimeWakesOthers(t *testing.T) {
	var wakes atomic.Int32
	url := pgtest.URL(t, coherence.Set(), events.Set(), migrations.Set())
	db, err := pg.Open(t.Context(), url, pg.Options{Wake: func() { wakes.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	s := key.NewStore(database.Postgres(db), time.Hour)
	if err := s.Create(t.Context(), key.Sealing, "first", []byte{1}); err != nil {
		t.Fatal(err)
	}
	n := key.Successor{Purpose: key.Sealing, Generation: 2, ID: "second", Ciphertext: []byte{2}, Lead: time.Hour}
	if _, err := s.Rotate(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	before := wakes.Load()
	n.Lead = 0
	if _, err := s.Rotate(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if got := wakes.Load() - before; got != 1 {
		t.Errorf("others are woken %d times, want once", got)
	}
}
