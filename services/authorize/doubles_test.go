package authorize_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/oauth"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// registry answers with the clients that a test gave it.
type registry struct {
	registryv1.UnimplementedRegistryServiceServer

	clients map[string]*registryv1.Client
	err     error
}

func (r *registry) GetClient(_ context.Context, req *registryv1.GetClientRequest) (*registryv1.GetClientResponse, error) {
	c, ok := r.clients[req.GetClientId()]
	switch {
	case r.err != nil:
		return nil, r.err
	case !ok:
		return nil, fault.New(fault.NotFound, "no such client")
	}
	return &registryv1.GetClientResponse{Client: c}, nil
}

// AuthenticateClient takes "secret" for every client's secret.
func (r *registry) AuthenticateClient(_ context.Context, req *registryv1.AuthenticateClientRequest) (*registryv1.AuthenticateClientResponse, error) {
	c, ok := r.clients[req.GetClientId()]
	if !ok || req.GetMethod() != c.GetTokenEndpointAuthMethod() ||
		req.GetMethod() != oauth.AuthNone && req.GetClientSecret() != "secret" {
		return nil, oauth.Refuse(oauth.InvalidClient, "client authentication failed")
	}
	return &registryv1.AuthenticateClientResponse{Client: c}, nil
}

// directory has users whose name is their sub and whose password is "pw".
type directory struct {
	directoryv1.UnimplementedDirectoryServiceServer

	subjects  map[string]*directoryv1.Subject
	members   map[string][]string // workspaces by sub
	mu        sync.Mutex
	asked     []*directoryv1.GetSubjectRequest
	throttled bool
	// afterAuthentication is what happens once a user has signed in; nil: nothing.
	afterAuthentication func()

	attempts []*directoryv1.AuthenticateRequest
	changes  []*directoryv1.ChangePasswordRequest
}

func (d *directory) GetSubject(_ context.Context, req *directoryv1.GetSubjectRequest) (*directoryv1.GetSubjectResponse, error) {
	s, ok := d.subjects[req.GetSub()]
	if !ok {
		return nil, fault.New(fault.NotFound, "no such user")
	}
	resp := &directoryv1.GetSubjectResponse{Subject: s}
	for _, workspace := range d.members[req.GetSub()] {
		// More than was asked for: the directory may be the platform's own.
		resp.Memberships = append(resp.Memberships, &directoryv1.Membership{WorkspaceId: workspace, Sub: req.GetSub(), Role: "viewer"})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, req)
	return resp, nil
}

func (d *directory) Authenticate(_ context.Context, req *directoryv1.AuthenticateRequest) (*directoryv1.AuthenticateResponse, error) {
	d.attempts = append(d.attempts, req)
	s, ok := d.subjects[req.GetUsername()]
	switch {
	case d.throttled:
		return &directoryv1.AuthenticateResponse{
			Outcome:    directoryv1.AuthenticateResponse_OUTCOME_TOO_MANY_ATTEMPTS,
			RetryAfter: durationpb.New(time.Minute),
		}, nil
	case !ok || req.GetPassword() != "pw":
		return &directoryv1.AuthenticateResponse{Outcome: directoryv1.AuthenticateResponse_OUTCOME_REFUSED}, nil
	}
	if d.afterAuthentication != nil {
		defer d.afterAuthentication()
	}
	return &directoryv1.AuthenticateResponse{
		Subject: s, Outcome: directoryv1.AuthenticateResponse_OUTCOME_AUTHENTICATED, Device: "device of " + s.GetSub(),
	}, nil
}

// ChangePassword takes any new password but "short", and raises the version.
func (d *directory) ChangePassword(_ context.Context, req *directoryv1.ChangePasswordRequest) (*directoryv1.ChangePasswordResponse, error) {
	d.changes = append(d.changes, req)
	switch {
	case req.GetNewPassword() == "short":
		return nil, fault.New(fault.Invalid, "password is too short")
	case d.throttled:
		return &directoryv1.ChangePasswordResponse{
			Outcome: directoryv1.AuthenticateResponse_OUTCOME_TOO_MANY_ATTEMPTS, RetryAfter: durationpb.New(time.Minute),
		}, nil
	case req.GetPassword() != "pw":
		return &directoryv1.ChangePasswordResponse{Outcome: directoryv1.AuthenticateResponse_OUTCOME_REFUSED}, nil
	}
	s := proto.CloneOf(d.subjects[req.GetSub()])
	s.Version++
	d.subjects[req.GetSub()] = s
	return &directoryv1.ChangePasswordResponse{
		Subject: s, Outcome: directoryv1.AuthenticateResponse_OUTCOME_AUTHENTICATED, Device: "device of " + s.GetSub(),
	}, nil
}

