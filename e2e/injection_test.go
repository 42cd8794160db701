package e2e

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// injections would mean something to a database that took them for a part of a
// statement. Each parameter is one of them, and is nothing but text.
func injections() []string {
	return []string{
		`' OR '1'='1`, `'; DELETE FROM directory_subject; --`, `x' UNION SELECT 1,2,3 --`, `%`, `_`, `\`, `"`, `$1`, `?1`, `{}`, `';`,
	}
}

// N278: what a parameter says is never a part of a statement. A text with
// metacharacters finds what any unknown text finds, and changes nothing.
func TestN278_MetacharactersFindNothing(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, flags...)
		newTenant(t, s, "alpha")
		c := newCaller(t, s)
		before := everything(t, s)
		tried := 0
		eachMethod(func(method protoreflect.MethodDescriptor) {
			fields := method.Input().Fields()
			for i := range fields.Len() {
				field := fields.Get(i)
				if field.Kind() != protoreflect.StringKind || !reads(method) || !slices.Contains(callersOf(method), "admin") {
					continue
				}
				name := string(field.Name())
				plain, refusal := c.call(method, map[string]string{name: "nobody"})
				for _, text := range injections() {
					tried++
					answer, err := c.call(method, map[string]string{name: text})
					if answer != plain || status.Code(err) != status.Code(refusal) {
						t.Errorf("%s with %s %q: %s, %v; with any other: %s, %v", method.Name(), name, text, answer, err, plain, refusal)
					}
				}
			}
		})
		if tried < 200 {
			t.Errorf("%d parameters: the contracts are not linked", tried)
		}
		injectIntoForms(t, s)
		if after := everything(t, s); after != before {
			t.Errorf("reading changed something: %s, before %s", after, before)
		}
	})
}

// injectIntoForms sends them as each parameter of the endpoints.
func injectIntoForms(t *testing.T, s *server) {
	t.Helper()
	forms := map[string]url.Values{
		"/oauth/token":      {"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "scope": {"x"}},
		"/oauth/introspect": {"token": {"x"}, "token_type_hint": {"x"}},
		"/oauth/revoke":     {"token": {"x"}, "token_type_hint": {"x"}},
		"/oauth/par":        {"client_id": {"x"}, "state": {"x"}, "login_hint": {"x"}, "resource": {"x"}},
	}
	for path, form := range forms {
		for name := range form {
			for _, text := range injections() {
				changed := url.Values{}
				for other, values := range form {
					changed[other] = values
				}
				changed.Set(name, text)
				if status, body := post(t, s, path, changed); status >= http.StatusInternalServerError || strings.Contains(string(body), `"active":true`) {
					t.Errorf("%s with %s %q: %d %s", path, name, text, status, body)
				}
			}
		}
	}
	p := newPerson(t, s)
	for _, text := range injections()[:3] {
		at := p.open(p.open(newApp(t, s, "openid").begin().link).location)
		next := p.submit(at, url.Values{"username": {s.Demo.User.Username + text}, "password": {text}, "action": {"sign-in"}})
		if next.status == http.StatusSeeOther || next.status >= http.StatusInternalServerError {
			t.Errorf("sign-in as %q: %d", text, next.status)
		}
	}
}

// N278: a text with metacharacters is stored, and read back, as it is.
func TestN278_MetacharactersAreStoredVerbatim(t *testing.T) {
	onEach(t, func(t *testing.T, flags []string) {
		s := start(t, flags...)
		workspace := field(t, s.chancery(t, "workspace", "create", "--name", "neighbour", "--json"), "workspace_id")
		for _, text := range injections() {
			name := "a" + text + "z"
			made := field(t, s.chancery(t, "client", "create", "--name", name, "--redirect-uri", "https://app.example/cb", "--json"), "client_id")
			if got := field(t, s.chancery(t, "client", "get", made, "--json"), "client_name"); got != name {
				t.Errorf("a client is called %q, want %q", got, name)
			}
			renamed := "b" + text
			s.chancery(t, "client", "update", made, "--name", renamed)
			if got := field(t, s.chancery(t, "client", "get", made, "--json"), "client_name"); got != renamed {
				t.Errorf("after a change a client is called %q, want %q", got, renamed)
			}
			s.chancery(t, "workspace", "create", "--name", name)
			s.chancery(t, "project", "create", "--workspace", workspace, "--name", name)
		}
		for what, list := range map[string][]byte{
			"workspace": s.chancery(t, "workspace", "list", "--json"),
			"project":   s.chancery(t, "project", "list", "--workspace", workspace, "--json"),
		} {
			names := namesIn(t, list, what+"s")
			for _, text := range injections() {
				if !slices.Contains(names, "a"+text+"z") {
					t.Errorf("there is no %s with %q: %q", what, text, names)
				}
			}
		}
	})
}

// namesIn are the names of a list that a command printed.
func namesIn(t *testing.T, encoded []byte, list string) (names []string) {
	t.Helper()
	for _, each := range decode[map[string][]struct{ Name string }](t, encoded)[list] {
		names = append(names, each.Name)
	}
	return names
}

// lastUse is when something was used, which a question by itself may change.
var lastUse = regexp.MustCompile(`,"last_use_time":"[^"]*"`)

// everything is what the server lists.
func everything(t *testing.T, s *server) string {
	t.Helper()
	var all strings.Builder
	for _, what := range []string{"client", "user", "workspace", "grant", "key"} {
		all.Write(s.chancery(t, what, "list", "--json"))
	}
	return lastUse.ReplaceAllString(all.String(), "")
}
