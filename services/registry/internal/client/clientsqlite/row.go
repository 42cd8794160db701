package clientsqlite

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// columns is what scan reads.
const columns = `
	client_id, client_name, application_type, token_endpoint_auth_method, token_endpoint_auth_methods_supported,
	redirect_uris, grant_types,
	scope, default_scope, jwks, client_uri, logo_uri, policy_uri, tos_uri,
	require_pkce, require_pushed_authorization_requests, id_token_signed_response_alg, audience,
	access_token_lifetime, refresh_token_lifetime, refresh_rotation, refresh_grace, refresh_window,
	skip_consent, unverified, require_revocation_auth,
	description, workspace_id, visibility, client_kind,
	registration_digest, logo_digest, last_use_time,
	version, scope_version, revision, create_time`

const insertClient = `
	INSERT INTO registry_client (
		client_id, client_name, application_type, token_endpoint_auth_method, token_endpoint_auth_methods_supported,
		redirect_uris, grant_types,
		scope, default_scope, jwks, client_uri, logo_uri, policy_uri, tos_uri,
		require_pkce, require_pushed_authorization_requests, id_token_signed_response_alg, audience,
		access_token_lifetime, refresh_token_lifetime, refresh_rotation, refresh_grace, refresh_window,
		skip_consent, unverified, require_revocation_auth,
		description, workspace_id, visibility, client_kind, registration_digest, sort_key, search_text, name_skeleton)
	VALUES (
		@client_id, @client_name, @application_type, @token_endpoint_auth_method, @token_endpoint_auth_methods_supported,
		@redirect_uris, @grant_types,
		@scope, @default_scope, @jwks, @client_uri, @logo_uri, @policy_uri, @tos_uri,
		@require_pkce, @require_pushed_authorization_requests, @id_token_signed_response_alg, @audience,
		@access_token_lifetime, @refresh_token_lifetime, @refresh_rotation, @refresh_grace, @refresh_window,
		@skip_consent, @unverified, @require_revocation_auth,
		@description, @workspace_id, @visibility, @client_kind, @registration_digest, @sort_key, @search_text, @name_skeleton)
	RETURNING ` + columns

const updateClient = `
	UPDATE registry_client
	   SET client_name = @client_name,
	       application_type = @application_type,
	       token_endpoint_auth_method = @token_endpoint_auth_method,
	       token_endpoint_auth_methods_supported = @token_endpoint_auth_methods_supported,
	       redirect_uris = @redirect_uris,
	       grant_types = @grant_types,
	       scope = @scope,
	       default_scope = @default_scope,
	       jwks = @jwks,
	       client_uri = @client_uri,
	       logo_uri = @logo_uri,
	       policy_uri = @policy_uri,
	       tos_uri = @tos_uri,
	       require_pkce = @require_pkce,
	       require_pushed_authorization_requests = @require_pushed_authorization_requests,
	       id_token_signed_response_alg = @id_token_signed_response_alg,
	       audience = @audience,
	       access_token_lifetime = @access_token_lifetime,
	       refresh_token_lifetime = @refresh_token_lifetime,
	       refresh_rotation = @refresh_rotation,
	       refresh_grace = @refresh_grace,
	       refresh_window = @refresh_window,
	       skip_consent = @skip_consent,
	       unverified = @unverified,
	       require_revocation_auth = @require_revocation_auth,
	       description = @description,
	       visibility = @visibility,
	       client_kind = @client_kind,
	       sort_key = @sort_key,
	       search_text = @search_text,
	       name_skeleton = @name_skeleton,
	       version = version + CASE WHEN @narrows THEN 1 ELSE 0 END,
	       scope_version = scope_version + CASE WHEN @scope_shrinks THEN 1 ELSE 0 END,
	       revision = revision + 1
	 WHERE client_id = @client_id AND revision = @revision
	RETURNING ` + columns

