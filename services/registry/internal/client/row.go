package client

import (
	"strings"
	"time"

	"github.com/chancery-auth/chancery/pkg/database"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/secret"
)

// The columns of a client. A new one of those that are said of it has its place in
// said, saidValues and [Client.said].
const (
	said = `client_name, application_type, token_endpoint_auth_method, token_endpoint_auth_methods_supported,
		redirect_uris, grant_types, scope, default_scope, jwks, client_uri, logo_uri, policy_uri, tos_uri,
		require_pkce, require_pushed_authorization_requests, id_token_signed_response_alg, audience,
		access_token_lifetime, refresh_token_lifetime, refresh_rotation, refresh_grace, refresh_window,
		skip_consent, unverified, require_revocation_auth, description, visibility, client_kind`
	saidValues = `$5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27,
		$28, $29, $30, $31, $32`

	// named is what follows from the name and the description.
	named       = `sort_key, search_text, name_skeleton`
	namedValues = `$2, $3, $4`

	// columns are those that scan reads.
	columns = `client_id, ` + said + `, workspace_id, registration_digest,
		logo_digest, last_use_time, version, scope_version, revision, create_time`
)

const insertClient = `
	INSERT INTO registry.client (client_id, ` + named + `, ` + said + `, workspace_id, registration_digest)
	VALUES ($1, ` + namedValues + `, ` + saidValues + `, $33, $34)
	RETURNING ` + columns

const updateClient = `
	UPDATE registry.client
	   SET (` + named + `, ` + said + `) = (` + namedValues + `, ` + saidValues + `),
	       version = version + CASE WHEN $33 THEN 1 ELSE 0 END,
	       scope_version = scope_version + CASE WHEN $34 THEN 1 ELSE 0 END,
	       revision = revision + 1
	 WHERE client_id = $1 AND revision = $35
	RETURNING ` + columns

// values are those of $1 to the last of said.
func (c *Client) values() []any {
	return append([]any{c.ClientID, c.SortKey(), c.SearchText(), c.NameSkeleton()}, c.said()...)
}

// said are the fields of what is said of a client, to be written and read.
func (c *Client) said() []any {
	return []any{
		&c.ClientName, &c.ApplicationType, &c.TokenEndpointAuthMethod, &c.TokenEndpointAuthMethodsSupported,
		&c.RedirectURIs, &c.GrantTypes,
		scopeText(&c.Scope),
		scopeText(&c.DefaultScope),
		&c.JWKS, &c.ClientURI, &c.LogoURI, &c.PolicyURI, &c.TosURI,
		&c.RequirePKCE, &c.RequirePushedAuthorizationRequests, &c.IDTokenSignedResponseAlg, &c.Audience,
		seconds(&c.AccessTokenLifetime),
		seconds(&c.RefreshTokenLifetime),
		&c.RefreshRotation,
		maybeSeconds(&c.RefreshGrace),
		maybeSeconds(&c.RefreshWindow),
		&c.SkipConsent,
		opposite(&c.Vetted),
		&c.RequireRevocationAuth, &c.Description, &c.Visibility, &c.ClientKind,
	}
}

// scan reads columns.
func scan(row database.Row) (Client, error) {
	var c Client
	err := row.Scan(c.fields()...)
	return c, err
}

func (c *Client) fields() []any {
	return append(append([]any{&c.ClientID}, c.said()...),
		&c.WorkspaceID, digest(&c.RegistrationDigest), digest(&c.LogoDigest), database.Null(&c.LastUseTime),
		&c.Version, &c.ScopeVersion, &c.Revision, &c.CreateTime)
}

// The forms of columns that differ from those of their fields: a scope is text
// (RFC 6749 §3.3), lifetimes are whole seconds, vetted is kept as its opposite, and no
// digest is NULL.
func scopeText(s *oauth.Scope) any {
	return database.Form(s, oauth.Scope.String, func(text string) oauth.Scope { return strings.Fields(text) })
}

func seconds(d *time.Duration) any { return database.Form(d, toSeconds, fromSeconds) }

func toSeconds(d time.Duration) int64   { return int64(d / time.Second) }
func fromSeconds(n int64) time.Duration { return time.Duration(n) * time.Second }

func maybeSeconds(d **time.Duration) any {
	return database.Form(d,
		func(d *time.Duration) *int64 { return each(d, toSeconds) },
		func(n *int64) *time.Duration { return each(n, fromSeconds) })
}

// each converts what a pointer points to, if anything.
func each[From, To any](from *From, convert func(From) To) *To {
	if from == nil {
		return nil
	}
	to := convert(*from)
	return &to
}

func opposite(of *bool) any {
	not := func(b bool) bool { return !b }
	return database.Form(of, not, not)
}

func digest(d *secret.Digest) any {
	return database.Form(d, func(d secret.Digest) []byte {
		if d == (secret.Digest{}) {
			return nil
		}
		return d[:]
	}, func(bytes []byte) (d secret.Digest) {
		copy(d[:], bytes) // a CHECK keeps them at their length
		return d
	})
}
