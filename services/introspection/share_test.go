package introspection_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	introspectionv1 "github.com/chancery-auth/chancery/proto/chancery/introspection/v1"
)

// fill joins restrictions of a client until one finds no room.
func (e *env) fill(t *testing.T, clientID string) {
	t.Helper()
	for !e.state.Unknown(clientID) {
		if !e.state.Join(start.Add(time.Hour), coherent.Token(uuid.New()).Of(clientID)) {
			t.Fatal("the state is full for all")
		}
	}
}

// A client that has ended more than its share of the room has its own tokens in
// doubt, and no other client's.
func TestN309_AClientBeyondItsShareHurtsItselfAlone(t *testing.T) {
	e := newEnv(t)
	mine := e.mint(t, userToken())
	other := e.mint(t, userToken(), func(a *credential.AccessToken) { a.ClientID = "other" })
	before := e.introspect(t, "api", mine)
	if !before.GetActive() {
		t.Fatal("the token is not active before")
	}
	e.fill(t, "other")
	if diff := cmp.Diff(before, e.introspect(t, "api", mine), protocmp.Transform()); diff != "" {
		t.Errorf("another client's token (-before +after):\n%s", diff)
	}
	_, err := e.client.Introspect(t.Context(), &introspectionv1.IntrospectRequest{
		Token: other, ClientId: "api", ClientSecret: "secret of api",
	})
	if !errors.Is(err, oauth.TemporarilyUnavailable) {
		t.Errorf("a token of the client: %v, want temporarily_unavailable", err)
	}
	resp, err := e.client.IntrospectBatch(t.Context(), &introspectionv1.IntrospectBatchRequest{
		Tokens: []string{other, mine}, ClientId: "api", ClientSecret: "secret of api",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []*introspectionv1.IntrospectResponse{inactive, before}
	if diff := cmp.Diff(want, resp.GetAnswers(), protocmp.Transform()); diff != "" {
		t.Errorf("among several (-want +got):\n%s", diff)
	}
	// What is known to have ended needs no room.
	e.state.Join(start.Add(time.Hour), coherent.Subject("u1", coherent.Deleted))
	if e.introspect(t, "api", other).GetActive() {
		t.Error("the token of a deleted subject is active")
	}
}

// More than 64 tokens of a family end by one restriction, which leaves those that
// were issued later, and ends the others.
func TestN309_TheEpochOfAFamilyEndsItsOlderTokens(t *testing.T) {
	e := newEnv(t)
	issued := func(seconds int) string {
		return e.mint(t, userToken(), func(a *credential.AccessToken) {
			a.IssueTime = start.Add(time.Duration(seconds) * time.Second)
		})
	}
	old, last, later := issued(-2), issued(-1), issued(0)
	e.state.Join(start.Add(time.Hour), coherent.Family(familyID, start.Unix()).Of("app"))
	for name, tt := range map[string]struct {
		token string
		want  bool
	}{"older": {old, false}, "the last that ended": {last, false}, "later": {later, true}} {
		if got := e.introspect(t, "api", tt.token).GetActive(); got != tt.want {
			t.Errorf("%s: active = %t", name, got)
		}
	}
}
