package e2e

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"golang.org/x/oauth2"
)

func TestDevelopersManageTheirApps(t *testing.T) {
	w := newWorld(t, "--preset", "roboflow")
	for _, tt := range []struct {
		name string
		test func(*testing.T, *world)
	}{
		{"R06 only admins of the workspace manage its apps", onlyAdminsManage},
		{"R07 F03 an admin registers an app with everything that describes it", appIsRegistered},
		{"an app is changed without a script", appIsChangedByHand},
		{"N221 of two admins who edit one app the second is told", secondAdminIsTold},
		{"secrets overlap, and each is shown once", secretsOverlap},
		{"a mistake keeps what was typed", mistakeKeepsInput},
		{"deleting an app asks for its name, and ends its tokens", appIsDeleted},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, w) })
	}
}

// developer is a browser in which somebody is signed in on the developer pages.
func (w *world) developer(t *testing.T, as login) *tab {
	t.Helper()
	b := w.newProfile(t)
	b.open(w.s.origin() + "/developer/apps")
	b.signIn(as)
	b.see("nav.places")
	return b
}

// fill writes into the fields of a form, by name.
func (b *tab) fill(fields map[string]string) {
	b.t.Helper()
	for name, value := range fields {
		b.do(chromedp.SetValue(chromedp.CSS(fmt.Sprintf("main [name=%s]", name)), value))
	}
}

// made is an app that was registered on the developer pages.
type made struct{ clientID, secret string }

// newApp registers an app of the first workspace on the pages.
func (b *tab) newApp(w *world, name, redirectURI string) made {
	b.t.Helper()
	b.open(w.s.origin() + "/developer/apps")
	b.click(fmt.Sprintf("a[href*='/developer/apps/new'][href*='%s']", w.acme()))
	b.see("#app-save")
	b.fill(map[string]string{"name": name, "redirect_uris": redirectURI})
	b.click("main input[value=openid]")
	b.click("#app-save")
	m := made{secret: b.text("[data-testid=client-secret]")}
	m.clientID = b.text("#client-id")
	return m
}

func onlyAdminsManage(t *testing.T, w *world) {
	owner, member := w.developer(t, w.demo), w.developer(t, w.other)
	m := owner.newApp(w, "Guarded", "https://guarded.example/callback")
	if shown := member.text("main"); strings.Contains(shown, "Guarded") {
		t.Errorf("a member sees %s", shown)
	}
	member.open(w.s.origin() + "/developer/apps/" + m.clientID)
	if got := member.last(); got.status != 403 {
		t.Errorf("a member gets %d", got.status)
	}
	w.s.chancery(t, "member", "set-role", "--workspace", w.acme(), "--subject", w.other.sub, "--role", "admin")
	member.open(w.s.origin() + "/developer/apps/" + m.clientID)
	member.see("#app-save")
	w.s.chancery(t, "member", "set-role", "--workspace", w.acme(), "--subject", w.other.sub, "--role", "member")
	member.click("#app-save")
	member.see("#oauth-error")
	if got := member.last(); got.status != 403 {
		t.Errorf("who is no admin any more gets %d", got.status)
	}
}

