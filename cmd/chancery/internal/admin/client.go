package admin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/cmd/chancery/internal/terminal"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/strictyaml"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// Client are "chancery client …".
type Client struct {
	Create clientCreate   `cmd:"" help:"Register a client. Prints its id, and its secret this once."`
	Get    clientGet      `cmd:"" help:"Show a client."`
	List   clientList     `cmd:"" help:"List clients."`
	Update clientUpdate   `cmd:"" help:"Change a client's metadata: only what is named changes."`
	Delete clientDelete   `cmd:"" help:"Delete a client. Every token of it ends at once."`
	Secret secretCommands `cmd:"" help:"Manage a client's secrets."`

	InitialToken initialTokenCommands `cmd:"" help:"Manage the tokens by which clients register themselves, where the preset asks for one."`
}

// clientMetadata are the flags for metadata that can change. What a new client
// does not say comes from the preset.
type clientMetadata struct {
	Name           *string        `help:"Name that users see."`
	Description    *string        `help:"What the app does, in a sentence or two: for the directory of apps." placeholder:"TEXT"`
	Visibility     *string        `help:"Who may authorize it: internal (members of its workspace), unlisted (every user who has a link) or public (listed in the directory of apps). Default: unlisted." placeholder:"WHO"`
	Kind           *string        `help:"One of the preset's kinds of client, which sets lifetimes. Default: none." placeholder:"KIND"`
	RedirectURIs   []string       `help:"Redirect URI; may be repeated." name:"redirect-uri" sep:"none" placeholder:"URI"`
	AuthMethods    []string       `help:"How it may authenticate: client_secret_basic, client_secret_post, private_key_jwt or none; may be repeated, but for none. Default: the preset's for the type, and with a secret either way." name:"auth-method" sep:"none" placeholder:"METHOD"`
	Scope          *string        `help:"Everything the client may ask for, space-separated. Default: all that users can grant." placeholder:"\"A B\""`
	DefaultScope   *string        `help:"What a request without scope asks for. Default: the preset's, else its scopes about who the user is." placeholder:"\"A B\""`
	GrantTypes     []string       `help:"Grant type; may be repeated. Default: the preset's for the type." name:"grant-type" sep:"none" placeholder:"TYPE"`
	RequirePKCE    *bool          `help:"Refuse requests without code_challenge. Default: the preset's for the type; always for clients without credentials." name:"require-pkce" negatable:""`
	RequirePAR     *bool          `help:"Refuse requests that were not pushed." name:"require-par"`
	JWKS           string         `help:"File with the client's public keys, a JWK Set, for private_key_jwt." name:"jwks" placeholder:"FILE" type:"existingfile"`
	ClientURI      *string        `help:"Home page." name:"client-uri" placeholder:"URL"`
	LogoURI        *string        `help:"Logo." name:"logo-uri" placeholder:"URL"`
	PolicyURI      *string        `help:"Privacy policy." name:"policy-uri" placeholder:"URL"`
	TOSURI         *string        `help:"Terms of service." name:"tos-uri" placeholder:"URL"`
	IDTokenAlg     *string        `help:"RS256 or ES256." name:"id-token-alg" placeholder:"ALG"`
	Audience       []string       `help:"Audience for which the client may introspect tokens; may be repeated." sep:"none" placeholder:"URI"`
	AccessLifetime time.Duration  `help:"Lifetime of its access tokens. Default: that of its kind, or the preset's." name:"access-token-lifetime" placeholder:"1h"`
	RefreshLife    time.Duration  `help:"Lifetime of its refresh tokens. Default: that of its kind, or the preset's." name:"refresh-token-lifetime" placeholder:"720h"`
	Rotation       *string        `help:"When refresh tokens rotate: always, threshold or never. Default: the preset's." name:"refresh-rotation" placeholder:"WHEN"`
	Grace          *time.Duration `help:"How long a rotated refresh token still yields the same successor; 0s: its reuse ends the authorization at once. Default: the preset's." name:"refresh-grace" placeholder:"30s"`
	Window         *time.Duration `help:"How long a rotated refresh token yields the one in use, for apps of several processes; at most 24h. 0s: none. Default: that of its kind, or the preset's." name:"refresh-window" placeholder:"20m"`
	Vetted         *bool          `help:"Vouch for it: the pages do not mark it as unverified, and its errors are redirected to it also before the user has signed in. Default: as it is; for a new client yes, for a new app of a workspace the preset's." negatable:""`
	SkipConsent    *bool          `help:"Never ask for scopes that need no selection: for the platform's own clients."`
}

