package deploy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// calls are the roles that each role calls, as the configuration has them.
func calls(t *testing.T) map[string][]string {
	t.Helper()
	const path = "cmd/chancery/internal/config/roles.go"
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(top, path), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	graph := map[string][]string{}
	for _, declaration := range file.Decls {
		if f, ok := declaration.(*ast.FuncDecl); ok && f.Name.Name == "Calls" {
			ast.Inspect(f, func(n ast.Node) bool {
				if c, ok := n.(*ast.CaseClause); ok {
					for _, role := range c.List {
						graph[texts(role)[0]] = texts(c.Body[0])
					}
				}
				return true
			})
		}
	}
	if len(graph) == 0 {
		t.Fatalf("%s has no function Calls with a case for each role", path)
	}
	return graph
}

// texts are the string literals below a node.
func texts(n ast.Node) (list []string) {
	ast.Inspect(n, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				list = append(list, text)
			}
		}
		return true
	})
	return list
}

// caller is one whom a contract lets call a method.
var caller = regexp.MustCompile(`option \(chancery\.access\.v1\.callers\) = "([a-z]+)"`)

// TestContractsAllowEveryCall keeps the graph within what the contracts allow.
func TestContractsAllowEveryCall(t *testing.T) {
	for from, list := range calls(t) {
		for _, to := range list {
			files, err := filepath.Glob(filepath.Join(top, "proto/chancery", to, "v1/*_service.proto"))
			if err != nil || len(files) == 0 {
				t.Fatalf("%s has no contract, error %v", to, err)
			}
			allowed := map[string]bool{}
			for _, file := range files {
				relative, err := filepath.Rel(top, file)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range caller.FindAllStringSubmatch(string(read(t, relative)), -1) {
					allowed[m[1]] = true
				}
			}
			if !allowed[from] && !allowed["anyone"] {
				t.Errorf("%s calls %s, which lets only %v call", from, to, slices.Sorted(maps.Keys(allowed)))
			}
		}
	}
}
