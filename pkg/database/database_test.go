package database_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/database/databasetest"
	"github.com/chancery-auth/chancery/pkg/migrate"
)

var schema = migrate.New("thing", fstest.MapFS{
	"postgres/0001_thing.sql": {Data: []byte(`-- +goose Up
CREATE TABLE thing.thing (
    id uuid PRIMARY KEY, name text CONSTRAINT thing_name UNIQUE, digest bytea, count bigint, flag boolean,
    at timestamptz, lasts interval, names text[], ids uuid[], digests bytea[]
);`)},
	"sqlite/0001_thing.sql": {Data: []byte(`-- +goose Up
CREATE TABLE thing_thing (
    id BLOB PRIMARY KEY, name TEXT UNIQUE, digest BLOB, count INTEGER, flag INTEGER,
    at INTEGER, lasts INTEGER, names TEXT, ids TEXT, digests TEXT
) STRICT;`)},
})

type thing struct {
	ID      uuid.UUID
	Name    string
	Digest  []byte
	Count   int64
	Flag    bool
	At      time.Time
	Lasts   time.Duration
	Names   []string
	IDs     []uuid.UUID
	Digests [][]byte
}

const columns = `id, name, digest, count, flag, at, lasts, names, ids, digests`

func insert(ctx context.Context, c database.Conn, x thing) error {
	_, err := c.Exec(ctx, `
		INSERT INTO thing.thing (`+columns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		x.ID, x.Name, x.Digest, x.Count, x.Flag, x.At, x.Lasts, x.Names, x.IDs, x.Digests)
	return err
}

func scan(row database.Row) (x thing, err error) {
	err = row.Scan(&x.ID, &x.Name, &x.Digest, &x.Count, &x.Flag, &x.At, &x.Lasts, &x.Names, &x.IDs, &x.Digests)
	return x, err
}

func example(name string) thing {
	return thing{
		ID: uuid.New(), Name: name, Digest: []byte{0, 1, 255}, Count: 1 << 60, Flag: true,
		At: time.Date(2026, 12, 1, 13, 14, 15, 123_456_000, time.UTC), Lasts: 25*time.Hour + time.Microsecond,
		Names: []string{"a", `b"`, "", "ü"}, IDs: []uuid.UUID{uuid.New(), uuid.Nil}, Digests: [][]byte{{0}, {}, {1, 2}},
	}
}

// each runs a test on each database, with the one table.
func each(t *testing.T, f func(t *testing.T, db *database.DB)) {
	databasetest.Each(t, func(t *testing.T, open databasetest.Open) { f(t, open(t, schema)) })
}

func TestValuesAreTheSame(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		for _, x := range []thing{example("a"), {ID: uuid.New(), At: time.UnixMicro(0).UTC(), Names: []string{}, IDs: []uuid.UUID{}, Digests: [][]byte{}}} {
			if err := insert(t.Context(), db, x); err != nil {
				t.Fatal(err)
			}
			got, err := scan(db.QueryRow(t.Context(), `SELECT `+columns+` FROM thing.thing WHERE id = @id`, database.Args{"id": x.ID}))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(x, got); diff != "" {
				t.Errorf("(-written +read):\n%s", diff)
			}
		}
	})
}

