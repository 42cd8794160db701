package token_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/oauth"
	consentv1 "github.com/chancery-auth/chancery/proto/chancery/consent/v1"
	directoryv1 "github.com/chancery-auth/chancery/proto/chancery/directory/v1"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

// RFC 6749 §4.1.4.
func TestCodeGivesTokens(t *testing.T) {
	f := newFixture(t)
	got := f.mustExchange(t, c1, byCode(f.code(t)))
	if got.GetTokenType() != "Bearer" || got.GetExpiresIn() != 3600 || got.RefreshToken == nil || got.IdToken == nil || got.GetScope() != "openid offline_access workspace:member" {
		t.Errorf("Exchange() = %v", got)
	}
	token := f.open(t, got.GetAccessToken())
	if token.Sub != sub || token.ClientID != c1.id || token.GrantID != grantID || token.GrantVersion != 1 || token.SubjectVersion != 1 || token.FamilyID == uuid.Nil {
		t.Errorf("token = %+v", token)
	}
	if life := token.ExpireTime.Sub(token.IssueTime); life != time.Hour {
		t.Errorf("token lives %v, want what expires_in says", life)
	}
	if !f.active(t, got.GetAccessToken()) {
		t.Error("the token is dead on arrival")
	}
}

func TestN121_N131_WhatIsNoCodeOfOurs(t *testing.T) {
	f, other := newFixture(t), newFixture(t)
	text := f.code(t)
	tokens := f.mustExchange(t, c1, byCode(f.code(t)))
	for name, code := range map[string]string{
		"flipped": flip(text), "cut": text[:len(text)-1], "extended": text + "A", "line feed": text + "\n", "garbage": "x",
		"access token": tokens.GetAccessToken(), "refresh token": tokens.GetRefreshToken(), "of other keys": other.code(t),
		"refresh token as code": strings.Replace(tokens.GetRefreshToken(), "chrt_", "chac_", 1),
	} {
		t.Run(name, func(t *testing.T) { f.refused(t, c1, byCode(code), oauth.InvalidGrant) })
	}
	f.mustExchange(t, c1, byCode(text))
}

func TestN124_N125_N127_RequestThatBreaksARuleBurnsTheCode(t *testing.T) {
	tests := map[string]struct {
		by     client
		change func(*tokenv1.ExchangeRequest)
	}{
		"N124 another client":            {c2, func(*tokenv1.ExchangeRequest) {}},
		"N125 another verifier":          {c1, func(r *tokenv1.ExchangeRequest) { r.CodeVerifier = strings.Repeat("v", 43) }},
		"N125 no verifier":               {c1, func(r *tokenv1.ExchangeRequest) { r.CodeVerifier = "" }},
		"N125 the challenge":             {c1, func(r *tokenv1.ExchangeRequest) { r.CodeVerifier = challenge(verifier) }},
		"N127 another redirect_uri":      {c1, func(r *tokenv1.ExchangeRequest) { r.RedirectUri = callback + "/" }},
		"N127 redirect_uri after decode": {c1, func(r *tokenv1.ExchangeRequest) { r.RedirectUri = "https://app.example/%63b" }},
	}
	f := newFixture(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			text := f.code(t)
			req := byCode(text)
			tt.change(req)
			f.refused(t, tt.by, req, oauth.InvalidGrant)
			f.refused(t, c1, byCode(text), oauth.InvalidGrant)
			f.mustExchange(t, c1, byCode(f.code(t)))
		})
	}
}

func TestN125_LengthOfVerifier(t *testing.T) {
	f := newFixture(t)
	for length, want := range map[int]error{42: oauth.InvalidGrant, 43: nil, 128: nil, 129: oauth.InvalidGrant} {
		v := strings.Repeat("v", length)
		req := byCode(f.code(t, func(r *tokenv1.IssueCodeRequest) { r.CodeChallenge = challenge(v) }))
		req.CodeVerifier = v
		if _, err := f.exchange(t, c1, req); !errors.Is(err, want) {
			t.Errorf("verifier of %d: %v, want %v", length, err, want)
		}
	}
	spaced := strings.Repeat("v", 42) + " "
	req := byCode(f.code(t, func(r *tokenv1.IssueCodeRequest) { r.CodeChallenge = challenge(spaced) }))
	req.CodeVerifier = spaced
	f.refused(t, c1, req, oauth.InvalidGrant)
}

