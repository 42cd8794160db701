// Package gateway is the HTTP edge: the endpoints of OAuth and OpenID Connect, the
// browser's way through sign-in and consent, and the pages on which people manage
// what they have allowed and developers their apps.
//
// It turns HTTP into calls of the services and their answers into HTTP, and
// decides nothing about clients, users or tokens. It is the only part of the tree that
// knows cookies, redirects, status codes and metadata documents.
//
// This package has the list of routes, and what every request passes. The endpoints
// are in the packages below internal: endpoint has those that programs call, document
// what anybody may read, interaction the browser's way through an authorization,
// account, developer and directory the provider's own pages. A dialog of interaction
// belongs to a pending authorization, a desk to a session. All of them write their
// answers with package answer, tie forms to a browser with package browser, and have
// the addresses of pages from package link.
package gateway
