package openapi

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Query returns the text fields of m as parameters of a query, in the order of the
// contract, without those of omit. Fails for one that [words] does not know.
func Query(m proto.Message, required, omit []string) ([]Parameter, error) {
	var params []Parameter
	for fd := range fieldsOf(m.ProtoReflect().Descriptor(), omit) {
		s, err := parameter(fd)
		if err != nil {
			return nil, err
		}
		name := string(fd.Name())
		p := Parameter{Name: name, In: "query", Description: s.Description, Required: slices.Contains(required, name), Schema: s}
		p.Schema.Description = ""
		params = append(params, p)
	}
	return params, nil
}

// Request returns the schema of a request whose parameters or members are the
// fields of m without those of omit. Fails for one that [words] does not know.
func Request(m proto.Message, required, omit []string) (Schema, error) {
	s := Schema{Type: "object", Properties: make(map[string]Schema), Required: required}
	for fd := range fieldsOf(m.ProtoReflect().Descriptor(), omit) {
		member, err := parameter(fd)
		if err != nil {
			return Schema{}, err
		}
		s.Properties[string(fd.Name())] = member
	}
	return s, nil
}

// Answer returns the schema of m as it is written in an answer: what is optional
// in the contract, and a list, may be left out. Fails for a member that [words]
// does not know.
func Answer(m proto.Message) (Schema, error) { return answer(m.ProtoReflect().Descriptor()) }

func answer(md protoreflect.MessageDescriptor) (Schema, error) {
	s := Schema{Type: "object", Properties: make(map[string]Schema)}
	for fd := range fieldsOf(md, nil) {
		member, err := parameter(fd)
		if err != nil {
			return Schema{}, err
		}
		s.Properties[string(fd.Name())] = member
		if !fd.HasPresence() && !fd.IsList() {
			s.Required = append(s.Required, string(fd.Name()))
		}
	}
	return s, nil
}

func fieldsOf(md protoreflect.MessageDescriptor, omit []string) func(func(protoreflect.FieldDescriptor) bool) {
	return func(yield func(protoreflect.FieldDescriptor) bool) {
		for i := range md.Fields().Len() {
			fd := md.Fields().Get(i)
			if !slices.Contains(omit, string(fd.Name())) && !yield(fd) {
				return
			}
		}
	}
}

func parameter(fd protoreflect.FieldDescriptor) (Schema, error) {
	word, ok := words()[string(fd.Name())]
	if !ok {
		return Schema{}, fmt.Errorf("%s has no description", fd.FullName())
	}
	one, err := typeOf(fd)
	if err != nil {
		return Schema{}, err
	}
	if fd.IsList() {
		return Schema{Type: "array", Items: &one, Description: word}, nil
	}
	one.Description = word
	return one, nil
}

func typeOf(fd protoreflect.FieldDescriptor) (Schema, error) {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return Schema{Type: "string"}, nil
	case protoreflect.BoolKind:
		return Schema{Type: "boolean"}, nil
	case protoreflect.Int64Kind:
		return Schema{Type: "integer", Format: "int64"}, nil
	case protoreflect.MessageKind:
		return answer(fd.Message())
	default:
		return Schema{}, fmt.Errorf("%s has a type without a description", fd.FullName())
	}
}
