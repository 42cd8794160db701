package credential_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/seal"
	sealv1 "github.com/chancery-auth/chancery/proto/chancery/seal/v1"
)

// wide is a scope of n values, w0 to wn-1.
func wide(n int) oauth.Scope {
	scope := make(oauth.Scope, n)
	for i := range scope {
		scope[i] = fmt.Sprint("w", i)
	}
	return scope
}

func TestMaskOf(t *testing.T) {
	scope := oauth.Scope{"openid", "w:viewer", "w:admin", "p:viewer", "image:tag"}
	kind := oauth.Scope{"w:admin", "w:member", "w:viewer", "image:tag"}
	tests := []struct {
		name  string
		holds oauth.Scope
		want  credential.Mask
	}{
		{"one", oauth.Scope{"w:viewer"}, credential.Mask{0b00010}},
		{"two, in another order", oauth.Scope{"image:tag", "w:viewer"}, credential.Mask{0b10010}},
		{"all of the kind", oauth.Scope{"w:viewer", "w:admin", "image:tag"}, nil},
		{"all, and what the token has not", oauth.Scope{"w:viewer", "w:admin", "w:member", "image:tag"}, nil},
		{"other kinds have no bit", oauth.Scope{"openid", "p:viewer", "w:admin"}, credential.Mask{0b00100}},
		{"none", nil, credential.Mask{0}},
		{"none of the kind", oauth.Scope{"openid", "p:viewer"}, credential.Mask{0}},
		{"none of the token's", oauth.Scope{"w:member"}, credential.Mask{0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mask := credential.MaskOf(scope, kind, tt.holds)
			if diff := cmp.Diff(tt.want, mask); diff != "" {
				t.Errorf("MaskOf() (-want +got):\n%s", diff)
			}
			for i, name := range scope {
				if kind.Contains(name) && mask.Has(i) != tt.holds.Contains(name) {
					t.Errorf("Has(%d) = %v, of %s", i, mask.Has(i), name)
				}
			}
		})
	}
	// A token without a value of the kind has none of which all could hold.
	if got := credential.MaskOf(oauth.Scope{"openid"}, kind, kind); !bytes.Equal(got, []byte{0}) {
		t.Errorf("MaskOf() = %v of a scope that selects nothing", got)
	}
}

// Every value has a bit of its own, over every length.
func TestMaskTellsEachValue(t *testing.T) {
	for _, n := range []int{1, 2, 7, 8, 9, 16, 17, 200} {
		scope := wide(n)
		for i := range n {
			mask := credential.MaskOf(scope, scope, scope[i:i+1])
			for j := range n {
				if mask.Has(j) != (i == j) {
					t.Fatalf("of %d values, %d alone holds, and Has(%d) = %v", n, i, j, mask.Has(j))
				}
			}
			if want := i/8 + 1; n > 1 && len(mask) != want {
				t.Errorf("of %d values, %d alone takes %d bytes, want %d", n, i, len(mask), want)
			}
		}
	}
}

// maskCase is a mask that fits a scope of values, or does not.
type maskCase struct {
	name   string
	mask   credential.Mask
	values int
	want   bool
}

// maskCases are masks with what stands against them, and nothing else.
func maskCases() []maskCase {
	return []maskCase{
		{"none: all hold", nil, 0, true},
		{"the first value", credential.Mask{1}, 1, true},
		{"a bit beyond the scope", credential.Mask{2}, 1, false},
		{"the last value of a byte", credential.Mask{0x80}, 8, true},
		{"one value less", credential.Mask{0x80}, 7, false},
		{"the first value of the next byte", credential.Mask{0, 1}, 9, true},
		{"one value less", credential.Mask{0, 1}, 8, false},
		{"a scope of many bytes, and a mask of one", credential.Mask{1}, 200, true},
		{"nothing holds", credential.Mask{0}, 1, false},
		{"nothing holds, in two bytes", credential.Mask{0, 0}, 16, false},
		{"a zero byte that was not cut", credential.Mask{1, 0}, 16, false},
		{"a mask over no scope", credential.Mask{1}, 0, false},
	}
}

// shared is one workspace, or one project, with a mask.
func shared(mask credential.Mask) map[string]credential.Resources {
	return map[string]credential.Resources{
		"workspace": {Workspaces: []credential.Workspace{{ID: id(1)}, {ID: id(9), Role: role.Viewer, Scopes: mask}}},
		"project":   {Projects: []credential.Project{{ID: id(1)}, {ID: id(9), WorkspaceID: id(8), Role: role.Viewer, Scopes: mask}}},
	}
}

