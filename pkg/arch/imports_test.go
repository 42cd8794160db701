package arch_test

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// mayImport lists, for each part of the tree, the parts it may import. What is
// not listed is forbidden, to tests as well.
var mayImport = map[string][]string{
	"proto":    {"proto"},
	"pkg":      {"proto", "pkg"},
	"services": {"proto", "pkg"}, // and itself: see allowed
	"gateway":  {"proto", "pkg", "gateway"},
	"deploy":   {"proto", "pkg", "deploy"},
	"examples": {"proto", "pkg", "examples"},
	"e2e":      {"proto", "pkg", "deploy", "e2e"},
	"bench":    {"proto", "pkg", "bench"},
	"cmd":      {"proto", "pkg", "services", "gateway", "deploy", "examples", "cmd"},
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if to, ours := strings.CutPrefix(imported, module); ours && !allowed(p.path(), to) {
				t.Errorf("%s must not import %s", p.path(), to)
			}
		}
	}
}

// allowed says whether the package at from may import the one at to. Services
// know each other by proto clients only.
func allowed(from, to string) bool {
	fromTop, fromRest, _ := strings.Cut(from, "/")
	toTop, toRest, _ := strings.Cut(to, "/")
	if fromTop == "services" && toTop == "services" {
		a, _, _ := strings.Cut(fromRest, "/")
		b, _, _ := strings.Cut(toRest, "/")
		return a == b
	}
	return slices.Contains(mayImport[fromTop], toTop)
}

func TestAllowed(t *testing.T) {
	tests := []struct {
		name, from, to string
		want           bool
	}{
		{"a service imports itself", "services/token", "services/token/internal/family", true},
		{"a service imports another", "services/token", "services/consent", false},
		{"a name that starts the same is another service", "services/token", "services/tokens", false},
		{"a service imports pkg", "services/token", "pkg/oauth", true},
		{"pkg imports a service", "pkg/oauth", "services/token", false},
		{"the gateway imports a service", "gateway", "services/token", false},
		{"the gateway imports its pages", "gateway", "gateway/pages", true},
		{"cmd imports a service", "cmd/chancery", "services/token", true},
		{"a part nobody listed", "util", "pkg/oauth", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := allowed(tt.from, tt.to); got != tt.want {
				t.Errorf("allowed(%q, %q) = %v, want %v", tt.from, tt.to, got, tt.want)
			}
		})
	}
}

// A library that only some packages may know. Their tests may use it freely.
type confined struct {
	library string
	known   func(from string) bool
}

var libraries = []confined{
	{"github.com/go-jose/go-jose/", below("pkg/jwks")},
	{"github.com/tink-crypto/tink-go/", below("pkg/seal", "pkg/kek")},
	{"github.com/jackc/pgx/", speaksPostgres},
	{"database/sql", notNoun},
	{"google.golang.org/grpc", notNoun},
	{"google.golang.org/protobuf", notNoun},
	{module + "proto", notNoun},
}

func TestConfinedLibraries(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			for _, c := range libraries {
				if within(imported, c.library) && !c.known(p.path()) {
					t.Errorf("%s must not import %s", p.path(), imported)
				}
			}
		}
	}
}

// within says whether the package name is library, or is inside it.
func within(name, library string) bool {
	library = strings.TrimSuffix(library, "/")
	return name == library || strings.HasPrefix(name, library+"/")
}

// below allows the packages at roots and those inside them.
func below(roots ...string) func(string) bool {
	return func(from string) bool {
		return slices.ContainsFunc(roots, func(root string) bool { return within(from, root) })
	}
}

// speaksPostgres allows what stores stand on, what PostgreSQL alone has, and the
// command that makes the pool.
var speaksPostgres = below("cmd", "pkg/database", "pkg/pg", "pkg/pgtest", "pkg/pgtrace", "pkg/migrate",
	"pkg/coherent/coherentpg", "pkg/event/eventpg")

// notNoun forbids services/<service>/internal/<noun>: it has the rules, and its store
// stands on pkg/database; what is above it has the wire.
func notNoun(from string) bool {
	noun, _ := path.Match("services/*/internal/*", from)
	return !noun || path.Base(from) == "migrations"
}

func TestConfinement(t *testing.T) {
	tests := []struct {
		name, from string
		known      func(string) bool
		want       bool
	}{
		{"a store", "services/token/internal/family", speaksPostgres, false},
		{"its suite", "services/token/internal/family/familytest", speaksPostgres, false},
		{"the constructor of a service", "services/token", speaksPostgres, false},
		{"the pool", "pkg/pg", speaksPostgres, true},
		{"what stores stand on", "pkg/database", speaksPostgres, true},
		{"what PostgreSQL alone has", "pkg/coherent/coherentpg", speaksPostgres, true},
		{"what both have", "pkg/coherent/coherentdb", speaksPostgres, false},
		{"the gateway", "gateway", speaksPostgres, false},
		{"a noun", "services/token/internal/family", notNoun, false},
		{"a noun's suite", "services/token/internal/family/familytest", notNoun, true},
		{"the migrations", "services/token/internal/migrations", notNoun, true},
		{"an adapter", "services/token", notNoun, true},
		{"the package itself", "pkg/jwks", below("pkg/jwks"), true},
		{"inside it", "pkg/jwks/jwkstest", below("pkg/jwks"), true},
		{"beside it", "pkg/jwksx", below("pkg/jwks"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.known(tt.from); got != tt.want {
				t.Errorf("%s: %v, want %v", tt.from, got, tt.want)
			}
		})
	}
}

// The vocabulary can be read, and reused, without any of our dependencies.
func TestOAuthImportsTheStandardLibraryOnly(t *testing.T) {
	for _, p := range packages(t) {
		if !within(p.path(), "pkg/oauth") {
			continue
		}
		for _, imported := range p.Imports {
			if host, _, _ := strings.Cut(imported, "/"); strings.Contains(host, ".") && !within(imported, module+"pkg/oauth") {
				t.Errorf("%s must not import %s", p.path(), imported)
			}
		}
	}
}

// Contract suites and test servers stay out of the binary.
func TestTestPackagesAreImportedByTestsOnly(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, module) && strings.HasSuffix(imported, "test") && !forTests(p.path()) {
				t.Errorf("%s must not import %s", p.path(), imported)
			}
		}
	}
}

func forTests(from string) bool {
	return strings.HasSuffix(from, "test") || within(from, "e2e") || within(from, "bench")
}
