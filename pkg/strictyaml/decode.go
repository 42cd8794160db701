package strictyaml

import (
	"bytes"
	"errors"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Decode reads the content of a file over what into has, a pointer to a struct:
// keys that are left out keep their values, and a list replaces the one that was
// there. It goes on after a mistake; [Document.Err] has them all.
func Decode(file string, content []byte, into any, scalars Scalars) *Document {
	doc := &Document{path: file, at: map[string]position{}}
	if body := doc.parse(content); body != nil {
		d := decoder{Document: doc, folder: filepath.Dir(file), scalars: scalars}
		d.mapping("", body, reflect.ValueOf(into).Elem())
	}
	return doc
}

// parse is the one document of the file; nil if it is empty or broken.
func (d *Document) parse(content []byte) ast.Node {
	// Some editors begin a file with a byte order mark.
	content = bytes.TrimPrefix(content, []byte("\uFEFF"))
	if !utf8.Valid(content) || bytes.IndexByte(content, 0) >= 0 {
		d.Wrong("", "not text in UTF-8")
		return nil
	}
	parsed, err := parser.ParseBytes(content, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.broken(err)
		return nil
	}
	var body ast.Node
	for _, doc := range parsed.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			d.at[""] = positionOf(doc.Body)
			d.Wrong("", "a second document: put everything into one")
			return body
		}
		body = doc.Body
	}
	return body
}

// broken notes what the parser could not read. Its message quotes no line: that
// might hold what is secret.
func (d *Document) broken(err error) {
	var syntax yaml.Error
	if !errors.As(err, &syntax) {
		d.Wrong("", "not YAML: %v", err)
		return
	}
	if t := syntax.GetToken(); t != nil {
		d.at[""] = position{t.Position.Line, t.Position.Column}
	}
	d.Wrong("", "not YAML: %s", syntax.GetMessage())
}

// decoder puts a parsed file into a struct. It goes on after a mistake, and
// remembers where each key was.
type decoder struct {
	*Document
	folder  string // of the file: what its paths are relative to
	scalars Scalars
}

// mapping decodes a section.
func (d *decoder) mapping(key string, node ast.Node, to reflect.Value) {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		d.Wrong(key, "want keys with values, got %s", kindOf(node))
		return
	}
	fields := fieldsOf(to.Type())
	seen := map[string]bool{}
	for each := mapping.MapRange(); each.Next(); {
		name, path := each.Key().GetToken().Value, join(key, each.Key().GetToken().Value)
		if seen[name] {
			d.at[path] = positionOf(each.Key())
			d.Wrong(path, "is there twice")
			continue
		}
		seen[name] = true
		d.at[path] = positionOf(each.Key())
		if f, ok := d.known(path, name, fields); ok {
			d.value(path, each.Value(), to.FieldByIndex(f.index), f)
		}
	}
}

// known finds the field of a key.
func (d *decoder) known(path, name string, fields []field) (field, bool) {
	keys := make([]string, 0, len(fields))
	for _, f := range fields {
		if f.key == name {
			return f, true
		}
		keys = append(keys, f.key)
	}
	hint := "known here: " + strings.Join(keys, ", ")
	if guess := Nearest(name, keys); guess != "" {
		hint = "did you mean " + guess + "?"
	}
	d.Wrong(path, "unknown key: %s", hint)
	return field{}, false
}

// value decodes what a key has.
func (d *decoder) value(key string, node ast.Node, to reflect.Value, f field) {
	if _, ok := d.scalars.own(to.Type()); ok {
		d.scalar(key, node, to, f)
		return
	}
	if node.Type() == ast.NullType {
		return // a section that is there but empty
	}
	switch to.Kind() {
	case reflect.Struct:
		d.mapping(key, node, to)
	case reflect.Slice:
		d.list(key, node, to, f)
	default:
		d.scalar(key, node, to, f)
	}
}

// list decodes a sequence. An empty one is nil.
func (d *decoder) list(key string, node ast.Node, to reflect.Value, f field) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		d.Wrong(key, "want a list, got %s", kindOf(node))
		return
	}
	to.SetZero()
	if len(sequence.Values) > 0 {
		to.Set(reflect.MakeSlice(to.Type(), len(sequence.Values), len(sequence.Values)))
	}
	for i, each := range sequence.Values {
		item := key + "[" + strconv.Itoa(i) + "]"
		d.at[item] = positionOf(each)
		d.value(item, each, to.Index(i), f)
	}
}

// scalar decodes a single value.
func (d *decoder) scalar(key string, node ast.Node, to reflect.Value, f field) {
	text, ok := textOf(node)
	form := d.scalars.of(to.Type())
	switch {
	case node.Type() == ast.NullType:
		d.Wrong(key, "has no value: want %s, or leave the key out", form.Want)
		return
	case !ok:
		d.Wrong(key, "want %s, got %s%s", form.Want, kindOf(node), quotes(node))
		return
	}
	d.at[key] = positionOf(node)
	if form.refuses(node) {
		d.Wrong(key, "want %s, got %s", form.Want, kindOf(node))
		return
	}
	if f.file && text != "" && !filepath.IsAbs(text) {
		text = filepath.Join(d.folder, text)
	}
	value, err := form.Parse(text)
	if err != nil {
		d.Wrong(key, "want %s", form.Want)
		return
	}
	to.Set(reflect.ValueOf(value).Convert(to.Type()))
}
