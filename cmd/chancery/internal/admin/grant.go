package admin

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// Grant are "chancery grant …".
type Grant struct {
	List   grantList   `cmd:"" help:"List what users have allowed clients."`
	Revoke grantRevoke `cmd:"" help:"End a grant and every token of it."`
}

type grantList struct {
	flags
	Subject string `help:"Only of this user." placeholder:"SUB"`
	Client  string `help:"Only to this client." placeholder:"CLIENT_ID"`
}

// grantLine is a grant for scripts.
type grantLine struct {
	GrantID    string   `json:"grant_id"`
	ClientID   string   `json:"client_id"`
	Sub        string   `json:"sub"`
	Scope      string   `json:"scope"`
	Workspaces []string `json:"workspaces"`
	Projects   []string `json:"projects"`
	// Approvals say what is allowed where.
	Approvals []approvalLine `json:"approvals"`
}

// approvalLine is what is allowed at one place.
type approvalLine struct {
	Scope          string `json:"scope"`
	WorkspaceID    string `json:"workspace_id,omitempty"`
	ProjectID      string `json:"project_id,omitempty"`
	Audience       string `json:"audience,omitempty"`
	ClientIdentity string `json:"client_identity"` // as what the client came
	Version        int64  `json:"version"`
	ByPolicy       bool   `json:"by_policy,omitempty"`
}

func grantLineOf(g *consentv1.Grant) grantLine {
	line := grantLine{
		GrantID: g.GetGrantId(), ClientID: g.GetClientId(), Sub: g.GetSub(), Scope: g.GetScope(),
		Workspaces: []string{}, Projects: []string{}, Approvals: []approvalLine{},
	}
	for _, a := range g.GetApprovals() {
		line.Approvals = append(line.Approvals, approvalLine{
			Scope: a.GetScope(), WorkspaceID: a.GetWorkspaceId(), ProjectID: a.GetProjectId(), Audience: a.GetAudience(),
			ClientIdentity: hex.EncodeToString(a.GetClientIdentity()), Version: a.GetVersion(), ByPolicy: a.GetByPolicy(),
		})
	}
	for _, w := range g.GetWorkspaces() {
		line.Workspaces = append(line.Workspaces, w.GetWorkspaceId())
	}
	for _, p := range g.GetProjects() {
		line.Projects = append(line.Projects, p.GetProjectId())
	}
	return line
}

// Run implements the command.
func (c *grantList) Run(ctx context.Context, s terminal.Streams) error {
	grants, err := all(func(token string) ([]*consentv1.Grant, string, error) {
		resp, err := consentv1.NewConsentServiceClient(c).ListGrants(ctx, &consentv1.ListGrantsRequest{
			Sub: c.Subject, ClientId: c.Client, PageToken: token,
		})
		return resp.GetGrants(), resp.GetNextPageToken(), err
	})
	if err != nil {
		return err
	}
	lines := make([]grantLine, 0, len(grants))
	for _, g := range grants {
		lines = append(lines, grantLineOf(g))
	}
	return terminal.List(s.To(c.JSON), "grants", "GRANT_ID CLIENT_ID SUB WORKSPACES PROJECTS SCOPE", lines, func(l grantLine) []string {
		return []string{l.GrantID, l.ClientID, l.Sub, fmt.Sprint(len(l.Workspaces)), fmt.Sprint(len(l.Projects)), l.Scope}
	})
}

type grantRevoke struct {
	flags
	GrantID string `arg:""`
}

// Run implements the command.
func (c *grantRevoke) Run(ctx context.Context, s terminal.Streams) error {
	_, err := consentv1.NewConsentServiceClient(c).RevokeGrant(ctx, &consentv1.RevokeGrantRequest{
		GrantId: c.GrantID, Reason: consentv1.RevokeGrantRequest_REASON_ADMIN,
	})
	return c.done(s, "revoked", c.GrantID, err)
}

// Session are "chancery session …".
type Session struct {
	List sessionList `cmd:"" help:"List a user's sign-in sessions."`
	End  sessionEnd  `cmd:"" help:"End a session and the tokens bound to it."`
}

type sessionList struct {
	flags
	Subject string `required:"" help:"The user's sub." placeholder:"SUB"`
}

