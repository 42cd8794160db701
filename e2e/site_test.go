package e2e

import (
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

// site is a website of somebody else: an app that takes answers, or an attacker.
type site struct {
	// local is its address on localhost, which shares a site with the issuer;
	// foreign its address by number, which does not.
	local, foreign string
	answers        chan url.Values
	page           string
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{answers: make(chan url.Values, 16)}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.foreign = server.URL
	s.local = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	return s
}

// ServeHTTP shows the attack at /attack, and takes answers at /callback.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	content := s.page
	switch r.URL.Path {
	case "/attack":
	case "/callback":
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Form.Set("method", r.Method)
		s.answers <- r.Form
		content = `<h1 id="arrived">Back at the app</h1>`
	default:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>Elsewhere</title>`+content)
}

// answer is the one that has arrived.
func (s *site) answer(t *testing.T) url.Values {
	t.Helper()
	select {
	case answer := <-s.answers:
		return answer
	default:
		t.Fatal("the app got no answer")
		return nil
	}
}

// untouched checks that no answer has arrived.
func (s *site) untouched(t *testing.T) {
	t.Helper()
	select {
	case answer := <-s.answers:
		t.Errorf("the app got %v", answer)
	default:
	}
}

// forge has the attack page post a form by itself, from the top of a tab.
func (s *site) forge(t *testing.T, action string, fields url.Values) {
	t.Helper()
	var forged strings.Builder
	err := template.Must(template.New("forgery").Parse(`<form method="post" action="{{.Action}}">
		{{range $name, $values := .Fields}}{{range $values}}<input name="{{$name}}" value="{{.}}">{{end}}{{end}}
		</form><script>document.forms[0].submit()</script>`)).Execute(&forged, map[string]any{"Action": action, "Fields": fields})
	if err != nil {
		t.Fatal(err)
	}
	s.page = forged.String()
}

// visited is an app with a site, as users come to it.
type visited struct {
	*app
	*site
	w *world
}

// newVisited registers an app of its own.
func (w *world) newVisited(t *testing.T, name string, scopes ...string) *visited {
	t.Helper()
	v := &visited{app: newApp(t, w.s, append([]string{"openid"}, scopes...)...), site: newSite(t), w: w}
	v.RedirectURL = v.local + "/callback"
	made := decode[struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}](t, w.s.chancery(t, "client", "create", "--name", name, "--redirect-uri", v.RedirectURL, "--json"))
	v.ClientID, v.ClientSecret = made.ClientID, made.ClientSecret
	return v
}

// introspected takes the answer to the attempt, and asks what its token is good
// for.
func (v *visited) introspected(t *testing.T, try attempt) introspection {
	t.Helper()
	// Only a client that may introspect learns of other clients' tokens; an app
	// learns of its own.
	token := v.tokens(t, v.w.s, try, v.answer(t))
	s := *v.w.s
	s.Demo.Client.ClientID, s.Demo.Client.ClientSecret = v.ClientID, v.ClientSecret
	return introspect(t, &s, token.AccessToken)
}

// grants are the scopes of what users have allowed the app.
func (v *visited) grants(t *testing.T) []grantLine {
	t.Helper()
	return decode[struct{ Grants []grantLine }](t, v.w.s.chancery(t, "grant", "list", "--client", v.ClientID, "--json")).Grants
}

// grantLine is a line of "chancery grant list".
type grantLine struct {
	Sub        string
	Workspaces []string
	Projects   []string
}

func prompt(value string) oauth2.AuthCodeOption { return oauth2.SetAuthURLParam("prompt", value) }

// denied checks that the app was told so, as the answer to its own request
// (RFC 6749 §4.1.2.1, RFC 9207 §2).
func (v *visited) denied(t *testing.T, try attempt, code string) {
	t.Helper()
	answer := v.answer(t)
	want := fmt.Sprint(code, try.state, v.w.s.Issuer)
	if got := fmt.Sprint(answer.Get("error"), answer.Get("state"), answer.Get("iss")); got != want || answer.Has("code") {
		t.Errorf("answer = %v, want error %s", answer, code)
	}
}
