// Package resourceserver protects an API of the platform with the access tokens
// of Chancery: as middleware of net/http, and as interceptors of gRPC.
//
//	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(…))
//	checker := resourceserver.NewIntrospector(conn, resourceserver.Credentials{ClientID: id, ClientSecret: secret})
//	guard := resourceserver.New(checker, resourceserver.Config{Realm: "https://api.example.com", Now: time.Now})
//	mux.Handle("GET /v1/images", guard.Require("image:read")(images))
//
// A [Guard] takes the token out of the request and refuses as RFC 6750 §3 says; a
// [Checker] finds out what the token is good for at this moment. The two know each
// other by that one method, so that a checker may ask about each token, as
// [Introspector] does, or keep what it needs in its own memory.
//
// The one thing to get right: what cannot be told is refused, with 503 or
// UNAVAILABLE. No answer is never taken for a good one, and no answer is kept for
// the next request. Everything here is safe for concurrent use, and nothing runs
// but on behalf of a call.
//
// The guard proves that the token has a scope, and not where. What a client may do in
// a workspace or project, [Access.WorkspaceAllows] and [Access.ProjectAllows] decide,
// by the entry of that one: the user may have allowed more in another. A handler
// decides by them alone. What is not shared has [role.None], and an empty list never
// means all.
package resourceserver