// What would open as more than was allowed is not sealed.
func TestN302_MasksThatDoNotFitAreNotSealed(t *testing.T) {
	s := newSealer(t)
	for _, tt := range maskCases() {
		for kind, resources := range shared(tt.mask) {
			token := accessToken()
			token.Scope, token.Resources = wide(tt.values), resources
			text, err := s.SealAccessToken(token)
			if (err == nil) != tt.want {
				t.Errorf("%s of a %s: SealAccessToken() = %v", tt.name, kind, err)
			}
			if stored, err := resources.Marshal(token.Scope); (err == nil) != tt.want || !tt.want && stored != nil {
				t.Errorf("%s of a %s: Marshal() = %x, %v", tt.name, kind, stored, err)
			}
			if got := resources.Over(token.Scope); got != tt.want {
				t.Errorf("%s of a %s: Over() = %v", tt.name, kind, got)
			}
			if !tt.want {
				continue
			}
			if opened, err := s.OpenAccessToken(text); err != nil || !cmp.Equal(opened.Resources, resources) {
				t.Errorf("%s of a %s opens as %+v, %v", tt.name, kind, opened.Resources, err)
			}
		}
	}
}

// message is the sealed form of a token with one workspace, or one project.
func message(kind string, scope oauth.Scope, mask []byte) *sealv1.AccessToken {
	sixteen, resources := make([]byte, 16), &sealv1.Resources{}
	switch kind {
	case "workspace":
		resources.Workspaces = []*sealv1.Workspace{{Id: sixteen, Role: 1, Scopes: mask}}
	case "project":
		resources.Projects = []*sealv1.Project{{Id: sixteen, WorkspaceId: sixteen, Role: 1, Scopes: mask}}
	}
	return &sealv1.AccessToken{ClientId: "c1", Scope: scope.String(), IssueTime: 1, ExpireTime: 2, Resources: resources}
}

// What somebody else sealed is not taken for more than it can mean.
func TestN302_MasksThatDoNotFitAreNotOpened(t *testing.T) {
	key := seal.NewKey()
	keys := ring(t, issuer, key)
	s := credential.NewSealer(keys, prefixes)
	for _, tt := range maskCases() {
		for _, kind := range []string{"workspace", "project"} {
			m := message(kind, wide(tt.values), tt.mask)
			payload, err := proto.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			sealed, err := keys.Seal(seal.AccessToken, payload)
			if err != nil {
				t.Fatal(err)
			}
			token, err := s.OpenAccessToken(seal.Form{Prefix: prefixes.AccessToken}.Encode(sealed))
			if tt.want != (err == nil) || !tt.want && (!errors.Is(err, credential.ErrInvalid) || !cmp.Equal(token, credential.AccessToken{})) {
				t.Errorf("%s of a %s: OpenAccessToken() = %+v, %v", tt.name, kind, token, err)
			}
			stored, err := proto.Marshal(m.GetResources())
			if err != nil {
				t.Fatal(err)
			}
			// A stored set is read before it is known for which scope.
			resources, err := credential.UnmarshalResources(stored)
			if fits := err == nil && resources.Over(wide(tt.values)); fits != tt.want {
				t.Errorf("%s of a %s: UnmarshalResources() = %+v, %v", tt.name, kind, resources, err)
			}
		}
	}
}

// Two tokens of different scopes have one stored set in common, and each reads its
// own scope in it.
func TestN302_OneStoredSetForTwoScopes(t *testing.T) {
	kind := oauth.Scope{"w:viewer", "w:admin"}
	var sets [][]byte
	for _, scope := range []oauth.Scope{{"openid", "w:viewer", "w:admin"}, {"email", "w:admin", "w:viewer"}} {
		holds := scope[1:2]
		resources := shared(credential.MaskOf(scope, kind, holds))["workspace"]
		stored, err := resources.Marshal(scope)
		if err != nil {
			t.Fatal(err)
		}
		read, err := credential.UnmarshalResources(stored)
		if err != nil || !read.Over(scope) {
			t.Fatalf("UnmarshalResources() = %+v, %v", read, err)
		}
		for i, name := range scope {
			if got := read.Workspaces[1].Scopes.Has(i); got != holds.Contains(name) {
				t.Errorf("over %s, %s holds: %v", scope, name, got)
			}
		}
		sets = append(sets, stored)
	}
	if !bytes.Equal(sets[0], sets[1]) {
		t.Error("the sets differ: the test says nothing")
	}
}

// What the previous release wrote has no mask, and is written as it was.
func TestResourcesWithoutMaskAreWrittenAsBefore(t *testing.T) {
	got, err := shared(nil)["workspace"].Marshal(oauth.Scope{"w:viewer"})
	if err != nil {
		t.Fatal(err)
	}
	entry := func(n byte, rest string) string { return "\x0a\x10" + strings.Repeat("\x00", 15) + string(n) + rest }
	want := "\x0a\x12" + entry(1, "") + "\x0a\x14" + entry(9, "\x10\x01")
	if string(got) != want {
		t.Errorf("Marshal() = %x, want %x", got, want)
	}
}
