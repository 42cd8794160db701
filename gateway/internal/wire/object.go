package wire

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
)

// Object is a JSON object whose members keep their order. Its zero value has none.
type Object struct{ members []member }

type member struct {
	name  string
	value any
}

// Add adds a member, unless its value is an empty text or list, or nil.
func (o *Object) Add(name string, value any) {
	v := reflect.ValueOf(value)
	empty := !v.IsValid() || (v.Kind() == reflect.String || v.Kind() == reflect.Slice) && v.Len() == 0
	if !empty {
		o.members = append(o.members, member{name, value})
	}
}

// MarshalJSON implements json.Marshaler.
func (o *Object) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, m := range o.members {
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", m.name, err)
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(strconv.AppendQuote(out, m.name), ':')
		out = append(out, value...)
	}
	return append(out, '}'), nil
}
