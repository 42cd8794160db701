package oauth_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

func TestWrappedRefusalKeepsItsCode(t *testing.T) {
	err := fmt.Errorf("redeem code: %w", oauth.Refuse(oauth.InvalidGrant, "code has expired"))
	if !errors.Is(err, oauth.InvalidGrant) {
		t.Errorf("errors.Is(%v, InvalidGrant) = false", err)
	}
	if errors.Is(err, oauth.InvalidClient) {
		t.Errorf("errors.Is(%v, InvalidClient) = true", err)
	}
	var refusal *oauth.Error
	if !errors.As(err, &refusal) || refusal.Description != "code has expired" {
		t.Errorf("errors.As found %+v", refusal)
	}
}

func TestCauseIsForTheLogOnly(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		text   string
		causes bool
	}{
		{"with a cause", oauth.RefuseBecause(oauth.InvalidGrant, "code is unknown", io.EOF), "invalid_grant: code is unknown: EOF", true},
		{"with a nil cause", oauth.RefuseBecause(oauth.InvalidGrant, "code is unknown", nil), "invalid_grant: code is unknown", false},
		{"without", oauth.Refuse(oauth.InvalidGrant, "code is unknown"), "invalid_grant: code is unknown", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.err.Error(); got != tt.text {
				t.Errorf("Error() = %q, want %q", got, tt.text)
			}
			if got := errors.Is(tt.err, io.EOF); got != tt.causes {
				t.Errorf("errors.Is(err, cause) = %v, want %v", got, tt.causes)
			}
		})
	}
}

// RFC 6749 §5.2. The source is read, so that no rule is forgotten; and since a
// description has to be a literal, no input can get into one.
func TestDescriptionsHaveOnlyAllowedCharacters(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && isRefusal(call) {
				found++
				checkDescription(t, file, call.Args[1])
			}
			return true
		})
	}
	if found < 40 {
		t.Errorf("found %d refusals, which cannot be all", found)
	}
}

func isRefusal(call *ast.CallExpr) bool {
	name, ok := call.Fun.(*ast.Ident)
	return ok && (name.Name == "Refuse" || name.Name == "RefuseBecause")
}

func checkDescription(t *testing.T, file string, arg ast.Expr) {
	t.Helper()
	literal, ok := arg.(*ast.BasicLit)
	if !ok {
		t.Errorf("%s: a description is not a literal", file)
		return
	}
	description, err := strconv.Unquote(literal.Value)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []byte(description) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			t.Errorf("%s: description %q has the character %q", file, description, c)
		}
	}
}
