package client_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// Who issues tokens has to know whose members an internal client is for.
func TestWhatIsWrongWithAClientIsAnError(t *testing.T) {
	owner := uuid.NewString()
	for name, tt := range map[string]struct {
		m  *registryv1.Client
		ok bool
	}{
		"nothing said":                     {&registryv1.Client{ClientId: "c"}, true},
		"no client":                        {nil, true},
		"internal, with an owner":          {&registryv1.Client{ClientId: "c", Visibility: "internal", WorkspaceId: owner}, true},
		"internal, without an owner":       {&registryv1.Client{ClientId: "c", Visibility: "internal"}, false},
		"internal, of the nil UUID":        {&registryv1.Client{ClientId: "c", Visibility: "internal", WorkspaceId: uuid.Nil.String()}, false},
		"internal, of what is no UUID":     {&registryv1.Client{ClientId: "c", Visibility: "internal", WorkspaceId: "w"}, false},
		"of everybody, with such an owner": {&registryv1.Client{ClientId: "c", Visibility: "public", WorkspaceId: "w"}, true},
		"malformed scope":                  {&registryv1.Client{ClientId: "c", Scope: "a  b"}, false},
		"malformed default scope":          {&registryv1.Client{ClientId: "c", DefaultScope: "a\"b"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := client.Owned(tt.m, preset.Default()); (err == nil) != tt.ok {
				t.Errorf("Owned() = %+v, %v", c, err)
			}
		})
	}
}

func TestPKCEIsRequiredUnlessItIsSaidNotToBe(t *testing.T) {
	no := false
	for name, tt := range map[string]struct {
		m    *registryv1.Client
		want bool
	}{
		"not said":           {&registryv1.Client{}, true},
		"said":               {&registryv1.Client{RequirePkce: &no}, false},
		"of a public client": {&registryv1.Client{RequirePkce: &no, TokenEndpointAuthMethod: oauth.AuthNone}, true},
	} {
		if c, err := client.Of(tt.m, preset.Default()); err != nil || c.RequirePKCE != tt.want {
			t.Errorf("%s: required = %t, %v", name, c.RequirePKCE, err)
		}
	}
}
