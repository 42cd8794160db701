package introspection

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/grpcserve"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/introspection/internal/caller"
	"github.com/chancery-auth/chancery/services/introspection/internal/verdict"
)

// authorizationKey carries an access token of whoever calls a gRPC method.
const authorizationKey = "authorization"

// PlatformCaller is an API of the platform that introspects by its certificate,
// without being a client.
type PlatformCaller struct {
	// Name is that of the certificate, as [Deps.PeerNames] returns it.
	Name string
	// Audience is what the API may ask about. Empty stands for the issuer.
	Audience []string
}

// platformsOf returns the callers by name.
func platformsOf(cfg Config) map[string]*caller.Caller {
	audiences := map[string][]string{}
	for _, c := range cfg.Callers {
		audience := c.Audience
		if len(audience) == 0 {
			audience = []string{cfg.Issuer}
		}
		audiences[c.Name] = append(audiences[c.Name], audience...)
	}
	platforms := map[string]*caller.Caller{}
	for name, audience := range audiences {
		platforms[name] = caller.Platform(audience)
	}
	return platforms
}

// ask answers whoever asks: the client that req authenticates, the holder of an
// access token that may (RFC 7662 §2.1), or an API of the platform. Only a
// caller who shows nothing else is known by its certificate.
func (s *Service) ask(ctx context.Context, req clientauth.Request, texts ...string) ([]verdict.Verdict, error) {
	token, err := bearerOf(ctx, req)
	if err != nil {
		return nil, err
	}
	if token != "" {
		return s.desk.AskAsHolder(ctx, token, texts...)
	}
	if req.GetClientId() == "" && !clientauth.Presented(ctx, req) {
		if platform := s.platform(ctx); platform != nil {
			return s.desk.AskAs(ctx, platform, texts...)
		}
	}
	presented, err := clientauth.Sort(ctx, req)
	if err != nil {
		return nil, err
	}
	verdicts, err := s.desk.Ask(ctx, fromPresented(presented), texts...)
	if err != nil {
		return nil, err
	}
	// Only now it is known that it is the client who asks.
	if err := s.gate.Take(ctx, presented.GetClientId(), len(texts)); err != nil {
		return nil, err
	}
	return verdicts, nil
}

// platform returns the listed caller whose certificate the peer has shown, nil
// for anybody else. The gateway is none, whatever is listed: it speaks for
// everybody.
func (s *Service) platform(ctx context.Context) *caller.Caller {
	if s.peerNames == nil {
		return nil
	}
	var found []*caller.Caller
	for _, name := range s.peerNames(ctx) {
		if name == string(grpcserve.Gateway) {
			return nil
		}
		if c, ok := s.platforms[name]; ok {
			found = append(found, c)
		}
	}
	switch len(found) {
	case 0:
		return nil
	case 1:
		return found[0]
	default: // a certificate of several APIs, which may what each of them may
		var audience []string
		for _, c := range found {
			audience = append(audience, c.Audience...)
		}
		return caller.Platform(audience)
	}
}

// bearerOf returns the access token by which the caller asks, empty if there is
// none: that of the Authorization header of an HTTP request, or that of the
// gRPC call itself. Fails with invalid_request for more than one, and for one
// beside another credential (RFC 6749 §2.3).
func bearerOf(ctx context.Context, req clientauth.Request) (string, error) {
	headers := metadata.ValueFromIncomingContext(ctx, clientauth.MetadataKey)
	// The bearer token of an operator is the admin credential.
	if c, _ := grpcserve.CallerOf(ctx); c != grpcserve.Admin {
		headers = slices.Concat(headers, metadata.ValueFromIncomingContext(ctx, authorizationKey))
	}
	i := slices.IndexFunc(headers, isBearer)
	if i < 0 {
		return "", nil
	}
	if len(headers) > 1 || req.GetClientId() != "" || req.GetClientSecret() != "" ||
		req.GetClientAssertion() != "" || req.GetClientAssertionType() != "" {
		return "", oauth.Refuse(oauth.InvalidRequest, "an access token must be the only credential of the request")
	}
	_, token, _ := strings.Cut(headers[i], " ")
	if token = strings.TrimLeft(token, " "); token == "" {
		return "", oauth.Refuse(oauth.InvalidRequest, "authorization has no access token")
	}
	return token, nil
}

// isBearer says whether the credentials are a bearer token (RFC 6750 §2.1); the
// name of a scheme has no case (RFC 9110 §11.1).
func isBearer(credentials string) bool {
	scheme, _, _ := strings.Cut(credentials, " ")
	return strings.EqualFold(scheme, bearer)
}
