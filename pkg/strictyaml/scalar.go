package strictyaml

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Scalar says how single values of one type are read and written.
type Scalar struct {
	// Want is what is expected, to follow "want".
	Want string
	// Text says that a number or a truth value cannot be meant.
	Text bool
	// Parse reads what Print writes. It returns a value that converts to the type.
	Parse func(text string) (any, error)
	// Print may be nil: the value's String, or how fmt shows it.
	Print func(value any) string
}

// Scalars are the types that have a form of their own, beside durations, which are
// always known. Texts, truth values and numbers need none.
type Scalars map[reflect.Type]Scalar

// OneOf reads a text that is one of some words.
func OneOf(words ...string) Scalar {
	want := words[0]
	if last := len(words) - 1; last > 0 {
		want = strings.Join(words[:last], ", ") + " or " + words[last]
	}
	return Scalar{Want: want, Text: true, Parse: func(text string) (any, error) {
		for _, word := range words {
			if text == word {
				return text, nil
			}
		}
		return nil, errForm
	}}
}

// refuses says whether the node is of a kind that cannot be meant.
func (s Scalar) refuses(node ast.Node) bool {
	switch node.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return s.Text
	}
	return false
}

// own is how a type is read that has a form of its own.
func (s Scalars) own(t reflect.Type) (Scalar, bool) {
	if t == reflect.TypeFor[time.Duration]() {
		return Scalar{
			Want: "a duration with its unit, such as 5s, 10m or 720h", Text: true,
			Parse: func(text string) (any, error) { return time.ParseDuration(text) },
			Print: func(value any) string { return Short(value.(time.Duration)) },
		}, true
	}
	own, ok := s[t]
	return own, ok
}

// of is how a type is read.
func (s Scalars) of(t reflect.Type) Scalar {
	if own, ok := s.own(t); ok {
		return own
	}
	switch t.Kind() {
	case reflect.Bool:
		return Scalar{Want: "true or false", Parse: func(text string) (any, error) { return parseBool(text) }}
	case reflect.Int:
		return Scalar{Want: "a whole number", Parse: func(text string) (any, error) { return strconv.Atoi(text) }}
	case reflect.Float64:
		return Scalar{Want: "a number", Parse: func(text string) (any, error) { return parseNumber(text) }}
	default:
		return Scalar{Want: "text", Text: true, Parse: func(text string) (any, error) { return text, nil }}
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

// Short is a duration without the units that are zero: 720h, not 720h0m0s.
func Short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Within wants least <= value <= most.
func Within[T float64 | int | time.Duration](value, least, most T) error {
	if value >= least && value <= most {
		return nil
	}
	return fmt.Errorf("want from %s to %s", shown(least), shown(most))
}

func shown(value any) string {
	if d, ok := value.(time.Duration); ok {
		return Short(d)
	}
	return fmt.Sprint(value)
}
