package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/kek"
)

// keyChecks look at the key-encryption key, for a process that has it.
func (s Subject) keyChecks(databases []*database) []Check {
	if !slices.Contains(s.Roles, "token") {
		return nil
	}
	list := []Check{{"key-encryption key", func(context.Context) Finding { return CheckKEK(s.Config.KeyEncryptionKey.URI()) }}}
	for _, d := range databases {
		if slices.Contains(d.roles, "token") {
			list = append(list, Check{"stored keys", func(ctx context.Context) Finding { return s.checkStored(ctx, d) }})
		}
	}
	return list
}

// CheckKEK looks whether a key-encryption key, file:PATH or env:NAME, is one.
func CheckKEK(uri string) Finding {
	if _, err := kek.Open(uri); err != nil {
		return Bad("%v", err).Do("put back the key that the installation began with; a new one is of use for a new installation alone")
	}
	return Good("%s holds a key", uri)
}

// checkStored looks whether the keys in the database are encrypted under this
// key-encryption key. It decrypts none: the key's id is in each ciphertext, and
// is compared before anything is decrypted.
func (s Subject) checkStored(ctx context.Context, d *database) Finding {
	key, err := kek.Open(s.Config.KeyEncryptionKey.URI())
	if err != nil || !d.migrated(ctx, "token.key") {
		return Finding{} // other checks say so
	}
	stored, err := storedKeys(ctx, d)
	if err != nil {
		return Bad("the stored keys cannot be read: %v", err).Do("give the role of token the rights on its schema")
	}
	for _, ciphertext := range stored {
		if _, err := key.Decrypt(ciphertext, nil); errors.Is(err, kek.ErrOtherKey) {
			return Bad("a stored key is encrypted under another key-encryption key").Do("put back the key that it was encrypted under")
		}
	}
	if len(stored) == 0 {
		return Good("no key is stored yet: the token service makes the first ones")
	}
	return Good("%d keys are encrypted under it", len(stored))
}

func storedKeys(ctx context.Context, d *database) ([][]byte, error) {
	pool, err := d.pool()
	if err != nil {
		return nil, err
	}
	rows, err := pool.Query(ctx, `SELECT ciphertext FROM token.key`)
	if err != nil {
		return nil, fmt.Errorf("select keys: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[[]byte])
}
