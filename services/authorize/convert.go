package authorize

import (
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/pkg/secret"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	"github.com/chancery-auth/chancery/services/authorize/internal/authorization"
	"github.com/chancery-auth/chancery/services/authorize/internal/authreq"
	"github.com/chancery-auth/chancery/services/authorize/internal/session"
)

// parameters is what the two requests that carry them have in common.
type parameters interface {
	GetResponseType() string
	GetClientId() string
	GetRedirectUri() string
	GetScope() string
	GetState() string
	GetNonce() string
	GetCodeChallenge() string
	GetCodeChallengeMethod() string
	GetPrompt() string
	GetMaxAge() string
	GetLoginHint() string
	GetIdTokenHint() string
	GetResponseMode() string
	GetResource() []string
	GetRequest() string
	GetRequestUri() string
}

func fromParameters(m parameters) authreq.Request {
	return authreq.Request{
		ResponseType:        m.GetResponseType(),
		ClientID:            m.GetClientId(),
		RedirectURI:         m.GetRedirectUri(),
		Scope:               m.GetScope(),
		State:               m.GetState(),
		Nonce:               m.GetNonce(),
		CodeChallenge:       m.GetCodeChallenge(),
		CodeChallengeMethod: m.GetCodeChallengeMethod(),
		Prompt:              m.GetPrompt(),
		MaxAge:              m.GetMaxAge(),
		LoginHint:           m.GetLoginHint(),
		IDTokenHint:         m.GetIdTokenHint(),
		ResponseMode:        m.GetResponseMode(),
		Resource:            m.GetResource(),
		RequestObject:       m.GetRequest(),
		RequestURI:          m.GetRequestUri(),
	}
}

func fromBrowser(m *authorizev1.Browser) authorization.Browser {
	return authorization.Browser{
		Session:      m.GetSession(),
		Bindings:     m.GetBindings(),
		AddressBlock: m.GetAddressBlock(),
		UserAgent:    m.GetUserAgent(),
		FetchDest:    m.GetFetchDest(),
		Devices:      m.GetDevices(),
	}
}

// inBrowser is what every request about a pending authorization carries.
type inBrowser interface {
	GetTransaction() string
	GetBrowser() *authorizev1.Browser
}

func fromPlace(m inBrowser) authorization.Place {
	return authorization.Place{Transaction: m.GetTransaction(), Browser: fromBrowser(m.GetBrowser())}
}

// withPassword is what the two requests that sign a user in have in common.
type withPassword interface {
	GetUsername() string
	GetPassword() string
}

func fromCredentials(m withPassword) authorization.Credentials {
	return authorization.Credentials{Username: m.GetUsername(), Password: secret.Wrap(m.GetPassword())}
}

func toOutcome(a authorization.Attempt) (authorizev1.SignInResponse_Outcome, *durationpb.Duration) {
	switch {
	case a.Throttled:
		return authorizev1.SignInResponse_OUTCOME_TOO_MANY_ATTEMPTS, durationpb.New(a.RetryAfter)
	case a.Subject == nil:
		return authorizev1.SignInResponse_OUTCOME_REFUSED, nil
	default:
		return authorizev1.SignInResponse_OUTCOME_SIGNED_IN, nil
	}
}

func toAccount(s authorization.Subject) *authorizev1.Account {
	m, _ := s.Said.(*directoryv1.Subject)
	return &authorizev1.Account{Sub: m.GetSub(), Username: m.GetUsername(), Claims: m.GetClaims()}
}

func toStep(s authorization.Step) *authorizev1.Step {
	switch {
	case s.Interaction != nil:
		return &authorizev1.Step{Kind: &authorizev1.Step_Interaction{Interaction: &authorizev1.Interaction{
			Transaction: s.Interaction.Transaction,
			Binding:     s.Interaction.Binding.Reveal(),
			Page:        toPage(s.Interaction.Page),
		}}}
	case s.Redirect != nil:
		return &authorizev1.Step{Kind: &authorizev1.Step_Redirect{Redirect: toRedirect(s.Redirect)}}
	default:
		return &authorizev1.Step{Kind: &authorizev1.Step_ErrorPage{ErrorPage: &authorizev1.ErrorPage{
			Error:              string(s.ErrorPage.Code),
			ErrorDescription:   s.ErrorPage.Description,
			RedirectUriRefused: s.RedirectURIRefused,
			Forbidden:          s.Forbidden,
		}}}
	}
}

func toRedirect(r *authorization.Redirect) *authorizev1.ClientRedirect {
	m := &authorizev1.ClientRedirect{RedirectUri: r.RedirectURI, ResponseMode: string(r.Mode)}
	for _, p := range r.Parameters {
		m.Parameters = append(m.Parameters, &authorizev1.ClientRedirect_Parameter{Name: p[0], Value: p[1]})
	}
	return m
}

func toPage(p authorization.Page) authorizev1.Interaction_Page {
	switch p {
	case authorization.PageSignIn:
		return authorizev1.Interaction_PAGE_SIGN_IN
	case authorization.PageAccount:
		return authorizev1.Interaction_PAGE_ACCOUNT
	case authorization.PageConsent:
		return authorizev1.Interaction_PAGE_CONSENT
	default:
		return authorizev1.Interaction_PAGE_UNSPECIFIED
	}
}

func toSession(s session.Session) *authorizev1.Session {
	return &authorizev1.Session{
		SessionId:  s.ID.String(),
		Sub:        s.Sub,
		AuthTime:   timestamppb.New(s.AuthTime),
		ExpireTime: timestamppb.New(s.ExpireTime),
		UserAgent:  s.UserAgent,
		Age:        durationpb.New(s.Age),
	}
}
