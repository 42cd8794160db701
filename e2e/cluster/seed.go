package cluster

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Demo is what a new cluster has to be tried out with.
type Demo struct {
	User struct {
		Username string `json:"username"`
		Password string `json:"password"`
		Sub      string `json:"sub"`
	} `json:"user"`
	Client struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
		RedirectURI  string `json:"redirect_uri"`
	} `json:"client"`
	Workspaces []DemoWorkspace `json:"workspaces"`
}

// DemoWorkspace is a workspace in which the demo's user has a role.
type DemoWorkspace struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Role     string   `json:"role"`
	Projects []string `json:"projects"`
}

// demoRedirectURI is where the demo's client gets its answers. Nobody has to
// listen there: the address bar shows them.
const demoRedirectURI = "http://localhost:8765/callback"

// Seed makes a user, two workspaces and a client with the administrative
// commands, or reads those that an earlier start has made.
func (c *Cluster) Seed(ctx context.Context) (*Demo, error) {
	path := c.layout.demo()
	var d Demo
	content, err := os.ReadFile(path)
	if err == nil {
		return &d, json.Unmarshal(content, &d)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, step := range []func(context.Context, *Demo) error{c.seedUser, c.seedWorkspaces, c.seedClient} {
		if err := step(ctx, &d); err != nil {
			return nil, fmt.Errorf("make the demo: %w", err)
		}
	}
	if content, err = json.MarshalIndent(d, "", "  "); err != nil {
		return nil, err
	}
	return &d, os.WriteFile(path, content, 0o600)
}

func (c *Cluster) seedUser(ctx context.Context, d *Demo) error {
	d.User.Username, d.User.Password = "ada", rand.Text()
	claims := c.layout.file("config", "ada.json")
	if err := os.WriteFile(claims, []byte(`{"email_verified": true, "locale": "en"}`), 0o600); err != nil {
		return err
	}
	return c.admin(ctx, &d.User, d.User.Password+"\n",
		"user", "create", "--username", d.User.Username, "--password-stdin", "--name", "Ada Example", "--email", "ada@example.com", "--claims", claims)
}

func (c *Cluster) seedWorkspaces(ctx context.Context, d *Demo) error {
	for _, w := range []DemoWorkspace{
		{Name: "Acme", Role: "admin", Projects: []string{"Website", "Mobile app"}},
		{Name: "Northwind", Role: "viewer", Projects: []string{"Data pipeline"}},
	} {
		var made struct {
			ID string `json:"workspace_id"`
		}
		if err := c.admin(ctx, &made, "", "workspace", "create", "--name", w.Name); err != nil {
			return err
		}
		w.ID = made.ID
		for _, project := range w.Projects {
			if err := c.admin(ctx, nil, "", "project", "create", "--workspace", w.ID, "--name", project); err != nil {
				return err
			}
		}
		if err := c.admin(ctx, nil, "", "member", "create", "--workspace", w.ID, "--subject", d.User.Sub, "--role", w.Role); err != nil {
			return err
		}
		d.Workspaces = append(d.Workspaces, w)
	}
	return nil
}

func (c *Cluster) seedClient(ctx context.Context, d *Demo) error {
	d.Client.RedirectURI = demoRedirectURI
	return c.admin(ctx, &d.Client, "", "client", "create", "--name", "Demo app", "--redirect-uri", demoRedirectURI,
		"--grant-type", "authorization_code", "--grant-type", "refresh_token", "--grant-type", "client_credentials")
}

// admin runs an administrative command, and reads what it prints into v.
func (c *Cluster) admin(ctx context.Context, v any, input string, args ...string) error {
	out, err := c.Admin(ctx, input, append(args, "--json")...)
	if err != nil || v == nil {
		return err
	}
	return json.Unmarshal(out, v)
}
