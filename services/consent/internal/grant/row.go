package grant

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/preset"
)

// approvalRow is a row of the approvals, in JSON: a grant and all that belongs to it
// come as one row.
type approvalRow struct {
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

// approvalsOf reads an array of approvals.
func approvalsOf(text []byte) ([]Approval, error) {
	var rows []approvalRow
	if err := json.Unmarshal(text, &rows); err != nil {
		return nil, fmt.Errorf("unmarshal approvals: %w", err)
	}
	var list []Approval
	for _, row := range rows {
		as, err := identityOf(row.Identity)
		if err != nil {
			return nil, err
		}
		list = append(list, Approval{
			Scope: strings.Fields(row.Scope),
			At: Place{
				Resource: Resource{Kind: preset.Kind(row.Kind), ID: row.Resource, WorkspaceID: row.Workspace, MembershipID: row.Membership},
				Audience: row.Audience, Identity: as,
			},
			Version: row.Version, ByPolicy: row.ByPolicy,
		})
	}
	return list, nil
}

// formerRow is what the release before approvals wrote, but for the scope.
type formerRow struct {
	Workspaces [][2]uuid.UUID `json:"workspaces"` // id and membership
	Projects   [][3]uuid.UUID `json:"projects"`   // id, workspace and membership
}

// formerOf reads an object of what the release before approvals wrote, whose scope
// is given. Nil: it was not the last to write.
func formerOf(scope string, text []byte) (*Former, error) {
	if text == nil {
		return nil, nil //nolint:nilnil // there is none
	}
	var row formerRow
	if err := json.Unmarshal(text, &row); err != nil {
		return nil, fmt.Errorf("unmarshal former grant: %w", err)
	}
	f := Former{Scope: strings.Fields(scope)}
	for _, w := range row.Workspaces {
		f.Resources = append(f.Resources, Resource{Kind: preset.Workspace, ID: w[0], WorkspaceID: w[0], MembershipID: w[1]})
	}
	for _, p := range row.Projects {
		f.Resources = append(f.Resources, Resource{Kind: preset.Project, ID: p[0], WorkspaceID: p[1], MembershipID: p[2]})
	}
	return &f, nil
}

// identitiesOf reads an array of identities.
func identitiesOf(text []byte) ([]Identity, error) {
	var digests []string
	if err := json.Unmarshal(text, &digests); err != nil {
		return nil, fmt.Errorf("unmarshal identities: %w", err)
	}
	var list []Identity
	for _, digest := range digests {
		as, err := identityOf(digest)
		if err != nil {
			return nil, err
		}
		list = append(list, as)
	}
	return list, nil
}

func identityOf(text string) (Identity, error) {
	digest, err := hex.DecodeString(text)
	if err != nil {
		return Identity{}, fmt.Errorf("decode identity: %w", err)
	}
	if len(digest) != len(Identity{}) {
		return Identity{}, fmt.Errorf("an identity has %d bytes", len(digest))
	}
	return Identity(digest), nil
}
