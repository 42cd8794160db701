package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"golang.org/x/time/rate"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/internal/wire"
	"github.com/chancery-auth/chancery/pkg/clientauth"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/ratelimit"
	"github.com/chancery-auth/chancery/pkg/rpcerr"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// Paths in the annotations of the contracts. The preset says where the world
// finds them.
const (
	tokenMethod      = "/oauth/token" //nolint:gosec // a path, not a credential
	revokeMethod     = "/oauth/revoke"
	pushMethod       = "/oauth/par"
	introspectMethod = "/oauth/introspect"
)

const formType = "application/x-www-form-urlencoded"

// oauthMux holds the generated handlers. What they would do by default is
// switched off here, or cannot be reached: see [oauthEndpoint].
func (g *gateway) oauthMux() (*runtime.ServeMux, error) {
	nothing := func(string) (string, bool) { return "", false }
	mux := runtime.NewServeMux(
		runtime.WithMarshalerOption(formType, wire.FormCodec{Limits: oauthForm()}),
		runtime.WithMarshalerOption(runtime.MIMEWildcard, wire.RejectCodec{}),
		runtime.WithIncomingHeaderMatcher(nothing),
		runtime.WithOutgoingHeaderMatcher(nothing),
		runtime.WithOutgoingTrailerMatcher(nothing),
		runtime.WithMetadata(clientCredentials),
		runtime.WithForwardResponseOption(responseStatus),
		runtime.WithErrorHandler(g.muxError),
		runtime.WithRoutingErrorHandler(muxRoutingError),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
		runtime.WithWriteContentLength(),
	)
	ctx := context.Background()
	for _, register := range []func() error{
		func() error {
			return tokenv1.RegisterTokenServiceHandlerClient(ctx, mux, tokenv1.NewTokenServiceClient(g.OAuth))
		},
		func() error {
			return authorizev1.RegisterAuthorizeServiceHandlerClient(ctx, mux, authorizev1.NewAuthorizeServiceClient(g.OAuth))
		},
		func() error {
			return introspectionv1.RegisterIntrospectionServiceHandlerClient(ctx, mux, introspectionv1.NewIntrospectionServiceClient(g.OAuth))
		},
	} {
		if err := register(); err != nil {
			return nil, fmt.Errorf("register gateway handlers: %w", err)
		}
	}
	return mux, nil
}

// oauthEndpoint hands a request on to the generated handler of method, as a new
// one that has nothing of the client's but the form. grpc-gateway has a use for
// every part of a request: it reads the query, reacts to Accept, TE and
// Grpc-Timeout, turns headers into metadata, and sends Host and peer address
// along.
func (g *gateway) oauthEndpoint(mux *runtime.ServeMux, method string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		credentials, body, err := oauthRequest(r)
		if err != nil {
			writeErrorBody(w, http.StatusBadRequest, refusalOf(err))
			return
		}
		from := sourceOf(r, credentials, body)
		if err := g.Limiter.Check(r.Context(), g.wrongClients(), from); err != nil {
			g.writeError(w, r, err)
			return
		}
		ctx := context.WithValue(r.Context(), credentialsKey{}, credentials)
		ctx = context.WithValue(ctx, sourceKey{}, from)
		inner := &http.Request{
			Method: http.MethodPost, URL: &url.URL{Path: method},
			Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
			Header: http.Header{"Content-Type": {formType}},
			Body:   wire.NewBody(body), ContentLength: int64(len(body)),
		}
		mux.ServeHTTP(w, inner.WithContext(ctx))
	})
}

// oauthRequest takes a request to an OAuth endpoint apart. Fails with
// invalid_request.
func oauthRequest(r *http.Request) (credentials string, body []byte, err error) {
	// A secret, code or token in the query is in logs already (RFC 6749 §2.3.1).
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return "", nil, oauth.Refuse(oauth.InvalidRequest, "parameters must be in the body")
	}
	if !isForm(r) {
		return "", nil, oauth.Refuse(oauth.InvalidRequest, "body must be "+formType)
	}
	credentials, err = authorizationHeader(r)
	if err != nil {
		return "", nil, err
	}
	body, err = io.ReadAll(r.Body)
	if err != nil {
		return "", nil, oauth.RefuseBecause(oauth.InvalidRequest, "the body did not arrive", err)
	}
	return credentials, body, nil
}

