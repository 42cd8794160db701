package gateway_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/gateway"
	"github.com/chancery-auth/chancery/pkg/oauth"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

var spaces = regexp.MustCompile(`\s+`)

// N087: the page says in words what is asked, and what is shared of it.
func TestN087_ConsentPage(t *testing.T) {
	w := dialogWorld(t, authorizev1.Interaction_PAGE_CONSENT)
	got := w.get("/consent?tx=tx1", "Cookie", boundCookies())
	got.wantStatus(t, 200)
	body := spaces.ReplaceAllString(got.body, " ")
	for _, want := range []string{
		"Know who you are", "Administer", "Full control", "Works while you are away", "Can make changes",
		`name="workspace" value="w1" id="field-workspace" checked`, `name="workspace" value="w2"`, `name="project" value="p2" checked`,
		"demo.example", "app.example", "Ada Example", "ada@example", `action="/account"`, `href="/account/apps"`,
		"<bdi>Admin</bdi> asked; you are <bdi>Member</bdi> here",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("page lacks %q", want)
		}
	}
	if strings.Count(body, "asked; you are") != 1 {
		t.Error("a role is capped where it is not")
	}
	if about, work := strings.Index(body, "About you"), strings.Index(body, ">Work<"); about < 0 || work < about || strings.Index(body, "Keep access") > work {
		t.Error("scopes are not under their headings")
	}
	if alpha, gamma, beta := strings.Index(body, "Alpha"), strings.Index(body, "Gamma"), strings.Index(body, "Beta"); alpha > gamma || gamma > beta {
		t.Error("projects are not under their workspaces")
	}
}

func TestN302_ConsentPageShowsWhatTheAppHas(t *testing.T) {
	const lost = "If you untick a workspace, the app loses everything it has there."
	ladder := func(*consentv1.EvaluateResponse) {}
	apart := func(scope string) func(*consentv1.EvaluateResponse) {
		return func(asked *consentv1.EvaluateResponse) {
			asked.Levels, asked.ProjectLevel = separateLevels(), ""
			asked.Workspaces[0].ApprovedScope = scope
		}
	}
	one := func(asked *consentv1.EvaluateResponse) { asked.SingleWorkspace = true }
	tests := []struct {
		name          string
		config        func(*gateway.Config)
		change        func(*consentv1.EvaluateResponse)
		says, without []string
	}{
		{
			"a role where the scopes are a ladder, capped as it is", withoutRates, ladder,
			[]string{"already has <bdi>Member</bdi>", "already has <bdi>Viewer</bdi>", lost, "If you untick a project"},
			[]string{"already has:"},
		},
		{
			"one of two permissions on one level", separateScopes, apart("image:tag"),
			[]string{"already has: <bdi>Do image:tag</bdi></span>", lost},
			[]string{"project:update", "already has <bdi>"},
		},
		{
			"the first of many", separateScopes, apart(strings.Join(separate, " ")),
			[]string{"already has: <bdi>Do image:tag</bdi>, <bdi>Do project:update</bdi> and <bdi>3</bdi> more"},
			[]string{"Do image:read"},
		},
		{"what the catalogue has no more", separateScopes, apart("image:gone"), []string{"already has: <bdi>image:gone</bdi>"}, nil},
		{
			"a choice of one takes nothing away", withoutRates, one,
			[]string{"already has <bdi>Member</bdi>", "What the app already has elsewhere, it keeps.", `value="w1" id="field-workspace" checked`},
			[]string{lost},
		},
		{
			"of two that are shared none is chosen already", withoutRates, func(asked *consentv1.EvaluateResponse) {
				one(asked)
				asked.Workspaces[1].Selected, asked.Workspaces[1].ApprovedScope, asked.Workspaces[1].ApprovedRole = true, "workspace:viewer", "viewer"
			},
			[]string{`type="radio" name="workspace" value="w1" id="field-workspace" required`, `value="w2" required`},
			[]string{lost},
		},
		{
			"nothing", withoutRates, func(asked *consentv1.EvaluateResponse) {
				asked.Workspaces[0] = &consentv1.WorkspaceChoice{WorkspaceId: "w1", Name: "First", Role: "member"}
				asked.Projects = asked.GetProjects()[:1]
			},
			nil,
			[]string{"already has", "untick"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.config)
			w.authorize.interaction = func(*authorizev1.GetInteractionRequest) (*authorizev1.GetInteractionResponse, error) {
				interaction := interactionOf(t, authorizev1.Interaction_PAGE_CONSENT)
				tt.change(interaction.GetConsent())
				return interaction, nil
			}
			got := w.get("/consent?tx=tx1", "Cookie", boundCookies())
			got.wantStatus(t, 200)
			body := spaces.ReplaceAllString(got.body, " ")
			for _, want := range tt.says {
				if !strings.Contains(body, want) {
					t.Errorf("page lacks %q: %s", want, body)
				}
			}
			for _, no := range tt.without {
				if strings.Contains(body, no) {
					t.Errorf("page has %q", no)
				}
			}
		})
	}
}

