package main

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

// statusCommand is "chancery status".
type statusCommand struct {
	folder.Folder
	Internal string `help:"Internal address of the server. Default: the one that serves the data folder." placeholder:"ADDR"`
	JSON     bool   `help:"Print JSON." name:"json"`
}

// statusTimeout bounds the whole command.
const statusTimeout = 5 * time.Second

// Run implements the command. It fails when the server is not ready.
func (c *statusCommand) Run(ctx context.Context, s terminal.Streams) error {
	address := c.Internal
	if address == "" {
		info, err := c.ReadServer()
		if err != nil {
			return err
		}
		address = info.Internal
	}
	h, err := fetchHealth(ctx, address)
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

func (c *statusCommand) print(s terminal.Streams, h health) error {
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

func fetchHealth(ctx context.Context, address string) (health, error) {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return health{}, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return health{}, err
	}
	defer resp.Body.Close()
	var h health
	if err := json.NewDecoder(resp.Body).Decode(&h); err != nil {
		return health{}, err
	}
	return h, nil
}