func TestAPointerIsWhatItPointsTo(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		x := example("a")
		_, err := db.Exec(t.Context(), `INSERT INTO thing.thing (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			&x.ID, &x.Name, &x.Digest, &x.Count, &x.Flag, &x.At, &x.Lasts, &x.Names, &x.IDs, &x.Digests)
		if err != nil {
			t.Fatal(err)
		}
		got, err := scan(db.QueryRow(t.Context(), `SELECT `+columns+` FROM thing.thing WHERE id = $1`, &x.ID))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(x, got); diff != "" {
			t.Errorf("(-written +read):\n%s", diff)
		}
	})
}

func TestFormsAreConverted(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		twice := func(n *int64) any {
			return database.Form(n, func(n int64) int64 { return 2 * n }, func(n int64) int64 { return n / 2 })
		}
		comma := func(s *[]string) any {
			return database.Form(s,
				func(s []string) *string {
					if s == nil {
						return nil
					}
					joined := strings.Join(s, ",")
					return &joined
				},
				func(s *string) []string {
					if s == nil {
						return nil
					}
					return strings.Split(*s, ",")
				})
		}
		for _, want := range [][]string{{"a", "b"}, nil} {
			n, id := int64(21), uuid.New()
			_, err := db.Exec(t.Context(), `INSERT INTO thing.thing (id, count, name) VALUES ($1, $2, $3)`, id, twice(&n), comma(&want))
			if err != nil {
				t.Fatal(err)
			}
			var stored, read int64
			var names []string
			err = db.QueryRow(t.Context(), `SELECT count, count, name FROM thing.thing WHERE id = $1`, id).Scan(&stored, twice(&read), comma(&names))
			if err != nil || stored != 42 || read != 21 || !slices.Equal(names, want) {
				t.Errorf("stored %d, read %d and %v, %v", stored, read, names, err)
			}
		}
	})
}

func TestNilListIsEmpty(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		if err := insert(t.Context(), db, thing{ID: uuid.New()}); err != nil {
			t.Fatal(err)
		}
		got, err := scan(db.QueryRow(t.Context(), `SELECT `+columns+` FROM thing.thing`))
		if err != nil || got.Names == nil || got.IDs == nil || got.Digests == nil {
			t.Errorf("read %+v, %v", got, err)
		}
	})
}

func TestNullIsZero(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		for _, x := range []thing{{ID: uuid.New()}, example("a")} {
			_, err := db.Exec(t.Context(), `INSERT INTO thing.thing (id, name, at, lasts, count) VALUES ($1, $2, $3, $4, $5)`,
				x.ID, database.NullZero(x.Name), database.NullZero(x.At), database.NullZero(x.Lasts), database.NullZero(x.Count))
			if err != nil {
				t.Fatal(err)
			}
			got := example("b")
			err = db.QueryRow(t.Context(), `SELECT name, at, lasts, count, id FROM thing.thing WHERE id = $1`, x.ID).
				Scan(database.Null(&got.Name), database.Null(&got.At), database.Null(&got.Lasts), database.Null(&got.Count), database.Null(&got.ID))
			if err != nil {
				t.Fatal(err)
			}
			if got.Name != x.Name || !got.At.Equal(x.At) || got.Lasts != x.Lasts || got.Count != x.Count || got.ID != x.ID {
				t.Errorf("read %+v, want %+v", got, x)
			}
			if err := db.QueryRow(t.Context(), `SELECT name FROM thing.thing WHERE name IS NULL`).Scan(&got.Name); err == nil {
				t.Error("NULL is read as a text without Null")
			}
		}
	})
}

func TestWordsMeanTheSame(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		ctx, x, y := t.Context(), example("x"), example("y")
		y.At = x.At.Add(time.Hour)
		if err := errors.Join(insert(ctx, db, x), insert(ctx, db, y)); err != nil {
			t.Fatal(err)
		}
		for text, args := range map[string][]any{
			`SELECT name FROM thing.thing WHERE name = ANY ($1)`:                                                                                 {[]string{"y", "z"}},
			`SELECT name FROM thing.thing WHERE id = ANY ($1::uuid[])`:                                                                           {[]uuid.UUID{y.ID, uuid.New()}},
			`SELECT name FROM thing.thing WHERE at - $1::interval = $2`:                                                                          {time.Hour, x.At},
			`SELECT name FROM thing.thing WHERE least(at, $1) = $1 AND greatest(at, $1) = $1`:                                                    {y.At},
			`SELECT t.name FROM thing.thing AS t JOIN unnest($1::text[]) AS list (value) ON list.value = t.name FOR UPDATE OF t SKIP LOCKED`:     {[]string{"y"}},
			`SELECT name FROM thing.thing WHERE at < statement_timestamp() + $1::interval AND name IS DISTINCT FROM $2 ORDER BY at DESC LIMIT 1`: {240 * 365 * 24 * time.Hour, "x"},
			`UPDATE thing.thing SET count = count + 1 WHERE name = 'y' RETURNING name`:                                                           nil,
		} {
			err := db.InStatement(ctx, func(c database.Conn) error {
				got, err := database.Collect(ctx, c, database.Scan[string], text, args...)
				if !slices.Contains(got, "y") {
					t.Errorf("%s: %v, want y", text, got)
				}
				return err
			})
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
		}
	})
}

func TestOneReadingOfTheClockAStatement(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		for range 100 {
			var same bool
			if err := db.QueryRow(t.Context(), `SELECT statement_timestamp() = statement_timestamp()`).Scan(&same); err != nil || !same {
				t.Fatalf("%t, %v", same, err)
			}
		}
		if now, err := db.Now(t.Context()); err != nil || time.Since(now).Abs() > time.Minute {
			t.Errorf("Now() = %s, %v", now, err)
		}
	})
}

func TestErrors(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		x := example("a")
		if err := db.QueryRow(t.Context(), `SELECT name FROM thing.thing`).Scan(&x.Name); !errors.Is(err, database.ErrNoRows) {
			t.Errorf("error without a row = %v", err)
		}
		if err := insert(t.Context(), db, x); err != nil {
			t.Fatal(err)
		}
		x.ID = uuid.New()
		err := insert(t.Context(), db, x)
		if !database.Unique(err, "thing_name", "thing_thing.name") || database.Unique(err, "thing_pkey", "thing_thing.id") {
			t.Errorf("error of a second row of one name = %v", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := db.InTx(ended, func(tx *database.Tx) error { return insert(ended, tx, example("b")) }); !errors.Is(err, context.Canceled) {
			t.Errorf("error after the end of the context = %v", err)
		}
	})
}

func TestATransactionIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		refused := errors.New("refused")
		for _, want := range []error{refused, nil} {
			err := db.InTx(t.Context(), func(tx *database.Tx) error {
				var b database.Batch
				for _, name := range []string{"a", "b"} {
					b.Queue(`INSERT INTO thing.thing (id, name) VALUES ($1, $2)`, uuid.New(), name)
				}
				return errors.Join(tx.Send(t.Context(), b), want)
			})
			if !errors.Is(err, want) {
				t.Errorf("InTx() = %v, want %v", err, want)
			}
			names, err := database.Collect(t.Context(), db, database.Scan[string], `SELECT name FROM thing.thing ORDER BY name`)
			if want == nil != (len(names) == 2) || err != nil {
				t.Errorf("after %v there are %v, %v", want, names, err)
			}
		}
	})
}

// A batch fails as a whole.
func TestABatchEndsWithTheFirstError(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		id := uuid.New()
		err := db.InTx(t.Context(), func(tx *database.Tx) error {
			var b database.Batch
			for range 2 {
				b.Queue(`INSERT INTO thing.thing (id) VALUES ($1)`, id)
			}
			return tx.Send(t.Context(), b)
		})
		if !database.Unique(err, "thing_pkey", "thing_thing.id") {
			t.Errorf("InTx() = %v", err)
		}
	})
}

func TestInsertEachInsertsARowForEachElement(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		const text = `
			INSERT INTO thing.thing (count, id, name, digest, flag)
			SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::bytea[], $5::boolean[])
			ON CONFLICT DO NOTHING`
		ids, last := []uuid.UUID{uuid.New(), uuid.New()}, []uuid.UUID{uuid.New()}
		for range 2 {
			err := db.InTx(t.Context(), func(tx *database.Tx) error {
				return errors.Join(
					tx.InsertEach(t.Context(), text, 7, ids, []string{"a", "b"}, [][]byte{{1}, {2}}, []bool{true, false}),
					tx.InsertEach(t.Context(), text, nil, last, []string{"c"}, [][]byte{{3}}, []bool{true}),
					tx.InsertEach(t.Context(), text, 7, []uuid.UUID{}, []string{}, [][]byte{}, []bool{}),
					tx.Send(t.Context(), database.Batch{}))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		rows, err := database.Collect(t.Context(), db, func(row database.Row) (x thing, err error) {
			err = row.Scan(&x.ID, &x.Name, &x.Digest, &x.Flag, database.Null(&x.Count))
			return x, err
		}, `SELECT id, name, digest, flag, count FROM thing.thing ORDER BY name`)
		if err != nil {
			t.Fatal(err)
		}
		want := []thing{
			{ID: ids[0], Name: "a", Digest: []byte{1}, Flag: true, Count: 7},
			{ID: ids[1], Name: "b", Digest: []byte{2}, Count: 7},
			{ID: last[0], Name: "c", Digest: []byte{3}, Flag: true},
		}
		if diff := cmp.Diff(want, rows); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// A function that returns early leaves nothing open.
func TestEachEndsWithTheFirstErrorOfTheFunction(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		enough := errors.New("enough")
		for range 50 { // more than a pool has connections
			n := 0
			err := db.Each(t.Context(), func(database.Row) error { n++; return enough }, `SELECT 1 UNION SELECT 2`)
			if !errors.Is(err, enough) || n != 1 {
				t.Fatalf("Each() = %v after %d rows", err, n)
			}
		}
	})
}

func TestLockedTransactionsFollowOneAnother(t *testing.T) {
	each(t, func(t *testing.T, db *database.DB) {
		x := example("a")
		x.Count = 0
		if err := insert(t.Context(), db, x); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				err := db.InTx(t.Context(), func(tx *database.Tx) error {
					if err := tx.Lock(t.Context(), "thing"); err != nil {
						return err
					}
					n, err := database.Scan[int64](tx.QueryRow(t.Context(), `SELECT count FROM thing.thing`))
					if err != nil {
						return err
					}
					_, err = tx.Exec(t.Context(), `UPDATE thing.thing SET count = $1`, n+1)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n, err := database.Scan[int64](db.QueryRow(t.Context(), `SELECT count FROM thing.thing`)); n != 8 || err != nil {
			t.Errorf("%d of 8 were counted, %v", n, err)
		}
	})
}
