package resourceserver_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/resourceserver"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/secret"
)

func TestAccessIsWhatTheAnswerSays(t *testing.T) {
	_, conn := newChancery(t)
	got, err := newIntrospector(conn).Check(t.Context(), "good")
	if err != nil {
		t.Fatal(err)
	}
	want := &resourceserver.Access{
		Sub: "u1", ClientID: "c1", Scope: oauth.Scope{"image:read", "image:create"}, Audience: []string{"https://as.test"},
		Issuer: "https://as.test", TokenID: "t1",
		IssueTime: time.Unix(1893452400, 0).UTC(), ExpireTime: time.Unix(1893456000, 0).UTC(),
		Workspaces: []resourceserver.Resource{{ID: "w1", Role: role.Admin}, {ID: "w2", Role: role.Viewer}},
		Projects:   []resourceserver.Resource{{ID: "p1", Role: role.Member}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Check() (-want +got):\n%s", diff)
	}
}

func TestRoles(t *testing.T) {
	_, conn := newChancery(t)
	a, err := newIntrospector(conn).Check(t.Context(), "good")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name      string
		got, want role.Role
	}{
		{"shared workspace", a.RoleIn("w1"), role.Admin},
		{"another shared workspace", a.RoleIn("w2"), role.Viewer},
		{"a role that this release does not know", a.RoleIn("w3"), role.None},
		{"a workspace that is not shared", a.RoleIn("w4"), role.None},
		{"a project is no workspace", a.RoleIn("p1"), role.None},
		{"no workspace", a.RoleIn(""), role.None},
		{"shared project", a.RoleInProject("p1"), role.Member},
		{"a workspace is no project", a.RoleInProject("w1"), role.None},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}

func TestHasScope(t *testing.T) {
	a := &resourceserver.Access{Scope: oauth.Scope{"image:read", "image:create"}}
	for _, tt := range []struct {
		values []string
		want   bool
	}{
		{nil, true},
		{[]string{"image:read"}, true},
		{[]string{"image:create", "image:read"}, true},
		{[]string{"image:read", "image:tag"}, false},
		{[]string{"image"}, false},
		{[]string{"Image:read"}, false},
	} {
		if got := a.HasScope(tt.values...); got != tt.want {
			t.Errorf("HasScope(%q) = %v, want %v", tt.values, got, tt.want)
		}
	}
}

func TestCheckOutcomes(t *testing.T) {
	internal := step{err: status.Error(codes.Internal, "internal error")}
	tests := []struct {
		name  string
		steps []step
		want  error
		asked int
	}{
		{"active", []step{active("image:read")}, nil, 1},
		{"active without any scope", []step{active("")}, nil, 1},
		{"not active", nil, resourceserver.ErrInactive, 1},
		{"away once", []step{away(), active("image:read")}, nil, 2},
		{"away twice", []step{away()}, resourceserver.ErrUnavailable, 2},
		{"a failure that no repetition mends", []step{internal}, resourceserver.ErrUnavailable, 1},
		{"a scope that cannot be one", []step{active("a  b")}, resourceserver.ErrUnavailable, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, conn := newChancery(t)
			c.script("t", tt.steps...)
			access, err := newIntrospector(conn).Check(t.Context(), "t")
			if !errors.Is(err, tt.want) || (access != nil) != (tt.want == nil) {
				t.Errorf("Check() = %v, %v, want %v", access, err, tt.want)
			}
			if got := len(c.questions()); got != tt.asked {
				t.Errorf("asked %d times, want %d", got, tt.asked)
			}
		})
	}
}

// That the API itself is not known says nothing about the token.
func TestWrongCredentialsAreNotAnInactiveToken(t *testing.T) {
	_, conn := newChancery(t)
	checker := resourceserver.NewIntrospector(conn, resourceserver.Credentials{ClientID: apiID, ClientSecret: secret.Wrap("other")})
	_, err := checker.Check(t.Context(), "good")
	if !errors.Is(err, resourceserver.ErrUnavailable) || errors.Is(err, resourceserver.ErrInactive) {
		t.Errorf("Check() = %v, want %v", err, resourceserver.ErrUnavailable)
	}
}

func TestNobodyToAskIsUnavailable(t *testing.T) {
	_, conn := newChancery(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newIntrospector(conn).Check(ctx, "good"); !errors.Is(err, resourceserver.ErrUnavailable) {
		t.Errorf("Check() with a context that is done = %v", err)
	}
	conn.Close()
	if _, err := newIntrospector(conn).Check(t.Context(), "good"); !errors.Is(err, resourceserver.ErrUnavailable) {
		t.Errorf("Check() on a closed connection = %v", err)
	}
}

// A check is about one token, and nothing of it is there for the next.
func TestEveryCheckAsks(t *testing.T) {
	c, conn := newChancery(t)
	checker := newIntrospector(conn)
	for range 3 {
		if _, err := checker.Check(t.Context(), "good"); err != nil {
			t.Fatal(err)
		}
	}
	c.script("good")
	if _, err := checker.Check(t.Context(), "good"); !errors.Is(err, resourceserver.ErrInactive) {
		t.Errorf("Check() after the revocation = %v", err)
	}
	if got := c.questions(); !slices.Equal(got, []string{"good", "good", "good", "good"}) {
		t.Errorf("asked about %q", got)
	}
}

// What is printed of the credentials has no secret.
func TestCredentialsDoNotPrint(t *testing.T) {
	c := resourceserver.Credentials{ClientID: apiID, ClientSecret: secret.Wrap(apiSecret)}
	if text := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, apiSecret) {
		t.Errorf("credentials print as %s", text)
	}
}
