package admin

import (
	"context"
	"fmt"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
)

// Member are "chancery member …".
type Member struct {
	Create  memberCreate  `cmd:"" help:"Give a user a role in a workspace."`
	List    memberList    `cmd:"" help:"List the members of a workspace."`
	SetRole memberSetRole `cmd:"" help:"Change a member's role. A lower one takes effect in every token at once."`
	Delete  memberDelete  `cmd:"" help:"Remove a member. Tokens lose the workspace at once, grants for good."`
}

// memberFlags name a membership.
type memberFlags struct {
	Workspace string `required:"" help:"Workspace." placeholder:"ID"`
	Subject   string `required:"" help:"The user's sub." placeholder:"SUB"`
}

type memberCreate struct {
	flags
	memberFlags
	Role string `required:"" help:"viewer, member or admin."`
}

// Run implements the command.
func (c *memberCreate) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := directoryv1.NewDirectoryServiceClient(c).AddMember(ctx, &directoryv1.AddMemberRequest{WorkspaceId: c.Workspace, Sub: c.Subject, Role: c.Role})
	if err != nil {
		return err
	}
	return c.print(s, resp.GetMembership())
}

type memberSetRole struct {
	flags
	memberFlags
	Role string `required:"" help:"viewer, member or admin."`
}

// Run implements the command.
func (c *memberSetRole) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := directoryv1.NewDirectoryServiceClient(c).SetMemberRole(ctx, &directoryv1.SetMemberRoleRequest{WorkspaceId: c.Workspace, Sub: c.Subject, Role: c.Role})
	if err != nil {
		return err
	}
	warnOfApps(s, "workspace "+c.Workspace, resp.AppsWithoutAdmin)
	return c.print(s, resp.GetMembership())
}

// print shows a membership.
func (a *flags) print(s terminal.Streams, m *directoryv1.Membership) error {
	if a.JSON {
		return terminal.Proto(s.Out, m)
	}
	fmt.Fprintf(s.Out, "%s is %s of %s\n", m.GetSub(), m.GetRole(), m.GetWorkspaceId())
	return nil
}

type memberList struct {
	flags
	Workspace string `required:"" help:"Workspace." placeholder:"ID"`
}

// Run implements the command.
func (c *memberList) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := directoryv1.NewDirectoryServiceClient(c).ListMembers(ctx, &directoryv1.ListMembersRequest{WorkspaceId: c.Workspace})
	if err != nil {
		return err
	}
	return terminal.List(s.To(c.JSON), "members", "SUB USERNAME ROLE", resp.GetMemberships(), func(m *directoryv1.Membership) []string {
		return []string{m.GetSub(), m.GetUsername(), m.GetRole()}
	})
}

type memberDelete struct {
	flags
	memberFlags
}

// Run implements the command.
func (c *memberDelete) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := directoryv1.NewDirectoryServiceClient(c).RemoveMember(ctx, &directoryv1.RemoveMemberRequest{WorkspaceId: c.Workspace, Sub: c.Subject})
	if err != nil {
		return err
	}
	warnOfApps(s, "workspace "+c.Workspace, resp.AppsWithoutAdmin)
	return c.done(s, "removed", c.Subject, nil)
}

// warnOfApps says what lives on where there is no admin; nil if there is one.
// Standard output stays as it is, for programs.
func warnOfApps(s terminal.Streams, where string, apps *int64) {
	switch {
	case apps == nil || *apps == 0:
	case *apps < 0:
		fmt.Fprintf(s.Err, "warning: whether apps live on without an admin could not be found out, in %s: see chancery client list\n", where)
	default:
		fmt.Fprintf(s.Err, "warning: no admin is left in %s, and the apps live on (%d): make somebody admin, or delete them\n", where, *apps)
	}
}
