package consent_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/preset"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
)

func (w *world) describe(t *testing.T, req *consentv1.DescribeGrantsRequest) *consentv1.DescribeGrantsResponse {
	t.Helper()
	resp, err := w.gateway.DescribeGrants(t.Context(), req)
	if err != nil {
		t.Fatalf("DescribeGrants() = %v", err)
	}
	return resp
}

func TestDescribeGrantsShowsWhatMayBeChanged(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		g := w.record(t, recording("workspace:member openid", w.w1, w.w2))
		w.directory.leave(w.w2)
		w.record(t, &consentv1.RecordGrantRequest{Sub: u2, ClientId: "c1", Scope: "openid"})
		asked := w.directory.answers
		got := w.describe(t, &consentv1.DescribeGrantsRequest{Sub: u1}).GetGrants()
		if n := w.directory.answers - asked; n != 1 {
			t.Errorf("the directory was asked %d times, want once", n)
		}
		if len(got) != 1 {
			t.Fatalf("DescribeGrants() = %v", got)
		}
		var scopes []string
		for _, s := range got[0].GetScopes() {
			scopes = append(scopes, s.GetName())
		}
		if diff := cmp.Diff([]string{"openid", "workspace:member"}, scopes); diff != "" {
			t.Errorf("scopes (-want +got):\n%s", diff)
		}
		var levels []string
		for _, s := range got[0].GetLevels() {
			levels = append(levels, s.GetName())
		}
		if diff := cmp.Diff([]string{"workspace:viewer", "workspace:member"}, levels); diff != "" {
			t.Errorf("levels (-want +got):\n%s", diff)
		}
		got[0].Scopes, got[0].Levels = nil, nil
		want := &consentv1.GrantDescription{
			Grant: brief(g), WorkspaceLevel: "member",
			Workspaces: []*consentv1.WorkspaceChoice{
				{WorkspaceId: w.w1, Name: "One", Role: "admin", SharedRole: "member", Selected: true, ApprovedScope: "workspace:member", ApprovedRole: "member"},
				{WorkspaceId: w.w3, Name: "Three", Role: "viewer", SharedRole: "viewer"},
			},
		}
		if diff := cmp.Diff(want, got[0], protocmp.Transform()); diff != "" {
			t.Errorf("DescribeGrants() (-want +got):\n%s", diff)
		}
	})
}

func TestDescribeGrantsSaysWhereOneWorkspaceIsToBeChosen(t *testing.T) {
	w := newWorld(t, preset.Consent{SingleWorkspace: true})
	w.record(t, recording("workspace:viewer", w.w1))
	if got := w.describe(t, &consentv1.DescribeGrantsRequest{Sub: u1}).GetGrants(); !got[0].GetSingleWorkspace() {
		t.Errorf("DescribeGrants() = %v", got)
	}
}

func TestDescribeGrantsPages(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		want := make(map[string]int)
		for i := range 5 {
			g := w.record(t, &consentv1.RecordGrantRequest{Sub: u1, ClientId: fmt.Sprint("c", i), Scope: "openid"})
			want[g.GetGrantId()] = 1
		}
		got := make(map[string]int)
		req := &consentv1.DescribeGrantsRequest{Sub: u1, PageSize: 2}
		for pages := 1; ; pages++ {
			resp := w.describe(t, req)
			for _, d := range resp.GetGrants() {
				got[d.GetGrant().GetGrantId()]++
			}
			if req.PageToken = resp.GetNextPageToken(); req.GetPageToken() == "" {
				if pages != 3 {
					t.Errorf("%d pages, want 3", pages)
				}
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("described (-want +got):\n%s", diff)
		}
	})
}

