package e2e

import (
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

func libraryThroughTheCluster(t *testing.T, f *fleet) {
	a := newApp(t, f.s, "openid", "profile", "email", "workspace:member", "project:viewer", "offline_access")
	try := a.begin(forceConsent())
	token := a.tokens(t, f.s, try, newPerson(t, f.s).authorize(try.link))

	checkIDToken(t, f.s, a, try, token)
	info, err := a.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token))
	if err != nil {
		t.Fatal(err)
	}
	if info.Subject != f.s.Demo.User.Sub || info.Email != "ada@example.com" || !info.EmailVerified {
		t.Errorf("userinfo = %+v", info)
	}
	if answer := introspect(t, f.s, token.AccessToken); !answer.Active || len(answer.Workspaces) != 2 || answer.Sub != f.s.Demo.User.Sub {
		t.Errorf("introspection = %+v", answer)
	}
	next, err := a.TokenSource(t.Context(), refreshOnly(token)).Token()
	if err != nil {
		t.Fatal(err)
	}
	if !introspect(t, f.s, next.AccessToken).Active {
		t.Error("the token from a refresh is not active")
	}
}

func browserThroughTheCluster(t *testing.T, f *fleet) {
	w := &world{s: f.s, browser: startBrowser(t), demo: login{f.s.Demo.User.Username, f.s.Demo.User.Password, f.s.Demo.User.Sub}}
	v := &visited{app: newApp(t, f.s, "openid", "workspace:member", "offline_access"), site: newSite(t), w: w}
	v.RedirectURL = v.local + "/callback"
	made := admin[struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}](t, f, "client", "create", "--name", "Visited app", "--redirect-uri", v.RedirectURL)
	v.ClientID, v.ClientSecret = made.ClientID, made.ClientSecret

	b := w.newProfile(t)
	try := v.begin(forceConsent())
	b.open(try.link)
	b.signIn(w.demo)
	b.see("#consent-allow")
	offered := evaluate[[]string](b, `[...document.querySelectorAll("input[name=workspace]")].map(i => i.value)`)
	if len(offered) != 2 {
		t.Fatalf("the page offers %v", offered)
	}
	b.allow(offered[1])
	b.arrives()
	if got := v.introspected(t, try); !got.Active || got.Sub != w.demo.sub || len(got.Workspaces) != 1 || got.Workspaces[0].ID != offered[1] {
		t.Errorf("introspection = %+v, want %s alone to be shared", got, offered[1])
	}
	pagesThroughTheCluster(t, b, f)
}

// pagesThroughTheCluster goes over the pages behind which services call each other
// that do not otherwise.
func pagesThroughTheCluster(t *testing.T, b *tab, f *fleet) {
	t.Helper()
	b.open(f.s.origin() + "/account/apps")
	if shown := b.text("main"); !strings.Contains(shown, "Visited app") {
		t.Errorf("the user's apps are %s", shown)
	}
	b.open(f.s.origin() + "/developer/apps/new")
	b.see("#app-save")
	b.fill(map[string]string{"name": "Fleet app", "redirect_uris": "https://fleet.example/callback"})
	b.click("main input[name=scope][value=openid]")
	b.click("main input[name=visibility][value=public]")
	b.click("#app-save")
	b.see("[data-testid=client-secret]")
	b.open(f.s.origin() + "/apps")
	if shown := b.text("main"); !strings.Contains(shown, "Fleet app") {
		t.Errorf("the directory shows %s", shown)
	}
}

// workspaceEndsInTheCluster deletes a workspace, for which its directory calls the
// registry by its certificate.
func workspaceEndsInTheCluster(t *testing.T, f *fleet) {
	owner := admin[struct {
		ID string `json:"workspace_id"`
	}](t, f, "workspace", "create", "--name", "Short-lived").ID
	app := admin[struct {
		ID string `json:"client_id"`
	}](t, f, "client", "create", "--name", "Short-lived app", "--workspace", owner, "--redirect-uri", "https://short.example/cb").ID
	if _, err := f.Admin(t.Context(), "", "client", "get", app); err != nil {
		t.Fatalf("before: %v", err)
	}
	admin[map[string]string](t, f, "workspace", "delete", owner)
	if _, err := f.Admin(t.Context(), "", "client", "get", app); err == nil {
		t.Error("the app outlives its workspace")
	}
}