// Where the client names APIs, the page does (RFC 8707 §2.1).
func TestConsentPageNamesTheAPIs(t *testing.T) {
	for _, apis := range [][]string{nil, {"https://api.example/v1", "https://files.example/", "https://api.example/v1"}} {
		w := newWorld(t)
		w.authorize.interaction = func(*authorizev1.GetInteractionRequest) (*authorizev1.GetInteractionResponse, error) {
			interaction := interactionOf(t, authorizev1.Interaction_PAGE_CONSENT)
			interaction.Resource = apis
			return interaction, nil
		}
		body := w.get("/consent?tx=tx1", "Cookie", boundCookies()).body
		const want = `use this access only at <bdi dir="ltr">api.example/v1</bdi>, <bdi dir="ltr">files.example</bdi></p>`
		if strings.Contains(body, want) != (apis != nil) || strings.Contains(body, "only at") != (apis != nil) {
			t.Errorf("page for %q: %s", apis, body)
		}
	}
}

// N083, N084: the service gets what was posted, unchanged, and nothing else of
// the form.
// Where refresh tokens are given unasked, the page says what that means.
func TestConsentPageTellsOfOfflineAccessThatIsGivenUnasked(t *testing.T) {
	for _, tt := range []struct {
		name    string
		unasked bool
		grants  []string
		want    bool
	}{
		{"unasked", true, []string{"authorization_code", "refresh_token"}, true},
		{"only when asked", false, []string{"authorization_code", "refresh_token"}, false},
		{"a client without refresh tokens", true, []string{"authorization_code"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, func(c *gateway.Config) { c.Preset.Refresh.Unasked = tt.unasked })
			w.authorize.interaction = func(*authorizev1.GetInteractionRequest) (*authorizev1.GetInteractionResponse, error) {
				interaction := interactionOf(t, authorizev1.Interaction_PAGE_CONSENT)
				interaction.Client.GrantTypes = tt.grants
				interaction.Consent.Scopes = slices.DeleteFunc(interaction.GetConsent().GetScopes(), func(s *registryv1.ScopeDescription) bool {
					return s.GetName() == "offline_access"
				})
				return interaction, nil
			}
			got := w.get("/consent?tx=tx1", "Cookie", boundCookies())
			got.wantStatus(t, 200)
			if told := strings.Contains(got.body, "Works while you are away"); told != tt.want {
				t.Errorf("the page tells of offline access: %v, want %v", told, tt.want)
			}
		})
	}
}

