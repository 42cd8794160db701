package e2e

import (
	"net/http"
	"net/url"
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
	action   string     // of the main form
	hidden   url.Values // its hidden fields
	choices  url.Values // its checkboxes
	text     string
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
	form := url.Values{}
	for _, values := range []url.Values{from.hidden, fields} {
		for name, list := range values {
			form[name] = append(form[name], list...)
		}
	}
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.absolute(from.action), strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", p.s.Issuer)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return p.send(req)
}

func (p *person) absolute(location string) string {
	if strings.HasPrefix(location, "/") {
		return p.s.Issuer + location
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
	got := page{status: resp.StatusCode, location: resp.Header.Get("Location"), hidden: url.Values{}, choices: url.Values{}}
	root, err := html.Parse(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	got.read(root)
	return got
}

// read takes in a page: its text, and the form with the button that decides.
func (g *page) read(root *html.Node) {
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode:
			g.text += strings.TrimSpace(n.Data) + " "
		case n.Type == html.ElementNode && n.Data == "form" && decides(n):
			g.action = attribute(n, "action")
			for field := range n.Descendants() {
				switch attribute(field, "type") {
				case "hidden":
					g.hidden.Add(attribute(field, "name"), attribute(field, "value"))
				case "checkbox":
					g.choices.Add(attribute(field, "name"), attribute(field, "value"))
				}
			}
		}
	}
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
	if next.status != http.StatusSeeOther {
		p.t.Fatalf("sign-in answers %d: %s", next.status, next.text)
	}
	return p.open(next.location)
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
	form := url.Values{"decision": {"allow"}}
	for _, name := range []string{"workspace", "project"} {
		form[name] = consent.choices[name]
	}
	return p.submit(consent, form)
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