// Run implements the command.
func (c *sessionList) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := authorizev1.NewAuthorizeServiceClient(c).ListSessions(ctx, &authorizev1.ListSessionsRequest{Sub: c.Subject})
	if err != nil {
		return err
	}
	return terminal.List(s.To(c.JSON), "sessions", "SESSION_ID SIGNED_IN BROWSER", resp.GetSessions(), func(each *authorizev1.Session) []string {
		return []string{each.GetSessionId(), each.GetAuthTime().AsTime().Format(time.RFC3339), each.GetUserAgent()}
	})
}

type sessionEnd struct {
	flags
	SessionID string `arg:""`
}

// Run implements the command.
func (c *sessionEnd) Run(ctx context.Context, s terminal.Streams) error {
	_, err := authorizev1.NewAuthorizeServiceClient(c).EndSession(ctx, &authorizev1.EndSessionRequest{SessionId: c.SessionID})
	return c.done(s, "ended", c.SessionID, err)
}

// Token are "chancery token …".
type Token struct {
	Introspect tokenIntrospect `cmd:"" help:"Say what a token is good for now."`
	Revoke     tokenRevoke     `cmd:"" help:"End a token. A refresh token takes its successors along."`
}

// tokenArg is a token that is named, or read so that no shell history keeps it.
type tokenArg struct {
	Token string `arg:"" help:"The token, or - to read it from standard input."`
}

func (t tokenArg) read(s terminal.Streams) (string, error) {
	if t.Token != "-" {
		return t.Token, nil
	}
	content, err := io.ReadAll(io.LimitReader(s.In, 16<<10))
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := strings.TrimSpace(string(content))
	if token == "" {
		return "", errors.New("there is no token on standard input")
	}
	return token, nil
}

type tokenIntrospect struct {
	flags
	tokenArg
}

// Run implements the command. It always prints JSON: the answer of RFC 7662 §2.2.
func (c *tokenIntrospect) Run(ctx context.Context, s terminal.Streams) error {
	token, err := c.read(s)
	if err != nil {
		return err
	}
	resp, err := introspectionv1.NewIntrospectionServiceClient(c).AdminIntrospect(ctx, &introspectionv1.AdminIntrospectRequest{Token: token})
	if err != nil {
		return err
	}
	return terminal.JSON(s.Out, answerOf(resp.GetAnswer()))
}

// answer is that of RFC 7662 §2.2, with numbers as numbers.
type answer struct {
	Active     bool           `json:"active"`
	Scope      string         `json:"scope,omitempty"`
	ClientID   string         `json:"client_id,omitempty"`
	TokenType  string         `json:"token_type,omitempty"`
	ExpireTime int64          `json:"exp,omitempty"`
	IssueTime  int64          `json:"iat,omitempty"`
	Sub        string         `json:"sub,omitempty"`
	Audience   []string       `json:"aud,omitempty"`
	Issuer     string         `json:"iss,omitempty"`
	TokenID    string         `json:"jti,omitempty"`
	Workspaces []resourceRole `json:"workspaces,omitempty"`
	Projects   []resourceRole `json:"projects,omitempty"`
}

type resourceRole struct {
	ID    string `json:"id"`
	Role  string `json:"role"`
	Scope string `json:"scope,omitempty"` // empty: all of the token's of this kind
}

func answerOf(r *introspectionv1.IntrospectResponse) answer {
	return answer{
		Active: r.GetActive(), Scope: r.GetScope(), ClientID: r.GetClientId(), TokenType: r.GetTokenType(),
		ExpireTime: r.GetExp(), IssueTime: r.GetIat(), Sub: r.GetSub(), Audience: r.GetAud(), Issuer: r.GetIss(), TokenID: r.GetJti(),
		Workspaces: resourceRoles(r.GetWorkspaces()), Projects: resourceRoles(r.GetProjects()),
	}
}

func resourceRoles(list []*introspectionv1.ResourceRole) []resourceRole {
	roles := make([]resourceRole, 0, len(list))
	for _, r := range list {
		roles = append(roles, resourceRole{r.GetId(), r.GetRole(), r.GetScope()})
	}
	return roles
}

type tokenRevoke struct {
	flags
	tokenArg
}

// Run implements the command.
func (c *tokenRevoke) Run(ctx context.Context, s terminal.Streams) error {
	token, err := c.read(s)
	if err != nil {
		return err
	}
	if _, err := tokenv1.NewTokenServiceClient(c).AdminRevoke(ctx, &tokenv1.AdminRevokeRequest{Token: token}); err != nil {
		return err
	}
	if c.JSON {
		return terminal.JSON(s.Out, map[string]bool{"revoked": true})
	}
	fmt.Fprintln(s.Out, "The token is not good for anything any more.")
	return nil
}
