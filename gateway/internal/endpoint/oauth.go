// Package endpoint has the endpoints that programs call: those of the OAuth contracts,
// those for holders of tokens, and registration.
//
// They take HTTP apart, call a service, and put its answer together; they decide
// nothing about clients or tokens. The one thing to get right is that a service sees
// nothing of a request but what its contract has.
package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
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
	Token      = "/oauth/token" //nolint:gosec // a path, not a credential
	Revoke     = "/oauth/revoke"
	Push       = "/oauth/par"
	Introspect = "/oauth/introspect"
)

// OAuth hands requests on to the generated handlers of the OAuth contracts.
type OAuth struct {
	*answer.Answers
	limiter *ratelimit.Limiter
	// wrong is how often a client may fail to authenticate itself from one address.
	// Then its requests from there are refused unread, and those from elsewhere are
	// not: a stranger with its name keeps no client from working (N111).
	wrong ratelimit.Class
	mux   *runtime.ServeMux
}

// NewOAuth returns endpoints over the authorize, token and introspection services.
// Wrong is how often a client may fail to authenticate itself.
func NewOAuth(a *answer.Answers, services grpc.ClientConnInterface, limiter *ratelimit.Limiter, wrong ratelimit.Class) (*OAuth, error) {
	o := &OAuth{Answers: a, limiter: limiter, wrong: wrong}
	nothing := func(string) (string, bool) { return "", false }
	// What the generated handlers would do by default is switched off here, or cannot
	// be reached: see [OAuth.Endpoint].
	o.mux = runtime.NewServeMux(
		runtime.WithMarshalerOption(form.Type, wire.FormCodec{Limits: form.OAuth()}),
		runtime.WithMarshalerOption(runtime.MIMEWildcard, wire.RejectCodec{}),
		runtime.WithIncomingHeaderMatcher(nothing),
		runtime.WithOutgoingHeaderMatcher(nothing),
		runtime.WithOutgoingTrailerMatcher(nothing),
		runtime.WithMetadata(clientCredentials),
		runtime.WithForwardResponseOption(responseStatus),
		runtime.WithErrorHandler(o.fail),
		runtime.WithRoutingErrorHandler(failRouting),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithDisableHTTPMethodOverride(),
		runtime.WithWriteContentLength(),
	)
	ctx := context.Background()
	err := errors.Join(
		tokenv1.RegisterTokenServiceHandlerClient(ctx, o.mux, tokenv1.NewTokenServiceClient(services)),
		authorizev1.RegisterAuthorizeServiceHandlerClient(ctx, o.mux, authorizev1.NewAuthorizeServiceClient(services)),
		introspectionv1.RegisterIntrospectionServiceHandlerClient(ctx, o.mux, introspectionv1.NewIntrospectionServiceClient(services)),
	)
	if err != nil {
		return nil, fmt.Errorf("register gateway handlers: %w", err)
	}
	return o, nil
}

// handedOn is what the generated handlers see of a request beside its form.
type handedOn struct {
	credentials string
	// source is where it comes from, and the client that it says it is of.
	source string
}

type handedOnKey struct{}

func handedOnOf(ctx context.Context) handedOn {
	on, _ := ctx.Value(handedOnKey{}).(handedOn)
	return on
}

// Endpoint hands a request on to the generated handler of method, as a new one that
// has nothing of the client's but the form. grpc-gateway has a use for every part of
// a request: it reads the query, reacts to Accept, TE and Grpc-Timeout, turns headers
// into metadata, and sends Host and peer address along.
func (o *OAuth) Endpoint(method string) http.Handler {
	return o.JSON(func(w http.ResponseWriter, r *http.Request) error {
		credentials, body, err := takeApart(r)
		if err != nil {
			return err
		}
		on := handedOn{credentials, sourceOf(r, credentials, body)}
		if err := o.limiter.Check(r.Context(), o.wrong, on.source); err != nil {
			return err
		}
		inner := &http.Request{
			Method: http.MethodPost, URL: &url.URL{Path: method},
			Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
			Header: http.Header{"Content-Type": {form.Type}},
			Body:   wire.NewBody(body), ContentLength: int64(len(body)),
		}
		o.mux.ServeHTTP(w, inner.WithContext(context.WithValue(r.Context(), handedOnKey{}, on)))
		return nil
	})
}

// takeApart reads a request to an OAuth endpoint. Fails with invalid_request.
func takeApart(r *http.Request) (credentials string, body []byte, err error) {
	// A secret, code or token in the query is in logs already (RFC 6749 §2.3.1).
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return "", nil, oauth.Refuse(oauth.InvalidRequest, "parameters must be in the body")
	}
	if body, err = form.Raw(r, form.Type, oauth.InvalidRequest); err != nil {
		return "", nil, err
	}
	credentials, err = authorizationHeader(r)
	return credentials, body, err
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

func sourceOf(r *http.Request, credentials string, body []byte) string {
	clientID, _, err := oauth.ParseBasic(credentials)
	if err != nil {
		values, _ := form.Parse(string(body), form.OAuth()) // what is no form is refused later
		clientID = values.Get("client_id")
	}
	return edge.InfoOf(r.Context()).AddressBlock + " " + clientID
}

// clientCredentials gives the service the client's Authorization header under a
// name of its own: "authorization" is about who calls a gRPC method.
func clientCredentials(ctx context.Context, _ *http.Request) metadata.MD {
	if credentials := handedOnOf(ctx).credentials; credentials != "" {
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

// fail is what a generated handler calls with a failure of the call, or of the codec.
func (o *OAuth) fail(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, err error) { //nolint:revive // argument-limit: the signature is grpc-gateway's
	if body, ok := r.Body.(*wire.Body); ok && body.Refusal != nil {
		err = body.Refusal
	}
	if errors.Is(err, oauth.InvalidClient) || errors.Is(rpcerr.FromStatus(err), oauth.InvalidClient) {
		_ = o.limiter.Take(r.Context(), o.wrong, handedOnOf(r.Context()).source) // what it refuses is the next request
	}
	o.FailJSON(w, r, err)
}

// failRouting cannot happen while the constants above are those of the annotations.
func failRouting(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, r *http.Request, _ int) { //nolint:revive // argument-limit: the signature is grpc-gateway's
	answer.RefuseJSON(w, r, edge.Refusal{Status: http.StatusInternalServerError})
}