func appIsRegistered(t *testing.T, w *world) {
	v := &visited{app: newApp(t, w.s, "openid", "project:read"), site: newSite(t), w: w}
	v.RedirectURL = v.local + "/callback"
	b := w.developer(t, w.demo)
	b.click(fmt.Sprintf("a[href*='/developer/apps/new'][href*='%s']", w.acme()))
	b.fill(map[string]string{
		"name": "Field notes", "description": "Takes notes in the field.", "homepage_url": "https://notes.example/",
		"redirect_uris": v.RedirectURL, "token_endpoint_auth_method": "client_secret_basic",
	})
	b.click("main input[name=client_type][value=web]")
	for _, scope := range []string{"openid", "project:read"} {
		b.click(fmt.Sprintf("main input[name=scope][value=%q]", scope))
	}
	b.click("main input[name=visibility][value=public]")
	b.click("#app-save")
	v.ClientSecret = b.text("[data-testid=client-secret]")
	v.ClientID = b.text("#client-id")
	v.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if !strings.HasPrefix(v.ClientSecret, "rfcs_") {
		t.Errorf("the secret begins with %.5s", v.ClientSecret)
	}
	v.uploadLogo(t, b)

	person := w.newProfile(t)
	try := v.begin()
	person.open(try.link)
	person.signIn(w.demo)
	person.see("#consent-allow")
	shown := person.text("main")
	for _, text := range []string{"Field notes", "notes.example"} {
		if !strings.Contains(shown, text) {
			t.Errorf("the consent page does not say %s: %s", text, shown)
		}
	}
	if !evaluate[bool](person, `[...document.images].some(i => i.src.includes("/logos/") && i.naturalWidth > 0)`) {
		t.Error("the consent page does not show the logo")
	}
	person.allow(w.acme())
	person.arrives()
	v.tokens(t, w.s, try, v.answer(t))
	person.open(w.s.origin() + "/apps?q=field")
	if shown := person.text("main"); !strings.Contains(shown, "Takes notes in the field.") {
		t.Errorf("the directory shows %s", shown)
	}
}

// uploadLogo gives the app a logo of its own.
func (v *visited) uploadLogo(t *testing.T, b *tab) {
	t.Helper()
	picture := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		picture.Set(i%64, i/64, color.RGBA{R: 200, G: 80, B: 40, A: 255})
	}
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, picture); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "logo.png")
	if err := os.WriteFile(file, encoded.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	b.open(v.w.s.origin() + "/developer/apps/" + v.ClientID + "/logo")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("input[name=logo]"), []string{file}))
	b.click("button[value=upload]")
	b.see("#done")
}

func appIsChangedByHand(t *testing.T, w *world) {
	b := w.newProfile(t)
	disabled := emulation.SetScriptExecutionDisabledParams{Value: true}
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, disabled); err != nil {
		t.Fatal(err)
	}
	b.open(w.s.origin() + "/developer/apps")
	b.signIn(w.demo)
	b.see("nav.places")
	m := b.newApp(w, "By hand", "https://hand.example/callback")
	b.open(w.s.origin() + "/developer/apps/" + m.clientID)
	b.fill(map[string]string{"name": "By a steady hand"})
	b.click("#app-save")
	b.see("#done")
	b.open(w.s.origin() + "/developer/apps")
	if shown := b.text("main"); !strings.Contains(shown, "By a steady hand") {
		t.Errorf("the list shows %s", shown)
	}
}

func secondAdminIsTold(t *testing.T, w *world) {
	first, second := w.developer(t, w.demo), w.developer(t, w.demo)
	m := first.newApp(w, "Shared care", "https://care.example/callback")
	edit := w.s.origin() + "/developer/apps/" + m.clientID
	first.open(edit)
	second.open(edit)
	first.fill(map[string]string{"description": "From the first."})
	first.click("#app-save")
	first.see("#done")
	second.fill(map[string]string{"description": "From the second."})
	second.click("#app-save")
	second.see("#changed")
	if typed := evaluate[string](second, `document.querySelector("[name=description]").value`); typed != "From the second." {
		t.Errorf("what was typed became %q", typed)
	}
	if got := second.last(); got.status != 409 {
		t.Errorf("the second gets %d", got.status)
	}
	second.click("#changed a")
	second.do(chromedp.WaitNotPresent(chromedp.CSS("#changed")))
	second.see("#app-save")
	if stored := evaluate[string](second, `document.querySelector("[name=description]").value`); stored != "From the first." {
		t.Errorf("stored is %q", stored)
	}
}

