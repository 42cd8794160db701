package authorize

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/secret"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/authorize/internal/authorization"
)

// peers speaks to the other services. It keeps nothing of what they say, and is safe
// for concurrent use.
type peers struct {
	preset preset.Preset

	registry  registryv1.RegistryServiceClient
	directory directoryv1.DirectoryServiceClient
	consent   consentv1.ConsentServiceClient
	token     tokenv1.TokenServiceClient
}

// Client implements authorization.Peers.
func (p peers) Client(ctx context.Context, clientID string) (client.Client, error) {
	resp, err := p.registry.GetClient(ctx, &registryv1.GetClientRequest{ClientId: clientID})
	if errors.Is(err, fault.NotFound) {
		return client.Client{}, fmt.Errorf("%w: %w", authorization.ErrUnknownClient, err)
	}
	if err != nil {
		return client.Client{}, err
	}
	return client.Of(resp.GetClient(), p.preset)
}

// Subject implements authorization.Directory.
func (p peers) Subject(ctx context.Context, sub, workspaceID string) (authorization.Subject, error) {
	req := &directoryv1.GetSubjectRequest{Sub: sub}
	if workspaceID != "" {
		req.WorkspaceIds = []string{workspaceID}
	}
	resp, err := p.directory.GetSubject(ctx, req)
	if errors.Is(err, fault.NotFound) {
		return authorization.Subject{}, fmt.Errorf("%w: %w", authorization.ErrUnknownSubject, err)
	}
	if err != nil {
		return authorization.Subject{}, err
	}
	subject := fromSubject(resp.GetSubject())
	subject.Member = slices.ContainsFunc(resp.GetMemberships(), func(m *directoryv1.Membership) bool {
		return workspaceID != "" && m.GetWorkspaceId() == workspaceID
	})
	return subject, nil
}

// Authenticate implements authorization.Directory.
func (p peers) Authenticate(ctx context.Context, c authorization.Credentials) (authorization.Attempt, error) {
	resp, err := p.directory.Authenticate(ctx, &directoryv1.AuthenticateRequest{
		Username: c.Username, Password: c.Password.Reveal(), AddressBlock: c.AddressBlock, Devices: c.Devices,
	})
	if err != nil {
		return authorization.Attempt{}, err
	}
	return fromAttempt(resp)
}

// ChangePassword implements authorization.Directory.
func (p peers) ChangePassword(ctx context.Context, sub string, c authorization.Credentials, next secret.Secret) (authorization.Attempt, error) {
	resp, err := p.directory.ChangePassword(ctx, &directoryv1.ChangePasswordRequest{
		Sub: sub, Password: c.Password.Reveal(), NewPassword: next.Reveal(), AddressBlock: c.AddressBlock, Devices: c.Devices,
	})
	if err != nil {
		return authorization.Attempt{}, err
	}
	return fromAttempt(resp)
}

// fromAttempt reads what the directory says of a password.
func fromAttempt(m interface {
	GetOutcome() directoryv1.AuthenticateResponse_Outcome
	GetSubject() *directoryv1.Subject
	GetRetryAfter() *durationpb.Duration
	GetDevice() string
},
) (authorization.Attempt, error) {
	switch m.GetOutcome() {
	case directoryv1.AuthenticateResponse_OUTCOME_AUTHENTICATED:
		subject := fromSubject(m.GetSubject())
		return authorization.Attempt{Subject: &subject, Device: secret.Wrap(m.GetDevice())}, nil
	case directoryv1.AuthenticateResponse_OUTCOME_TOO_MANY_ATTEMPTS:
		return authorization.Attempt{Throttled: true, RetryAfter: m.GetRetryAfter().AsDuration()}, nil
	case directoryv1.AuthenticateResponse_OUTCOME_REFUSED:
		return authorization.Attempt{}, nil
	default:
		return authorization.Attempt{}, errors.New("directory answered with an unknown outcome")
	}
}

// Evaluate implements authorization.Consent.
func (p peers) Evaluate(ctx context.Context, q authorization.Question) (authorization.Answer, error) {
	resp, err := p.consent.Evaluate(ctx, &consentv1.EvaluateRequest{
		Sub: q.Sub, Client: q.Client.Said, Scope: q.Scope.String(), PromptConsent: q.Always, RedirectUri: q.RedirectURI,
		Resource: q.Resources,
	})
	if err != nil {
		return authorization.Answer{}, err
	}
	answer := authorization.Answer{Required: resp.GetConsentRequired(), Said: resp}
	if resp.GetGrant() != nil && !resp.GetUnrecorded() {
		answer.Grant = fromGrant(resp)
	}
	return answer, nil
}

// RecordGrant implements authorization.Consent.
func (p peers) RecordGrant(ctx context.Context, s authorization.Selection) (authorization.Grant, error) {
	resp, err := p.consent.RecordGrant(ctx, &consentv1.RecordGrantRequest{
		Sub: s.Sub, ClientId: s.Client.ID, Scope: s.Scope.String(), WorkspaceIds: s.WorkspaceIDs, ProjectIds: s.ProjectIDs,
		RedirectUri: s.RedirectURI, ClientName: s.Client.Name, WorkspaceId: s.Client.WorkspaceID,
		Resource: s.Resources, ByPolicy: s.ByPolicy,
	})
	if err != nil {
		return authorization.Grant{}, err
	}
	return *fromGrant(resp), nil
}

// IssueCode implements authorization.Peers.
func (p peers) IssueCode(ctx context.Context, c authorization.Code) (secret.Secret, error) {
	resp, err := p.token.IssueCode(ctx, &tokenv1.IssueCodeRequest{
		ClientId:       c.Client.ID,
		Sub:            c.Subject.Sub,
		GrantId:        c.Grant.ID,
		GrantVersion:   c.Grant.Version,
		SubjectVersion: c.Subject.Version,
		SessionId:      c.Session.ID.String(),
		RedirectUri:    c.RedirectURI,
		CodeChallenge:  c.CodeChallenge,
		Nonce:          c.Nonce,
		Scope:          c.Asked.String(),
		Resource:       c.Resources,
		AuthTime:       c.Session.AuthTime.Unix(),
		IssueTime:      c.Session.ReadTime().Unix(),
		ClientIdentity: c.Grant.ClientIdentity,
		WorkspaceId:    c.Grant.WorkspaceID,
	})
	if err != nil {
		return secret.Secret{}, err
	}
	return secret.Wrap(resp.GetCode()), nil
}

// IDTokenKeys implements authreq.Keys.
func (p peers) IDTokenKeys(ctx context.Context) (jwks.PublicSet, error) {
	resp, err := p.token.GetJwks(ctx, &tokenv1.GetJwksRequest{})
	if err != nil {
		return jwks.PublicSet{}, err
	}
	return jwks.ParseOwnSet(resp.GetData())
}

func fromSubject(m *directoryv1.Subject) authorization.Subject {
	return authorization.Subject{Sub: m.GetSub(), Disabled: m.GetDisabled(), Version: m.GetVersion(), Said: m}
}

// fromGrant reads what the consent service says of a grant that there is.
func fromGrant(m interface {
	GetGrant() *consentv1.Grant
	GetClientIdentity() []byte
	GetWorkspaceId() string
},
) *authorization.Grant {
	return &authorization.Grant{
		ID: m.GetGrant().GetGrantId(), Version: m.GetGrant().GetVersion(),
		ClientIdentity: m.GetClientIdentity(), WorkspaceID: m.GetWorkspaceId(),
	}
}