// identity is as what every client comes.
var identity = bytes.Repeat([]byte{7}, 32)

// consent asks unless the grant has the scope, or the client skips consent. The
// workspace "forged" is nobody's to share.
type consent struct {
	consentv1.UnimplementedConsentServiceServer

	mu       sync.Mutex
	grants   map[string]*consentv1.Grant // by sub and client
	recorded []*consentv1.RecordGrantRequest
	asked    []*consentv1.EvaluateRequest
}

func (c *consent) Evaluate(_ context.Context, req *consentv1.EvaluateRequest) (*consentv1.EvaluateResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, proto.CloneOf(req))
	grant := c.grants[req.GetSub()+" "+req.GetClient().GetClientId()]
	requested, err := oauth.ParseScope(req.GetScope())
	if err != nil {
		return nil, err
	}
	required := req.GetPromptConsent() ||
		!req.GetClient().GetSkipConsent() && !requested.SubsetOf(scopeOf(grant))
	return &consentv1.EvaluateResponse{
		ConsentRequired: required, Grant: grant, Unrecorded: !required && !requested.SubsetOf(scopeOf(grant)), ClientIdentity: identity,
	}, nil
}

func (c *consent) RecordGrant(_ context.Context, req *consentv1.RecordGrantRequest) (*consentv1.RecordGrantResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(req.GetWorkspaceIds(), "forged") {
		return nil, oauth.Refuse(oauth.AccessDenied, "not yours to share")
	}
	requested, err := oauth.ParseScope(req.GetScope())
	if err != nil {
		return nil, err
	}
	key := req.GetSub() + " " + req.GetClientId()
	c.recorded = append(c.recorded, proto.CloneOf(req))
	c.grants[key] = &consentv1.Grant{
		GrantId: "grant of " + key, ClientId: req.GetClientId(), Sub: req.GetSub(), Version: 3,
		Scope: scopeOf(c.grants[key]).Union(requested).String(),
	}
	return &consentv1.RecordGrantResponse{Grant: c.grants[key], ClientIdentity: identity}, nil
}

func scopeOf(g *consentv1.Grant) oauth.Scope {
	scope, err := oauth.ParseScope(g.GetScope())
	if err != nil {
		return nil
	}
	return scope
}

// token numbers the codes that it issues.
type token struct {
	tokenv1.UnimplementedTokenServiceServer

	mu      sync.Mutex
	issued  []*tokenv1.IssueCodeRequest
	signing *jwks.Set
	err     error
	// cannotIssue is how IssueCode fails.
	cannotIssue error
}

func (k *token) IssueCode(_ context.Context, req *tokenv1.IssueCodeRequest) (*tokenv1.IssueCodeResponse, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.cannotIssue != nil {
		return nil, k.cannotIssue
	}
	k.issued = append(k.issued, proto.CloneOf(req))
	return &tokenv1.IssueCodeResponse{Code: fmt.Sprint("code-", len(k.issued))}, nil
}

func (k *token) GetJwks(context.Context, *tokenv1.GetJwksRequest) (*httpbody.HttpBody, error) {
	if k.err != nil {
		return nil, k.err
	}
	doc, err := k.signing.Public()
	return &httpbody.HttpBody{Data: doc}, err
}

// hint is an ID token of sub for the client.
func (k *token) hint(t *testing.T, sub, clientID string) string {
	t.Helper()
	signed, err := k.signing.Sign(jwks.ES256, jwks.IDToken, map[string]string{"iss": issuer, "aud": clientID, "sub": sub})
	if err != nil {
		t.Fatal(err)
	}
	return signed
}
