package authorization

import "github.com/chancery-auth/chancery/pkg/oauth"

// Page is a page that asks the user something.
type Page uint8

// The pages. The zero value is none: there is nothing to ask.
const (
	PageSignIn Page = iota + 1
	PageAccount
	PageConsent
	// pageForbidden asks nothing, and leads nowhere.
	pageForbidden
)

// asking is one reason to show a page.
type asking struct {
	name   string // what holds when nothing is asked
	spec   string // where it is written
	page   Page
	needed func(*situation) bool
}

// The first reason that applies decides on the page. Whether to ask for consent
// comes after them all, because it is about who is signed in.
var askings = []asking{
	{"somebody is signed in", "OIDC Core §3.1.2.3", PageSignIn, nobodySignedIn},
	{"the user wants this account", "OIDC Core §3.1.2.1", PageSignIn, accountLeftBehind},
	{"the sign-in is fresh enough", "OIDC Core §3.1.2.1", PageSignIn, signInStale},
	{"the user is the one that id_token_hint names", "OIDC Core §3.1.2.1", PageSignIn, anotherThanHinted},
	{"the client is for this user", "RFC 6749 §4.1.2.1", pageForbidden, outsider},
	{"an account is chosen if that is asked for", "OIDC Core §3.1.2.1", PageAccount, choiceMissing},
}

// before is the page that comes before it can be asked for consent; none if nothing
// is left to ask of that kind.
func before(s *situation) Page {
	for _, ask := range askings {
		if ask.needed(s) {
			return ask.page
		}
	}
	return 0
}

// next is the page that comes next; none if nothing is left to ask.
func next(s *situation) Page {
	if page := before(s); page != 0 {
		return page
	}
	if s.answer.Required {
		return PageConsent
	}
	return 0
}

// decision is what becomes of a request: one of the four.
type decision struct {
	// tellUser refuses where the client must not hear of it, and tellClient where it
	// does.
	tellUser, tellClient *refusal
	// show asks the user something.
	show Page
	// code answers the client: there is nothing left to ask.
	code bool
}

// decide says what becomes of a request, from all that was gathered.
func decide(s *situation) decision {
	switch {
	case s.unsafe != nil:
		return decision{tellUser: s.unsafe}
	case s.refusal != nil:
		return refuse(s, s.refusal)
	}
	page := next(s)
	if refused := cannotAsk(s, page); refused != nil {
		return refuse(s, refused)
	}
	return ask(page)
}

// decideAllowed says what becomes of a request whose user has pressed Allow. What
// comes before the consent page still comes before it; and nobody has agreed to a
// page that was not shown. Fails with invalid_request if it was shown to another
// user, or named the client otherwise.
func decideAllowed(s *situation) (decision, error) {
	switch {
	case s.unsafe != nil:
		return decision{tellUser: s.unsafe}, nil
	case s.refusal != nil:
		return refuse(s, s.refusal), nil
	}
	if err := sawAnother(s, s.pending.Shown); err != nil {
		return decision{}, err
	}
	page := before(s)
	switch refused := cannotAsk(s, page); {
	case refused != nil:
		return refuse(s, refused), nil
	case page != 0:
		return ask(page), nil
	case !s.happened(s.pending.Shown):
		return decision{show: PageConsent}, nil
	default:
		return decision{code: true}, sawAnotherClient(s)
	}
}

// ask shows a page; none leaves the code. A transaction whose user must not know of
// the client stays open: there may be another account.
func ask(page Page) decision {
	switch page {
	case pageForbidden:
		return decision{tellUser: forbidden()}
	case 0:
		return decision{code: true}
	default:
		return decision{show: page}
	}
}

// refuse tells the client. But a request made to fail would send every user who
// follows a link of ours to wherever an unvetted client likes (RFC 9700 §4.11.2): a
// user who is not signed in sees the error here instead. In a frame there is no user
// to phish, so the client is told.
func refuse(s *situation, why *refusal) decision {
	if s.pending == nil && !s.client.Vetted && s.user == nil && !s.browser.framed() {
		return decision{tellUser: why}
	}
	return decision{tellClient: why}
}

func nobodySignedIn(s *situation) bool { return s.user == nil }

func accountLeftBehind(s *situation) bool { return s.happened(s.stages().LeftBehind) }

// signInStale is satisfied by no sign-in but one during this transaction, once
// the request wants a new one: a session that another tab has renewed is not an
// answer to this client.
func signInStale(s *situation) bool {
	if s.happened(s.stages().SignedIn) {
		return false
	}
	freshness := s.checked.Freshness
	return s.checked.Prompts.Has(oauth.PromptLogin) ||
		freshness != nil && (*freshness == 0 || s.user.session.Age > *freshness)
}

func anotherThanHinted(s *situation) bool {
	return s.checked.HintSub != "" && s.checked.HintSub != s.user.subject.Sub
}

// outsider is who is no member of the workspace that an internal client belongs
// to. Whether the client exists is not for them to know.
func outsider(s *situation) bool { return s.client.Internal && !s.user.subject.Member }

// forbidden is the refusal of an outsider.
func forbidden() *refusal {
	r := refusalOf(oauth.Refuse(oauth.AccessDenied, "this app is for the members of its workspace alone"))
	r.forbidden = true
	return r
}

// choiceMissing takes a sign-in for a choice: who typed a name has chosen.
func choiceMissing(s *situation) bool {
	return s.checked.Prompts.Has(oauth.PromptSelectAccount) &&
		!s.happened(s.stages().SignedIn) && !s.happened(s.stages().Chosen)
}

// cannotAsk says what the client is told where a page must not be shown, or
// would lead nowhere (OIDC Core §3.1.2.6).
func cannotAsk(s *situation, page Page) *refusal {
	silent := s.checked.Prompts.Has(oauth.PromptNone)
	switch {
	case page == PageSignIn && silent:
		return refusalOf(oauth.Refuse(oauth.LoginRequired, "the user is not signed in as the request wants it"))
	case page == PageConsent && silent:
		return refusalOf(oauth.Refuse(oauth.ConsentRequired, "the user has to be asked"))
	// Somebody has just signed in, and it is the wrong one.
	case page == PageSignIn && s.happened(s.stages().SignedIn) && anotherThanHinted(s):
		return refusalOf(oauth.Refuse(oauth.LoginRequired, "another user signed in than id_token_hint names"))
	}
	return nil
}
