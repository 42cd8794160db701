package form

import (
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

// Type is the media type of forms.
const Type = "application/x-www-form-urlencoded"

// OAuth returns the limits of a query, and of the form of an OAuth endpoint. A token
// that is too long to be one is answered like any other that is not good.
func OAuth() Limits {
	return Limits{
		Parameters: 64, Value: 4 << 10,
		Long: map[string]int{"client_assertion": 16 << 10, "token": 64 << 10},
	}
}

// Page returns the limits of the form of a page, with room for a consent that names
// many workspaces.
func Page() Limits { return Limits{Parameters: 1024, Value: 4 << 10} }

// Query returns the parameters in the query of r. Fails with invalid_request.
func Query(r *http.Request) (Values, error) { return Parse(r.URL.RawQuery, OAuth()) }

// Body returns the form in the body of r. Fails with invalid_request.
func Body(r *http.Request, limits Limits) (Values, error) {
	raw, err := Raw(r, Type, oauth.InvalidRequest)
	if err != nil {
		return nil, err
	}
	return Parse(string(raw), limits)
}

// Raw returns the body of r, which must be said to be of the media type, in UTF-8.
// Fails with the code.
func Raw(r *http.Request, mediaType string, code oauth.ErrorCode) ([]byte, error) {
	if !HasType(r, mediaType) {
		return nil, oauth.Refuse(code, "body must be "+mediaType)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, oauth.RefuseBecause(code, "the body did not arrive", err)
	}
	return body, nil
}

// HasType reports whether the body is said to be of the media type, in UTF-8.
func HasType(r *http.Request, want string) bool {
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

// Once fails with invalid_request when a parameter comes more than once that is not
// one of lists.
func (v Values) Once(lists ...string) error {
	if len(v.Repeated(func(name string) bool { return slices.Contains(lists, name) })) > 0 {
		return oauth.Refuse(oauth.InvalidRequest, "a parameter comes more than once")
	}
	return nil
}