// metadata is the arguments for what an operator says of a client.
func metadata(c client.Client) ([]any, error) {
	authMethods, err := list(c.TokenEndpointAuthMethodsSupported)
	if err != nil {
		return nil, err
	}
	redirectURIs, err := list(c.RedirectURIs)
	if err != nil {
		return nil, err
	}
	grantTypes, err := list(c.GrantTypes)
	if err != nil {
		return nil, err
	}
	audience, err := list(c.Audience)
	if err != nil {
		return nil, err
	}
	return []any{
		sql.Named("client_id", c.ClientID),
		sql.Named("client_name", c.ClientName),
		sql.Named("application_type", string(c.ApplicationType)),
		sql.Named("token_endpoint_auth_method", c.TokenEndpointAuthMethod),
		sql.Named("token_endpoint_auth_methods_supported", authMethods),
		sql.Named("redirect_uris", redirectURIs),
		sql.Named("grant_types", grantTypes),
		sql.Named("scope", c.Scope.String()),
		sql.Named("default_scope", c.DefaultScope.String()),
		sql.Named("jwks", c.JWKS),
		sql.Named("client_uri", c.ClientURI),
		sql.Named("logo_uri", c.LogoURI),
		sql.Named("policy_uri", c.PolicyURI),
		sql.Named("tos_uri", c.TosURI),
		sql.Named("require_pkce", c.RequirePKCE),
		sql.Named("require_pushed_authorization_requests", c.RequirePushedAuthorizationRequests),
		sql.Named("id_token_signed_response_alg", c.IDTokenSignedResponseAlg),
		sql.Named("audience", audience),
		sql.Named("access_token_lifetime", int64(c.AccessTokenLifetime/time.Second)),
		sql.Named("refresh_token_lifetime", int64(c.RefreshTokenLifetime/time.Second)),
		sql.Named("refresh_rotation", c.RefreshRotation),
		sql.Named("refresh_grace", seconds(c.RefreshGrace)),
		sql.Named("refresh_window", seconds(c.RefreshWindow)),
		sql.Named("skip_consent", c.SkipConsent),
		sql.Named("unverified", !c.Vetted),
		sql.Named("require_revocation_auth", c.RequireRevocationAuth),
		sql.Named("description", c.Description),
		sql.Named("workspace_id", c.WorkspaceID),
		sql.Named("visibility", string(c.Visibility)),
		sql.Named("client_kind", c.ClientKind),
		sql.Named("registration_digest", digest(c.RegistrationDigest)),
		sql.Named("sort_key", c.SortKey()),
		sql.Named("search_text", c.SearchText()),
		sql.Named("name_skeleton", c.NameSkeleton()),
	}, nil
}

// row is the columns of a client whose types differ from those of the client.
type row struct {
	client.Client
	authMethods                        string
	redirectURIs, grantTypes, audience string
	scope, defaultScope                string
	accessLifetime, refreshLifetime    int64
	grace, window                      *int64
	unverified                         bool
	registration, logo                 []byte
	lastUse                            *int64
	createTime                         int64
}

// fields is where the values of columns go.
func (r *row) fields() []any {
	return []any{
		&r.ClientID, &r.ClientName, &r.ApplicationType, &r.TokenEndpointAuthMethod, &r.authMethods,
		&r.redirectURIs, &r.grantTypes,
		&r.scope, &r.defaultScope, &r.JWKS, &r.ClientURI, &r.LogoURI, &r.PolicyURI, &r.TosURI,
		&r.RequirePKCE, &r.RequirePushedAuthorizationRequests, &r.IDTokenSignedResponseAlg, &r.audience,
		&r.accessLifetime, &r.refreshLifetime, &r.RefreshRotation, &r.grace, &r.window,
		&r.SkipConsent, &r.unverified, &r.RequireRevocationAuth,
		&r.Description, &r.WorkspaceID, &r.Visibility, &r.ClientKind,
		&r.registration, &r.logo, &r.lastUse,
		&r.Version, &r.ScopeVersion, &r.Revision, &r.createTime,
	}
}

func (r *row) client() (client.Client, error) {
	c := r.Client
	err := errors.Join(
		json.Unmarshal([]byte(r.authMethods), &c.TokenEndpointAuthMethodsSupported),
		json.Unmarshal([]byte(r.redirectURIs), &c.RedirectURIs),
		json.Unmarshal([]byte(r.grantTypes), &c.GrantTypes),
		json.Unmarshal([]byte(r.audience), &c.Audience),
	)
	if err != nil {
		return client.Client{}, fmt.Errorf("decode lists of client: %w", err)
	}
	c.Vetted = !r.unverified
	c.Scope, c.DefaultScope = strings.Fields(r.scope), strings.Fields(r.defaultScope)
	c.AccessTokenLifetime = time.Duration(r.accessLifetime) * time.Second
	c.RefreshTokenLifetime = time.Duration(r.refreshLifetime) * time.Second
	c.RefreshGrace, c.RefreshWindow = duration(r.grace), duration(r.window)
	// A CHECK keeps digests at their length; NULL leaves the zero one.
	copy(c.RegistrationDigest[:], r.registration)
	copy(c.LogoDigest[:], r.logo)
	if r.lastUse != nil {
		c.LastUseTime = sqlite.FromTime(*r.lastUse)
	}
	c.CreateTime = sqlite.FromTime(r.createTime)
	return c, nil
}

func scan(from interface{ Scan(...any) error }) (client.Client, error) {
	var r row
	if err := from.Scan(r.fields()...); err != nil {
		return client.Client{}, err
	}
	return r.client()
}

// list is s as a JSON array, which is never null.
func list(s []string) (string, error) {
	if len(s) == 0 {
		return "[]", nil
	}
	encoded, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encode list of client: %w", err)
	}
	return string(encoded), nil
}

// digest is NULL for the zero digest.
func digest(d secret.Digest) any {
	if d == (secret.Digest{}) {
		return nil
	}
	return d[:]
}

func seconds(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	n := int64(*d / time.Second)
	return &n
}

// duration is seconds read back.
func duration(n *int64) *time.Duration {
	if n == nil {
		return nil
	}
	d := time.Duration(*n) * time.Second
	return &d
}
