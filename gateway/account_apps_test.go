package gateway_test

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/rpcerr"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

func TestAuthorizedAppsPage(t *testing.T) {
	w := deskWorld(t)
	w.consent.before = 1 // its client is gone
	got := w.get("/account/apps", "Cookie", signedInCookies)
	got.wantStatus(t, 200)
	body := spaces.ReplaceAllString(got.body, " ")
	for _, want := range []string{
		"Ledger Sync", "Example Works", "Know who you are", "First", "Alpha", `name="grant_id" value="` + grantID + `"`, `action="/account/apps"`,
		`name="action" value="revoke"`, `name="action" value="save"`, `value="w1"`, `value="p1"`, `src="/logos/` + strings.Repeat("ab", 32) + `.png"`, "u1@example",
		tokenFor("s1"), mark(), `href="/developer/apps"`, `href="/apps"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("page lacks %s", want)
		}
	}
	if strings.Contains(body, "before-a") {
		t.Error("page shows a grant whose client is gone")
	}
	if d := w.consent.describe; d.GetSub() != "u1" || d.GetPageSize() != 20 {
		t.Errorf("request = %v", d)
	}
	// Another account sees its own.
	if other := w.get("/account/apps", "Cookie", "__Host-session=s2"); strings.Contains(other.body, "Ledger Sync") {
		t.Error("page shows another account's grants")
	}
	// The page goes without owners while the directory is away.
	w.directory.fail = rpcerr.ErrUnavailable
	if got := w.get("/account/apps", "Cookie", signedInCookies); got.StatusCode != 200 || strings.Contains(got.body, "Example Works") {
		t.Errorf("without the directory: %d", got.StatusCode)
	}
}

func TestN321_ReuseStandsOnTheAccountPage(t *testing.T) {
	w := deskWorld(t)
	const repeated, late = "from two places at once", "an old key of this app"
	reuse := &tokenv1.ListReusesResponse_Reuse{}
	var fail error
	w.token.reuses = func(req *tokenv1.ListReusesRequest) (*tokenv1.ListReusesResponse, error) {
		if !slices.Equal(req.GetGrantIds(), []string{grantID}) {
			t.Errorf("request = %v", req)
		}
		return &tokenv1.ListReusesResponse{Reuses: []*tokenv1.ListReusesResponse_Reuse{reuse}}, fail
	}
	check := func(when string, want ...string) {
		t.Helper()
		got := w.get("/account/apps", "Cookie", signedInCookies)
		got.wantStatus(t, 200)
		for _, line := range []string{repeated, late} {
			if strings.Contains(got.body, line) != slices.Contains(want, line) {
				t.Errorf("%s: the page says %q: %v", when, line, !slices.Contains(want, line))
			}
		}
	}
	reuse.GrantId, reuse.RepeatTime, reuse.LateTime = "another", timestamppb.New(start), timestamppb.New(start)
	check("reuse of another grant")
	reuse.GrantId, reuse.LateTime = grantID, nil
	check("within the window", repeated)
	reuse.RepeatTime, reuse.LateTime = nil, timestamppb.New(start)
	check("late", late)
	reuse.RepeatTime = timestamppb.New(start)
	check("both", repeated, late)
	// Access is taken back there, whatever else is away.
	fail = rpcerr.ErrUnavailable
	check("without the token service")
}

// N217: page tokens are the service's to judge.
func TestN217_GrantsComeInPages(t *testing.T) {
	w := deskWorld(t)
	w.consent.before = 20
	first := w.get("/account/apps", "Cookie", signedInCookies)
	if !strings.Contains(first.body, `href="/account/apps?page=next"`) {
		t.Errorf("page does not lead on: %.2000s", first.body)
	}
	w.get("/account/apps?page=next", "Cookie", signedInCookies).wantStatus(t, 200)
	if got := w.consent.describe.GetPageToken(); got != "next" {
		t.Errorf("page token = %q", got)
	}
	w.get("/account/apps?page=forged", "Cookie", signedInCookies).wantPage(t, 400)
}

func TestGrantsAreChanged(t *testing.T) {
	w := deskWorld(t)
	got := w.post("/account/apps", deskForm("action=save&revision=7&grant_id="+grantID+"&workspace=w1&workspace=w2&project=&sub=u2"), "Cookie", signedInCookies)
	if l := got.Header.Get("Location"); got.StatusCode != 303 || l != "/account/apps?done=access-saved" {
		t.Errorf("%d to %s", got.StatusCode, l)
	}
	req := w.consent.updated[0]
	if req.GetSub() != "u1" || req.GetGrantId() != grantID || !slices.Equal(req.GetWorkspaceIds(), []string{"w1", "w2"}) || !slices.Equal(req.GetProjectIds(), []string{""}) {
		t.Errorf("request = %v", req)
	}
}

// A selection that cannot be shared is shown again as it was chosen.
func TestRefusedSelectionsAreShownAgain(t *testing.T) {
	const form = "action=save&revision=7&grant_id=" + grantID + "&workspace=w2"
	tests := []struct {
		name   string
		fail   error
		before int
		status int
	}{
		{"not to be shared", oauth.Refuse(oauth.AccessDenied, "not yours"), 0, 400},
		{"nothing selected", oauth.Refuse(oauth.InvalidRequest, "nothing selected"), 0, 400},
		{"malformed", fault.New(fault.Invalid, "grant_id: must be a UUID"), 0, 400},
		{"on another page of the list", oauth.Refuse(oauth.AccessDenied, "not yours"), 25, 400},
		{"taken back meanwhile", fault.New(fault.NotFound, "no such grant"), 0, 404},
		{"service is down", rpcerr.ErrUnavailable, 0, 503},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := deskWorld(t)
			w.consent.fail, w.consent.before = tt.fail, tt.before
			got := w.post("/account/apps", deskForm(form), "Cookie", signedInCookies)
			if tt.status != 400 {
				got.wantPage(t, tt.status)
				return
			}
			got.wantStatus(t, 400)
			body := spaces.ReplaceAllString(got.body, " ")
			if !strings.Contains(body, "Please check this") || !tickedIn(body, "w2") || tickedIn(body, "w1") {
				t.Errorf("page does not keep what was chosen, or says nothing: %s", body)
			}
		})
	}
}

// tickedIn tells whether the checkbox of that value is ticked.
func tickedIn(body, value string) bool {
	_, after, found := strings.Cut(body, `value="`+value+`"`)
	input, _, _ := strings.Cut(after, ">")
	return found && strings.Contains(input, "checked")
}

// Access is taken back after one question.
func TestRevocationIsConfirmed(t *testing.T) {
	w := deskWorld(t)
	asked := w.post("/account/apps", deskForm("action=revoke&grant_id="+grantID), "Cookie", signedInCookies)
	asked.wantStatus(t, 303)
	path := "/account/apps/" + grantID + "/revoke"
	if l := asked.Header.Get("Location"); l != path {
		t.Fatalf("Location = %s", l)
	}
	page := w.get(path, "Cookie", signedInCookies)
	page.wantStatus(t, 200)
	for _, want := range []string{"Ledger Sync", "First", "First / Alpha", `value="confirm-revoke"`, `value="` + grantID + `"`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("page lacks %s", want)
		}
	}
	if len(w.consent.revoked) > 0 {
		t.Fatal("access was taken back before the answer")
	}
	done := w.post("/account/apps", deskForm("action=confirm-revoke&grant_id="+grantID), "Cookie", signedInCookies)
	if l := done.Header.Get("Location"); done.StatusCode != 303 || l != "/account/apps?done=access-revoked" {
		t.Errorf("%d to %s", done.StatusCode, l)
	}
	req := w.consent.revoked[0]
	if req.GetSub() != "u1" || req.GetGrantId() != grantID || req.GetReason() != consentv1.RevokeGrantRequest_REASON_WITHDRAWN {
		t.Errorf("request = %v", req)
	}
}

func TestGrantsThatAreNotThere(t *testing.T) {
	w := deskWorld(t)
	w.get("/account/apps/"+appID+"/revoke", "Cookie", signedInCookies).wantPage(t, 404)
	// It is u1's.
	w.get("/account/apps/"+grantID+"/revoke", "Cookie", "__Host-session=s2").wantPage(t, 404)
	for _, id := range []string{"", "%2F%2Fevil.test", "..%2F.."} {
		w.post("/account/apps", deskForm("action=revoke&grant_id="+id), "Cookie", signedInCookies).wantPage(t, 404)
	}
	w.post("/account/apps", deskForm("action=drop&grant_id="+grantID), "Cookie", signedInCookies).wantPage(t, 400)
	for _, kind := range []fault.Kind{fault.NotFound, fault.Invalid} {
		w.consent.fail = fault.New(kind, "no")
		w.post("/account/apps", deskForm("action=confirm-revoke&grant_id="+grantID), "Cookie", signedInCookies).wantPage(t, 404)
	}
	w.consent.fail = rpcerr.ErrUnavailable
	w.post("/account/apps", deskForm("action=confirm-revoke&grant_id="+grantID), "Cookie", signedInCookies).wantPage(t, 503)
}
