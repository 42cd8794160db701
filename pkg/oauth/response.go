package oauth

import (
	"net/url"
	"strings"
)

// CheckResponseType checks the response_type of an authorization request. Only
// code exists here. Fails with invalid_request if it is absent and with
// unsupported_response_type if it is another (RFC 6749 §3.1.1).
func CheckResponseType(responseType string) error {
	switch responseType {
	case "code":
		return nil
	case "":
		return Refuse(InvalidRequest, "response_type is required")
	default:
		return Refuse(UnsupportedResponseType, "response_type must be code")
	}
}

// ResponseMode is how the authorization response reaches the client.
type ResponseMode string

const (
	// ModeQuery adds the response to the query of the redirect URI.
	ModeQuery ResponseMode = "query"
	// ModeFormPost has the browser post the response to the redirect URI.
	ModeFormPost ResponseMode = "form_post"
)

// ParseResponseMode reads a response_mode parameter. An empty one is absent and
// means [ModeQuery]. Fails with invalid_request.
func ParseResponseMode(s string) (ResponseMode, error) {
	switch mode := ResponseMode(s); mode {
	case "":
		return ModeQuery, nil
	case ModeQuery, ModeFormPost:
		return mode, nil
	default:
		return "", Refuse(InvalidRequest, "response_mode must be query or form_post")
	}
}

// AppendQuery adds parameters, as name and value, to the query of a registered
// redirect URI. What the URI has already stays byte for byte (RFC 6749 §3.1.2).
//
// Names and values may be any bytes; a space becomes %20, which every decoder
// reads alike. The URI has no fragment, as [CheckRedirectURI] ensures.
func AppendQuery(redirectURI string, params [][2]string) string {
	var b strings.Builder
	b.WriteString(redirectURI)
	separator := querySeparator(redirectURI)
	for _, param := range params {
		b.WriteString(separator)
		b.WriteString(percentEncode(param[0]))
		b.WriteByte('=')
		b.WriteString(percentEncode(param[1]))
		separator = "&"
	}
	return b.String()
}

// querySeparator is what has to stand between s and one more parameter.
func querySeparator(s string) string {
	switch {
	case !strings.Contains(s, "?"):
		return "?"
	case strings.HasSuffix(s, "?"), strings.HasSuffix(s, "&"):
		return ""
	default:
		return "&"
	}
}

// percentEncode relies on QueryEscape writing a plus sign for a space only.
func percentEncode(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}
