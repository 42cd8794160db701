package authorize_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// RFC 9700 §4.11.2.
func TestN315_ErrorsOfUnvettedClientsRedirectNobodyWhoIsNotSignedIn(t *testing.T) {
	silent, scope := prompt("none"), func(r *authorizev1.AuthorizationRequest) { r.Scope = "x" }
	owned := func(c *registryv1.Client) { c.Vetted, c.WorkspaceId = proto.Bool(false), "w1" }
	registered := func(c *registryv1.Client) { c.Vetted, c.DynamicallyRegistered = proto.Bool(false), true }
	vetted := func(c *registryv1.Client) { c.Vetted = proto.Bool(true) }
	for _, tt := range []struct {
		name     string
		client   func(*registryv1.Client)
		dest     string
		signedIn bool
		redirect bool
	}{
		{"of a workspace, in a tab", owned, "document", false, false},
		{"of a workspace, in an unknown place", owned, "", false, false},
		{"of a workspace, in a frame", owned, "iframe", false, true},
		{"of a workspace, in an old kind of frame", owned, "frame", false, false},
		{"of a workspace, in two places", owned, "iframe, document", false, false},
		{"of a workspace, for a user", owned, "document", true, true},
		{"that registered itself, in a tab", registered, "document", false, false},
		{"that registered itself, in a frame", registered, "iframe", false, true},
		{"unverified, as a previous registry says it", func(c *registryv1.Client) { c.Unverified = true }, "document", false, false},
		{"vetted, in a tab", vetted, "document", false, true},
		{"vetted, as a previous registry says it", func(*registryv1.Client) {}, "document", false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			tt.client(w.registry.clients["c1"])
			b := &browser{}
			if tt.signedIn {
				b = w.signedIn("u1")
			}
			b.fetchDest = tt.dest
			for want, change := range map[oauth.ErrorCode]change{oauth.LoginRequired: silent, oauth.InvalidScope: scope} {
				if tt.signedIn && want == oauth.LoginRequired {
					want = oauth.ConsentRequired
				}
				next := w.start(b, change)
				if tt.redirect {
					w.wantRefusal(next, want)
				} else {
					w.wantErrorPage(next, want)
				}
			}
		})
	}
}

// A frame shows nothing of ours, and proves no redirect URI.
func TestN315_AFrameDoesNotMakeARedirectURISafe(t *testing.T) {
	w := newWorld(t)
	w.registry.clients["c1"].Vetted = proto.Bool(false)
	w.wantErrorPage(w.start(&browser{fetchDest: "iframe"}, func(r *authorizev1.AuthorizationRequest) {
		r.RedirectUri, r.Prompt = "https://evil.example/cb", "none"
	}), oauth.InvalidRequest)
}