func TestN126_VerifierForACodeWithoutChallenge(t *testing.T) {
	f := newFixture(t)
	without := func(r *tokenv1.IssueCodeRequest) { r.CodeChallenge = "" }
	f.refused(t, c1, byCode(f.code(t, without)), oauth.InvalidGrant)
	req := byCode(f.code(t, without))
	req.CodeVerifier = ""
	f.mustExchange(t, c1, req)
}

func TestN127_RedirectURIMayBeLeftOut(t *testing.T) {
	f := newFixture(t)
	req := byCode(f.code(t))
	req.RedirectUri = ""
	f.mustExchange(t, c1, req)
}

func TestN122_ReplayThatPassesEveryCheckEndsTheFamily(t *testing.T) {
	for name, scope := range map[string]string{"with refresh token": "openid offline_access", "without": "openid"} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			text, bystander := f.code(t, withScope(scope)), f.mustExchange(t, c1, byCode(f.code(t)))
			got := f.mustExchange(t, c1, byCode(text))
			f.refused(t, c1, byCode(text), oauth.InvalidGrant)
			if f.active(t, got.GetAccessToken()) {
				t.Error("the access token of the first redemption is alive")
			}
			if got.RefreshToken != nil {
				f.refused(t, c1, byRefresh(got.GetRefreshToken()), oauth.InvalidGrant)
			}
			if !f.active(t, bystander.GetAccessToken()) {
				t.Error("a token of another code is dead")
			}
		})
	}
}

func TestN122_ReplayByAStrangerRevokesNothing(t *testing.T) {
	f := newFixture(t)
	text := f.code(t)
	got := f.mustExchange(t, c1, byCode(text))
	noVerifier, otherURI := byCode(text), byCode(text)
	noVerifier.CodeVerifier = ""
	otherURI.RedirectUri = callback + "?"
	f.refused(t, c1, noVerifier, oauth.InvalidGrant)
	f.refused(t, c1, otherURI, oauth.InvalidGrant)
	f.refused(t, c2, byCode(text), oauth.InvalidGrant)
	f.refused(t, client{c1.id, c1.method, "wrong"}, byCode(text), oauth.InvalidClient)
	if !f.active(t, got.GetAccessToken()) {
		t.Error("the access token is dead")
	}
	f.mustExchange(t, c1, byRefresh(got.GetRefreshToken()))
}

func TestN123_64RedemptionsGiveOneAnswer(t *testing.T) {
	f := newFixture(t)
	text := f.code(t)
	var won atomic.Int32
	storetest.AtOnce(64, func(int) {
		switch _, err := f.exchange(t, c1, byCode(text)); {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, oauth.InvalidGrant):
			t.Error(err)
		}
	})
	if won.Load() != 1 {
		t.Errorf("%d of 64 redemptions succeed, want 1", won.Load())
	}
}

func TestN128_CodeExpiresByTheDatabasesClock(t *testing.T) {
	f := newFixture(t)
	issued := func(ago, offset time.Duration) string {
		f.offset = offset // of the issuing replica's clock
		return f.code(t, issuedAgo(t, f, ago))
	}
	old, young := issued(61*time.Second, 30*time.Second), issued(30*time.Second, -30*time.Second)
	// The redeeming replica's clock is wrong, which changes nothing.
	f.offset = -time.Hour
	f.refused(t, c1, byCode(old), oauth.InvalidGrant)
	f.offset = time.Hour
	f.mustExchange(t, c1, byCode(young))
}

// issuedAgo is a request by whom the database's time was read that long ago.
func issuedAgo(t *testing.T, f *fixture, ago time.Duration) func(*tokenv1.IssueCodeRequest) {
	t.Helper()
	now := f.databaseTime(t)
	return func(r *tokenv1.IssueCodeRequest) { r.IssueTime = now.Add(-ago).Unix() }
}

