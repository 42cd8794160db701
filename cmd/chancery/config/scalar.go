package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// scalar reads single values of one type.
type scalar struct {
	want string // what is expected, to follow "want"
	// text says that a number or a truth value cannot be meant.
	text  bool
	parse func(d *decoder, text string) (any, error)
}

// refuses says whether the node is of a kind that cannot be meant.
func (s scalar) refuses(node ast.Node) bool {
	switch node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return s.text
	}
	return false
}

// ownScalar is how the types that have a form of their own are read.
func ownScalar(t reflect.Type) (s scalar, ok bool) {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return scalar{"a duration with its unit, such as 5s, 10m or 720h", true, func(_ *decoder, text string) (any, error) { return time.ParseDuration(text) }}, true
	case reflect.TypeFor[Size]():
		return scalar{"a size with its unit, such as 512KiB, 256MiB or 2GiB", true, func(_ *decoder, text string) (any, error) { return parseSize(text) }}, true
	case reflect.TypeFor[Secret]():
		return scalar{"file:PATH or env:NAME", true, func(d *decoder, text string) (any, error) { return d.secret(text), nil }}, true
	case reflect.TypeFor[slog.Level]():
		return scalar{"debug, info, warn or error", true, func(_ *decoder, text string) (any, error) { return parseLevel(text) }}, true
	case reflect.TypeFor[netip.Prefix]():
		return scalar{"an address range, such as 10.0.0.0/8 or 127.0.0.1/32", true, func(_ *decoder, text string) (any, error) { return netip.ParsePrefix(text) }}, true
	}
	return scalar{}, false
}

// scalarOf is how a type is read.
func scalarOf(t reflect.Type) scalar {
	if s, ok := ownScalar(t); ok {
		return s
	}
	switch t.Kind() {
	case reflect.Bool:
		return scalar{want: "true or false", parse: func(_ *decoder, text string) (any, error) { return parseBool(text) }}
	case reflect.Int:
		return scalar{want: "a whole number", parse: func(_ *decoder, text string) (any, error) { return strconv.Atoi(text) }}
	case reflect.Float64:
		return scalar{want: "a number", parse: func(_ *decoder, text string) (any, error) { return parseNumber(text) }}
	default:
		return scalar{want: "text", text: true, parse: func(_ *decoder, text string) (any, error) { return text, nil }}
	}
}

var errForm = errors.New("not of the form")

// parseBool takes the two words of YAML 1.2 alone: yes and on are mistakes that
// should be seen.
func parseBool(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errForm
}

func parseNumber(text string) (float64, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, errForm
	}
	return n, nil
}

func parseLevel(text string) (slog.Level, error) {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if text == strings.ToLower(level.String()) {
			return level, nil
		}
	}
	return 0, errForm
}

// Size is an amount of memory in bytes.
type Size int64

// units are those of [Size], the largest first.
func units() []struct {
	name  string
	bytes Size
} {
	return []struct {
		name  string
		bytes Size
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}
}

// String is the size in the largest unit that it is a whole number of.
func (s Size) String() string {
	for _, unit := range units() {
		if s != 0 && s%unit.bytes == 0 {
			return fmt.Sprintf("%d%s", s/unit.bytes, unit.name)
		}
	}
	return fmt.Sprintf("%dB", int64(s))
}

// parseSize reads what [Size.String] writes, but for single bytes.
func parseSize(text string) (Size, error) {
	for _, unit := range units() {
		digits, ok := strings.CutSuffix(text, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 31)
		if err != nil {
			return 0, errForm
		}
		return Size(n) * unit.bytes, nil
	}
	return 0, errForm
}

// Rounded is the size for people, in the largest unit that it has at least one of.
func (s Size) Rounded() string {
	for _, unit := range units() {
		if s >= unit.bytes {
			return fmt.Sprintf("%.1f %s", float64(s)/float64(unit.bytes), unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", int64(s))
}
