// Package grantrow reads what both databases say of a grant in JSON, since a grant
// and all that belongs to it come as one row.
package grantrow

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/services/consent/internal/grant"
)

// approval is a row of the approvals.
type approval struct {
	Identity   string    `json:"identity"` // hexadecimal
	Audience   string    `json:"audience"`
	Kind       string    `json:"kind"`
	Resource   uuid.UUID `json:"resource_id"`
	Workspace  uuid.UUID `json:"workspace_id"`
	Membership uuid.UUID `json:"membership_id"`
	Version    int64     `json:"version"`
	ByPolicy   bool      `json:"by_policy"`
	Scope      string    `json:"scope"`
}

// Approvals reads an array of approvals.
func Approvals(text []byte) ([]grant.Approval, error) {
	var rows []approval
	if err := json.Unmarshal(text, &rows); err != nil {
		return nil, fmt.Errorf("unmarshal approvals: %w", err)
	}
	var list []grant.Approval
	for _, row := range rows {
		as, err := identity(row.Identity)
		if err != nil {
			return nil, err
		}
		list = append(list, grant.Approval{
			Scope: strings.Fields(row.Scope),
			At: grant.Place{
				Resource: grant.Resource{Kind: preset.Kind(row.Kind), ID: row.Resource, WorkspaceID: row.Workspace, MembershipID: row.Membership},
				Audience: row.Audience, Identity: as,
			},
			Version: row.Version, ByPolicy: row.ByPolicy,
		})
	}
	return list, nil
}

// former is what the release before approvals wrote, but for the scope.
type former struct {
	Workspaces [][2]uuid.UUID `json:"workspaces"` // id and membership
	Projects   [][3]uuid.UUID `json:"projects"`   // id, workspace and membership
}

// Former reads an object of what the release before approvals wrote, whose scope
// is given. Nil: it was not the last to write.
func Former(scope string, text []byte) (*grant.Former, error) {
	if text == nil {
		return nil, nil //nolint:nilnil // there is none
	}
	var row former
	if err := json.Unmarshal(text, &row); err != nil {
		return nil, fmt.Errorf("unmarshal former grant: %w", err)
	}
	f := grant.Former{Scope: strings.Fields(scope)}
	for _, w := range row.Workspaces {
		f.Resources = append(f.Resources, grant.Resource{Kind: preset.Workspace, ID: w[0], WorkspaceID: w[0], MembershipID: w[1]})
	}
	for _, p := range row.Projects {
		f.Resources = append(f.Resources, grant.Resource{Kind: preset.Project, ID: p[0], WorkspaceID: p[1], MembershipID: p[2]})
	}
	return &f, nil
}

// Identities reads an array of identities.
func Identities(text []byte) ([]grant.Identity, error) {
	var digests []string
	if err := json.Unmarshal(text, &digests); err != nil {
		return nil, fmt.Errorf("unmarshal identities: %w", err)
	}
	var list []grant.Identity
	for _, digest := range digests {
		as, err := identity(digest)
		if err != nil {
			return nil, err
		}
		list = append(list, as)
	}
	return list, nil
}

func identity(text string) (grant.Identity, error) {
	digest, err := hex.DecodeString(text)
	if err != nil {
		return grant.Identity{}, fmt.Errorf("decode identity: %w", err)
	}
	if len(digest) != len(grant.Identity{}) {
		return grant.Identity{}, fmt.Errorf("an identity has %d bytes", len(digest))
	}
	return grant.Identity(digest), nil
}
