// Package app is the clients that a workspace owns, as its developers see and
// change them: an app is a client with an owner.
//
// It knows no wire and no database. The one thing to get right is that whoever
// acts is an admin of the workspace at that moment, and that they change only what
// is theirs to change.
package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/registry/internal/actor"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
	"github.com/chancery-auth/chancery/services/registry/internal/clientsecret"
	"github.com/chancery-auth/chancery/services/registry/internal/logo"
)

// Desk is where developers see and change apps. The fields do not change after
// the first call; it is safe for concurrent use.
//
// Of every method, sub is who acts. It fails with fault.NotFound for an app that
// is not there, or is of a workspace in which they have no role, and with
// fault.Denied if they are no admin of it.
type Desk struct {
	Directory Directory
	Clients   *client.Registrar
	Secrets   *clientsecret.Keeper
	Logos     *logo.Store
}

// Workspace is a workspace with its apps.
type Workspace struct {
	ID   string
	Name string
	Apps []client.Client
}

// App is an app with what its page shows of it.
type App struct {
	client.Client
	WorkspaceName string
	Secrets       []clientsecret.Secret
}

// List returns each workspace that sub is an admin of, with its apps, both by
// name. Fails with fault.NotFound for an unknown or disabled subject.
func (d *Desk) List(ctx context.Context, sub string) ([]Workspace, error) {
	memberships, err := d.Directory.Memberships(ctx, sub)
	if err != nil {
		return nil, fmt.Errorf("find memberships: %w", err)
	}
	var (
		workspaces []Workspace
		ids        []string
	)
	for _, m := range memberships {
		if m.Role == role.Admin {
			workspaces = append(workspaces, Workspace{ID: m.WorkspaceID, Name: m.WorkspaceName})
			ids = append(ids, m.WorkspaceID)
		}
	}
	slices.SortFunc(workspaces, func(a, b Workspace) int {
		return strings.Compare(strings.ToLower(a.Name)+a.ID, strings.ToLower(b.Name)+b.ID)
	})
	apps, err := d.Clients.Clients.ListOwned(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("list apps: %w", err)
	}
	for _, c := range apps {
		of := slices.IndexFunc(workspaces, func(w Workspace) bool { return w.ID == c.WorkspaceID })
		workspaces[of].Apps = append(workspaces[of].Apps, c)
	}
	return workspaces, nil
}

// Find returns an app.
func (d *Desk) Find(ctx context.Context, sub, clientID string) (App, error) {
	c, m, err := d.admit(ctx, sub, clientID)
	if err != nil {
		return App{}, err
	}
	secrets, err := d.Secrets.List(ctx, clientID)
	if err != nil {
		return App{}, err
	}
	return App{Client: c, WorkspaceName: m.WorkspaceName, Secrets: secrets}, nil
}

// Create registers an app for the workspace that c names, and returns it with its
// first secret. Of c counts what developers choose. Fails with fault.Invalid and
// fault.Exhausted too.
func (d *Desk) Create(ctx context.Context, sub string, c client.Client) (client.Client, secret.Secret, error) {
	if _, err := d.admin(ctx, sub, c.WorkspaceID); err != nil {
		return client.Client{}, secret.Secret{}, err
	}
	chosen, err := newApp(c, d.Clients.Policy)
	if err != nil {
		return client.Client{}, secret.Secret{}, err
	}
	return d.Clients.Create(actor.With(ctx, sub), chosen)
}

// Update gives the app that c.ClientID names what developers choose of it, if
// c.Revision is its current revision. Fails with fault.Invalid and fault.Conflict
// too.
func (d *Desk) Update(ctx context.Context, sub string, c client.Client) (client.Client, error) {
	old, _, err := d.admit(ctx, sub, c.ClientID)
	if err != nil {
		return client.Client{}, err
	}
	// What stays is taken from old. An update that names the revision after it would
	// bring back what that revision takes away.
	if c.Revision != old.Revision {
		return client.Client{}, changed()
	}
	edited, err := edit(old, c, d.Clients.Policy)
	if err != nil {
		return client.Client{}, err
	}
	return d.Clients.Update(actor.With(ctx, sub), edited)
}

// Delete ends the app, and every token and code of it.
func (d *Desk) Delete(ctx context.Context, sub, clientID string) error {
	if _, _, err := d.admit(ctx, sub, clientID); err != nil {
		return err
	}
	return d.Clients.Delete(actor.With(ctx, sub), clientID)
}

// CreateSecret gives the app one more secret. Fails with fault.Invalid and
// fault.Exhausted too.
func (d *Desk) CreateSecret(ctx context.Context, sub, clientID string) (uuid.UUID, secret.Secret, error) {
	if _, _, err := d.admit(ctx, sub, clientID); err != nil {
		return uuid.Nil, secret.Secret{}, err
	}
	return d.Secrets.Create(actor.With(ctx, sub), clientID)
}

// RevokeSecret ends one secret of the app.
func (d *Desk) RevokeSecret(ctx context.Context, sub, clientID string, id uuid.UUID) error {
	if _, _, err := d.admit(ctx, sub, clientID); err != nil {
		return err
	}
	return d.Secrets.Revoke(actor.With(ctx, sub), clientID, id)
}

// SetLogo replaces the app's logo by the image, or removes it if there is none.
// Fails with fault.Invalid and fault.Conflict too.
func (d *Desk) SetLogo(ctx context.Context, sub, clientID string, image []byte) (client.Client, error) {
	old, _, err := d.admit(ctx, sub, clientID)
	if err != nil {
		return client.Client{}, err
	}
	ctx = actor.With(ctx, sub)
	edited := old
	edited.LogoDigest = secret.Digest{}
	var made *logo.Logo
	if len(image) > 0 {
		if made, err = logo.Make(image); err != nil {
			return client.Client{}, err
		}
		edited.LogoDigest = made.Digest
	}
	// First, so that no logo is ever seen under the word that was given for another.
	edited = edited.TrustedAs(old, d.Clients.Policy)
	if edited.Vetted != old.Vetted || edited.SkipConsent != old.SkipConsent {
		if _, err := d.Clients.Update(ctx, edited); err != nil {
			return client.Client{}, err
		}
	}
	if err := d.Logos.Set(ctx, clientID, made); err != nil {
		return client.Client{}, missing("set logo", err)
	}
	return d.Clients.Find(ctx, clientID)
}
