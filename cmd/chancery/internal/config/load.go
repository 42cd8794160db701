package config

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/provider"
	"github.com/chancery-auth/chancery/pkg/strictyaml"
)

// Lookup finds an environment variable, as os.LookupEnv does.
type Lookup func(name string) (value string, found bool)

// Mistake is one thing that is wrong with a file.
type Mistake = strictyaml.Mistake

// Mistakes is the error of a file that is wrong: never empty, by line.
type Mistakes = strictyaml.Mistakes

// Load reads a file over [Default] and checks it: what is wrong whatever the
// process runs and, where roles are given, what these need (see
// [Config.Validate]). Fails with [*Mistakes], all at once.
func Load(path string, env Lookup, roles ...string) (*Config, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	c := Default()
	c.file = strictyaml.Decode(path, content, c, scalars(filepath.Dir(path), env))
	c.Preset = provider.Below(c.Preset, filepath.Dir(path))
	c.check()
	if len(roles) > 0 {
		c.checkRoles(roles)
	}
	if err := c.file.Err(); err != nil {
		return nil, err
	}
	return c, nil
}
