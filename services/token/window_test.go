package token_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"

	oauthclient "github.com/chancery-auth/chancery/pkg/client"
	"github.com/chancery-auth/chancery/pkg/event"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/token/internal/family"
	"github.com/chancery-auth/chancery/services/token/internal/migrations/storetest"
)

// windowed gives a client a window; within one of a microsecond is nothing.
func windowed(d time.Duration) func(*registryv1.Client) {
	return func(c *registryv1.Client) { c.RefreshWindow = durationpb.New(d) }
}

func TestN321_StaleTokensYieldTheOneInUse(t *testing.T) {
	f := newFixture(t)
	f.registry.change(c1, windowed(time.Hour))
	chain := []string{f.signedIn(t).GetRefreshToken()}
	for range 3 {
		chain = append(chain, f.refresh(t, chain[len(chain)-1]).GetRefreshToken())
	}
	inUse := chain[len(chain)-1]
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}} {
		for _, i := range order {
			got := f.refresh(t, chain[i])
			if got.GetRefreshToken() != inUse || !f.active(t, got.GetAccessToken()) {
				t.Errorf("generation %d yields another token than the one in use, or a dead access token", i)
			}
		}
	}
	// The one in use rotates as ever, and what it replaced follows.
	next := f.refresh(t, inUse)
	if next.GetRefreshToken() == inUse {
		t.Error("the token in use does not rotate")
	}
	if again := f.refresh(t, chain[0]); again.GetRefreshToken() != next.GetRefreshToken() {
		t.Error("a stale token yields another than the one in use")
	}
}

func TestN321_CurrentTokenFollowsTheRotation(t *testing.T) {
	for rotation, rotates := range map[string]bool{"always": true, "threshold": false, "never": false} {
		t.Run(rotation, func(t *testing.T) {
			f := newFixture(t)
			f.registry.change(c1, windowed(time.Hour))
			stale := f.signedIn(t).GetRefreshToken()
			inUse := f.refresh(t, stale).GetRefreshToken()
			f.registry.change(c1, func(c *registryv1.Client) { c.RefreshRotation = rotation })
			if got := f.refresh(t, inUse).GetRefreshToken() != inUse; got != rotates {
				t.Errorf("rotated is %v, want %v", got, rotates)
			}
			next := f.refresh(t, stale).GetRefreshToken()
			if got := next != inUse; got != rotates || next == stale {
				t.Errorf("the stale token yields another than the one in use")
			}
		})
	}
}

func TestN321_LateReuseEndsTheFamilyAlone(t *testing.T) {
	counters := &counted{by: make(map[string]int)}
	f := newFixture(t, func(s *setting) { s.counters = counters })
	f.registry.change(c1, windowed(time.Microsecond))
	trail := f.setting.audit.Follow(t)
	other, first := f.signedIn(t), f.signedIn(t)
	second := f.refresh(t, first.GetRefreshToken())
	clear(counters.by)
	for range 2 {
		f.refused(t, c1, byRefresh(first.GetRefreshToken()), oauth.InvalidGrant)
	}
	counters.check(t, "late", map[string]int{"reuse": 1})
	trail.Check(t, event.Event{
		Type: event.FamilyReused, ClientID: c1.id, Sub: sub, GrantID: grantID, FamilyID: f.open(t, first.GetAccessToken()).FamilyID,
	})
	f.refused(t, c1, byRefresh(second.GetRefreshToken()), oauth.InvalidGrant)
	if f.active(t, first.GetAccessToken()) || f.active(t, second.GetAccessToken()) {
		t.Error("an access token of the family is alive")
	}
	if len(f.consent.reasons()) != 0 || !f.active(t, other.GetAccessToken()) {
		t.Error("reuse ended more than its family")
	}
	f.refresh(t, other.GetRefreshToken())
	f.reusesAre(t, "late")
}

func TestN321_RepetitionIsCountedAndRecorded(t *testing.T) {
	counters := &counted{by: make(map[string]int)}
	f := newFixture(t, func(s *setting) { s.counters = counters })
	f.registry.change(c1, windowed(time.Hour))
	trail := f.setting.audit.Follow(t)
	first := f.signedIn(t)
	f.refresh(t, first.GetRefreshToken())
	f.reusesAre(t)
	trail.Check(t)
	clear(counters.by)
	for range 3 {
		f.refresh(t, first.GetRefreshToken())
	}
	counters.check(t, "repeated", map[string]int{"repeat": 3, oauth.GrantRefreshToken: 3})
	trail.Check(t, event.Event{
		Type: event.FamilyRepeated, ClientID: c1.id, Sub: sub, GrantID: grantID, FamilyID: f.open(t, first.GetAccessToken()).FamilyID,
	})
	f.reusesAre(t, "repeated")
}