// However much there is to choose from, every grant can be shown, and revoked.
func TestDescribeGrantsFitsIntoItsMessages(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	for i := range 500 {
		w.directory.workspace(fmt.Sprintf("%0100d", i), map[string]string{u1: "viewer"})
	}
	want := make(map[string]int)
	for i := range 8 {
		req := recording("workspace:viewer", w.w1)
		req.ClientId = fmt.Sprint("c", i)
		want[w.record(t, req).GetGrantId()] = 1
	}
	got := make(map[string]int)
	req := &consentv1.DescribeGrantsRequest{Sub: u1}
	for {
		resp := w.describe(t, req)
		if size := proto.Size(resp); size > 1<<20 || len(resp.GetGrants()) < 2 {
			t.Errorf("a page has %d grants in %d bytes", len(resp.GetGrants()), size)
		}
		for _, d := range resp.GetGrants() {
			got[d.GetGrant().GetGrantId()]++
		}
		if req.PageToken = resp.GetNextPageToken(); req.GetPageToken() == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("described (-want +got):\n%s", diff)
	}
	for range 3 {
		w.directory.workspace(strings.Repeat("a", 200<<10), map[string]string{u1: "viewer"})
	}
	if got := w.describe(t, &consentv1.DescribeGrantsRequest{Sub: u1}); len(got.GetGrants()) != 1 || got.GetNextPageToken() == "" {
		t.Errorf("a page has %d grants, want one at least, and no more", len(got.GetGrants()))
	}
}

func TestN098_N217_DescribeGrantsIsForItsSubjectAlone(t *testing.T) {
	w := newWorld(t, preset.Consent{})
	for _, client := range []string{"c1", "c2"} {
		w.record(t, &consentv1.RecordGrantRequest{Sub: u1, ClientId: client, Scope: "openid"})
		w.record(t, &consentv1.RecordGrantRequest{Sub: u2, ClientId: client, Scope: "openid"})
	}
	token := w.describe(t, &consentv1.DescribeGrantsRequest{Sub: u1, PageSize: 1}).GetNextPageToken()
	list, err := w.gateway.ListGrants(t.Context(), &consentv1.ListGrantsRequest{Sub: u1, PageSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		sub, token string
		want       error
	}{
		"the next page":             {u1, token, nil},
		"N217 of another subject":   {u2, token, fault.Invalid},
		"N217 of another list":      {u1, list.GetNextPageToken(), fault.Invalid},
		"N217 a token made up":      {u1, "x", fault.Invalid},
		"a subject that never was":  {"nobody", "", fault.NotFound},
		"a name that has a NUL":     {u1 + "\x00", "", fault.NotFound},
		"nobody, to nobody's token": {"nobody", token, fault.Invalid},
	} {
		_, err := w.gateway.DescribeGrants(t.Context(), &consentv1.DescribeGrantsRequest{Sub: tt.sub, PageToken: tt.token})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: DescribeGrants() = %v, want %v", name, err, tt.want)
		}
	}
}

// A grant is described alone as it is in the list, and to its subject only.
func TestN098_DescribeGrantIsForItsSubject(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		g := w.record(t, recording("workspace:member openid", w.w1))
		resp, err := w.gateway.DescribeGrant(t.Context(), &consentv1.DescribeGrantRequest{GrantId: g.GetGrantId(), Sub: u1})
		if err != nil {
			t.Fatalf("DescribeGrant() = %v", err)
		}
		if diff := cmp.Diff(w.describe(t, &consentv1.DescribeGrantsRequest{Sub: u1}).GetGrants()[0], resp.GetGrant(), protocmp.Transform()); diff != "" {
			t.Errorf("DescribeGrant() (-list +alone):\n%s", diff)
		}
		if _, err := w.gateway.DescribeGrant(t.Context(), &consentv1.DescribeGrantRequest{GrantId: g.GetGrantId(), Sub: u2}); !errors.Is(err, fault.NotFound) {
			t.Errorf("DescribeGrant() of another's = %v, want %v", err, fault.NotFound)
		}
		if _, err := w.gateway.RevokeGrant(t.Context(), &consentv1.RevokeGrantRequest{GrantId: g.GetGrantId(), Sub: u1}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.gateway.DescribeGrant(t.Context(), &consentv1.DescribeGrantRequest{GrantId: g.GetGrantId(), Sub: u1}); !errors.Is(err, fault.NotFound) {
			t.Errorf("DescribeGrant() of a revoked one = %v, want %v", err, fault.NotFound)
		}
	})
}
