package database

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/migrate"
	"github.com/chancery-auth/chancery/pkg/sqlite"
	"github.com/chancery-auth/chancery/pkg/sqlitetest"
)

// onlyPostgres are parts of statements that SQLite never sees.
var onlyPostgres = []string{"coherence.sweep(", "AS e (id, type, client_id, sub, event)"}

// Every statement of a store is one that SQLite can prepare, executed by a test or not:
// a rule that misfires is found here, and so is a name that is misspelt. Statements
// that are put together while the program runs are not seen.
func TestSQLitePreparesEveryStatement(t *testing.T) {
	const top = "../.."
	db := sqlitetest.New(t, schemas(t, top)...)
	prepared := 0
	for _, s := range statementsBelow(t, top) {
		isPart := func(part string) bool { return strings.Contains(s.text, part) }
		if isPart("{") || slices.ContainsFunc(onlyPostgres, isPart) { // braces are to be replaced
			continue
		}
		text := translated(valuesOf(s.text))
		if err := prepare(t.Context(), db, text); err != nil {
			t.Errorf("%s: %v\n%s", s.position, err, text)
		}
		prepared++
	}
	if prepared < 100 {
		t.Errorf("%d statements were prepared: the test does not see the others", prepared)
	}
}

func prepare(ctx context.Context, db *sqlite.DB, text string) (err error) {
	statement, err := db.Write().PrepareContext(ctx, text)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, statement.Close()) }()
	return nil
}

// schemas are those of all services, and those that they share.
func schemas(t *testing.T, top string) (sets []migrate.Set) {
	t.Helper()
	for pattern, element := range map[string]int{"pkg/*/migrations": 1, "services/*/internal/migrations": 2} {
		dirs, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil || len(dirs) == 0 {
			t.Fatalf("%s: %v, %v", pattern, dirs, err)
		}
		for _, dir := range dirs {
			name := dir
			for range element {
				name = filepath.Dir(name)
			}
			sets = append(sets, migrate.New(filepath.Base(name), os.DirFS(dir)))
		}
	}
	return sets
}

type found struct {
	position token.Position
	text     string
}

// source is what a file and the constants that it may name are.
type source struct {
	dir, name string
	file      *ast.File
	constants map[string]ast.Expr // by folder and name, and by package and name
}

var begins = regexp.MustCompile(`^\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\s`)

// statementsBelow are the constant texts of statements in the packages that stand on
// this one, as they are for SQLite.
func statementsBelow(t *testing.T, top string) (all []found) {
	t.Helper()
	fset, constants := token.NewFileSet(), make(map[string]ast.Expr)
	var sources []source
	for _, part := range []string{"pkg", "services", "cmd"} {
		err := filepath.WalkDir(filepath.Join(top, part), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			s := source{filepath.Dir(path), file.Name.Name, file, constants}
			for _, i := range file.Imports {
				if strings.HasSuffix(i.Path.Value, `/pkg/database"`) {
					sources = append(sources, s)
				}
			}
			s.declare()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range sources {
		ast.Inspect(s.file, func(node ast.Node) bool {
			switch e := node.(type) {
			case *ast.GenDecl:
				return e.Tok == token.VAR
			case *ast.FuncDecl: // a method may have the name of a constant
				e.Name = ast.NewIdent("_")
			case *ast.SelectorExpr:
				e.Sel = ast.NewIdent("_")
			case ast.Expr:
				text, ok := s.text(e)
				if ok && begins.MatchString(text) {
					all = append(all, found{fset.Position(e.Pos()), text})
				}
				return !ok
			}
			return true
		})
	}
	return all
}

func (s source) declare() {
	for _, d := range s.file.Decls {
		d, ok := d.(*ast.GenDecl)
		if !ok || d.Tok != token.CONST {
			continue
		}
		for _, spec := range d.Specs {
			spec := spec.(*ast.ValueSpec)
			for i, name := range spec.Names {
				if i < len(spec.Values) {
					s.constants[s.dir+"."+name.Name], s.constants[s.name+"."+name.Name] = spec.Values[i], spec.Values[i]
				}
			}
		}
	}
}

// text returns the value of an expression, if it is a constant text.
func (s source) text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.Ident:
		value, ok := s.constants[s.dir+"."+e.Name]
		if !ok {
			return "", false
		}
		return s.text(value)
	case *ast.SelectorExpr:
		from, ok := e.X.(*ast.Ident)
		if !ok {
			return "", false
		}
		value, ok := s.constants[from.Name+"."+e.Sel.Name]
		if !ok {
			return "", false
		}
		return s.text(value)
	case *ast.BinaryExpr:
		x, ok := s.text(e.X)
		y, also := s.text(e.Y)
		return x + y, ok && also && e.Op == token.ADD
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Either" && len(e.Args) == 2 {
			return s.text(e.Args[1])
		}
	}
	return "", false
}
