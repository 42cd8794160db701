package authorization

import (
	"context"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

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

// next says which page comes next; none if nothing is left to ask.
func (a *Authorizer) next(ctx context.Context, s *situation) (Page, error) {
	for _, ask := range askings {
		if ask.needed(s) {
			return ask.page, nil
		}
	}
	answer, err := a.Peers.Evaluate(ctx, Question{
		Sub:         s.user.subject.Sub,
		ClientID:    s.client.ID,
		RedirectURI: s.request.RedirectURI,
		Scope:       s.checked.Asked,
		Always:      s.checked.Prompts.Has(oauth.PromptConsent),
	})
	if err != nil {
		return 0, fmt.Errorf("evaluate consent: %w", err)
	}
	s.answer = answer
	if answer.Required {
		return PageConsent, nil
	}
	return 0, nil
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
