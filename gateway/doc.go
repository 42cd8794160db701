// Package gateway is the HTTP edge: the endpoints of OAuth and OpenID Connect, the
// browser's way through sign-in and consent, and the pages on which people manage
// what they have allowed and developers their apps.
//
// It turns HTTP into calls of the services and their answers into HTTP, and
// decides nothing about clients, users or tokens. It is the only package that
// knows cookies, redirects, status codes and metadata documents.
//
// Three kinds of endpoints meet here. Those of the OAuth contracts (token, pushed
// requests, introspection, revocation) are grpc-gateway handlers that see nothing
// of the request but a checked form and the client's credentials. Those whose form
// HTTP prescribes (userinfo, validate, keys, metadata) and those for browsers
// (authorize and the pages) are handlers of their own: a dialog belongs to a
// pending authorization, a desk to a session. The one thing to get right is that a
// browser is only ever sent to a redirect URI that the authorize service has
// proven, or to a constant path of this package.
package gateway
