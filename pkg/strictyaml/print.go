package strictyaml

import (
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// commentWidth is where comments break, in characters.
const commentWidth = 100

// Printer writes structs as files. It is used once.
type Printer struct {
	W       io.Writer
	Scalars Scalars
	// Comments writes what each key means before it, and an empty line after each
	// section of the file.
	Comments bool
	// Skip leaves a key out, but for its comment. Nil: none.
	Skip func(key string, value reflect.Value) bool
	// Note is what follows a value, such as "  # default". Nil: nothing.
	Note func(key string, value reflect.Value) string

	err error
}

// Print writes of, a pointer to a struct. Fails with what writing failed with.
func (p *Printer) Print(of any) error {
	p.section("", "", reflect.ValueOf(of).Elem())
	return p.err
}

// Line writes a line, unless an earlier one could not be written.
func (p *Printer) Line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.W, format+"\n", args...)
	}
}

// section writes the keys of a struct.
func (p *Printer) section(key, indent string, from reflect.Value) {
	for _, f := range fieldsOf(from.Type()) {
		path, value := join(key, f.key), from.FieldByIndex(f.index)
		explain, skip := p.Comments && !explained(key), p.Skip != nil && p.Skip(path, value)
		if explain {
			p.comment(indent, f.help)
		}
		switch {
		case !skip:
			p.value(path, indent, f.key, value)
		case explain:
			p.Line("%s# %s:", indent, f.key)
		}
		if p.Comments && key == "" {
			p.Line("")
		}
	}
}

// explained says whether the keys of an item of a list have been explained, with
// an earlier item.
func explained(key string) bool {
	open := strings.LastIndexByte(key, '[')
	return open >= 0 && key[open:] != "[0]"
}

// value writes a key with what it has.
func (p *Printer) value(path, indent, key string, from reflect.Value) {
	_, single := p.Scalars.own(from.Type())
	switch {
	case !single && from.Kind() == reflect.Struct:
		p.Line("%s%s:", indent, key)
		p.section(path, indent+"  ", from)
	case !single && from.Kind() == reflect.Slice:
		p.list(path, indent, key, from)
	default:
		p.Line("%s%s: %s%s", indent, key, p.render(from), p.note(path, from))
	}
}

func (p *Printer) list(path, indent, key string, from reflect.Value) {
	if from.Len() == 0 {
		p.Line("%s%s: []%s", indent, key, p.note(path, from))
		return
	}
	if _, single := p.Scalars.own(from.Type().Elem()); !single && from.Type().Elem().Kind() == reflect.Struct {
		p.Line("%s%s:%s", indent, key, p.note(path, from))
		for i := range from.Len() {
			p.Line("%s  -", indent)
			p.section(path+"["+strconv.Itoa(i)+"]", indent+"    ", from.Index(i))
		}
		return
	}
	items := make([]string, 0, from.Len())
	for i := range from.Len() {
		items = append(items, p.render(from.Index(i)))
	}
	p.Line("%s%s: [%s]%s", indent, key, strings.Join(items, ", "), p.note(path, from))
}

func (p *Printer) note(path string, from reflect.Value) string {
	if p.Note == nil {
		return ""
	}
	return p.Note(path, from)
}

// comment writes text as comment lines.
func (p *Printer) comment(indent, text string) {
	line := indent + "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > commentWidth {
			p.Line("%s", line)
			line = indent + "#"
		}
		line += " " + word
	}
	p.Line("%s", line)
}

// render is a single value in YAML.
func (p *Printer) render(v reflect.Value) string {
	own, ok := p.Scalars.own(v.Type())
	switch {
	case ok && own.Print != nil:
		return own.Print(v.Interface())
	case v.Kind() == reflect.String:
		return Quote(v.String())
	default:
		return fmt.Sprint(v.Interface())
	}
}

// ValueAt is the value of a key, such as drain.delay, in a struct. There is none
// for a key within a list.
func ValueAt(section reflect.Value, path string) (reflect.Value, bool) {
	name, rest, more := strings.Cut(path, ".")
	for _, f := range fieldsOf(section.Type()) {
		if f.key != name {
			continue
		}
		value := section.FieldByIndex(f.index)
		if more {
			return ValueAt(value, rest)
		}
		return value, true
	}
	return reflect.Value{}, false
}

// Keys are the keys of a struct in the order of its fields, each after the section
// it is in: such as drain, drain.delay. Those of the items of a list are as if it
// had one: callers, callers.name.
func Keys(t reflect.Type, scalars Scalars) []string {
	var keys []string
	for _, f := range fieldsOf(t) {
		keys = append(keys, f.key)
		inner := t.FieldByIndex(f.index).Type
		if _, single := scalars.own(inner); !single && inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if _, single := scalars.own(inner); single || inner.Kind() != reflect.Struct {
			continue
		}
		for _, each := range Keys(inner, scalars) {
			keys = append(keys, join(f.key, each))
		}
	}
	return keys
}

// Quote is text as one YAML value: as it is where nothing else could be read.
func Quote(text string) string {
	plain := regexp.MustCompile(`^[A-Za-z0-9/.][A-Za-z0-9/._:+-]*[A-Za-z0-9/._+-]$`)
	_, number := strconv.ParseFloat(text, 64)
	if !plain.MatchString(text) || number == nil || slices.Contains([]string{"true", "false", "null", "yes", "no", "on", "off"}, strings.ToLower(text)) {
		return strconv.Quote(text)
	}
	return text
}
