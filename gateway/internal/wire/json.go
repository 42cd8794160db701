// Package wire turns the messages of the contracts into what OAuth clients send
// and read: forms on the way in, JSON on the way out.
//
// protojson is not used: it writes int64 as text, lowerCamel names and varying
// white space. The messages of the OAuth endpoints have the parameters' own
// names, so one generic encoder is enough.
package wire

import (
	"encoding/json"
	"fmt"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Encode returns m as JSON, its fields in the order of the contract. Numbers are
// numbers; a field that is optional in the contract is left out while it is not
// set, an empty list is left out, and everything else is always there. A message
// without fields is no body at all.
func Encode(m proto.Message) ([]byte, error) {
	r := m.ProtoReflect()
	if r.Descriptor().Fields().Len() == 0 {
		return nil, nil
	}
	return appendMessage(nil, r)
}

func appendMessage(out []byte, m protoreflect.Message) ([]byte, error) {
	out = append(out, '{')
	first := true
	for i := range m.Descriptor().Fields().Len() {
		fd := m.Descriptor().Fields().Get(i)
		if leftOut(m, fd) {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = strconv.AppendQuote(out, string(fd.Name()))
		out = append(out, ':')
		var err error
		if out, err = appendField(out, fd, m.Get(fd)); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

func leftOut(m protoreflect.Message, fd protoreflect.FieldDescriptor) bool {
	return (fd.HasPresence() || fd.IsList()) && !m.Has(fd)
}

func appendField(out []byte, fd protoreflect.FieldDescriptor, v protoreflect.Value) ([]byte, error) {
	if !fd.IsList() {
		return appendValue(out, fd, v)
	}
	out = append(out, '[')
	for i := range v.List().Len() {
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = appendValue(out, fd, v.List().Get(i)); err != nil {
			return nil, err
		}
	}
	return append(out, ']'), nil
}

// appendValue knows the kinds that the contracts of the OAuth endpoints use. A
// kind that has no obvious form in JSON is refused rather than guessed.
func appendValue(out []byte, fd protoreflect.FieldDescriptor, v protoreflect.Value) ([]byte, error) {
	switch fd.Kind() {
	case protoreflect.StringKind:
		text, err := json.Marshal(v.String())
		return append(out, text...), err
	case protoreflect.BoolKind:
		return strconv.AppendBool(out, v.Bool()), nil
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		return strconv.AppendInt(out, v.Int(), 10), nil
	case protoreflect.MessageKind:
		if !fd.IsMap() {
			return appendMessage(out, v.Message())
		}
		fallthrough
	default:
		return nil, fmt.Errorf("encode field %s: kind %s has no form in JSON", fd.FullName(), fd.Kind())
	}
}