// isForm reports whether the body is said to be a form, in UTF-8.
func isForm(r *http.Request) bool { return hasType(r, formType) }

// hasType reports whether the body is said to be of the media type, in UTF-8.
func hasType(r *http.Request, want string) bool {
	types := r.Header.Values("Content-Type")
	if len(types) != 1 {
		return false
	}
	mediaType, params, err := mime.ParseMediaType(types[0])
	if err != nil || mediaType != want {
		return false
	}
	charset, named := params["charset"]
	return len(params) == 0 || len(params) == 1 && named && strings.EqualFold(charset, "utf-8")
}

// authorizationHeader returns the one Authorization header, empty if there is
// none. Fails with invalid_request.
func authorizationHeader(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", oauth.Refuse(oauth.InvalidRequest, "Authorization header comes more than once")
	case values[0] == "" || strings.ContainsFunc(values[0], func(c rune) bool { return c < ' ' || c > '~' }):
		return "", oauth.Refuse(oauth.InvalidRequest, "Authorization header must be printable ASCII")
	}
	return values[0], nil
}

// wrongClients is how often a client may fail to authenticate itself from one
// address. Then its requests from there are refused unread, and those from elsewhere
// are not: a stranger with its name keeps no client from working (N111).
func (g *gateway) wrongClients() ratelimit.Class {
	if g.Limits.Clients == rate.Inf {
		return ratelimit.Class{}
	}
	return ratelimit.WrongClientsClass()
}

// sourceOf is where a request comes from, and the client that it says it is of.
func sourceOf(r *http.Request, credentials string, body []byte) string {
	clientID, _, err := oauth.ParseBasic(credentials)
	if err != nil {
		values, _ := form.Parse(string(body), oauthForm()) // what is no form is refused later
		clientID = values.Get("client_id")
	}
	return edge.InfoOf(r.Context()).AddressBlock + " " + clientID
}

type sourceKey struct{}

type credentialsKey struct{}

// clientCredentials gives the service the client's Authorization header under a
// name of its own: "authorization" is about who calls a gRPC method.
func clientCredentials(ctx context.Context, _ *http.Request) metadata.MD {
	if credentials, _ := ctx.Value(credentialsKey{}).(string); credentials != "" {
		return metadata.Pairs(clientauth.MetadataKey, credentials)
	}
	return nil
}

// responseStatus is for the answers that are not a plain 200 with a body.
func responseStatus(_ context.Context, w http.ResponseWriter, m proto.Message) error {
	switch m.(type) {
	case *authorizev1.PushAuthorizationRequestResponse:
		w.WriteHeader(http.StatusCreated) // RFC 9126 §2.2
	case *tokenv1.RevokeResponse:
		w.Header().Del("Content-Type") // RFC 7009 §2.2: the status says it all.
	}
	return nil
}

// muxError is what a generated handler calls with a failure of the call, or of
// the codec.
func (g *gateway) muxError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) { //nolint:revive // argument-limit: the signature is grpc-gateway's
	if body, ok := r.Body.(*wire.Body); ok && body.Refusal != nil {
		err = body.Refusal
	}
	if errors.Is(err, oauth.InvalidClient) || errors.Is(rpcerr.FromStatus(err), oauth.InvalidClient) {
		from, _ := r.Context().Value(sourceKey{}).(string)
		_ = g.Limiter.Take(r.Context(), g.wrongClients(), from) // what it refuses is the next request
	}
	g.writeError(w, r, err)
}

// muxRoutingError cannot happen while the constants above are those of the
// annotations.
func muxRoutingError(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, status int) { //nolint:revive // argument-limit: the signature is grpc-gateway's
	writeErrorBody(w, status, &oauth.Error{Code: oauth.ServerError})
}
