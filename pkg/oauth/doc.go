// Package oauth is the protocol vocabulary every other package speaks: the
// names, values and pure rules of OAuth 2.1 and OpenID Connect.
//
// It knows nothing of HTTP, gRPC or storage, and imports only the standard
// library. A rule lives here if it can be decided from its arguments alone;
// one that has to look something up belongs to the service that owns the data.
// Every function is safe for concurrent use: there is no state.
//
// Sections are cited as "RFC 7636 §4.6". OAuth 2.1 is still a draft; where only
// it has the rule, the citation is "OAuth 2.1 §2.3.1" and means the revision
// named by [OAuth21Draft].
//
// # Choices and divergences
//
// Refused, though some specification allows it:
//
//   - PKCE with the method plain, and a challenge without a method, which
//     means plain (RFC 7636 §4.3): whoever reads the authorization request
//     could redeem the code.
//   - Every response_type but code, and response_mode fragment: a token in a
//     URL leaks by history, referrer and log (RFC 9700 §2.1.2).
//   - Redirect URIs equal after normalisation only: two parsers seldom agree
//     on what is equal, so bytes are compared (RFC 9700 §4.1.3).
//   - In a redirect URI: userinfo, a wildcard, dot segments, an encoded dot,
//     slash, backslash or percent sign in the path, and a query of its own
//     that names a parameter of the authorization response. Each of them has
//     let one parser see another address, or another answer, than the next.
//   - Unpadded Base64 in Basic credentials, and characters outside VSCHAR in
//     client_id and client_secret (RFC 6749 Appendix A): one spelling for each.
//   - A scope parameter that is sent empty, has more than 200 tokens or more
//     than 4096 bytes; a state or nonce over 2048 bytes: a limit that is
//     written down is better than one that is found.
//
// Allowed, though some specification discourages it:
//
//   - A private-use redirect scheme without a dot, when a host follows it
//     (scout://oauth/callback). RFC 8252 §7.1 asks for a reversed domain name;
//     deployed public clients do not all have one. Schemes that browsers and
//     operating systems act upon are refused, and PKCE keeps a code from an app
//     that claims the same scheme.
//   - localhost as a loopback redirect of a native client, with any port, if
//     localhost itself is registered. RFC 8252 §8.3 prefers the IP literals.
//   - http loopback redirects for web clients too, with the port as registered.
//     RFC 9700 §2.6 means them for native clients only; it is how a web client
//     is developed.
//   - response_mode form_post, which OAuth 2.1 does not know: it keeps the code
//     out of URLs.
//   - Client secrets in the request body (RFC 6749 §2.3.1), because deployed
//     libraries send them there.
package oauth

// OAuth21Draft is the revision that "OAuth 2.1 §…" refers to in comments.
const OAuth21Draft = "draft-ietf-oauth-v2-1-15"
