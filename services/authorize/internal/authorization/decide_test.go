package authorization

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/services/authorize/internal/session"
	"github.com/chancery-auth/chancery/services/authorize/internal/transaction"
)

var (
	here  = uuid.UUID{1}
	there = uuid.UUID{2}
)

// answered is a situation in which nothing is left to ask: each case changes one
// thing.
func answered() *situation {
	s := &situation{
		user:   &user{session: session.Session{ID: here}, subject: Subject{Sub: "u1"}},
		client: client.Client{ID: "c1", Vetted: true},
		answer: &Answer{Grant: &Grant{ID: "g"}},
	}
	s.checked.Client = s.client
	return s
}

// pending makes it one of a transaction.
func pending(change func(*transaction.Transaction)) func(*situation) {
	return func(s *situation) {
		if s.pending == nil {
			s.pending = &transaction.Transaction{}
		}
		change(s.pending)
	}
}

func wants(prompt oauth.Prompt) func(*situation) {
	return func(s *situation) { s.checked.Prompts |= prompt }
}

func nobody(s *situation) { s.user, s.answer = nil, nil }

func unvetted(s *situation) { s.client.Vetted = false }

func refused(s *situation) {
	s.refusal, s.answer = refusalOf(oauth.Refuse(oauth.InvalidScope, "no")), nil
}

// said is a decision in words.
func said(d decision) string {
	switch {
	case d.tellUser != nil:
		return "user: " + string(d.tellUser.why.Code)
	case d.tellClient != nil:
		return "client: " + string(d.tellClient.why.Code)
	case d.code:
		return "code"
	default:
		return map[Page]string{PageSignIn: "sign in", PageAccount: "account", PageConsent: "consent"}[d.show]
	}
}

func TestDecide(t *testing.T) {
	fresh := time.Minute
	for _, tt := range []struct {
		name   string
		change []func(*situation)
		want   string
	}{
		{"nothing left to ask", nil, "code"},
		{"an unknown client", []func(*situation){func(s *situation) { s.unsafe = refusalOf(oauth.Refuse(oauth.InvalidRequest, "no")) }}, "user: invalid_request"},
		{"a request that breaks a rule", []func(*situation){refused}, "client: invalid_scope"},
		{"N315 of a client that nobody vetted", []func(*situation){refused, unvetted}, "client: invalid_scope"},
		{"N315 and nobody is signed in", []func(*situation){refused, unvetted, nobody}, "user: invalid_scope"},
		{"N315 where there is nobody to phish", []func(*situation){refused, unvetted, nobody, func(s *situation) { s.browser.FetchDest = "iframe" }}, "client: invalid_scope"},
		{"N315 in a transaction", []func(*situation){refused, unvetted, nobody, pending(func(*transaction.Transaction) {})}, "client: invalid_scope"},
		{"nobody signed in", []func(*situation){nobody}, "sign in"},
		{"nobody signed in, silently", []func(*situation){nobody, wants(oauth.PromptNone)}, "client: login_required"},
		{"N315 nobody signed in, silently, and nobody vetted it", []func(*situation){nobody, wants(oauth.PromptNone), unvetted}, "user: login_required"},
		{"another account wanted", []func(*situation){pending(func(tx *transaction.Transaction) { tx.LeftBehind = here })}, "sign in"},
		{"another was left behind", []func(*situation){pending(func(tx *transaction.Transaction) { tx.LeftBehind = there })}, "code"},
		{"a sign-in that is too old", []func(*situation){func(s *situation) { s.checked.Freshness, s.user.session.Age = &fresh, time.Hour }}, "sign in"},
		{"a sign-in that is fresh enough", []func(*situation){func(s *situation) { s.checked.Freshness = &fresh }}, "code"},
		{"a new sign-in wanted", []func(*situation){wants(oauth.PromptLogin)}, "sign in"},
		{"a new sign-in made", []func(*situation){wants(oauth.PromptLogin), pending(func(tx *transaction.Transaction) { tx.SignedIn = here })}, "code"},
		{"a new sign-in of another tab", []func(*situation){wants(oauth.PromptLogin), pending(func(tx *transaction.Transaction) { tx.SignedIn = there })}, "sign in"},
		{"another user than hinted", []func(*situation){func(s *situation) { s.checked.HintSub = "u2" }}, "sign in"},
		{"another user than hinted signed in", []func(*situation){func(s *situation) { s.checked.HintSub = "u2" }, pending(func(tx *transaction.Transaction) { tx.SignedIn = here })}, "client: login_required"},
		{"an outsider", []func(*situation){func(s *situation) { s.client.Internal = true }}, "user: access_denied"},
		{"a member", []func(*situation){func(s *situation) { s.client.Internal, s.user.subject.Member = true, true }}, "code"},
		{"a choice of account wanted", []func(*situation){wants(oauth.PromptSelectAccount)}, "account"},
		{"a choice of account made", []func(*situation){wants(oauth.PromptSelectAccount), pending(func(tx *transaction.Transaction) { tx.Chosen = here })}, "code"},
		{"consent required", []func(*situation){func(s *situation) { s.answer.Required = true }}, "consent"},
		{"consent required, silently", []func(*situation){func(s *situation) { s.answer.Required = true }, wants(oauth.PromptNone)}, "client: consent_required"},
		{"nothing written down yet", []func(*situation){func(s *situation) { s.answer.Grant = nil }}, "code"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := answered()
			for _, change := range tt.change {
				change(s)
			}
			if got := said(decide(s)); got != tt.want {
				t.Errorf("decide() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDecideAllowed(t *testing.T) {
	shown := pending(func(tx *transaction.Transaction) { tx.Shown = here })
	for _, tt := range []struct {
		name   string
		change []func(*situation)
		want   string // empty: invalid_request
	}{
		{"the page was shown", nil, "code"},
		{"and would be shown no more", []func(*situation){func(s *situation) { s.answer = nil }}, "code"},
		{"it was not shown", []func(*situation){pending(func(tx *transaction.Transaction) { tx.Shown = uuid.Nil })}, "consent"},
		{"it was shown to another", []func(*situation){pending(func(tx *transaction.Transaction) { tx.Shown = there })}, ""},
		{"it named the client otherwise", []func(*situation){pending(func(tx *transaction.Transaction) { tx.ShownClient = client.Client{Name: "another"}.Shown() })}, ""},
		{"nobody is signed in any more", []func(*situation){nobody}, "sign in"},
		{"an account is to be chosen", []func(*situation){wants(oauth.PromptSelectAccount)}, "account"},
		{"the user is an outsider by now", []func(*situation){func(s *situation) { s.client.Internal = true }}, "user: access_denied"},
		{"the request breaks a rule by now", []func(*situation){refused}, "client: invalid_scope"},
		{"the client is gone", []func(*situation){func(s *situation) { s.unsafe = refusalOf(oauth.Refuse(oauth.InvalidRequest, "no")) }}, "user: invalid_request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := answered()
			shown(s)
			for _, change := range tt.change {
				change(s)
			}
			d, err := decideAllowed(s)
			if got := said(d); err == nil && got != tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("decideAllowed() = %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}
