package endpoint

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/internal/registration"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// Registration is where clients register (RFC 7591 §3) and manage themselves
// (RFC 7592 §2).
type Registration struct {
	*answer.Answers
	Clients registryv1.RegistrationServiceClient
	// URI is the address of the registration endpoint; that of a client is below it.
	URI string
}

// Register is the client registration endpoint. The query has no meaning here, and
// nothing of it is read.
func (g *Registration) Register(w http.ResponseWriter, r *http.Request) error {
	token, err := registrationToken(r)
	if err != nil {
		return err
	}
	req, err := registrationRequest(r)
	if err != nil {
		return err
	}
	resp, err := g.Clients.RegisterClient(r.Context(), &registryv1.RegisterClientRequest{
		Metadata: req.Metadata, InitialAccessToken: token,
	})
	if err != nil {
		// Where as many clients have registered as may, a second changes nothing: it
		// takes until some go.
		if answer.RefusalOf(err).Code == oauth.TemporarilyUnavailable && answer.FaultOf(err).Kind == 0 {
			w.Header().Set("Retry-After", "3600")
		}
		return err
	}
	return g.write(w, http.StatusCreated, registration.Response{
		Client: resp.GetClient(), ClientSecret: resp.GetClientSecret(), AccessToken: resp.GetRegistrationAccessToken(),
	})
}

// Manage is the client configuration endpoint. A client that presents no token is
// refused as one with a wrong token is. The token of the answer is the one that the
// client has presented: RFC 7592 §3 requires it, and nothing but its digest is kept.
func (g *Registration) Manage(w http.ResponseWriter, r *http.Request) error {
	token, err := registrationToken(r)
	if err != nil {
		return err
	}
	id := r.PathValue("client_id")
	switch r.Method {
	case http.MethodPut:
		return g.update(w, r, id, token)
	case http.MethodDelete:
		_, err := g.Clients.DeleteRegistration(r.Context(), &registryv1.DeleteRegistrationRequest{ClientId: id, RegistrationAccessToken: token})
		if err == nil {
			w.WriteHeader(http.StatusNoContent) // RFC 7592 §2.3
		}
		return err
	default:
		resp, err := g.Clients.GetRegistration(r.Context(), &registryv1.GetRegistrationRequest{ClientId: id, RegistrationAccessToken: token})
		if err != nil {
			return err
		}
		return g.write(w, http.StatusOK, registration.Response{Client: resp.GetClient(), AccessToken: token})
	}
}

func (g *Registration) update(w http.ResponseWriter, r *http.Request, id, token string) error {
	req, err := registrationRequest(r)
	if err != nil {
		return err
	}
	resp, err := g.Clients.UpdateRegistration(r.Context(), &registryv1.UpdateRegistrationRequest{
		ClientId: id, RegistrationAccessToken: token,
		Metadata: req.Metadata, BodyClientId: req.ClientID, BodyClientSecret: req.ClientSecret,
	})
	if err != nil {
		return err
	}
	return g.write(w, http.StatusOK, registration.Response{Client: resp.GetClient(), ClientSecret: resp.GetClientSecret(), AccessToken: token})
}

// registrationToken returns the token of the Authorization header, empty without
// a header. Fails with invalid_request, and with invalid_token for credentials of
// another kind: what is sent must be right.
func registrationToken(r *http.Request) (string, error) {
	token, err := bearer(r)
	if err == nil && token == "" && r.Header.Get("Authorization") != "" {
		return "", oauth.Refuse(oauth.InvalidToken, "Authorization header must be of the scheme Bearer")
	}
	return token, err
}

// registrationRequest fails with invalid_client_metadata.
func registrationRequest(r *http.Request) (registration.Request, error) {
	body, err := form.Raw(r, "application/json", oauth.InvalidClientMetadata)
	if err != nil {
		return registration.Request{}, err
	}
	return registration.Parse(body)
}

// write writes the client information response.
func (g *Registration) write(w http.ResponseWriter, status int, resp registration.Response) error {
	resp.URI = g.URI + "/" + url.PathEscape(resp.Client.GetClientId())
	body, err := registration.Print(resp)
	if err != nil {
		return err
	}
	return answer.WriteJSON(w, status, json.RawMessage(body))
}
