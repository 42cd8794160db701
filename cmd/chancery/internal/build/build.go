// Package build knows which build of the program runs.
package build

import (
	"fmt"
	"runtime/debug"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
)

// Command is "chancery version".
type Command struct {
	JSON bool `help:"Print JSON." name:"json"`
}

// Run implements the command.
func (c *Command) Run(s terminal.Streams) error {
	version, goVersion := Version()
	if c.JSON {
		return terminal.JSON(s.Out, map[string]string{"version": version, "go": goVersion})
	}
	fmt.Fprintf(s.Out, "chancery %s (%s)\n", version, goVersion)
	return nil
}

// Version is what the build recorded: the module's version, else the commit.
func Version() (version, goVersion string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown", "unknown"
	}
	version = info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (version == "" || version == "(devel)") {
			version = s.Value
		}
	}
	return version, info.GoVersion
}