func TestN295_N322_ACodeLivesAMinuteWhateverTheIssuersClockSays(t *testing.T) {
	run := func(t *testing.T, change func(*setting)) {
		for _, offset := range []time.Duration{0, 10 * time.Minute, -10 * time.Minute, 25 * time.Hour, -25 * time.Hour} {
			// From the start, and stepped later.
			for _, f := range []*fixture{newFixture(t, change, func(s *setting) { s.offset = offset }), newFixture(t, change)} {
				f.offset = offset
				old, young := f.code(t, issuedAgo(t, f, 61*time.Second)), f.code(t, issuedAgo(t, f, 0))
				f.refused(t, c1, byCode(old), oauth.InvalidGrant)
				f.mustExchange(t, c1, byRefresh(f.mustExchange(t, c1, byCode(young)).GetRefreshToken()))
			}
			// The release before does not say the time of the database: the service knows it.
			f := newFixture(t, change, func(s *setting) { s.offset = offset })
			sealed, err := f.sealer.OpenCode(f.code(t))
			if err != nil {
				t.Fatal(err)
			}
			if lives := sealed.ExpireTime.Sub(f.databaseTime(t)); lives > time.Minute || lives < 0 {
				t.Errorf("clock %s: a code lives for %s", offset, lives)
			}
		}
	}
	t.Run("SQLite", func(t *testing.T) { run(t, func(*setting) {}) })
	t.Run("Postgres", func(t *testing.T) {
		run(t, func(s *setting) {
			_, change := onPostgres(t)
			change(s)
		})
	})
}

func TestN129_WhatHappenedSinceTheCode(t *testing.T) {
	tests := map[string]func(*fixture){
		"subject disabled": func(f *fixture) { f.people.resp.Subject.Disabled = true },
		"subject deleted":  func(f *fixture) { f.people.change(nil) },
		"signed out":       func(f *fixture) { f.people.resp.Subject.Version = 2 },
		"grant revoked": func(f *fixture) {
			f.consent.revoked = append(f.consent.revoked, consentv1.RevokeGrantRequest_REASON_WITHDRAWN)
		},
		"grant of another":   func(f *fixture) { f.consent.grant.Sub = "u2" },
		"client of another":  func(f *fixture) { f.consent.grant.ClientId = c2.id },
		"redirect_uri taken": func(f *fixture) { f.registry.clients[c1.id].RedirectUris = []string{callback + "2"} },
		"every scope gone":   func(f *fixture) { f.consent.grant.Scope = "email" },
	}
	for name, happen := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			first, second := f.code(t), f.code(t)
			f.mustExchange(t, c1, byCode(first))
			happen(f)
			f.refused(t, c1, byCode(second), oauth.InvalidGrant)
		})
	}
}

func TestN129_LoopbackPortOfANativeClientVaries(t *testing.T) {
	f := newFixture(t)
	f.registry.change(c1, func(c *registryv1.Client) { c.RedirectUris = []string{"http://127.0.0.1/cb"} })
	const uri = "http://127.0.0.1:4711/cb"
	redeem := func() error {
		req := byCode(f.code(t, func(r *tokenv1.IssueCodeRequest) { r.RedirectUri = uri }))
		req.RedirectUri = uri
		_, err := f.exchange(t, c1, req)
		return err
	}
	if err := redeem(); !errors.Is(err, oauth.InvalidGrant) {
		t.Errorf("web client: %v, want invalid_grant", err)
	}
	f.registry.change(c1, func(c *registryv1.Client) { c.ApplicationType = "native" })
	if err := redeem(); err != nil {
		t.Errorf("native client: %v", err)
	}
}

func TestN129_LoopbackPortIsFixedWhereThePresetSaysSo(t *testing.T) {
	f := newFixture(t, func(s *setting) { s.preset.Authorization.VariableLoopbackPort = false })
	const registered = "http://127.0.0.1:4711/cb"
	f.registry.change(c1, func(c *registryv1.Client) {
		c.ApplicationType, c.RedirectUris = "native", []string{registered}
	})
	for uri, want := range map[string]error{registered: nil, "http://127.0.0.1:4712/cb": oauth.InvalidGrant} {
		req := byCode(f.code(t, func(r *tokenv1.IssueCodeRequest) { r.RedirectUri = uri }))
		req.RedirectUri = uri
		if _, err := f.exchange(t, c1, req); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", uri, err, want)
		}
	}
}

func TestN129_LostResourcesAreLeftOut(t *testing.T) {
	f := newFixture(t)
	text := f.code(t, withScope("openid workspace:member project:viewer"))
	f.people.change(func(r *directoryv1.GetSubjectResponse) { r.Projects = nil })
	got := f.mustExchange(t, c1, byCode(text))
	if token := f.open(t, got.GetAccessToken()); got.GetScope() != "openid workspace:member" || len(token.Resources.Workspaces) != 1 || len(token.Resources.Projects) != 0 {
		t.Errorf("scope = %q, resources = %+v, want the workspace alone", got.GetScope(), token.Resources)
	}
}

