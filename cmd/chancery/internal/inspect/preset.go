package inspect

import (
	"errors"
	"fmt"
	"strings"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/provider"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/deploy/presets"
	edgepages "github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/preset"
)

// Preset are "chancery preset …".
type Preset struct {
	List  presetList  `cmd:"" help:"List the presets that come with Chancery."`
	Show  presetShow  `cmd:"" help:"Print a preset with every key and what it means: a file to begin one's own with."`
	Check presetCheck `cmd:"" help:"Say what is wrong with a preset file: everything at once, with its line."`
}

// presetList is "chancery preset list".
type presetList struct {
	JSON bool `help:"Print JSON." name:"json"`
}

// presetLine is what the list has of a preset.
type presetLine struct {
	Name       string `json:"name"`
	Brand      string `json:"brand"`
	IssuerPath string `json:"issuer_path"`
	Scopes     int    `json:"scopes"`
}

// Run implements the command.
func (c *presetList) Run(s terminal.Streams) error {
	lines := make([]presetLine, 0, len(presets.Names()))
	for _, name := range presets.Names() {
		p, err := presets.Load(name)
		if err != nil {
			return err
		}
		lines = append(lines, presetLine{p.Name, p.Brand.Name, p.IssuerPath, len(p.Scopes)})
	}
	return terminal.List(s.To(c.JSON), "presets", "NAME BRAND ISSUER SCOPES", lines, func(l presetLine) []string {
		return []string{l.Name, l.Brand, "https://HOST" + l.IssuerPath, fmt.Sprint(l.Scopes)}
	})
}

// presetShow is "chancery preset show".
type presetShow struct {
	Preset string `arg:"" help:"Name of a preset, or path of a preset file." placeholder:"NAME|FILE"`
}

// Run implements the command.
func (c *presetShow) Run(s terminal.Streams) error {
	p, err := provider.Load(c.Preset)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "# The preset %s, complete. A key that is left out is as in the preset %s.\n\n", p.Name, preset.Default().Name)
	return preset.Print(s.Out, p)
}

// presetCheck is "chancery preset check".
type presetCheck struct {
	File string `arg:"" help:"The preset file." type:"path"`
	JSON bool   `help:"Print JSON." name:"json"`
}

// checkedPreset is the outcome for programs.
type checkedPreset struct {
	File     string           `json:"file"`
	Name     string           `json:"name,omitempty"`
	OK       bool             `json:"ok"`
	Mistakes []config.Mistake `json:"mistakes"`
}

// Run implements the command. It fails when there is a mistake.
func (c *presetCheck) Run(s terminal.Streams) error {
	found := checkedPreset{File: c.File, Mistakes: []config.Mistake{}}
	p, err := provider.Load(c.File)
	if err == nil {
		err = checkBrand(p)
	}
	var mistakes *config.Mistakes
	switch {
	case errors.As(err, &mistakes):
		found.Mistakes = mistakes.List
	case err != nil:
		return err
	default:
		found.OK, found.Name = true, p.Name
	}
	if err := c.print(s, found); err != nil {
		return err
	}
	if n := len(found.Mistakes); n > 0 {
		return fmt.Errorf("%s is not fine: %d to correct", c.File, n)
	}
	return nil
}

// checkBrand wants a logo that can be read, and colours that people can read.
func checkBrand(p preset.Preset) error {
	brand, err := provider.Brand(p)
	if err == nil {
		_, err = edgepages.New(brand)
	}
	if err != nil {
		return fmt.Errorf("brand: %s", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}

func (c *presetCheck) print(s terminal.Streams, found checkedPreset) error {
	if c.JSON {
		return terminal.JSON(s.Out, found)
	}
	for _, mistake := range found.Mistakes {
		fmt.Fprintln(s.Out, mistake.In(c.File))
	}
	if found.OK {
		fmt.Fprintf(s.Out, "%s is fine: preset %s.\n", c.File, found.Name)
	}
	return nil
}
