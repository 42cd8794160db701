package gateway_test

import (
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/gateway"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

// N018: who may not authorize a client learns no more than that.
func TestN018_ForbiddenClientsHaveNoName(t *testing.T) {
	w := dialogWorld(t, authorizev1.Interaction_PAGE_SIGN_IN)
	scriptAnswers(w)
	w.authorize.signIn = func(*authorizev1.SignInRequest) (*authorizev1.SignInResponse, error) {
		return &authorizev1.SignInResponse{
			Outcome: authorizev1.SignInResponse_OUTCOME_SIGNED_IN, Session: "s2",
			Next: &authorizev1.Step{Kind: &authorizev1.Step_ErrorPage{ErrorPage: &authorizev1.ErrorPage{Error: "access_denied", Forbidden: true}}},
		}, nil
	}
	got := w.post("/signin", formOf(goodAnswer["/signin"]), "Cookie", boundCookies())
	got.wantPage(t, 403)
	if !strings.Contains(got.body, "not available to your account") {
		t.Error("page does not say why")
	}
	if !strings.Contains(got.body, `href="/account/apps"`) {
		t.Error("page does not lead to where one can sign out")
	}
	if strings.Contains(got.body, "Demo App") || strings.Contains(got.body, "app.example") {
		t.Error("page names the client")
	}
	// Nor does the page on which they sign in.
	w.authorize.interaction = func(*authorizev1.GetInteractionRequest) (*authorizev1.GetInteractionResponse, error) {
		return &authorizev1.GetInteractionResponse{Page: authorizev1.Interaction_PAGE_SIGN_IN, RedirectUri: "https://app.example/cb"}, nil
	}
	page := w.get("/signin?tx=tx1", "Cookie", boundCookies())
	page.wantStatus(t, 200)
	if !strings.Contains(page.body, `name="password"`) || !strings.Contains(page.body, `name="tx" value="tx1"`) {
		t.Error("nobody can sign in")
	}
}

// The consent page names who is behind a client, and shows the logo that was
// uploaded.
func TestConsentNamesTheOwner(t *testing.T) {
	w := dialogWorld(t, authorizev1.Interaction_PAGE_CONSENT)
	digest := strings.Repeat("0f", 32)
	w.authorize.interaction = func(*authorizev1.GetInteractionRequest) (*authorizev1.GetInteractionResponse, error) {
		resp := interactionOf(t, authorizev1.Interaction_PAGE_CONSENT)
		resp.Client.WorkspaceId, resp.Client.LogoDigest = workspaceID, digest
		return resp, nil
	}
	got := w.get("/consent?tx=tx1", "Cookie", boundCookies())
	for _, want := range []string{"Example Works", `src="/logos/` + digest + `.png"`, `href="/account/apps"`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("page lacks %s", want)
		}
	}
}

// The address of the shared workspace is as the preset says; what is not known of
// it is not guessed.
func TestWorkspaceURLIsThePresets(t *testing.T) {
	id, slug := "w/1", "acme co"
	tests := []struct {
		name, form string
		id, slug   *string
		want       string
	}{
		{"id and issuer", "{issuer}/workspaces/{id}", &id, nil, `"https://as.test/workspaces/w%2F1"`},
		{"slug", "https://app.example/{slug}", &id, &slug, `"https://app.example/acme%20co"`},
		{"slug that is not told", "https://app.example/{slug}", &id, nil, "null"},
		{"no one workspace", "https://app.example/{slug}", nil, nil, "null"},
		{"no address", "", &id, &slug, "null"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, func(c *gateway.Config) { c.Preset.Validate.WorkspaceURL = tt.form })
			w.intro.validate = func(*introspectionv1.ValidateRequest) (*introspectionv1.ValidateResponse, error) {
				return &introspectionv1.ValidateResponse{Active: true, WorkspaceId: tt.id, WorkspaceSlug: tt.slug}, nil
			}
			got := w.get("/oauth/validate", "Authorization", "Bearer t")
			if want := `"workspace_url":` + tt.want + `,`; !strings.Contains(got.body, want) {
				t.Errorf("body = %s, want %s", got.body, want)
			}
		})
	}
}
