// Package inspect has the commands that look at files: configurations and presets.
package inspect

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
)

// Config are "chancery config …".
type Config struct {
	Check configCheck `cmd:"" help:"Say what is wrong with a configuration file: everything at once, with its line."`
	Print configPrint `cmd:"" help:"Print the configuration in force or, without a file, every key with what it means."`
}

// configCheck is "chancery config check".
type configCheck struct {
	Config string `help:"The configuration file." required:"" placeholder:"FILE" type:"path" env:"CHANCERY_CONFIG"`
	Roles  string `arg:"" optional:"" help:"Roles that the process is to run, separated by commas: what they need is checked as well."`
	JSON   bool   `help:"Print JSON." name:"json"`
}

// checked is the outcome for programs.
type checked struct {
	File     string           `json:"file"`
	Roles    []string         `json:"roles"`
	OK       bool             `json:"ok"`
	Mistakes []config.Mistake `json:"mistakes"`
	Warnings []string         `json:"warnings"`
}

// Run implements the command. It fails when there is a mistake.
func (c *configCheck) Run(s terminal.Streams) error {
	found := checked{File: c.Config, Roles: []string{}, Mistakes: []config.Mistake{}, Warnings: []string{}}
	if c.Roles != "" {
		found.Roles = strings.Split(c.Roles, ",")
	}
	loaded, err := config.Load(c.Config, os.LookupEnv, found.Roles...)
	var mistakes *config.Mistakes
	switch {
	case errors.As(err, &mistakes):
		found.Mistakes = mistakes.List
	case err != nil:
		return err
	default:
		found.OK, found.Warnings = true, append(found.Warnings, loaded.Warnings()...)
	}
	if err := c.print(s, found); err != nil {
		return err
	}
	if n := len(found.Mistakes); n > 0 {
		return fmt.Errorf("%s is not fine: %d to correct", c.Config, n)
	}
	return nil
}

func (c *configCheck) print(s terminal.Streams, found checked) error {
	if c.JSON {
		return terminal.JSON(s.Out, found)
	}
	for _, mistake := range found.Mistakes {
		fmt.Fprintln(s.Out, mistake.In(c.Config))
	}
	for _, warning := range found.Warnings {
		fmt.Fprintln(s.Out, "warning:", warning)
	}
	switch {
	case !found.OK:
	case len(found.Roles) == 0:
		fmt.Fprintf(s.Out, "%s is fine. Name the roles to check what they need.\n", c.Config)
	default:
		fmt.Fprintf(s.Out, "%s is fine for %s.\n", c.Config, strings.Join(found.Roles, ", "))
	}
	return nil
}

// configPrint is "chancery config print".
type configPrint struct {
	Config   string `help:"The configuration file." placeholder:"FILE" type:"path" env:"CHANCERY_CONFIG"`
	Defaults bool   `help:"Print the keys that the file leaves out as well; without a file, an example with every key explained."`
}

// Run implements the command.
func (c *configPrint) Run(s terminal.Streams) error {
	if c.Config == "" {
		if !c.Defaults {
			return errors.New("name a file with --config, or print an example with --defaults")
		}
		return config.Reference(s.Out)
	}
	loaded, err := config.Load(c.Config, os.LookupEnv)
	if err != nil {
		return err
	}
	return loaded.Print(s.Out, config.PrintOptions{Defaults: c.Defaults})
}