func secretsOverlap(t *testing.T, w *world) {
	v := &visited{app: newApp(t, w.s, "openid"), site: newSite(t), w: w}
	v.RedirectURL = v.local + "/callback"
	b := w.developer(t, w.demo)
	m := b.newApp(w, "Overlap", v.RedirectURL)
	v.ClientID, v.Endpoint.AuthStyle = m.clientID, oauth2.AuthStyleInParams
	b.open(w.s.origin() + "/developer/apps/" + m.clientID + "/secrets")
	if evaluate[bool](b, fmt.Sprintf(`document.body.textContent.includes(%q)`, m.secret)) {
		t.Error("the secret is shown again")
	}
	b.click("#secret-create")
	second := b.text("[data-testid=client-secret]")
	person := w.newProfile(t)
	person.open(v.begin().link)
	person.signIn(w.demo)
	person.allow()
	person.arrives()
	v.answer(t)
	accepted := func(secret string) bool {
		v.ClientSecret = secret
		try := v.begin()
		person.open(try.link)
		person.allow()
		person.arrives()
		_, err := v.Exchange(t.Context(), v.answer(t).Get("code"), oauth2.VerifierOption(try.verifier))
		return err == nil
	}
	if !accepted(m.secret) || !accepted(second) {
		t.Error("one of two secrets is refused")
	}
	b.open(w.s.origin() + "/developer/apps/" + m.clientID + "/secrets")
	b.click("details.confirm summary")
	b.click("details.confirm[open] button[value=revoke]")
	b.see("#done")
	if accepted(m.secret) || !accepted(second) {
		t.Error("it is not the first secret that was revoked")
	}
}

func mistakeKeepsInput(t *testing.T, w *world) {
	b := w.developer(t, w.demo)
	b.click(fmt.Sprintf("a[href*='/developer/apps/new'][href*='%s']", w.acme()))
	b.fill(map[string]string{"name": "Mistaken", "redirect_uris": "http://public.example/callback"})
	b.click("main input[value=openid]")
	b.click("#app-save")
	b.see("[data-summary]")
	if got := b.text("#complaint-redirect_uris"); !strings.Contains(got, "https") {
		t.Errorf("the complaint is %q", got)
	}
	if typed := evaluate[string](b, `document.querySelector("[name=name]").value`); typed != "Mistaken" {
		t.Errorf("the name became %q", typed)
	}
	if ticked := b.checked("scope"); len(ticked) != 1 || ticked[0] != "openid" {
		t.Errorf("ticked = %v", ticked)
	}
	b.fill(map[string]string{"redirect_uris": "https://public.example/callback"})
	b.click("#app-save")
	b.see("[data-testid=client-secret]")
}

func appIsDeleted(t *testing.T, w *world) {
	v := &visited{app: newApp(t, w.s, "openid"), site: newSite(t), w: w}
	v.RedirectURL = v.local + "/callback"
	b := w.developer(t, w.demo)
	m := b.newApp(w, "Short-lived", v.RedirectURL)
	v.ClientID, v.ClientSecret, v.Endpoint.AuthStyle = m.clientID, m.secret, oauth2.AuthStyleInParams
	person := w.newProfile(t)
	try := v.begin()
	person.open(try.link)
	person.signIn(w.demo)
	person.allow()
	person.arrives()
	token := v.tokens(t, w.s, try, v.answer(t))
	b.open(w.s.origin() + "/developer/apps/" + m.clientID + "/delete")
	b.fill(map[string]string{"confirm_name": "Another name"})
	b.click("main button.danger")
	b.see("[data-summary]")
	b.fill(map[string]string{"confirm_name": "Short-lived"})
	b.click("main button.danger")
	b.see("#done")
	if _, err := v.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token(); err == nil {
		t.Error("the refresh token outlives its app")
	}
	if got := (&standIn{s: w.s}).validate(t, token.AccessToken); got.Active {
		t.Error("the access token outlives its app")
	}
	person.open(w.s.origin() + "/account/apps")
	if shown := person.text("main"); strings.Contains(shown, "Short-lived") {
		t.Errorf("the user's list shows %s", shown)
	}
	person.open(v.begin().link)
	person.see("#oauth-error")
}

