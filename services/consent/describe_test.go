package consent_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		got[0].Scopes = nil
		want := &consentv1.GrantDescription{
			Grant: g, WorkspaceLevel: "member",
			Workspaces: []*consentv1.WorkspaceChoice{
				{WorkspaceId: w.w1, Name: "One", Role: "admin", SharedRole: "member", Selected: true},
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