// reusesAre checks which kinds of reuse are noted of the one grant.
func (f *fixture) reusesAre(t *testing.T, want ...string) {
	t.Helper()
	resp, err := f.token.ListReuses(t.Context(), &tokenv1.ListReusesRequest{GrantIds: []string{grantID.String(), sessionID.String()}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range resp.GetReuses() {
		if u.GetGrantId() != grantID.String() {
			t.Errorf("reuse of another grant: %v", u)
		}
		if u.RepeatTime != nil {
			got = append(got, "repeated")
		}
		if u.LateTime != nil {
			got = append(got, "late")
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("reuses %v are noted, want %v", got, want)
	}
}

func TestListReusesWantsGrants(t *testing.T) {
	f := newFixture(t)
	for _, id := range []string{"", "1"} {
		if _, err := f.token.ListReuses(t.Context(), &tokenv1.ListReusesRequest{GrantIds: []string{id}}); err == nil {
			t.Errorf("ListReuses(%q) succeeds", id)
		}
	}
}

func TestN139_N321_StaleTokenOfAnotherClientEndsTheFamilyAlone(t *testing.T) {
	f := newFixture(t)
	f.registry.change(c1, windowed(time.Hour))
	other, first := f.signedIn(t), f.signedIn(t)
	second := f.refresh(t, first.GetRefreshToken())
	// Of the one in use nobody knows how the stranger has it.
	f.refused(t, c2, byRefresh(second.GetRefreshToken()), oauth.InvalidGrant)
	second = f.refresh(t, first.GetRefreshToken())
	f.refused(t, c2, byRefresh(first.GetRefreshToken()), oauth.InvalidGrant)
	f.refused(t, c1, byRefresh(second.GetRefreshToken()), oauth.InvalidGrant)
	if len(f.consent.reasons()) != 0 || f.active(t, second.GetAccessToken()) {
		t.Error("the grant has ended, or the family has not")
	}
	f.refresh(t, other.GetRefreshToken())
}

func TestN318_TokenNewerThanItsFamilyEndsNothing(t *testing.T) {
	for name, window := range map[string]time.Duration{"strict": 0, "window": time.Hour} {
		t.Run(name, func(t *testing.T) {
			counters := &counted{by: make(map[string]int)}
			f := newFixture(t, func(s *setting) { s.counters = counters })
			f.registry.change(c1, windowed(window))
			trail := f.setting.audit.Follow(t)
			first := f.signedIn(t)
			lost, err := f.sealer.OpenRefreshToken(first.GetRefreshToken())
			if err != nil {
				t.Fatal(err)
			}
			lost.Generation++
			text, err := f.sealer.SealRefreshToken(lost)
			if err != nil {
				t.Fatal(err)
			}
			clear(counters.by)
			f.refused(t, c1, byRefresh(text), oauth.InvalidGrant)
			counters.check(t, "ahead", map[string]int{"ahead": 1})
			f.refused(t, c2, byRefresh(text), oauth.InvalidGrant)
			counters.check(t, "ahead, by another client", map[string]int{})
			trail.Check(t)
			f.reusesAre(t)
			if len(f.consent.reasons()) != 0 || !f.active(t, first.GetAccessToken()) {
				t.Error("a lost write ended something")
			}
			// The write happens again, and makes the same token.
			if again := f.refresh(t, first.GetRefreshToken()); again.GetRefreshToken() != text {
				t.Error("the successor is another than the one that was lost")
			}
			f.refresh(t, text)
		})
	}
}

func TestN321_64RefreshesWithStaleTokens(t *testing.T) { onEach(t, refreshesWithStaleTokens) }

func refreshesWithStaleTokens(t *testing.T, f *fixture) {
	t.Helper()
	f.registry.change(c1, windowed(time.Hour))
	first := f.signedIn(t).GetRefreshToken()
	second := f.refresh(t, first).GetRefreshToken()
	answers := f.refreshAtOnce(t, first, second)
	third := f.refresh(t, first).GetRefreshToken()
	if third == second || answers[second]+answers[third] != 64 || answers[third] < 32 {
		t.Errorf("answers %v, want those in use before and after one rotation", answers)
	}
}

// refreshAtOnce refreshes 64 times, with one of the tokens after another, and
// returns how often each refresh token was the answer.
func (f *fixture) refreshAtOnce(t *testing.T, tokens ...string) map[string]int {
	t.Helper()
	var mu sync.Mutex
	answers := make(map[string]int)
	storetest.AtOnce(64, func(i int) {
		resp, err := f.exchange(t, c1, byRefresh(tokens[i%len(tokens)]))
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		answers[resp.GetRefreshToken()]++
	})
	return answers
}

// A family that remembers as many replaced tokens as it can gives everybody the one
// in use, and goes on.
func TestN321_64RefreshesWithoutRoomForARotation(t *testing.T) {
	counters := &counted{by: make(map[string]int)}
	onEach(t, func(t *testing.T, f *fixture) {
		f.registry.change(c1, windowed(time.Hour))
		first := f.signedIn(t)
		chain := []string{first.GetRefreshToken()}
		for range family.MostReplaced {
			chain = append(chain, f.refresh(t, chain[len(chain)-1]).GetRefreshToken())
		}
		inUse, trail := chain[family.MostReplaced], f.setting.audit.Follow(t)
		clear(counters.by)
		answers := f.refreshAtOnce(t, inUse, chain[0], inUse, chain[family.MostReplaced-1])
		if diff := cmp.Diff(map[string]int{inUse: 64}, answers); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
		counters.check(t, "without room", map[string]int{"extended": 32, "repeat": 32, oauth.GrantRefreshToken: 64})
		trail.Check(t, event.Event{
			Type: event.FamilyRepeated, ClientID: c1.id, Sub: sub, GrantID: grantID, FamilyID: f.open(t, first.GetAccessToken()).FamilyID,
		})
		f.reusesAre(t, "repeated")
		// Strictly there is no limit.
		f.registry.change(c1, windowed(0))
		if next := f.refresh(t, inUse); next.GetRefreshToken() == inUse {
			t.Error("the token in use does not rotate")
		}
	}, func(s *setting) { s.counters = counters })
}

// The token in use is sealed under the key of its making, whatever key is in use.
func TestN321_StaleTokenYieldsTheSameAcrossSealingKeys(t *testing.T) {
	f := newFixture(t)
	f.registry.change(c1, windowed(time.Hour))
	first := f.signedIn(t).GetRefreshToken()
	f.rotateAtOnce(t, "seal")
	second := f.refresh(t, first).GetRefreshToken()
	f.rotateAtOnce(t, "seal")
	if again := f.refresh(t, first).GetRefreshToken(); again != second {
		t.Error("a stale token yields another than the one in use")
	}
	key := f.listKeys(t, "seal")
	made := slices.IndexFunc(key, func(k *tokenv1.Key) bool { return k.GetState() == tokenv1.KeyState_KEY_STATE_FORMER })
	if _, err := f.retire(t, key[made].GetKeyId()); err != nil {
		t.Fatal(err)
	}
	f.refused(t, c1, byRefresh(first), oauth.InvalidGrant)
	if len(f.consent.reasons()) != 0 {
		t.Error("a retired key ended the grant")
	}
}

func TestN321_WindowIsTheClientsElseItsKindsElseThePresets(t *testing.T) {
	const minute = time.Minute
	native := func(c *registryv1.Client) { c.ApplicationType = string(oauth.ApplicationNative) }
	mcp := func(c *registryv1.Client) { c.ClientKind = preset.KindMCP }
	kind := func(w preset.Window) func(*preset.Preset) {
		return func(p *preset.Preset) { p.Clients.Kinds[0].Window = w }
	}
	refresh := func(w preset.Window) func(*preset.Preset) {
		return func(p *preset.Preset) { p.Refresh.Window = w }
	}
	for _, tt := range []struct {
		name    string
		preset  func(*preset.Preset)
		clients []func(*registryv1.Client)
		window  time.Duration
	}{
		{name: "a web client is judged strictly"},
		{name: "a native one not", clients: []func(*registryv1.Client){native}, window: 30 * minute},
		{name: "an agent not", clients: []func(*registryv1.Client){mcp}, window: 30 * minute},
		{name: "a short refresh token", clients: []func(*registryv1.Client){native, refreshFor(10 * minute)}, window: 10 * minute},
		{name: "a short access token", clients: []func(*registryv1.Client){native, accessFor(10 * minute)}, window: 5 * minute},
		{name: "a grace of its own is strict", clients: []func(*registryv1.Client){native, withoutGrace}},
		{name: "a preset without grace is strict", preset: func(p *preset.Preset) { p.Refresh.Grace = 0 }, clients: []func(*registryv1.Client){mcp}},
		{name: "a strict preset", preset: refresh(preset.WindowStrict), clients: []func(*registryv1.Client){native, mcp}},
		{name: "the preset's window", preset: refresh(preset.Window(minute)), window: minute},
		{name: "the kind's window", preset: kind(preset.Window(minute)), clients: []func(*registryv1.Client){mcp}, window: minute},
		{name: "a strict kind", preset: kind(preset.WindowStrict), clients: []func(*registryv1.Client){native, mcp}},
		{name: "another kind's window", preset: kind(preset.Window(minute)), clients: []func(*registryv1.Client){native}, window: 30 * minute},
		{name: "its own window", preset: refresh(preset.WindowStrict), clients: []func(*registryv1.Client){windowed(minute), withoutGrace}, window: minute},
		{name: "strict of its own", preset: kind(preset.Window(minute)), clients: []func(*registryv1.Client){native, mcp, windowed(0)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := preset.Default()
			p.Clients.Kinds = []preset.ClientKind{{Name: preset.KindMCP}}
			if tt.preset != nil {
				tt.preset(&p)
			}
			c := &registryv1.Client{}
			for _, change := range tt.clients {
				change(c)
			}
			read, err := oauthclient.Of(c, p)
			if err != nil {
				t.Fatal(err)
			}
			got := read.Refresh
			if got.Window != tt.window || tt.window > 0 && got.Grace != 0 {
				t.Errorf("window %v, grace %v, want window %v", got.Window, got.Grace, tt.window)
			}
		})
	}
}

func accessFor(d time.Duration) func(*registryv1.Client) {
	return func(c *registryv1.Client) { c.AccessTokenLifetime = durationpb.New(d) }
}

func refreshFor(d time.Duration) func(*registryv1.Client) {
	return func(c *registryv1.Client) { c.RefreshTokenLifetime = durationpb.New(d) }
}
