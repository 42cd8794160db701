package config

import (
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// decoder puts a parsed file into a [Config]. It is ours because it goes on
// after a mistake, and remembers where each key was.
type decoder struct {
	*source
	folder string // of the file: what its paths are relative to
}

// field is a key of a section.
type field struct {
	key, help string
	file      bool // the text is a path
	index     []int
}

// fieldsOf lists the keys of a section, those of an embedded struct as its own.
func fieldsOf(t reflect.Type) []field {
	var list []field
	for f := range t.Fields() {
		if f.Anonymous {
			for _, inner := range fieldsOf(f.Type) {
				inner.index = append([]int{f.Index[0]}, inner.index...)
				list = append(list, inner)
			}
			continue
		}
		if key, ok := f.Tag.Lookup("yaml"); ok {
			_, file := f.Tag.Lookup("file")
			list = append(list, field{key: key, help: f.Tag.Get("help"), file: file, index: f.Index})
		}
	}
	return list
}

// join is the key of what is at name in the section at key.
func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

// mapping decodes a section.
func (d *decoder) mapping(key string, node ast.Node, to reflect.Value) {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		d.wrong(key, "want keys with values, got %s", kindOf(node))
		return
	}
	fields := fieldsOf(to.Type())
	seen := map[string]bool{}
	for each := mapping.MapRange(); each.Next(); {
		name, path := each.Key().GetToken().Value, join(key, each.Key().GetToken().Value)
		if seen[name] {
			d.at[path] = positionOf(each.Key())
			d.wrong(path, "is there twice")
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
	if guess := nearest(name, keys); guess != "" {
		hint = "did you mean " + guess + "?"
	}
	d.wrong(path, "unknown key: %s", hint)
	return field{}, false
}

// value decodes what a key has.
func (d *decoder) value(key string, node ast.Node, to reflect.Value, f field) {
	if _, ok := ownScalar(to.Type()); ok {
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

// list decodes a sequence.
func (d *decoder) list(key string, node ast.Node, to reflect.Value, f field) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		d.wrong(key, "want a list, got %s", kindOf(node))
		return
	}
	to.Set(reflect.MakeSlice(to.Type(), len(sequence.Values), len(sequence.Values)))
	for i, each := range sequence.Values {
		item := key + "[" + strconv.Itoa(i) + "]"
		d.at[item] = positionOf(each)
		d.value(item, each, to.Index(i), f)
	}
}

// scalar decodes a single value.
func (d *decoder) scalar(key string, node ast.Node, to reflect.Value, f field) {
	text, ok := textOf(node)
	parser := scalarOf(to.Type())
	switch {
	case node.Type() == ast.NullType:
		d.wrong(key, "has no value: want %s, or leave the key out", parser.want)
		return
	case !ok:
		d.wrong(key, "want %s, got %s%s", parser.want, kindOf(node), quotes(node))
		return
	}
	d.at[key] = positionOf(node)
	if parser.refuses(node) {
		d.wrong(key, "want %s, got %s", parser.want, kindOf(node))
		return
	}
	if f.file && text != "" && !filepath.IsAbs(text) {
		text = filepath.Join(d.folder, text)
	}
	value, err := parser.parse(d, text)
	if err != nil {
		d.wrong(key, "want %s", parser.want)
		return
	}
	to.Set(reflect.ValueOf(value).Convert(to.Type()))
}

// quotes is what to do about a text within braces that was read as a key with a
// value, for its colon.
func quotes(node ast.Node) string {
	if _, ok := node.(ast.MapNode); ok {
		return " (put text with a colon into quotes)"
	}
	return ""
}

// textOf is a single value as text.
func textOf(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// kindOf is what a node is, for a message. It does not show the value.
func kindOf(node ast.Node) string {
	switch node.(type) {
	case ast.MapNode:
		return "keys with values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.IntegerNode, *ast.FloatNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.NullNode:
		return "nothing"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	}
	return "an anchor, alias or tag, which have no use here"
}

func positionOf(node ast.Node) position {
	if m, ok := node.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		node = m.Values[0].Key
	}
	at := node.GetToken().Position
	return position{at.Line, at.Column}
}