func TestN083_N084_SelectionIsTheServicesToJudge(t *testing.T) {
	w := dialogWorld(t, authorizev1.Interaction_PAGE_CONSENT)
	var got *authorizev1.SubmitConsentRequest
	w.authorize.consent = func(req *authorizev1.SubmitConsentRequest) (*authorizev1.Step, error) {
		got = req
		return redirectStep("code", "x"), nil
	}
	w.post("/consent", formOf("decision=allow&workspace=w1&workspace=&workspace=w1&project=%2A&scope=admin&client_id=c2&skip=1"), "Cookie", boundCookies()).wantStatus(t, 303)
	if !got.GetAllow() || !slices.Equal(got.GetWorkspaceIds(), []string{"w1", "", "w1"}) || !slices.Equal(got.GetProjectIds(), []string{"*"}) {
		t.Errorf("request = %v", got)
	}
	w.post("/consent", formOf("decision=deny&workspace=w1"), "Cookie", boundCookies()).wantStatus(t, 303)
	if got.GetAllow() || len(got.GetWorkspaceIds()) > 0 {
		t.Errorf("denial = %v", got)
	}
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "&workspace=w%d", i)
		}
		return formOf("decision=allow" + b.String())
	}
	w.post("/consent", many(1000), "Cookie", boundCookies()).wantStatus(t, 303)
	w.post("/consent", many(1022), "Cookie", boundCookies()).wantPage(t, 400)
	w.post("/consent", many(10_001), "Cookie", boundCookies()).wantPage(t, 413)
}

// N084, N085, N048: how a refused decision looks.
func TestConsentThatFails(t *testing.T) {
	const good = "decision=allow&workspace=w2&project=p1"
	tests := []struct {
		name, form string
		err        error
		status     int
		says       []string
	}{
		{"N084 not the user's to share", good, oauth.Refuse(oauth.AccessDenied, "no"), 403, []string{"Access was not given"}},
		{
			"N085 nothing selected", "decision=allow", oauth.Refuse(oauth.InvalidRequest, "nothing selected"), 400,
			[]string{"complaint-workspace", "Choose at least one workspace", "complaint-project", "Choose at least one project"},
		},
		{
			"N085 no project", "decision=allow&workspace=w2", oauth.Refuse(oauth.InvalidRequest, "nothing selected"), 400,
			[]string{"complaint-project", `value="w2" checked`},
		},
		{"the choice has changed", good, oauth.Refuse(oauth.InvalidRequest, "no"), 400, []string{"has changed since"}},
		{"a fault", good, fmt.Errorf("boom"), 500, []string{"Something went wrong"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := dialogWorld(t, authorizev1.Interaction_PAGE_CONSENT)
			w.authorize.consent = func(*authorizev1.SubmitConsentRequest) (*authorizev1.Step, error) { return nil, tt.err }
			got := w.post("/consent", formOf(tt.form), "Cookie", boundCookies())
			got.wantStatus(t, tt.status)
			for _, want := range tt.says {
				if !strings.Contains(got.body, want) {
					t.Errorf("page does not say %q", want)
				}
			}
			if got.Header.Get("Location") != "" {
				t.Error("page leads away")
			}
		})
	}
}

// N048: a transaction that is over is an error page, however it is answered.
func TestN048_AnsweredTransactionsAreOver(t *testing.T) {
	w := dialogWorld(t, authorizev1.Interaction_PAGE_CONSENT)
	over := oauth.Refuse(oauth.InvalidRequest, "transaction is over")
	w.authorize.consent = func(*authorizev1.SubmitConsentRequest) (*authorizev1.Step, error) { return nil, over }
	w.authorize.choose = func(*authorizev1.ChooseAccountRequest) (*authorizev1.Step, error) { return nil, over }
	w.authorize.interaction = func(*authorizev1.GetInteractionRequest) (*authorizev1.GetInteractionResponse, error) {
		return nil, over
	}
	w.post("/consent", formOf(goodAnswer["/consent"]), "Cookie", boundCookies()).wantPage(t, 400)
	w.post("/account", formOf("action=switch"), "Cookie", boundCookies()).wantPage(t, 400)
	w.get("/consent?tx=tx1", "Cookie", boundCookies()).wantPage(t, 400)
}
