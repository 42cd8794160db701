package preset

import (
	"time"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
)

// Default is the provider Chancery is unless a preset says otherwise.
func Default() Preset {
	return Preset{
		Name:  "chancery",
		Brand: Brand{Name: "Chancery", AccentLight: "#1f5fbf", AccentDark: "#8ab4f8"},
		Paths: defaultPaths(),
		Prefixes: Prefixes{
			AccessToken: "chat", RefreshToken: "chrt", Code: "chac", ClientSecret: "chcs",
			RegistrationToken: "chra", InitialAccessToken: "chia",
		},
		Lifetimes: defaultLifetimes(),
		Clients: Clients{
			Web:    ClientDefaults{TokenEndpointAuthMethod: oauth.AuthClientSecretBasic, GrantTypes: codeGrants(), RequirePKCE: true},
			Native: ClientDefaults{TokenEndpointAuthMethod: oauth.AuthNone, GrantTypes: codeGrants(), RequirePKCE: true},
		},
		Registration:  Registration{Mode: RegistrationOff, MaxClients: 10_000, PerHour: 10},
		Authorization: Authorization{VariableLoopbackPort: true},
		Refresh: Refresh{
			Confidential:       "always",
			Public:             "always",
			Threshold:          0.7,
			Grace:              30 * time.Second,
			MaxFamilies:        100,
			NeedsPromptConsent: true,
		},
		Validate: Validate{WorkspaceURL: "{issuer}/workspaces/{id}"},
		Scopes:   defaultScopes(),
	}
}

func codeGrants() []string { return []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken} }

func defaultPaths() Paths {
	//nolint:gosec // Paths that speak of tokens, and hold none.
	return Paths{
		Authorize:           "/oauth/authorize",
		Token:               "/oauth/token",
		PushedAuthorization: "/oauth/par",
		Introspect:          "/oauth/introspect",
		Revoke:              "/oauth/revoke",
		Validate:            "/oauth/validate",
		UserInfo:            "/oauth/userinfo",
		Registration:        "/oauth/register",
		JWKS:                "/.well-known/jwks.json",
	}
}

func defaultLifetimes() Lifetimes {
	return Lifetimes{
		AccessToken:     time.Hour,
		RefreshToken:    30 * 24 * time.Hour,
		RefreshAbsolute: 365 * 24 * time.Hour,
		Code:            time.Minute,
		PushedRequest:   90 * time.Second,
		Transaction:     15 * time.Minute,
		IDToken:         time.Hour,
		SessionIdle:     time.Hour,
		SessionAbsolute: 12 * time.Hour,
	}
}

func defaultScopes() Catalogue {
	const you, work, app = "About you", "Your workspaces and projects", "This app"
	return Catalogue{
		{Name: "openid", Kind: Identity, Group: you, Description: "Know who you are", Detail: "A stable identifier of your account, and nothing else about you."},
		{Name: "profile", Kind: Identity, Group: you, Description: "See your name and picture", Detail: "Your name, user name, picture and language, as far as your account has them.", Claims: profileClaims()},
		{Name: "email", Kind: Identity, Group: you, Description: "See your email address", Detail: "Your email address, and whether it has been verified.", Claims: []string{"email", "email_verified"}},
		{Name: "phone", Kind: Identity, Group: you, Description: "See your phone number", Detail: "Your phone number, and whether it has been verified.", Claims: []string{"phone_number", "phone_number_verified"}},
		{Name: "address", Kind: Identity, Group: you, Description: "See your postal address", Detail: "The postal address in your account.", Claims: []string{"address"}},
		{Name: "workspace:viewer", Kind: Workspace, Level: role.Viewer, Group: work, Description: "View the workspaces you choose", Detail: "Read what is in the workspace. It cannot change anything."},
		{Name: "workspace:member", Implies: []string{"workspace:viewer"}, Kind: Workspace, Level: role.Member, Sensitive: true, Group: work, Description: "Work in the workspaces you choose", Detail: "Read and change what members may, but not settings or members."},
		{Name: "workspace:admin", Implies: []string{"workspace:member"}, Kind: Workspace, Level: role.Admin, Sensitive: true, Group: work, Description: "Administer the workspaces you choose", Detail: "Everything that an administrator may do, members and settings included."},
		{Name: "project:viewer", Kind: Project, Level: role.Viewer, Group: work, Description: "View the projects you choose", Detail: "Read what is in the project. It cannot change anything."},
		{Name: "project:member", Implies: []string{"project:viewer"}, Kind: Project, Level: role.Member, Sensitive: true, Group: work, Description: "Work in the projects you choose", Detail: "Read and change what is in the project."},
		{Name: "offline_access", Kind: Identity, Sensitive: true, Group: app, Description: "Keep this access until you take it back", Detail: "The app stays connected until you disconnect it, also while you are signed out."},
		{Name: "introspect", Kind: Client, Group: app, Description: "Ask about tokens", Detail: "For APIs of the platform: asks whether a token that was presented to it is good."},
	}
}

// profileClaims are those of the scope profile (OIDC Core §5.4).
func profileClaims() []string {
	return []string{
		"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile",
		"picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
	}
}
