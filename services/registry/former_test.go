package registry_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	"github.com/chancery-auth/chancery/services/registry/internal/client/clienttest"
)

// updated is a client as operators change it.
func (f fixture) updated(t *testing.T, c *registryv1.Client) *registryv1.Client {
	t.Helper()
	resp, err := f.admin.UpdateClient(t.Context(), &registryv1.UpdateClientRequest{Client: c})
	if err != nil {
		t.Fatalf("UpdateClient() = %v", err)
	}
	return resp.GetClient()
}

// A program of the release before sets what it knows, and sends back what it does
// not. Where the two contradict each other, nobody vouches for the client.
func TestN315_WhoDoubtsAClientIsBelieved(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		for _, tt := range []struct {
			name       string
			vetted     *bool
			unverified bool
			want       bool
		}{
			{"both say so", proto.Bool(true), false, true},
			{"as the release before says it", nil, true, false},
			{"the release before doubts it", proto.Bool(true), true, false},
			{"the release before vouches for it", proto.Bool(false), false, false},
			{"neither says anything", nil, false, true},
		} {
			c := o.create(t, "u1", o.w1, anApp()).GetApp()
			c.Vetted, c.Unverified = proto.Bool(true), false
			c = o.updated(t, c)
			c.Vetted, c.Unverified = tt.vetted, tt.unverified
			if got := o.updated(t, c); got.GetVetted() != tt.want || got.GetUnverified() == tt.want {
				t.Errorf("%s: vetted %v, unverified %v, want vetted %v", tt.name, got.GetVetted(), got.GetUnverified(), tt.want)
			}
		}
	})
}

// A program of the release before narrows what it knows, and sends the list back.
func TestN102_TheOneMethodOfTheReleaseBeforeCountsAlone(t *testing.T) {
	inOffice(t, func(t *testing.T, o office) {
		both := []string{"client_secret_basic", "private_key_jwt"}
		for _, tt := range []struct {
			name, method string
			list, want   []string
		}{
			{"as it came", "private_key_jwt", both, nil},
			{"as a program of this release says it", "private_key_jwt", []string{"private_key_jwt", "client_secret_basic"}, []string{"private_key_jwt", "client_secret_basic"}},
		} {
			c := everyField()
			c.WorkspaceId, c.Visibility = "", ""
			c.TokenEndpointAuthMethod, c.TokenEndpointAuthMethodsSupported, c.Jwks = both[0], both, clienttest.PublicKeys(t)
			c = create(t, o.fixture, c).GetClient()
			c.TokenEndpointAuthMethod, c.TokenEndpointAuthMethodsSupported = tt.method, tt.list
			if got := o.updated(t, c).GetTokenEndpointAuthMethodsSupported(); !slices.Equal(got, tt.want) {
				t.Errorf("%s: methods = %v, want %v", tt.name, got, tt.want)
			}
		}
	})
}
