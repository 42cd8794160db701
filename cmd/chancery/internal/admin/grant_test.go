package admin

import (
	"bytes"
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/proto"

	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

// The command prints the scope of an entry that has one, and invents none.
func TestN302_TokenIntrospectPrintsWhatHoldsWhere(t *testing.T) {
	printed, err := json.Marshal(answerOf(&introspectionv1.IntrospectResponse{
		Active: true,
		Workspaces: []*introspectionv1.ResourceRole{
			{Id: "w1", Role: "admin"}, {Id: "w2", Role: "viewer", Scope: proto.String("workspace:viewer")},
		},
		Projects: []*introspectionv1.ResourceRole{{Id: "p1", Role: "viewer", Scope: proto.String("project:viewer")}},
	}))
	want := `{"active":true,"workspaces":[{"id":"w1","role":"admin"},{"id":"w2","role":"viewer","scope":"workspace:viewer"}],` +
		`"projects":[{"id":"p1","role":"viewer","scope":"project:viewer"}]}`
	if err != nil || !bytes.Equal(printed, []byte(want)) {
		t.Errorf("printed %s, %v, want %s", printed, err, want)
	}
}
