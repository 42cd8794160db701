package form

import (
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

// Decode fills m, whose text fields are named as the parameters are. Fails with
// invalid_request when a parameter comes more than once, one that m does not
// know included (RFC 6749 §3.2); a repeated field takes every value.
func Decode(values Values, m proto.Message) error {
	if len(Fill(values, m)) > 0 {
		return oauth.Refuse(oauth.InvalidRequest, "a parameter comes more than once")
	}
	return nil
}

// Fill is [Decode] for an endpoint that judges repetition itself: it leaves the
// fields of repeated parameters empty, and returns their names.
//
// A parameter without a value counts as absent (RFC 6749 §3.1), and one that m
// does not know is ignored. Names are those of the contract, byte for byte:
// there are no aliases, and no way into nested messages.
func Fill(values Values, m proto.Message) (repeated []string) {
	fields := m.ProtoReflect().Descriptor().Fields()
	repeated = values.Repeated(func(name string) bool {
		fd := textField(fields, name)
		return fd != nil && fd.IsList()
	})
	for _, p := range values {
		fd := textField(fields, p.Name)
		if fd == nil || p.Value == "" || slices.Contains(repeated, p.Name) {
			continue
		}
		if fd.IsList() {
			m.ProtoReflect().Mutable(fd).List().Append(protoreflect.ValueOfString(p.Value))
			continue
		}
		m.ProtoReflect().Set(fd, protoreflect.ValueOfString(p.Value))
	}
	return repeated
}

// textField returns the text field of that name, nil if there is none.
func textField(fields protoreflect.FieldDescriptors, name string) protoreflect.FieldDescriptor {
	fd := fields.ByName(protoreflect.Name(name))
	if fd == nil || fd.Kind() != protoreflect.StringKind {
		return nil
	}
	return fd
}
