package directory

import (
	"context"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chancery-auth/chancery/pkg/secret"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	"github.com/chancery-auth/chancery/services/directory/internal/credential"
	"github.com/chancery-auth/chancery/services/directory/internal/password"
)

// Authenticate implements DirectoryService.
func (s *Service) Authenticate(ctx context.Context, req *directoryv1.AuthenticateRequest) (*directoryv1.AuthenticateResponse, error) {
	in := fromBrowser(req)
	in.Username = req.GetUsername()
	result, err := s.authenticator.Authenticate(ctx, in)
	if err != nil {
		return nil, err
	}
	resp := &directoryv1.AuthenticateResponse{Device: result.Device.Reveal()}
	resp.Outcome, resp.RetryAfter = toOutcome(result)
	resp.Subject, err = signedIn(result)
	return resp, err
}

// GetPasswordRules implements DirectoryService.
func (*Service) GetPasswordRules(context.Context, *directoryv1.GetPasswordRulesRequest) (*directoryv1.GetPasswordRulesResponse, error) {
	return &directoryv1.GetPasswordRulesResponse{MinLength: password.MinLength, MaxLength: password.MaxLength}, nil
}

// ChangePassword implements DirectoryService.
func (s *Service) ChangePassword(ctx context.Context, req *directoryv1.ChangePasswordRequest) (*directoryv1.ChangePasswordResponse, error) {
	found, err := s.subjects.Find(ctx, req.GetSub(), "")
	if err != nil {
		return nil, err
	}
	in := fromBrowser(req)
	in.Username = found.Username
	result, err := s.authenticator.ChangePassword(ctx, in, secret.Wrap(req.GetNewPassword()))
	if err != nil {
		return nil, err
	}
	resp := &directoryv1.ChangePasswordResponse{Device: result.Device.Reveal()}
	resp.Outcome, resp.RetryAfter = toOutcome(result)
	resp.Subject, err = signedIn(result)
	return resp, err
}

// SetPassword implements DirectoryService.
func (s *Service) SetPassword(ctx context.Context, req *directoryv1.SetPasswordRequest) (*directoryv1.SetPasswordResponse, error) {
	changed, err := s.authenticator.SetPassword(ctx, req.GetSub(), secret.Wrap(req.GetPassword()))
	if err != nil {
		return nil, err
	}
	message, err := subjectMessage(changed)
	return &directoryv1.SetPasswordResponse{Subject: message}, err
}

// UnlockSubject implements DirectoryService.
func (s *Service) UnlockSubject(ctx context.Context, req *directoryv1.UnlockSubjectRequest) (*directoryv1.UnlockSubjectResponse, error) {
	found, err := s.subjects.Find(ctx, req.GetSub(), "")
	if err != nil {
		return nil, err
	}
	if err := s.authenticator.Attempts.Unlock(ctx, found.Username, found.Sub); err != nil {
		return nil, err
	}
	return &directoryv1.UnlockSubjectResponse{}, nil
}

// fromBrowser reads what the two requests with a user's password have in common.
func fromBrowser(m interface {
	GetPassword() string
	GetAddressBlock() string
	GetDevices() []string
},
) credential.SignIn {
	return credential.SignIn{Password: secret.Wrap(m.GetPassword()), AddressBlock: m.GetAddressBlock(), Devices: m.GetDevices()}
}

func toOutcome(r credential.Result) (directoryv1.AuthenticateResponse_Outcome, *durationpb.Duration) {
	switch r.Outcome {
	case credential.Authenticated:
		return directoryv1.AuthenticateResponse_OUTCOME_AUTHENTICATED, nil
	case credential.TooManyAttempts:
		return directoryv1.AuthenticateResponse_OUTCOME_TOO_MANY_ATTEMPTS, durationpb.New(r.RetryAfter)
	default:
		return directoryv1.AuthenticateResponse_OUTCOME_REFUSED, nil
	}
}

// signedIn is the subject of a result, nil for another outcome.
func signedIn(r credential.Result) (*directoryv1.Subject, error) {
	if r.Outcome != credential.Authenticated {
		return nil, nil
	}
	return subjectMessage(r.Subject)
}
