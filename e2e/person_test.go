package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// person is a user with a browser that has no JavaScript: it keeps cookies,
// fills in forms, and stops where the app would take over.
type person struct {
	t       testing.TB
	s       *server
	client  *http.Client
	cookies map[string]string
}

func newPerson(t testing.TB, s *server) *person {
	t.Helper()
	return &person{
		t: t, s: s, cookies: make(map[string]string),
		client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

// page is what the person sees.
type page struct {
	status   int
	location string
	form            // the main one: that of a dialog
	forms    []form // every one
	text     string
}

// form is a form of a page.
type form struct {
	action  string
	hidden  url.Values // its hidden fields
	choices url.Values // its checkboxes and radio buttons
	ticked  url.Values // those of them that are ticked
	buttons []string   // the values of its buttons
}

// formWith is the form with a button of that value, whose hidden fields have what
// is given.
func (g page) formWith(t testing.TB, button string, hidden ...string) form {
	t.Helper()
	for _, f := range g.forms {
		fits := slices.Contains(f.buttons, button)
		for i := 0; i+1 < len(hidden); i += 2 {
			fits = fits && f.hidden.Get(hidden[i]) == hidden[i+1]
		}
		if fits {
			return f
		}
	}
	t.Fatalf("the page has no form with a button %q (%v): %s", button, hidden, g.text)
	return form{}
}

// go opens a location, relative to the issuer.
func (p *person) open(location string) page {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.absolute(location), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.send(req)
}

// submit sends the form of a page with fields.
func (p *person) submit(from page, fields url.Values) page {
	p.t.Helper()
	return p.post(from.form, fields)
}

// post sends a form with fields.
func (p *person) post(from form, fields url.Values) page {
	p.t.Helper()
	body := url.Values{}
	for _, values := range []url.Values{from.hidden, fields} {
		for name, list := range values {
			body[name] = append(body[name], list...)
		}
	}
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.absolute(from.action), strings.NewReader(body.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", p.s.origin())
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return p.send(req)
}

func (p *person) absolute(location string) string {
	if strings.HasPrefix(location, "/") {
		return p.s.origin() + location
	}
	return location
}

// send makes the request with the person's cookies. Browsers send secure cookies
// to http://localhost, which net/http's jar does not.
func (p *person) send(req *http.Request) page {
	p.t.Helper()
	for name, value := range p.cookies {
		req.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	resp, err := p.client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	for _, c := range resp.Cookies() {
		if c.MaxAge < 0 {
			delete(p.cookies, c.Name)
			continue
		}
		p.cookies[c.Name] = c.Value
	}
	got := page{status: resp.StatusCode, location: resp.Header.Get("Location")}
	root, err := html.Parse(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	got.read(root)
	return got
}

// read takes in a page: its text, its forms, and the one with the button that
// decides.
func (g *page) read(root *html.Node) {
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode:
			g.text += strings.TrimSpace(n.Data) + " "
		case n.Type == html.ElementNode && n.Data == "form":
			f := readForm(n)
			g.forms = append(g.forms, f)
			if decides(n) {
				g.form = f
			}
		}
	}
}

func readForm(n *html.Node) form {
	f := form{action: attribute(n, "action"), hidden: url.Values{}, choices: url.Values{}, ticked: url.Values{}}
	for field := range n.Descendants() {
		name, value := attribute(field, "name"), attribute(field, "value")
		switch {
		case field.Data == "button":
			f.buttons = append(f.buttons, value)
		case attribute(field, "type") == "hidden":
			f.hidden.Add(name, value)
		case attribute(field, "type") == "checkbox", attribute(field, "type") == "radio":
			f.choices.Add(name, value)
			if has(field, "checked") {
				f.ticked.Add(name, value)
			}
		}
	}
	return f
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// decides reports whether a form has one of the buttons of the page's contract.
func decides(form *html.Node) bool {
	for n := range form.Descendants() {
		switch attribute(n, "id") {
		case "login-submit", "consent-allow", "account-continue":
			return true
		}
	}
	return false
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// signIn signs in on the page, and returns what comes next.
func (p *person) signIn(from page) page {
	p.t.Helper()
	user := p.s.Demo.User
	next := p.submit(from, url.Values{"username": {user.Username}, "password": {user.Password}, "action": {"sign-in"}})
	if next.status != http.StatusSeeOther && next.status != http.StatusForbidden {
		p.t.Fatalf("sign-in answers %d: %s", next.status, next.text)
	}
	if next.location == "" {
		return next
	}
	return p.open(next.location)
}

// signedIn opens one of the provider's own pages, and signs in first if it must.
func (p *person) signedIn(path string) page {
	p.t.Helper()
	at := p.open(path)
	for range 4 {
		switch {
		case at.status == http.StatusSeeOther:
			at = p.open(at.location)
		case strings.HasSuffix(at.action, "/signin"):
			at = p.signIn(at)
		default:
			return at
		}
	}
	p.t.Fatalf("no way to %s: %s", path, at.text)
	return at
}

// authorize walks from the app's link to the answer for the app: it signs in if
// it must, and allows everything if it is asked.
func (p *person) authorize(link string) url.Values {
	p.t.Helper()
	at := p.open(link)
	for range 4 {
		switch {
		case at.status == http.StatusSeeOther && strings.HasPrefix(at.location, "/"):
			at = p.open(at.location)
		case at.status == http.StatusSeeOther:
			return p.answer(at.location)
		case strings.HasSuffix(at.action, "/signin"):
			at = p.signIn(at)
		case strings.HasSuffix(at.action, "/consent"):
			at = p.allow(at)
		default:
			p.t.Fatalf("page with status %d: %s", at.status, at.text)
		}
	}
	p.t.Fatalf("no way through: %s", at.text)
	return nil
}

// allow shares everything that the consent page offers.
func (p *person) allow(consent page) page {
	p.t.Helper()
	return p.share(consent, consent.choices["workspace"], consent.choices["project"])
}

// share shares the workspaces and projects that are named, and nothing else.
func (p *person) share(consent page, workspaces, projects []string) page {
	p.t.Helper()
	return p.submit(consent, url.Values{"decision": {"allow"}, "workspace": workspaces, "project": projects})
}

// answer is what the app gets.
func (p *person) answer(location string) url.Values {
	p.t.Helper()
	u, err := url.Parse(location)
	if err != nil {
		p.t.Fatal(err)
	}
	return u.Query()
}
