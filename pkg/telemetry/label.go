package telemetry

import (
	"slices"

	"google.golang.org/grpc/codes"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

// grantTypes are the values of the label grant_type.
func grantTypes() []string {
	return []string{oauth.GrantAuthorizationCode, oauth.GrantRefreshToken, oauth.GrantClientCredentials, oauth.GrantDeviceCode}
}

// callCodes are the values of the label code: those of gRPC, and those that
// clients read.
func callCodes() []string {
	return slices.Concat(grpcCodes(), oauthCodes())
}

func grpcCodes() []string {
	var names []string
	for c := codes.OK; c <= codes.Unauthenticated; c++ {
		names = append(names, c.String())
	}
	return names
}

func oauthCodes() []string {
	all := []oauth.ErrorCode{
		oauth.InvalidRequest, oauth.InvalidClient, oauth.InvalidGrant, oauth.UnauthorizedClient,
		oauth.UnsupportedGrantType, oauth.InvalidScope, oauth.AccessDenied, oauth.UnsupportedResponseType,
		oauth.ServerError, oauth.TemporarilyUnavailable, oauth.LoginRequired, oauth.ConsentRequired,
		oauth.InteractionRequired, oauth.AccountSelectionRequired, oauth.InvalidRequestURI,
		oauth.RequestNotSupported, oauth.RequestURINotSupported, oauth.RegistrationNotSupported,
		oauth.InvalidTarget, oauth.InvalidToken, oauth.InsufficientScope, oauth.InvalidRedirectURI,
		oauth.InvalidClientMetadata, oauth.InvalidSoftwareStatement, oauth.AuthorizationPending, oauth.SlowDown,
		oauth.ExpiredToken,
	}
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = string(c)
	}
	return names
}
