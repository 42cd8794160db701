package eventtest

import (
	"regexp"
	"slices"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/chancery-auth/chancery/pkg/event"
	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
)

const uuidForm = `[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`

// formOf returns what each field of an event may look like. A token, an address
// and a name fit none of them.
func formOf(field protoreflect.Name) *regexp.Regexp {
	form := map[protoreflect.Name]string{
		"id":           uuidForm,
		"type":         `[a-z_.]+`,
		"caller":       `[a-z0-9-]*`,
		"trace_id":     `([0-9a-f]{32})?`,
		"client_id":    `(` + uuidForm + `)?`,
		"sub":          `(` + uuidForm + `)?`,
		"grant_id":     `(` + uuidForm + `)?`,
		"family_id":    `(` + uuidForm + `)?`,
		"session_id":   `(` + uuidForm + `)?`,
		"workspace_id": `(` + uuidForm + `)?`,
		"project_id":   `(` + uuidForm + `)?`,
		"secret_id":    `(` + uuidForm + `)?`,
		"key_id":       `([0-9a-f]{8}|[A-Za-z0-9_-]{0,43})`,
		"scope":        `[!-~ ]*`,
		"role":         `(viewer|member|admin)?`,
		"reason":       `[a-z_]*`,
	}[field]
	return regexp.MustCompile(`^(` + form + `)$`)
}

// CheckIDs fails the test for an event that holds anything but ids and fixed
// words (SECURITY case N277).
func CheckIDs(t testing.TB, e *eventv1.Event) {
	t.Helper()
	if !slices.Contains(event.Types(), event.Type(e.GetType())) {
		t.Errorf("type %q is not known", e.GetType())
	}
	if len(e.ProtoReflect().GetUnknown()) > 0 {
		t.Errorf("event %s has fields that the contract has not", e.GetId())
	}
	fields := e.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if field.Kind() != protoreflect.StringKind {
			continue
		}
		if value := e.ProtoReflect().Get(field).String(); !formOf(field.Name()).MatchString(value) {
			t.Errorf("%s of a %s event is %q, which is no id", field.Name(), e.GetType(), value)
		}
	}
}
