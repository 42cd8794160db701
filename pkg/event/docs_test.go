package event_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/chancery-auth/chancery/pkg/event"
	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
)

var (
	// typeRow is a row of the page's table of types.
	typeRow = regexp.MustCompile("(?m)^\\| `([a-z_]+\\.[a-z_]+)` \\| [^|]+ \\|([^|]*)\\|$")
	quoted  = regexp.MustCompile("`([^`]+)`")
)

// The page lists every type, in the order of the code, and fields that there are.
func TestPageListsEveryType(t *testing.T) {
	page, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	fields := (&eventv1.Event{}).ProtoReflect().Descriptor().Fields()
	var listed []event.Type
	for _, row := range typeRow.FindAllStringSubmatch(string(page), -1) {
		listed = append(listed, event.Type(row[1]))
		for _, field := range quoted.FindAllStringSubmatch(row[2], -1) {
			if fields.ByName(protoreflect.Name(field[1])) == nil {
				t.Errorf("%s has the field %s, which there is not", row[1], field[1])
			}
		}
	}
	if diff := cmp.Diff(event.Types(), listed); diff != "" {
		t.Errorf("types (-code +page):\n%s", diff)
	}
}
