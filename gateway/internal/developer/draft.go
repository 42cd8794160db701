package developer

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/chancery-auth/chancery/gateway/internal/answer"
	"github.com/chancery-auth/chancery/gateway/internal/form"
	"github.com/chancery-auth/chancery/gateway/internal/view"
	"github.com/chancery-auth/chancery/gateway/pages"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// draft is what stands in the form of an app.
type draft struct {
	workspace string
	revision  int64
	fields    pages.AppFields
	scope     []string
}

// draftOf is what was typed. Nothing else of the form counts: what a developer
// may not choose has no name here.
func draftOf(posted form.Values) draft {
	// A revision that is no number is none that there ever was.
	revision, _ := strconv.ParseInt(posted.Get("revision"), 10, 64)
	return draft{
		workspace: posted.Get("workspace_id"),
		revision:  revision,
		fields: pages.AppFields{
			Name:         posted.Get("name"),
			Description:  posted.Get("description"),
			HomepageURL:  posted.Get("homepage_url"),
			PolicyURL:    posted.Get("policy_url"),
			TermsURL:     posted.Get("terms_url"),
			RedirectURIs: posted.Get("redirect_uris"),
			ClientType:   pages.ClientType(posted.Get("client_type")),
			AuthMethod:   posted.Get("token_endpoint_auth_method"),
			Visibility:   pages.Visibility(posted.Get("visibility")),
		},
		scope: posted.All("scope"),
	}
}

// storedDraft is an app as it is.
func storedDraft(app *registryv1.Client) draft {
	return draft{
		workspace: app.GetWorkspaceId(),
		revision:  app.GetRevision(),
		fields: pages.AppFields{
			Name:         app.GetClientName(),
			Description:  app.GetDescription(),
			HomepageURL:  app.GetClientUri(),
			PolicyURL:    app.GetPolicyUri(),
			TermsURL:     app.GetTosUri(),
			RedirectURIs: strings.Join(app.GetRedirectUris(), "\n"),
			AuthMethod:   authMethod(app),
			Visibility:   pages.Visibility(app.GetVisibility()),
		},
		scope: strings.Fields(app.GetScope()),
	}
}

// client is the app that the draft describes. White space around a value is the
// keyboard's, not the developer's, and so are lines in a description.
func (d draft) client() *registryv1.Client {
	client := &registryv1.Client{
		ClientName:      strings.TrimSpace(d.fields.Name),
		Description:     strings.Join(strings.Fields(d.fields.Description), " "),
		ApplicationType: string(d.fields.ClientType),
		Scope:           strings.Join(d.scope, " "),
		ClientUri:       strings.TrimSpace(d.fields.HomepageURL),
		PolicyUri:       strings.TrimSpace(d.fields.PolicyURL),
		TosUri:          strings.TrimSpace(d.fields.TermsURL),
		Visibility:      string(d.fields.Visibility),
	}
	if methods := strings.Fields(d.fields.AuthMethod); len(methods) > 0 {
		client.TokenEndpointAuthMethod, client.TokenEndpointAuthMethodsSupported = methods[0], methods
	}
	for line := range strings.Lines(d.fields.RedirectURIs) {
		if uri := strings.TrimSpace(line); uri != "" {
			client.RedirectUris = append(client.RedirectUris, uri)
		}
	}
	return client
}

// draftFailure is a failed call about a draft. What is about the form stands on it.
func draftFailure(err error) error {
	switch f := answer.FaultOf(err); f.Kind {
	case fault.Invalid:
		name, sentence := readable(f.Message)
		return answer.Complain(http.StatusBadRequest, pages.FieldError{Field: labels()[name].field, Text: sentence})
	case fault.Exhausted:
		return answer.Complain(http.StatusBadRequest, pages.FieldError{Complaint: pages.TooMany})
	case fault.Conflict:
		return answer.Complain(http.StatusConflict)
	default:
		return failure(err)
	}
}