// apply writes the flags that were given into c.
func (m clientMetadata) apply(c *registryv1.Client) error {
	if m.JWKS != "" {
		document, err := os.ReadFile(m.JWKS)
		if err != nil {
			return err
		}
		c.Jwks = string(document)
	}
	for _, text := range []struct {
		from *string
		to   *string
	}{
		{m.Name, &c.ClientName},
		{m.Description, &c.Description},
		{m.Visibility, &c.Visibility},
		{m.Kind, &c.ClientKind},
		{m.Scope, &c.Scope},
		{m.DefaultScope, &c.DefaultScope},
		{m.ClientURI, &c.ClientUri},
		{m.LogoURI, &c.LogoUri},
		{m.PolicyURI, &c.PolicyUri},
		{m.TOSURI, &c.TosUri},
		{m.IDTokenAlg, &c.IdTokenSignedResponseAlg},
		{m.Rotation, &c.RefreshRotation},
	} {
		if text.from != nil {
			*text.to = *text.from
		}
	}
	m.applyLists(c)
	m.applyPolicy(c)
	return nil
}

func (m clientMetadata) applyLists(c *registryv1.Client) {
	if len(m.AuthMethods) > 0 {
		c.TokenEndpointAuthMethod, c.TokenEndpointAuthMethodsSupported = m.AuthMethods[0], m.AuthMethods
	}
	if len(m.RedirectURIs) > 0 {
		c.RedirectUris = m.RedirectURIs
	}
	if len(m.GrantTypes) > 0 {
		c.GrantTypes = m.GrantTypes
	}
	if len(m.Audience) > 0 {
		c.Audience = m.Audience
	}
}

func (m clientMetadata) applyPolicy(c *registryv1.Client) {
	if m.RequirePKCE != nil {
		c.RequirePkce = m.RequirePKCE
	}
	if m.RequirePAR != nil {
		c.RequirePushedAuthorizationRequests = *m.RequirePAR
	}
	if m.Vetted != nil {
		// A registry of the release before knows the opposite alone, and to this one
		// both must say so.
		c.Vetted, c.Unverified = m.Vetted, !*m.Vetted
	}
	if m.SkipConsent != nil {
		c.SkipConsent = *m.SkipConsent
	}
	if m.AccessLifetime != 0 {
		c.AccessTokenLifetime = durationpb.New(m.AccessLifetime)
	}
	if m.RefreshLife != 0 {
		c.RefreshTokenLifetime = durationpb.New(m.RefreshLife)
	}
	if m.Grace != nil {
		c.RefreshGrace = durationpb.New(*m.Grace)
	}
	if m.Window != nil {
		c.RefreshWindow = durationpb.New(*m.Window)
	}
}

type clientCreate struct {
	flags
	clientMetadata
	Type      string `help:"web (on a server, keeps a secret) or native (on the user's device, public)." default:"web"`
	Workspace string `help:"Workspace that the app belongs to: its admins manage it on the developer pages. It cannot be changed. Default: none, so that operators alone manage it." placeholder:"ID"`
}

// Run implements the command.
func (c *clientCreate) Run(ctx context.Context, s terminal.Streams) error {
	// The flag is that of update as well, where it may be left out.
	if c.Name == nil {
		return errors.New("missing flags: --name=NAME: users see it when the client asks for access")
	}
	client := &registryv1.Client{ApplicationType: c.Type, WorkspaceId: c.Workspace}
	if err := c.apply(client); err != nil {
		return err
	}
	resp, err := registryv1.NewRegistryServiceClient(c).CreateClient(ctx, &registryv1.CreateClientRequest{Client: client})
	if err != nil {
		return err
	}
	return c.print(s, resp)
}

func (c *clientCreate) print(s terminal.Streams, resp *registryv1.CreateClientResponse) error {
	if c.JSON {
		return terminal.JSON(s.Out, struct {
			ClientID     string `json:"client_id"`
			ClientSecret string `json:"client_secret,omitempty"`
		}{resp.GetClient().GetClientId(), resp.GetClientSecret()})
	}
	fmt.Fprintf(s.Out, "client_id      %s\n", resp.GetClient().GetClientId())
	if resp.GetClientSecret() != "" {
		fmt.Fprintf(s.Out, "client_secret  %s\n\nThe secret is not shown again.\n", resp.GetClientSecret())
	}
	return nil
}

type clientGet struct {
	flags
	ClientID string `arg:""`
}

// Run implements the command.
func (c *clientGet) Run(ctx context.Context, s terminal.Streams) error {
	resp, err := registryv1.NewRegistryServiceClient(c).GetClient(ctx, &registryv1.GetClientRequest{ClientId: c.ClientID})
	if err != nil {
		return err
	}
	return c.printClient(s, resp.GetClient())
}

