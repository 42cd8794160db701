package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sqlWords are those of a statement, or of a part of one.
var sqlWords = regexp.MustCompile(`\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|FROM|WHERE|VALUES|ORDER BY|RETURNING|NOTIFY|LISTEN)\b`)

// N278: a statement is put together of constants alone. What comes from outside
// is a parameter of it.
func TestN278_StatementsAreConstant(t *testing.T) {
	files, constants := parseAll(t)
	statements := 0
	for _, f := range files {
		n, bad := builtStatements(f, constants)
		statements += n
		for _, expression := range bad {
			t.Errorf("%s: a statement is made of what is no constant", f.fset.Position(expression.Pos()))
		}
	}
	if statements < 50 {
		t.Errorf("%d statements are put together: the test does not see them", statements)
	}
}

func TestBuiltStatements(t *testing.T) {
	tests := []struct {
		name, expression string
		want             bool
	}{
		{"a literal", "`SELECT 1`", true},
		{"constants", "`SELECT ` + columns + ` FROM t`", true},
		{"a constant of another package", "`SELECT ` + other.Now", true},
		{"a variable", "`SELECT a FROM t WHERE b = ` + name", false},
		{"a variable in the middle", "`SELECT ` + name + ` FROM t`", false},
		{"a field", "`DELETE FROM ` + s.table", false},
		{"a call", "`SELECT ` + strings.Join(list, `,`)", false},
		{"constants for each database", "`SELECT ` + tx.Either(columns, `b`)", true},
		{"a variable for one database", "`SELECT ` + tx.Either(columns, name)", false},
		{"a format", "fmt.Sprintf(`SELECT %s`, name)", false},
		{"a text that is no statement", "`hello ` + name", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source := "package p\nconst columns = `a`\nfunc f(name string) { g(" + tt.expression + ") }\n"
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, "p.go", source, 0)
			if err != nil {
				t.Fatal(err)
			}
			constants := map[string]bool{"p.columns": true, "other.Now": true}
			if _, bad := builtStatements(parsed{fset, file, "p"}, constants); (len(bad) == 0) != tt.want {
				t.Errorf("%d are refused, want allowed = %v", len(bad), tt.want)
			}
		})
	}
}

// parsed is a file of the package whose folder has the name.
type parsed struct {
	fset *token.FileSet
	file *ast.File
	name string
}

// parseAll parses what the product is made of, tests aside, and finds the names
// of all constants, each with its package's.
func parseAll(t *testing.T) (files []parsed, constants map[string]bool) {
	t.Helper()
	constants = make(map[string]bool)
	fset := token.NewFileSet()
	for _, p := range packages(t) {
		if forTests(p.path()) {
			continue
		}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, parsed{fset, file, file.Name.Name})
			for node := range ast.Preorder(file) {
				if d, ok := node.(*ast.GenDecl); ok && d.Tok == token.CONST {
					for _, spec := range d.Specs {
						for _, id := range spec.(*ast.ValueSpec).Names {
							constants[file.Name.Name+"."+id.Name] = true
						}
					}
				}
			}
		}
	}
	return files, constants
}

// builtStatements counts the statements that are put together in the file, and
// returns those that are made of anything but constants.
func builtStatements(f parsed, constants map[string]bool) (statements int, bad []ast.Expr) {
	ast.Inspect(f.file, func(node ast.Node) bool {
		switch e := node.(type) {
		case *ast.BinaryExpr:
			parts := leaves(e)
			if e.Op != token.ADD || !anyStatement(parts) {
				return true
			}
			statements++
			for _, part := range parts {
				if !constant(part, f.name, constants) {
					bad = append(bad, part)
				}
			}
			return false
		case *ast.CallExpr:
			if callee, ok := e.Fun.(*ast.SelectorExpr); ok && callee.Sel.Name == "Sprintf" && anyStatement(e.Args) {
				bad = append(bad, e)
			}
		}
		return true
	})
	return statements, bad
}

// leaves are what a sum is of.
func leaves(e ast.Expr) []ast.Expr {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return leaves(e.X)
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return append(leaves(e.X), leaves(e.Y)...)
		}
	}
	return []ast.Expr{e}
}

func anyStatement(parts []ast.Expr) bool {
	for _, part := range parts {
		if literal, ok := part.(*ast.BasicLit); ok && literal.Kind == token.STRING && sqlWords.MatchString(literal.Value) {
			return true
		}
	}
	return false
}

func constant(e ast.Expr, name string, constants map[string]bool) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return constants[name+"."+e.Name]
	case *ast.SelectorExpr:
		from, ok := e.X.(*ast.Ident)
		return ok && constants[strings.Join([]string{from.Name, e.Sel.Name}, ".")]
	case *ast.CallExpr: // of database.Conn
		callee, ok := e.Fun.(*ast.SelectorExpr)
		return ok && callee.Sel.Name == "Either" && !slices.ContainsFunc(e.Args, func(arg ast.Expr) bool {
			return !constant(arg, name, constants)
		})
	default:
		return false
	}
}

// pkg/sweep puts the names of its rules into statements. They are literals too.
func TestN278_NamesInRulesOfSweepsAreLiterals(t *testing.T) {
	files, _ := parseAll(t)
	rules := 0
	for _, f := range files {
		n, bad := sweepRules(f.file)
		rules += n
		for _, expression := range bad {
			t.Errorf("%s: a name in a rule is no literal", f.fset.Position(expression.Pos()))
		}
	}
	if rules < 10 {
		t.Errorf("%d rules: the test does not see them", rules)
	}
}

func TestSweepRules(t *testing.T) {
	for expression, want := range map[string]int{
		"sweep.Rule{Table: `a`, After: f(), Children: []string{`b`}}": 0,
		"[]sweep.Rule{{Table: `a`}, {Table: name}}":                   1,
		"sweep.Rule{Table: `a` + name}":                               1,
		"sweep.Rule{Children: []string{`a`, name}}":                   1,
		"sweep.Rule{Children: names}":                                 1,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "p.go", "package p\nvar x = "+expression, 0)
		if err != nil {
			t.Fatal(err)
		}
		if n, bad := sweepRules(file); n == 0 || len(bad) != want {
			t.Errorf("%s: %d rules, %d are refused, want %d", expression, n, len(bad), want)
		}
	}
}

// sweepRules counts the rules in a file, and returns what is no literal in their
// names.
func sweepRules(file *ast.File) (rules int, bad []ast.Expr) {
	isRule := func(e ast.Expr) bool {
		s, ok := e.(*ast.SelectorExpr)
		return ok && s.Sel.Name == "Rule" && types.ExprString(s.X) == "sweep"
	}
	check := func(rule *ast.CompositeLit) {
		rules++
		for _, field := range rule.Elts {
			field, ok := field.(*ast.KeyValueExpr)
			if !ok {
				bad = append(bad, rule)
				continue
			}
			names := []ast.Expr{field.Value}
			if list, ok := field.Value.(*ast.CompositeLit); ok {
				names = list.Elts
			}
			for _, name := range names {
				if _, ok := name.(*ast.BasicLit); !ok && types.ExprString(field.Key) != "After" {
					bad = append(bad, name)
				}
			}
		}
	}
	for node := range ast.Preorder(file) {
		lit, ok := node.(*ast.CompositeLit)
		if !ok {
			continue
		}
		if list, ok := lit.Type.(*ast.ArrayType); ok && isRule(list.Elt) {
			for _, rule := range lit.Elts {
				if rule, ok := rule.(*ast.CompositeLit); ok {
					check(rule)
				}
			}
		} else if isRule(lit.Type) {
			check(lit)
		}
	}
	return rules, bad
}
