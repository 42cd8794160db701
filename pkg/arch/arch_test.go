package arch_test

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/chancery-auth/chancery/"

// goPackage is what go list tells about one of our packages.
type goPackage struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	Imports      []string
	TestGoFiles  []string
	TestImports  []string
	XTestGoFiles []string
	XTestImports []string
}

// path is the folder below the top of the tree, with slashes.
func (p goPackage) path() string { return strings.TrimPrefix(p.ImportPath, module) }

// packages lists every package of the product.
func packages(t *testing.T) []goPackage {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(goList(t, "-json", module+"...")))
	var all []goPackage
	for {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("decode go list: %v", err)
		}
		all = append(all, p)
	}
}

// goList runs go list and returns what it prints.
func goList(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("go list: %v\n%s", err, exit.Stderr)
	}
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return string(out)
}

func TestEveryPackageHasAComment(t *testing.T) {
	for _, p := range packages(t) {
		files := slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles)
		if !strings.HasPrefix(p.path(), "proto/") && !slices.ContainsFunc(files, documented(t, p.Dir)) {
			t.Errorf("%s has no package comment", p.path())
		}
	}
}

// documented returns a function that says whether a file of dir has a comment
// on its package clause.
func documented(t *testing.T, dir string) func(file string) bool {
	return func(file string) bool {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, file), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Errorf("parse: %v", err)
			return true
		}
		return f.Doc != nil
	}
}