// readable is a sentence of the registry in the words of the form, and the
// metadata that it is about: it begins with their name, or with where the contract
// has them.
func readable(message string) (name, sentence string) {
	first, rest, _ := strings.Cut(strings.TrimPrefix(message, "app."), " ")
	name, _, _ = strings.Cut(strings.TrimSuffix(first, ":"), "[")
	subject := name
	// One of a list may be named again, for itself.
	if inner, after, _ := strings.Cut(rest, " "); strings.HasSuffix(first, ":") && labels()[inner].text != "" {
		subject, rest = inner, after
	}
	label := labels()[subject].text
	if label == "" {
		return name, message
	}
	if strings.HasSuffix(label, "s") && strings.HasPrefix(rest, "is ") {
		rest = "are " + strings.TrimPrefix(rest, "is ")
	}
	return name, label + " " + rest
}

// label is where metadata stands on the form, and what it is called there.
type label struct {
	field pages.Field
	text  string
}

// labels is what the form has, by the name of the metadata.
func labels() map[string]label {
	return map[string]label{
		"client_name":                           {pages.FieldName, "Name"},
		"description":                           {pages.FieldDescription, "Description"},
		"client_uri":                            {pages.FieldHomepageURL, "Homepage"},
		"policy_uri":                            {pages.FieldPolicyURL, "Privacy policy"},
		"tos_uri":                               {pages.FieldTermsURL, "Terms of service"},
		"visibility":                            {pages.FieldVisibility, "Visibility"},
		"application_type":                      {pages.FieldClientType, "Type of app"},
		"redirect_uris":                         {pages.FieldRedirectURIs, "Redirect URIs"},
		"redirect_uri":                          {pages.FieldNone, "Redirect URI"},
		"token_endpoint_auth_method":            {pages.FieldAuthMethod, "Authentication"},
		"token_endpoint_auth_methods_supported": {pages.FieldAuthMethod, "Authentication"},
		"scope":                                 {pages.FieldScope, "Permissions"},
	}
}

// authMethod is the authentication methods of an app, as one value of the form.
func authMethod(app *registryv1.Client) string {
	return strings.Join(oauth.AuthMethods(app.GetTokenEndpointAuthMethod(), app.GetTokenEndpointAuthMethodsSupported()), " ")
}

// authMethods are the authentication methods that an app can change to, several
// that it can use side by side separated by a space. Keys cannot be given on the
// form, so that only an app that has some stays with them.
func authMethods(app *registryv1.Client) []string {
	if app.GetApplicationType() == string(oauth.ApplicationNative) {
		return []string{oauth.AuthNone}
	}
	methods := []string{
		oauth.AuthClientSecretBasic + " " + oauth.AuthClientSecretPost,
		oauth.AuthClientSecretBasic, oauth.AuthClientSecretPost, oauth.AuthNone,
	}
	switch now := authMethod(app); {
	case now == oauth.AuthClientSecretPost+" "+oauth.AuthClientSecretBasic:
		methods[0] = now
	case now != "" && !slices.Contains(methods, now):
		methods = append(methods, now)
	}
	return methods
}

// scopeOptions are the scopes that users can grant, those of chosen ticked.
func scopeOptions(catalogue []*registryv1.ScopeDescription, chosen []string) []pages.ScopeOptionGroup {
	grantable := slices.DeleteFunc(slices.Clone(catalogue), func(s *registryv1.ScopeDescription) bool {
		return s.GetKind() == registryv1.ScopeDescription_KIND_CLIENT
	})
	var groups []pages.ScopeOptionGroup
	for _, group := range view.ScopeGroups(grantable) {
		options := pages.ScopeOptionGroup{Title: group.Title}
		for _, s := range group.Scopes {
			options.Scopes = append(options.Scopes, pages.ScopeOption{ScopeView: s, Selected: slices.Contains(chosen, s.Name)})
		}
		groups = append(groups, options)
	}
	return groups
}
