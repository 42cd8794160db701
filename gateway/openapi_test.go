package gateway_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/gateway"
	"github.com/chancery-auth/chancery/gateway/internal/edge"
	"github.com/chancery-auth/chancery/pkg/preset"
)

type openAPIDocument struct {
	OpenAPI string
	Servers []struct{ URL string }
	Paths   map[string]map[string]struct {
		OperationID string
		Summary     string
		Responses   map[string]json.RawMessage
		Security    []map[string]any
		Parameters  []struct{ Name, In, Description string }
	}
	Components struct {
		Schemas         map[string]any
		SecuritySchemes map[string]any
	}
}

func openAPIOf(t *testing.T, w *world) (doc openAPIDocument, text string) {
	t.Helper()
	got := w.get("/v1/openapi.json")
	got.wantStatus(t, 200)
	if got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Cache-Control") != "public, max-age=300" {
		t.Errorf("headers = %v", got.Header)
	}
	if err := json.Unmarshal([]byte(got.body), &doc); err != nil {
		t.Fatal(err)
	}
	return doc, got.body
}

func TestOpenAPIDocument(t *testing.T) {
	w := newWorld(t)
	_, text := openAPIOf(t, w)
	golden(t, "openapi.json", text)
	head := w.do(call{method: "HEAD", path: "/v1/openapi.json"})
	head.wantStatus(t, 200)
	if head.body != "" {
		t.Error("HEAD has a body")
	}
}

// presets are configurations that offer different things.
var presets = map[string]func(*gateway.Config){
	"the default": func(*gateway.Config) {},
	"nothing that may be left out": func(c *gateway.Config) {
		c.Preset.Paths.PushedAuthorization, c.Preset.Paths.Introspect = "", ""
		c.Preset.Paths.Revoke, c.Preset.Paths.Validate, c.Preset.Paths.Registration = "", "", ""
	},
	"open registration":                func(c *gateway.Config) { c.Preset.Registration.Mode = preset.RegistrationOpen },
	"registration with a token":        func(c *gateway.Config) { c.Preset.Registration.Mode = preset.RegistrationToken },
	"an issuer with a path and others": func(c *gateway.Config) { c.Issuer, c.Preset.Paths.Token = issuer+"/oauth", "/oauth/exchange" },
}

// The document is true: what it names is there, and what programs can call is in
// it.
func TestOpenAPIDocumentIsTrue(t *testing.T) {
	pages := []string{"account", "account_apps", "account_password", "assets", "consent", "developer", "directory", "home", "logo", "signin", "signout"}
	for name, change := range presets {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, withoutRates, change)
			doc, text := openAPIOf(t, w)
			for path, item := range doc.Paths {
				for method, op := range item {
					if op.Summary == "" || op.OperationID == "" || len(op.Responses) < 2 {
						t.Errorf("%s %s is not described", method, path)
					}
					for _, alternative := range op.Security {
						for scheme := range alternative {
							if doc.Components.SecuritySchemes[scheme] == nil {
								t.Errorf("%s %s names the scheme %s, which is none", method, path, scheme)
							}
						}
					}
				}
			}
			routed := make(map[string][]string)
			for _, route := range w.Config.Handler.(*edge.Edge).Routes {
				if !slices.Contains(pages, route.Name) {
					routed[route.Path] = route.Methods
				}
			}
			for path, methods := range routed {
				for _, method := range methods {
					if _, ok := doc.Paths[path][strings.ToLower(method)]; !ok {
						t.Errorf("document lacks %s %s", method, path)
					}
				}
			}
			for path, item := range doc.Paths {
				for method := range item {
					if !slices.Contains(routed[path], strings.ToUpper(method)) {
						t.Errorf("document has %s %s, which is not there", method, path)
					}
				}
			}
			if registered := strings.Contains(text, "register"); registered != (doc.Paths["/oauth/register"] != nil) {
				t.Errorf("document speaks of registration: %v", registered)
			}
		})
	}
}

// Every operation has a name of its own.
func TestOpenAPIOperationsAreUnique(t *testing.T) {
	doc, _ := openAPIOf(t, newWorld(t, presets["open registration"]))
	seen := make(map[string]bool)
	for path, item := range doc.Paths {
		for method, op := range item {
			if seen[op.OperationID] {
				t.Errorf("%s %s: %s is taken", method, path, op.OperationID)
			}
			seen[op.OperationID] = true
		}
	}
}

// What a preset does not offer has no path, and the metadata does not name it.
func TestWhatIsNotOfferedIsNotThere(t *testing.T) {
	none, all := newWorld(t, withoutRates, presets["nothing that may be left out"]), newWorld(t, withoutRates, presets["open registration"])
	const metadata = "/.well-known/openid-configuration"
	for path, member := range map[string]string{
		"/oauth/par": "pushed_authorization_request_endpoint", "/oauth/introspect": "introspection_endpoint",
		"/oauth/revoke": "revocation_endpoint", "/oauth/register": "registration_endpoint",
	} {
		if got := none.post(path, "token=x"); got.StatusCode != 404 {
			t.Errorf("%s answers %d where it is not offered", path, got.StatusCode)
		}
		if got := all.post(path, "token=x"); got.StatusCode == 404 {
			t.Errorf("%s is not there where it is offered", path)
		}
		if strings.Contains(none.get(metadata).body, `"`+member) {
			t.Errorf("metadata names %s where it is not offered", member)
		}
		if !strings.Contains(all.get(metadata).body, `"`+member+`": "`+issuer+path+`"`) {
			t.Errorf("metadata does not name %s where it is offered", member)
		}
	}
	none.get("/oauth/validate").wantStatus(t, 404)
	all.get("/oauth/validate").wantStatus(t, 200)
	// Where registration is off, its path is nothing.
	newWorld(t).post("/oauth/register", "{}", "Content-Type", "application/json").wantStatus(t, 404)
}
