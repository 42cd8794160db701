package main

import (
	"errors"
	"fmt"

	"github.com/alecthomas/kong"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/config"
)

// errVisiblePassword refuses what every user of the machine could read in the list
// of processes.
var errVisiblePassword = errors.New("the URL in --database has a password, which every user of this machine can see: put the URL into the variable CHANCERY_DATABASE instead")

// settlePlace makes a flag of the command line that says which installation is
// meant count before a variable of the environment that says another: what ends
// every token, or deletes records, must not happen elsewhere. Two flags that say
// different ones are a mistake.
func settlePlace(parsed *kong.Context) error {
	given := map[string]bool{}
	for _, p := range parsed.Path {
		if p.Flag != nil {
			given[p.Flag.Name] = true
		}
	}
	other := firstOf(given, "database", "data", "server")
	if given["config"] && other != "" {
		return fmt.Errorf("--config and --%s name different installations: give one of them", other)
	}
	for _, flag := range parsed.Flags() {
		if flag.Name == "database" && given["database"] && config.HasPassword(flag.Target.String()) {
			return errVisiblePassword
		}
		byEnvironment := !given[flag.Name] && flag.Target.CanSet()
		switch {
		case flag.Name == "config" && byEnvironment && other != "":
			flag.Target.SetString("")
		// The one server keeps files below its data folder, whatever its database.
		case flag.Name == "database" && byEnvironment && given["data"] && parsed.Command() != "serve":
			flag.Target.SetString("")
		}
	}
	return nil
}

// firstOf is the first of the names that was given.
func firstOf(given map[string]bool, names ...string) string {
	for _, name := range names {
		if given[name] {
			return name
		}
	}
	return ""
}
