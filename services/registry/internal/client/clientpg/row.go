package clientpg

import (
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

// columns is what scan reads, of a client called c.
const columns = `
	c.client_id, c.client_name, c.application_type, c.token_endpoint_auth_method, c.token_endpoint_auth_methods_supported,
	c.redirect_uris, c.grant_types,
	c.scope, c.default_scope, c.jwks, c.client_uri, c.logo_uri, c.policy_uri, c.tos_uri,
	c.require_pkce, c.require_pushed_authorization_requests, c.id_token_signed_response_alg, c.audience,
	c.access_token_lifetime, c.refresh_token_lifetime, c.refresh_rotation, c.refresh_grace, c.refresh_window,
	c.skip_consent, c.unverified, c.require_revocation_auth,
	c.description, c.workspace_id, c.visibility, c.client_kind,
	c.registration_digest, c.logo_digest, c.last_use_time,
	c.version, c.scope_version, c.revision, c.create_time`

const insertClient = `
	INSERT INTO registry.client AS c (
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
	UPDATE registry.client AS c
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
func metadata(c client.Client) pgx.NamedArgs {
	return pgx.NamedArgs{
		"client_id":                             c.ClientID,
		"client_name":                           c.ClientName,
		"application_type":                      string(c.ApplicationType),
		"token_endpoint_auth_method":            c.TokenEndpointAuthMethod,
		"token_endpoint_auth_methods_supported": list(c.TokenEndpointAuthMethodsSupported),
		"redirect_uris":                         list(c.RedirectURIs),
		"grant_types":                           list(c.GrantTypes),
		"scope":                                 c.Scope.String(),
		"default_scope":                         c.DefaultScope.String(),
		"jwks":                                  c.JWKS,
		"client_uri":                            c.ClientURI,
		"logo_uri":                              c.LogoURI,
		"policy_uri":                            c.PolicyURI,
		"tos_uri":                               c.TosURI,
		"require_pkce":                          c.RequirePKCE,
		"require_pushed_authorization_requests": c.RequirePushedAuthorizationRequests,
		"id_token_signed_response_alg":          c.IDTokenSignedResponseAlg,
		"audience":                              list(c.Audience),
		"access_token_lifetime":                 int64(c.AccessTokenLifetime / time.Second),
		"refresh_token_lifetime":                int64(c.RefreshTokenLifetime / time.Second),
		"refresh_rotation":                      c.RefreshRotation,
		"refresh_grace":                         seconds(c.RefreshGrace),
		"refresh_window":                        seconds(c.RefreshWindow),
		"skip_consent":                          c.SkipConsent,
		"unverified":                            !c.Vetted,
		"require_revocation_auth":               c.RequireRevocationAuth,
		"description":                           c.Description,
		"workspace_id":                          c.WorkspaceID,
		"visibility":                            string(c.Visibility),
		"client_kind":                           c.ClientKind,
		"registration_digest":                   digest(c.RegistrationDigest),
		"sort_key":                              c.SortKey(),
		"search_text":                           c.SearchText(),
		"name_skeleton":                         c.NameSkeleton(),
	}
}

// row is the columns of a client whose types differ from those of the client.
type row struct {
	client.Client
	scope, defaultScope             string
	accessLifetime, refreshLifetime int64
	grace, window                   *int64
	unverified                      bool
	registration, logo              []byte
	lastUse                         *time.Time
}

// fields is where the values of columns go.
func (r *row) fields() []any {
	return []any{
		&r.ClientID, &r.ClientName, &r.ApplicationType, &r.TokenEndpointAuthMethod, &r.TokenEndpointAuthMethodsSupported,
		&r.RedirectURIs, &r.GrantTypes,
		&r.scope, &r.defaultScope, &r.JWKS, &r.ClientURI, &r.LogoURI, &r.PolicyURI, &r.TosURI,
		&r.RequirePKCE, &r.RequirePushedAuthorizationRequests, &r.IDTokenSignedResponseAlg, &r.Audience,
		&r.accessLifetime, &r.refreshLifetime, &r.RefreshRotation, &r.grace, &r.window,
		&r.SkipConsent, &r.unverified, &r.RequireRevocationAuth,
		&r.Description, &r.WorkspaceID, &r.Visibility, &r.ClientKind,
		&r.registration, &r.logo, &r.lastUse,
		&r.Version, &r.ScopeVersion, &r.Revision, &r.CreateTime,
	}
}

func (r *row) client() client.Client {
	c := r.Client
	c.Vetted = !r.unverified
	c.Scope, c.DefaultScope = strings.Fields(r.scope), strings.Fields(r.defaultScope)
	c.AccessTokenLifetime = time.Duration(r.accessLifetime) * time.Second
	c.RefreshTokenLifetime = time.Duration(r.refreshLifetime) * time.Second
	c.RefreshGrace, c.RefreshWindow = duration(r.grace), duration(r.window)
	// A CHECK keeps digests at their length; NULL leaves the zero one.
	copy(c.RegistrationDigest[:], r.registration)
	copy(c.LogoDigest[:], r.logo)
	if r.lastUse != nil {
		c.LastUseTime = r.lastUse.UTC()
	}
	c.CreateTime = c.CreateTime.UTC()
	return c
}

func scan(from pgx.Row) (client.Client, error) {
	var r row
	if err := from.Scan(r.fields()...); err != nil {
		return client.Client{}, err
	}
	return r.client(), nil
}

// list keeps an empty list from being NULL.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// digest is NULL for the zero digest.
func digest(d secret.Digest) []byte {
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
