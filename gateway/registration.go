package gateway

import (
	"io"
	"net/http"

	"golang.org/x/time/rate"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/internal/registration"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

const jsonType = "application/json"

// clientIDSegment is the path of a client below the registration endpoint.
const clientIDSegment = "/{client_id}"

// registrationRoutes are where clients register (RFC 7591 §3) and manage
// themselves (RFC 7592 §2); none where they may not. Web pages of other origins
// cannot call them: an origin is known once a client has registered.
func (g *gateway) registrationRoutes() []edge.Route {
	path := g.registrationPath()
	if path == "" {
		return nil
	}
	n := g.Preset.Registration.PerHour
	register := hourly(g.clients(path, false, http.HandlerFunc(g.register)), ratelimit.Register, n)
	manage := hourly(g.clients(path+clientIDSegment, false, http.HandlerFunc(g.manageRegistration)), ratelimit.Registration, managementsPerRegistration*n)
	manage.Methods = []string{http.MethodGet, http.MethodPut, http.MethodDelete}
	return []edge.Route{named("register", register), named("registration", manage)}
}

// managementsPerRegistration is how much oftener an address may manage clients
// than register one. Each update ends a secret, which every replica has to know for
// a while: nobody needs many.
const managementsPerRegistration = 6

// hourly allows so many requests an hour, where requests are limited at all.
func hourly(route edge.Route, class string, n int) edge.Route {
	if route.Class.Rate != rate.Inf {
		route.Class = ratelimit.Class{Name: class, Rate: rate.Limit(n) / 3600, Burst: n}
	}
	return route
}

// register is the client registration endpoint. The query has no meaning here, and
// nothing of it is read.
func (g *gateway) register(w http.ResponseWriter, r *http.Request) {
	token, err := registrationToken(r)
	if err != nil {
		g.writeError(w, r, err)
		return
	}
	req, err := registrationRequest(r)
	if err != nil {
		g.writeError(w, r, err)
		return
	}
	resp, err := g.Registration.RegisterClient(r.Context(), &registryv1.RegisterClientRequest{
		Metadata: req.Metadata, InitialAccessToken: token,
	})
	if err != nil {
		g.refuseRegistration(w, r, err)
		return
	}
	g.writeRegistration(w, r, http.StatusCreated, registration.Response{
		Client: resp.GetClient(), ClientSecret: resp.GetClientSecret(), AccessToken: resp.GetRegistrationAccessToken(),
	})
}

// refuseRegistration writes why a client cannot register. Where as many have as
// may, a second changes nothing: it takes until some go.
func (g *gateway) refuseRegistration(w http.ResponseWriter, r *http.Request, err error) {
	refusal := refusalOf(err)
	full := refusal.Code == oauth.TemporarilyUnavailable && faultOf(err).Kind == 0
	if !full {
		g.writeError(w, r, err)
		return
	}
	g.logFailure(r, refusal.Code, err)
	w.Header().Set("Retry-After", "3600")
	writeJSON(w, http.StatusServiceUnavailable, map[string]string{
		"error": string(refusal.Code), "error_description": describe(refusal),
	})
}

// manageRegistration is the client configuration endpoint. A client that presents
// no token is refused as one with a wrong token is.
func (g *gateway) manageRegistration(w http.ResponseWriter, r *http.Request) {
	token, err := registrationToken(r)
	if err != nil {
		g.writeError(w, r, err)
		return
	}
	clientID := r.PathValue("client_id")
	switch r.Method {
	case http.MethodPut:
		g.updateRegistration(w, r, clientID, token)
	case http.MethodDelete:
		_, err := g.Registration.DeleteRegistration(r.Context(), &registryv1.DeleteRegistrationRequest{
			ClientId: clientID, RegistrationAccessToken: token,
		})
		if err != nil {
			g.writeError(w, r, err)
			return
		}
		w.WriteHeader(http.StatusNoContent) // RFC 7592 §2.3
	default:
		resp, err := g.Registration.GetRegistration(r.Context(), &registryv1.GetRegistrationRequest{
			ClientId: clientID, RegistrationAccessToken: token,
		})
		if err != nil {
			g.writeError(w, r, err)
			return
		}
		g.writeRegistration(w, r, http.StatusOK, registration.Response{Client: resp.GetClient(), AccessToken: token})
	}
}

func (g *gateway) updateRegistration(w http.ResponseWriter, r *http.Request, clientID, token string) {
	req, err := registrationRequest(r)
	if err != nil {
		g.writeError(w, r, err)
		return
	}
	resp, err := g.Registration.UpdateRegistration(r.Context(), &registryv1.UpdateRegistrationRequest{
		ClientId: clientID, RegistrationAccessToken: token,
		Metadata: req.Metadata, BodyClientId: req.ClientID, BodyClientSecret: req.ClientSecret,
	})
	if err != nil {
		g.writeError(w, r, err)
		return
	}
	g.writeRegistration(w, r, http.StatusOK, registration.Response{
		Client: resp.GetClient(), ClientSecret: resp.GetClientSecret(), AccessToken: token,
	})
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
	if !hasType(r, jsonType) {
		return registration.Request{}, oauth.Refuse(oauth.InvalidClientMetadata, "body must be "+jsonType)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return registration.Request{}, oauth.RefuseBecause(oauth.InvalidClientMetadata, "the body did not arrive", err)
	}
	return registration.Parse(body)
}

// writeRegistration writes the client information response. The registration
// access token of an answer to a client that has presented it is that very token:
// RFC 7592 §3 requires it, and nothing but its digest is kept.
func (g *gateway) writeRegistration(w http.ResponseWriter, r *http.Request, status int, resp registration.Response) {
	resp.URI = g.origin + pathOf(g.registrationPath()+clientIDSegment, resp.Client.GetClientId())
	body, err := registration.Print(resp)
	if err != nil {
		g.writeError(w, r, err)
		return
	}
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_, _ = w.Write(body) // A client that is gone needs no answer.
}