func TestN130_ScopeAtRedemptionChangesNothing(t *testing.T) {
	f := newFixture(t)
	req := byCode(f.code(t, withScope("openid")))
	req.Scope = "openid profile workspace:member"
	if got := f.mustExchange(t, c1, req); got.GetScope() != "openid" {
		t.Errorf("scope = %q, want what was granted", got.GetScope())
	}
}

func TestN132_CodeOfAnotherFlowFailsByPKCE(t *testing.T) {
	f := newFixture(t)
	mine := strings.Repeat("m", 43)
	attackers := f.code(t, func(r *tokenv1.IssueCodeRequest) { r.CodeChallenge = challenge(strings.Repeat("a", 43)) })
	req := byCode(attackers)
	req.CodeVerifier = mine
	f.refused(t, c1, req, oauth.InvalidGrant)
}

// A commit that no standby has confirmed comes with a warning.
func TestN133_UnknownOutcomeGivesNoToken(t *testing.T) {
	db, change := onPostgres(t)
	f := newFixture(t, change)
	text := f.code(t)
	execute(t, db, `
		CREATE FUNCTION token.warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'not waited for'; RETURN NULL; END $$;
		CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON token.redemption DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION token.warn()`)
	f.refused(t, c1, byCode(text), oauth.TemporarilyUnavailable)
	execute(t, db, `DROP TRIGGER warn ON token.redemption`)
	// It was spent, and the repetition says so: never two successes.
	f.refused(t, c1, byCode(text), oauth.InvalidGrant)
	f.mustExchange(t, c1, byCode(f.code(t)))
}

func TestFailureOfAPeerSpendsNoCode(t *testing.T) {
	f := newFixture(t)
	text := f.code(t)
	f.consent.fails = oauth.Refuse(oauth.TemporarilyUnavailable, "away")
	f.refused(t, c1, byCode(text), oauth.TemporarilyUnavailable)
	f.consent.fails = nil
	f.mustExchange(t, c1, byCode(text))
}

// RFC 8707 §2.2.
func TestResourceOfTheCodeIsNarrowed(t *testing.T) {
	f := newFixture(t)
	both := []string{api, "https://b.example"}
	for name, tt := range map[string]struct {
		granted, asked, audience []string
		want                     error
	}{
		"all of it":         {both, nil, both, nil},
		"one of it":         {both, []string{api}, []string{api}, nil},
		"more than granted": {[]string{api}, both, nil, oauth.InvalidTarget},
		"none was granted":  {nil, []string{api}, nil, oauth.InvalidTarget},
		"none":              {nil, nil, nil, nil},
	} {
		req := byCode(f.code(t, func(r *tokenv1.IssueCodeRequest) { r.Resource = tt.granted }))
		req.Resource = tt.asked
		resp, err := f.exchange(t, c1, req)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if err != nil {
			continue
		}
		if got := f.open(t, resp.GetAccessToken()).Audience; strings.Join(got, " ") != strings.Join(tt.audience, " ") {
			t.Errorf("%s: audience = %v, want %v", name, got, tt.audience)
		}
	}
	// A refusal for the resource leaves the code as it is.
	req := byCode(f.code(t))
	req.Resource = []string{api}
	f.refused(t, c1, req, oauth.InvalidTarget)
	req.Resource = nil
	f.mustExchange(t, c1, req)
}

func TestCodeThatWouldNotOpenIsNotIssued(t *testing.T) {
	f := newFixture(t)
	issue := func(nonce int) error {
		_, err := f.authz.IssueCode(t.Context(), &tokenv1.IssueCodeRequest{
			ClientId: c1.id, GrantId: grantID.String(), SessionId: sessionID.String(), Nonce: strings.Repeat("n", nonce),
		})
		return err
	}
	if err := issue(1000); err != nil {
		t.Errorf("short nonce: %v", err)
	}
	if err := issue(2000); !errors.Is(err, oauth.InvalidRequest) {
		t.Errorf("long nonce: %v, want invalid_request", err)
	}
}
