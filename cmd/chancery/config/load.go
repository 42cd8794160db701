package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Lookup finds an environment variable, as os.LookupEnv does.
type Lookup func(name string) (value string, found bool)

// Load reads a file over [Default] and checks it: what is wrong whatever the
// process runs and, where roles are given, what these need (see
// [Config.Validate]). Fails with [*Mistakes], all at once.
func Load(path string, env Lookup, roles ...string) (*Config, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	c := Default()
	c.file = source{path: path, lookup: env, at: map[string]position{}}
	if body := c.file.parse(content); body != nil {
		d := decoder{source: &c.file, folder: filepath.Dir(path)}
		d.mapping("", body, reflect.ValueOf(c).Elem())
	}
	c.check()
	if len(roles) > 0 {
		c.checkRoles(roles)
	}
	if err := c.file.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// parse is the one document of the file; nil if it is empty or broken.
func (s *source) parse(content []byte) ast.Node {
	parsed, err := parser.ParseBytes(content, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		s.broken(err)
		return nil
	}
	var body ast.Node
	for _, doc := range parsed.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			s.at[""] = positionOf(doc.Body)
			s.wrong("", "a second document: put everything into one")
			return body
		}
		body = doc.Body
	}
	return body
}

// broken notes what the parser could not read. Its message quotes no line: that
// might hold what is secret.
func (s *source) broken(err error) {
	var syntax yaml.Error
	if !errors.As(err, &syntax) {
		s.wrong("", "not YAML: %v", err)
		return
	}
	if t := syntax.GetToken(); t != nil {
		s.at[""] = position{t.Position.Line, t.Position.Column}
	}
	s.wrong("", "not YAML: %s", syntax.GetMessage())
}
