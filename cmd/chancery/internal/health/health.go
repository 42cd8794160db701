// Package health is what a running process says of itself.
package health

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/folder"
	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
)

// Command is "chancery status".
type Command struct {
	folder.Folder
	Internal string `help:"Internal address of the server. Default: the one that serves the data folder." placeholder:"ADDR"`
	JSON     bool   `help:"Print JSON." name:"json"`
}

// State is what a process says of itself on the internal port.
type State struct {
	Ready    bool   `json:"ready"`
	Draining bool   `json:"draining"`
	Services string `json:"services"`
	Issuer   string `json:"issuer"`
	Version  string `json:"version"`
	Database string `json:"database,omitempty"`
	// DatabaseUsable is false when a database that the roles work with does not
	// answer; nil where they have no pool.
	DatabaseUsable *bool `json:"database_usable,omitempty"`
	// LeaseAgeMillis is how long ago the restrictions were last known to be
	// complete; nil without the role of introspection.
	LeaseAgeMillis *int64 `json:"lease_age_ms,omitempty"`
	// RestrictionsLoaded is the part of the restriction log that has been read, 0 to 1;
	// nil without the role of introspection.
	RestrictionsLoaded *float64 `json:"restrictions_loaded,omitempty"`
	// ClockDisagrees says that nothing is swept or dropped, because the clocks of the
	// database and of the process are more than five minutes apart.
	ClockDisagrees bool  `json:"clock_disagrees,omitempty"`
	UptimeSeconds  int64 `json:"uptime_seconds"`
}

// statusTimeout bounds the whole command.
const statusTimeout = 5 * time.Second

// Run implements the command. It fails when the server is not ready.
func (c *Command) Run(ctx context.Context, s terminal.Streams) error {
	address := c.Internal
	if address == "" {
		info, err := c.ReadServer()
		if err != nil {
			return err
		}
		address = info.Internal
	}
	h, err := Fetch(ctx, address)
	if err != nil {
		return fmt.Errorf("the server at %s does not answer: %w", address, err)
	}
	if err := c.print(s, h); err != nil {
		return err
	}
	if !h.Ready {
		return errors.New("the server is not ready")
	}
	return nil
}

func (c *Command) print(s terminal.Streams, h State) error {
	if c.JSON {
		return terminal.JSON(s.Out, h)
	}
	rows := [][]string{
		{"ready", fmt.Sprint(h.Ready)},
		{"draining", fmt.Sprint(h.Draining)},
		{"services", h.Services},
		{"issuer", h.Issuer},
		{"version", h.Version},
	}
	if h.Database != "" {
		rows = append(rows, []string{"database", h.Database})
	}
	if h.DatabaseUsable != nil {
		rows = append(rows, []string{"database usable", fmt.Sprint(*h.DatabaseUsable)})
	}
	if h.LeaseAgeMillis != nil {
		rows = append(rows, []string{"lease age", fmt.Sprintf("%d ms", *h.LeaseAgeMillis)})
	}
	if h.ClockDisagrees {
		rows = append(rows, []string{"clock", "more than 5m from the database's: nothing is swept"})
	}
	rows = append(rows, []string{"uptime", (time.Duration(h.UptimeSeconds) * time.Second).String()})
	return terminal.Table(s.Out, "FIELD VALUE", rows)
}

// Fetch asks the process at an internal address.
func Fetch(ctx context.Context, address string) (State, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return State{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return State{}, err
	}
	defer resp.Body.Close()
	var h State
	if err := json.NewDecoder(resp.Body).Decode(&h); err != nil {
		return State{}, err
	}
	return h, nil
}