func TestPeopleManageWhatTheyAuthorized(t *testing.T) {
	w := newWorld(t, "--preset", "railway")
	v := w.newVisited(t, "Trusted once", "workspace:viewer", "email")
	b := w.newProfile(t)
	try := v.begin()
	b.open(try.link)
	b.signIn(w.demo)
	b.allow(w.acme())
	b.arrives()
	token := v.tokens(t, w.s, try, v.answer(t))
	grant := grantOf(t, w.s, v.ClientID)

	b.open(w.s.origin() + "/account/apps")
	section := fmt.Sprintf("form:has([name=grant_id][value=%q])", grant)
	if shown := b.text("main"); !strings.Contains(shown, "Trusted once") {
		t.Errorf("the list shows %s", shown)
	}
	t.Run("R37 resources are added and taken away in place", func(t *testing.T) {
		defer b.lend(t)()
		b.click(fmt.Sprintf("%s input[value=%q]", section, w.northwind()))
		b.click(fmt.Sprintf("%s input[value=%q]", section, w.acme()))
		b.click(section + " button[value=save]")
		b.see("#done")
		if got := b.checked("workspace"); len(got) != 1 || got[0] != w.northwind() {
			t.Errorf("ticked = %v", got)
		}
	})
	t.Run("nothing selected is refused, and said so", func(t *testing.T) {
		defer b.lend(t)()
		b.click(fmt.Sprintf("%s input[value=%q]", section, w.northwind()))
		b.click(section + " button[value=save]")
		b.see("[data-summary]")
		b.open(w.s.origin() + "/account/apps")
	})
	t.Run("another account sees nothing of it", func(t *testing.T) {
		defer b.lend(t)()
		other := w.newProfile(t)
		other.open(w.s.origin() + "/account/apps")
		other.signIn(w.other)
		other.see("nav.places")
		if shown := other.text("main"); strings.Contains(shown, "Trusted once") {
			t.Errorf("another user sees %s", shown)
		}
	})
	t.Run("R38 a revocation is confirmed once, and holds", func(t *testing.T) {
		defer b.lend(t)()
		b.click(section + " button[value=revoke]")
		b.click("button[value=confirm-revoke]")
		b.see("#done")
		s := *w.s
		s.Demo.Client.ClientID, s.Demo.Client.ClientSecret = v.ClientID, v.ClientSecret
		if introspectAt(t, &s, token.AccessToken).Active {
			t.Error("the token outlives the revocation")
		}
	})
	t.Run("signing out ends it", func(t *testing.T) {
		defer b.lend(t)()
		b.click("#sign-out")
		b.do(chromedp.WaitNotPresent(chromedp.CSS("#sign-out")))
		b.open(w.s.origin() + "/account/apps")
		b.see("#login-submit")
	})
}

// introspectAt is introspect where the issuer has a path.
func introspectAt(t *testing.T, s *server, token string) introspection {
	t.Helper()
	status, body := post(t, s, "/introspect", url.Values{"token": {token}})
	if status != 200 {
		t.Fatalf("introspection answers %d: %s", status, body)
	}
	return decode[introspection](t, body)
}

func TestOneWorkspaceIsChosen(t *testing.T) {
	w := newWorld(t, "--preset", "roboflow")
	v := w.newVisited(t, "One of them", "project:read", "image:create")
	v.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	b := w.newProfile(t)
	try := v.begin()
	b.open(try.link)
	b.signIn(w.demo)
	b.see("#consent-allow")
	if kinds := evaluate[[]string](b, `[...document.querySelectorAll("[name=workspace]")].map(i => i.type)`); len(kinds) != 2 || kinds[0] != "radio" || kinds[1] != "radio" {
		t.Errorf("the choices are %v", kinds)
	}
	b.click(fmt.Sprintf("input[value=%q]", w.acme()))
	b.allow(w.northwind())
	b.arrives()
	token := v.tokens(t, w.s, try, v.answer(t))
	p := &standIn{s: w.s}
	got := p.validate(t, token.AccessToken)
	if slug := slugOf(t, w.s, w.northwind()); got.WorkspaceURL == nil || *got.WorkspaceURL != slug {
		t.Errorf("the token is bound to %+v, want %s", got, slug)
	}
	b.open(w.s.origin() + "/account/apps")
	if got := b.checked("workspace"); len(got) != 1 || got[0] != w.northwind() {
		t.Errorf("ticked = %v", got)
	}
}
