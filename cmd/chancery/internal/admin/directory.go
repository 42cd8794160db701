package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
)

// User are "chancery user …".
type User struct {
	Create      userCreate      `cmd:"" help:"Add a user. The password comes on standard input."`
	List        userList        `cmd:"" help:"List users."`
	Disable     userDisable     `cmd:"" help:"Refuse a user's sign-in, and end every session and token of theirs."`
	Enable      userEnable      `cmd:"" help:"Let a disabled user sign in again. What ended stays ended."`
	SetPassword userSetPassword `cmd:"" help:"Give a user another password, and end every session and token of theirs. The password comes on standard input."`
	Unlock      userUnlock      `cmd:"" help:"Let browsers that a user has not signed in with before try the password again, after too many failures in a day."`
}

type userCreate struct {
	flags
	Username      string `required:"" help:"Name to sign in with."`
	PasswordStdin bool   `required:"" help:"Read the password from the first line of standard input."`
	Name          string `help:"Full name, as the claim name."`
	Email         string `help:"Email address, as the claim email."`
	Claims        string `help:"File with further claims, a JSON object." placeholder:"FILE" type:"existingfile"`
}

// Run implements the command.
func (c *userCreate) Run(ctx context.Context, s terminal.Streams) error {
	password, err := readPassword(s.In)
	if err != nil {
		return err
	}
	claims, err := c.claims()
	if err != nil {
		return err
	}
	resp, err := directoryv1.NewDirectoryServiceClient(c).CreateSubject(ctx, &directoryv1.CreateSubjectRequest{Username: c.Username, Password: password, Claims: claims})
	if err != nil {
		return err
	}
	if c.JSON {
		return terminal.JSON(s.Out, map[string]string{"sub": resp.GetSubject().GetSub()})
	}
	fmt.Fprintf(s.Out, "sub  %s\n", resp.GetSubject().GetSub())
	return nil
}

// readPassword reads the first line.
func readPassword(r io.Reader) (string, error) {
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.New("there is no password on standard input")
	}
	return line, nil
}

// claims joins the flags to the file.
func (c *userCreate) claims() (*structpb.Struct, error) {
	claims := make(map[string]any)
	if c.Claims != "" {
		content, err := os.ReadFile(c.Claims)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(content, &claims); err != nil {
			return nil, fmt.Errorf("%s is not a JSON object: %w", c.Claims, err)
		}
	}
	if c.Name != "" {
		claims["name"] = c.Name
	}
	if c.Email != "" {
		claims["email"] = c.Email
	}
	encoded, err := structpb.NewStruct(claims)
	if err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	return encoded, nil
}

type userList struct{ flags }

// Run implements the command.
func (c *userList) Run(ctx context.Context, s terminal.Streams) error {
	subjects, err := all(func(token string) ([]*directoryv1.Subject, string, error) {
		resp, err := directoryv1.NewDirectoryServiceClient(c).ListSubjects(ctx, &directoryv1.ListSubjectsRequest{PageToken: token})
		return resp.GetSubjects(), resp.GetNextPageToken(), err
	})
	if err != nil {
		return err
	}
	return terminal.List(s.To(c.JSON), "users", "SUB USERNAME STATE", subjects, func(each *directoryv1.Subject) []string {
		return []string{each.GetSub(), each.GetUsername(), userState(each)}
	})
}

func userState(s *directoryv1.Subject) string {
	if s.GetDisabled() {
		return "disabled"
	}
	return "enabled"
}

type userDisable struct {
	flags
	Sub string `arg:""`
}

// Run implements the command.
func (c *userDisable) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := directoryv1.NewDirectoryServiceClient(c).DisableSubject(ctx, &directoryv1.DisableSubjectRequest{Sub: c.Sub})
	if err != nil {
		return err
	}
	warnOfApps(s, "workspaces of "+c.Sub, resp.AppsWithoutAdmin)
	return c.done(s, "disabled", c.Sub, nil)
}

type userEnable struct {
	flags
	Sub string `arg:""`
}

// Run implements the command.
func (c *userEnable) Run(ctx context.Context, s terminal.Streams) error {
	_, err := directoryv1.NewDirectoryServiceClient(c).EnableSubject(ctx, &directoryv1.EnableSubjectRequest{Sub: c.Sub})
	return c.done(s, "enabled", c.Sub, err)
}

type userSetPassword struct {
	flags
	Sub           string `arg:""`
	PasswordStdin bool   `required:"" help:"Read the password from the first line of standard input."`
}

// Run implements the command.
func (c *userSetPassword) Run(ctx context.Context, s terminal.Streams) error {
	password, err := readPassword(s.In)
	if err != nil {
		return err
	}
	_, err = directoryv1.NewDirectoryServiceClient(c).SetPassword(ctx, &directoryv1.SetPasswordRequest{Sub: c.Sub, Password: password})
	return c.done(s, "changed", c.Sub, err)
}