// printClient shows what a client has; what it leaves to the preset is not there.
func (a *flags) printClient(s terminal.Streams, c *registryv1.Client) error {
	if a.JSON {
		return terminal.Proto(s.Out, c)
	}
	rows := [][]string{
		{"client_id", c.GetClientId()},
		{"client_name", c.GetClientName()},
		{"description", c.GetDescription()},
		{"workspace_id", c.GetWorkspaceId()},
		{"visibility", c.GetVisibility()},
		{"client_kind", c.GetClientKind()},
		{"registered", registeredBy(c)},
		{"application_type", c.GetApplicationType()},
		{"token_endpoint_auth_method", authMethods(c, " ")},
		{"vetted", fmt.Sprint(c.GetVetted())},
		{"redirect_uris", strings.Join(c.GetRedirectUris(), " ")},
		{"client_uri", c.GetClientUri()},
		{"grant_types", strings.Join(c.GetGrantTypes(), " ")},
		{"scope", c.GetScope()},
		{"require_pkce", fmt.Sprint(c.GetRequirePkce())},
		{"access_token_lifetime", durationText(c.GetAccessTokenLifetime())},
		{"refresh_token_lifetime", durationText(c.GetRefreshTokenLifetime())},
		{"refresh_rotation", c.GetRefreshRotation()},
		{"refresh_grace", durationText(c.GetRefreshGrace())},
		{"refresh_window", durationText(c.GetRefreshWindow())},
		{"revision", fmt.Sprint(c.GetRevision())},
		{"create_time", timeText(c.GetCreateTime())},
		{"last_use_time", timeText(c.GetLastUseTime())},
	}
	return terminal.Table(s.Out, "FIELD VALUE", slices.DeleteFunc(rows, func(row []string) bool { return row[1] == "" }))
}

// authMethods are the ways in which a client may authenticate.
func authMethods(c *registryv1.Client, separator string) string {
	return strings.Join(oauth.AuthMethods(c.GetTokenEndpointAuthMethod(), c.GetTokenEndpointAuthMethodsSupported()), separator)
}

// registeredBy says who registered a client, where that was no operator.
func registeredBy(c *registryv1.Client) string {
	if c.GetDynamicallyRegistered() {
		return "by itself"
	}
	return ""
}

// durationText is empty for none.
func durationText(d *durationpb.Duration) string {
	if d == nil {
		return ""
	}
	return strictyaml.Short(d.AsDuration())
}

// timeText is empty for none.
func timeText(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Format(time.RFC3339)
}

type clientList struct{ flags }

// Run implements the command.
func (c *clientList) Run(ctx context.Context, s terminal.Streams) error {
	clients, err := all(func(token string) ([]*registryv1.Client, string, error) {
		resp, err := registryv1.NewRegistryServiceClient(c).ListClients(ctx, &registryv1.ListClientsRequest{PageToken: token})
		return resp.GetClients(), resp.GetNextPageToken(), err
	})
	if err != nil {
		return err
	}
	return c.print(s, clients)
}

func (c *clientList) print(s terminal.Streams, clients []*registryv1.Client) error {
	return terminal.List(s.To(c.JSON), "clients", "CLIENT_ID TYPE AUTHENTICATION VISIBILITY WORKSPACE NAME", clients, func(each *registryv1.Client) []string {
		return []string{
			each.GetClientId(), each.GetApplicationType(), authMethods(each, ","), each.GetVisibility(),
			cmp.Or(each.GetWorkspaceId(), "-"), each.GetClientName(),
		}
	})
}

type clientUpdate struct {
	flags
	clientMetadata
	ClientID string `arg:""`
}

// Run implements the command. It changes the client as it is now; a change by
// somebody else in between is refused, not overwritten.
func (c *clientUpdate) Run(ctx context.Context, s terminal.Streams) error {
	registry := registryv1.NewRegistryServiceClient(c)
	current, err := registry.GetClient(ctx, &registryv1.GetClientRequest{ClientId: c.ClientID})
	if err != nil {
		return err
	}
	client := current.GetClient()
	if err := c.apply(client); err != nil {
		return err
	}
	resp, err := registry.UpdateClient(ctx, &registryv1.UpdateClientRequest{Client: client})
	if err != nil {
		return err
	}
	return c.printClient(s, resp.GetClient())
}

type clientDelete struct {
	flags
	ClientID string `arg:""`
}

// Run implements the command.
func (c *clientDelete) Run(ctx context.Context, s terminal.Streams) error {
	_, err := registryv1.NewRegistryServiceClient(c).DeleteClient(ctx, &registryv1.DeleteClientRequest{ClientId: c.ClientID})
	return c.done(s, "deleted", c.ClientID, err)
}
