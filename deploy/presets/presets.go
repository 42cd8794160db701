// Package presets holds the presets that come with Chancery, each a file of this
// folder. A program that has the package needs no file beside it; whoever runs it
// may still give a file of their own, in the same form.
//
// What a provider is called appears in these files alone, and in no code.
package presets

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/chancery-auth/chancery/pkg/preset"
)

//go:embed *.yaml
var files embed.FS

const suffix = ".yaml"

// Names are the names of all presets, sorted, [preset.Default] among them.
func Names() []string {
	names := []string{preset.Default().Name}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		panic(fmt.Sprintf("embedded presets: %v", err)) // the folder is in the program
	}
	for _, entry := range entries {
		names = append(names, strings.TrimSuffix(entry.Name(), suffix))
	}
	slices.Sort(names)
	return names
}

// Load returns the preset of that name. Fails for every other name.
func Load(name string) (preset.Preset, error) {
	if d := preset.Default(); name == d.Name {
		return d, nil
	}
	if !slices.Contains(Names(), name) {
		return preset.Preset{}, fmt.Errorf("there is no preset %q: want one of %s, or the path of a file", name, strings.Join(Names(), ", "))
	}
	content, err := files.ReadFile(name + suffix)
	if err != nil {
		return preset.Preset{}, fmt.Errorf("read the preset %s: %w", name, err)
	}
	return preset.Parse(name+suffix, content)
}