type userUnlock struct {
	flags
	Sub string `arg:""`
}

// Run implements the command.
func (c *userUnlock) Run(ctx context.Context, s terminal.Streams) error {
	_, err := directoryv1.NewDirectoryServiceClient(c).UnlockSubject(ctx, &directoryv1.UnlockSubjectRequest{Sub: c.Sub})
	return c.done(s, "unlocked", c.Sub, err)
}

// Workspace is "chancery workspace …".
type Workspace struct {
	Create workspaceCreate `cmd:"" help:"Add a workspace."`
	List   workspaceList   `cmd:"" help:"List workspaces."`
	Delete workspaceDelete `cmd:"" help:"Delete a workspace with its projects and the apps that it owns. Tokens lose it at once."`
}

type workspaceCreate struct {
	flags
	Name string `required:"" help:"Name that users see."`
	Slug string `help:"Name in addresses: lower-case letters, digits and hyphens. No other workspace has it, and it cannot be changed. Default: made of the name." placeholder:"SLUG"`
}

// Run implements the command.
func (c *workspaceCreate) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := directoryv1.NewDirectoryServiceClient(c).CreateWorkspace(ctx, &directoryv1.CreateWorkspaceRequest{Name: c.Name, Slug: c.Slug})
	if err != nil {
		return err
	}
	if c.JSON {
		return terminal.Proto(s.Out, resp.GetWorkspace())
	}
	fmt.Fprintf(s.Out, "workspace_id  %s\nslug          %s\n", resp.GetWorkspace().GetWorkspaceId(), resp.GetWorkspace().GetSlug())
	return nil
}

type workspaceList struct{ flags }

// Run implements the command.
func (c *workspaceList) Run(ctx context.Context, s terminal.Streams) error {
	workspaces, err := all(func(token string) ([]*directoryv1.Workspace, string, error) {
		resp, err := directoryv1.NewDirectoryServiceClient(c).ListWorkspaces(ctx, &directoryv1.ListWorkspacesRequest{PageToken: token})
		return resp.GetWorkspaces(), resp.GetNextPageToken(), err
	})
	if err != nil {
		return err
	}
	return terminal.List(s.To(c.JSON), "workspaces", "WORKSPACE_ID SLUG CREATED NAME", workspaces, func(each *directoryv1.Workspace) []string {
		return []string{each.GetWorkspaceId(), each.GetSlug(), each.GetCreateTime().AsTime().Format(time.RFC3339), each.GetName()}
	})
}

type workspaceDelete struct {
	flags
	WorkspaceID string `arg:""`
}

// Run implements the command.
func (c *workspaceDelete) Run(ctx context.Context, s terminal.Streams) error {
	_, err := directoryv1.NewDirectoryServiceClient(c).DeleteWorkspace(ctx, &directoryv1.DeleteWorkspaceRequest{WorkspaceId: c.WorkspaceID})
	return c.done(s, "deleted", c.WorkspaceID, err)
}

// Project are "chancery project …".
type Project struct {
	Create projectCreate `cmd:"" help:"Add a project to a workspace."`
	List   projectList   `cmd:"" help:"List the projects of a workspace."`
	Delete projectDelete `cmd:"" help:"Delete a project. Tokens lose it at once."`
}

type projectCreate struct {
	flags
	Workspace string `required:"" help:"Workspace it belongs to." placeholder:"ID"`
	Name      string `required:"" help:"Name that users see."`
}

// Run implements the command.
func (c *projectCreate) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := directoryv1.NewDirectoryServiceClient(c).CreateProject(ctx, &directoryv1.CreateProjectRequest{WorkspaceId: c.Workspace, Name: c.Name})
	if err != nil {
		return err
	}
	if c.JSON {
		return terminal.Proto(s.Out, resp.GetProject())
	}
	fmt.Fprintf(s.Out, "project_id  %s\n", resp.GetProject().GetProjectId())
	return nil
}

type projectList struct {
	flags
	Workspace string `required:"" help:"Workspace to list." placeholder:"ID"`
}

// Run implements the command.
func (c *projectList) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := directoryv1.NewDirectoryServiceClient(c).ListProjects(ctx, &directoryv1.ListProjectsRequest{WorkspaceId: c.Workspace})
	if err != nil {
		return err
	}
	return terminal.List(s.To(c.JSON), "projects", "PROJECT_ID NAME", resp.GetProjects(), func(each *directoryv1.Project) []string {
		return []string{each.GetProjectId(), each.GetName()}
	})
}

type projectDelete struct {
	flags
	ProjectID string `arg:""`
}

// Run implements the command.
func (c *projectDelete) Run(ctx context.Context, s terminal.Streams) error {
	_, err := directoryv1.NewDirectoryServiceClient(c).DeleteProject(ctx, &directoryv1.DeleteProjectRequest{ProjectId: c.ProjectID})
	return c.done(s, "deleted", c.ProjectID, err)
}
