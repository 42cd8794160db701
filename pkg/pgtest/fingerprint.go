package pgtest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"

	"github.com/chancery-auth/chancery/pkg/migrate"
)

// fingerprint tells sets apart by the content of their files, so that two
// values of the same migrations share a template.
func fingerprint(sets []migrate.Set) (string, error) {
	sum := sha256.New()
	for _, s := range sets {
		sum.Write(fmt.Appendf(nil, "%q\n", s.Name))
		err := fs.WalkDir(s.Postgres, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := fs.ReadFile(s.Postgres, path)
			sum.Write(fmt.Appendf(nil, "%q %q\n", path, content))
			return err
		})
		// A set without a folder for this database has no migrations.
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("read migrations of %s: %w", s.Name, err)
		}
	}
	return string(sum.Sum(nil)), nil
}
