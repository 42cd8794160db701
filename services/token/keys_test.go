package token_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/coherent/coherenttest"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/jwks"
	"github.com/chancery-auth/chancery/pkg/oauth"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
	"github.com/chancery-auth/chancery/services/token"
)

// patience bounds what a test waits for.
const patience = 20 * time.Second

func (f *fixture) rotate(t *testing.T, purpose string) error {
	t.Helper()
	_, err := f.admin.RotateKeys(t.Context(), &tokenv1.RotateKeysRequest{Purpose: purpose})
	return err
}

func (f *fixture) rotateAtOnce(t *testing.T, purpose string) {
	t.Helper()
	if _, err := f.admin.RotateKeys(t.Context(), &tokenv1.RotateKeysRequest{Purpose: purpose, AtOnce: true}); err != nil {
		t.Fatal(err)
	}
}

// listKeys returns the keys of a purpose, newest first.
func (f *fixture) listKeys(t *testing.T, purpose string) []*tokenv1.Key {
	t.Helper()
	resp, err := f.admin.ListKeys(t.Context(), &tokenv1.ListKeysRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(resp.GetKeys(), func(k *tokenv1.Key) bool { return k.GetPurpose() != purpose })
}

func (f *fixture) retire(t *testing.T, id string) (*tokenv1.Key, error) {
	t.Helper()
	resp, err := f.admin.RetireKey(t.Context(), &tokenv1.RetireKeyRequest{KeyId: id})
	return resp.GetKey(), err
}

// published is the key set as text.
func (f *fixture) published(t *testing.T) string {
	t.Helper()
	resp, err := f.token.GetJwks(t.Context(), &tokenv1.GetJwksRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return string(resp.GetData())
}

// kidOf is that of the key that signed an ID token.
func kidOf(t *testing.T, idToken string) string {
	t.Helper()
	decoded, err := base64.RawURLEncoding.DecodeString(strings.Split(idToken, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	var header struct{ KID string }
	if err := json.Unmarshal(decoded, &header); err != nil {
		t.Fatal(err)
	}
	return header.KID
}

// N203, I17: whatever one replica seals or signs, another takes, while keys move
// under both; each knows only what it meets.
func TestN203_WhatOneReplicaMakesAnotherTakes(t *testing.T) {
	first := newFixture(t, func(s *setting) { s.keys.PublishLead = 5 * time.Millisecond })
	first.registry.change(c1, func(c *registryv1.Client) { c.IdTokenSignedResponseAlg = "ES256" })
	second := first.replica(t)
	second.registry.change(c1, func(c *registryv1.Client) { c.IdTokenSignedResponseAlg = "ES256" })
	replicas := []*fixture{first, second}
	kids := make(map[string]bool)
	refresh := first.signedIn(t).GetRefreshToken()
	for round := range 14 {
		maker, taker := replicas[round%2], replicas[(round+1)%2]
		for _, purpose := range []string{"seal", "ES256"} {
			if round%3 == 0 {
				taker.rotateWhenReady(t, purpose, true)
			} else {
				maker.rotateWhenReady(t, purpose, false)
			}
		}
		maker.offset += time.Duration(round) * 100 * time.Millisecond
		code := maker.code(t)
		tokens := taker.mustExchange(t, c1, byCode(code))
		kids[kidOf(t, tokens.GetIdToken())] = true
		for _, r := range replicas {
			r.verifies(t, tokens.GetIdToken())
		}
		refresh = maker.mustExchange(t, c1, byRefresh(refresh)).GetRefreshToken()
		refresh = taker.mustExchange(t, c1, byRefresh(refresh)).GetRefreshToken()
		if err := maker.revoke(t, c1, tokens.GetAccessToken()); err != nil {
			t.Error(err)
		}
		maker.sealer = maker.newSealer(t, first.setting.preset.Prefixes)
		maker.open(t, tokens.GetAccessToken())
	}
	if len(kids) < 5 {
		t.Errorf("%d keys have signed in 14 rotations", len(kids))
	}
	if len(first.consent.reasons())+len(second.consent.reasons()) != 0 {
		t.Error("a grant was revoked")
	}
}

// rotateWhenReady rotates once there is no next key any more.
func (f *fixture) rotateWhenReady(t *testing.T, purpose string, atOnce bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		_, err := f.admin.RotateKeys(ctx, &tokenv1.RotateKeysRequest{Purpose: purpose, AtOnce: atOnce})
		if err == nil {
			return
		}
		if !errors.Is(err, fault.Conflict) {
			t.Fatal(err)
		}
	}
}

// verifies checks an ID token against the key set of the replica as it is read
// anew, as a relying party does that meets an unknown kid.
func (f *fixture) verifies(t *testing.T, idToken string) {
	t.Helper()
	if err := f.service.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal([]byte(f.published(t)), &document); err != nil {
		t.Fatal(err)
	}
	for _, k := range document.Keys {
		set, err := jwks.ParsePublicSet(fmt.Appendf(nil, `{"keys":[%s]}`, k))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := set.Verify(jwks.IDToken, idToken); err == nil {
			return
		}
	}
	t.Errorf("no key of %d verifies the ID token", len(document.Keys))
}

// N203: the next key is published before it signs, for longer than anybody keeps
// the key set; the former one stays.
func TestN203_NextKeyIsPublishedFirst(t *testing.T) {
	f := newFixture(t)
	before := f.signedIn(t).GetIdToken()
	if err := f.rotate(t, "RS256"); err != nil {
		t.Fatal(err)
	}
	keys := f.listKeys(t, "RS256")
	if len(keys) != 2 || keys[0].GetState() != tokenv1.KeyState_KEY_STATE_NEXT || keys[1].GetState() != tokenv1.KeyState_KEY_STATE_ACTIVE {
		t.Fatalf("keys = %v, want the next and the active one", keys)
	}
	if lead := keys[0].GetActivateTime().AsTime().Sub(keys[0].GetCreateTime().AsTime()); lead != 10*time.Minute {
		t.Errorf("lead = %v, want 10m", lead)
	}
	// An hour of ID tokens and a margin.
	if life := keys[1].GetExpireTime().AsTime().Sub(keys[0].GetActivateTime().AsTime()); life != 70*time.Minute {
		t.Errorf("the former key stays for %v, want 1h10m", life)
	}
	if !strings.Contains(f.published(t), keys[0].GetKeyId()) || kidOf(t, f.signedIn(t).GetIdToken()) != keys[1].GetKeyId() {
		t.Error("the next key is not published, or signs already")
	}
	// A clock that is ahead changes nothing: the database's counts.
	f.offset = time.Hour
	if kidOf(t, f.signedIn(t).GetIdToken()) != keys[1].GetKeyId() {
		t.Error("the next key signs before its time")
	}
	f.claims(t, "RS256", before)
}

func TestN203_KeySetMayBeKeptForHalfTheLead(t *testing.T) {
	for lead, want := range map[time.Duration]time.Duration{
		0: 5 * time.Minute, time.Minute: 30 * time.Second, time.Hour: 5 * time.Minute,
	} {
		f := newFixture(t, func(s *setting) { s.keys.PublishLead = lead })
		resp, err := f.token.GetJwks(t.Context(), &tokenv1.GetJwksRequest{})
		if err != nil || len(resp.GetExtensions()) != 1 {
			t.Fatalf("GetJwks() has %d extensions, %v, want 1", len(resp.GetExtensions()), err)
		}
		var keep durationpb.Duration
		if err := resp.GetExtensions()[0].UnmarshalTo(&keep); err != nil || keep.AsDuration() != want {
			t.Errorf("lead %v: kept for %v, %v, want %v", lead, keep.AsDuration(), err, want)
		}
	}
}

// N290: rotate, and what was in use before may go; what is in use may not.
func TestN290_KeysInUseAreNotRetired(t *testing.T) {
	f := newFixture(t)
	active := f.listKeys(t, "seal")[0].GetKeyId()
	if _, err := f.retire(t, active); !errors.Is(err, fault.Conflict) {
		t.Errorf("RetireKey() of the active key = %v, want conflict", err)
	}
	if err := f.rotate(t, "seal"); err != nil {
		t.Fatal(err)
	}
	next := f.listKeys(t, "seal")[0].GetKeyId()
	for _, id := range []string{active, next} {
		if _, err := f.retire(t, id); !errors.Is(err, fault.Conflict) {
			t.Errorf("RetireKey() with a next key = %v, want conflict", err)
		}
	}
	for _, purpose := range []string{"seal", ""} {
		if err := f.rotate(t, purpose); !errors.Is(err, fault.Conflict) {
			t.Errorf("RotateKeys(%q) with a next key = %v, want conflict", purpose, err)
		}
	}
	if keys := f.listKeys(t, "ES256"); len(keys) != 1 {
		t.Errorf("%d keys of another purpose, want 1: all rotate or none", len(keys))
	}
	if err := f.rotate(t, "HS256"); !errors.Is(err, fault.Invalid) {
		t.Errorf("RotateKeys() of an unknown purpose = %v, want invalid", err)
	}
	if _, err := f.retire(t, "00000000"); !errors.Is(err, fault.NotFound) {
		t.Errorf("RetireKey() of an unknown key = %v, want not found", err)
	}
}

// N290, T29: what a retired sealing key has sealed is dead at once.
func TestN290_RetiredSealingKeyEndsWhatItSealed(t *testing.T) {
	f := newFixture(t)
	other := f.replica(t)
	old := f.listKeys(t, "seal")[0].GetKeyId()
	tokens, code := f.signedIn(t), f.code(t)
	keyID := f.open(t, tokens.GetAccessToken()).KeyID
	f.rotateAtOnce(t, "seal")
	fresh := f.signedIn(t).GetRefreshToken()
	for range 2 {
		k, err := f.retire(t, old)
		if err != nil || k.GetState() != tokenv1.KeyState_KEY_STATE_RETIRED || k.GetKeyId() != old || k.GetExpireTime() == nil {
			t.Fatalf("RetireKey() = %v, %v", k, err)
		}
	}
	if state := f.restricted(t); !state.KeyRetired(keyID) || strconv.FormatUint(uint64(keyID), 16) != strings.TrimLeft(old, "0") {
		t.Errorf("no restriction ends the tokens of key %s", old)
	}
	for _, r := range []*fixture{f, other} {
		r.offset += time.Second
		r.refused(t, c1, byRefresh(tokens.GetRefreshToken()), oauth.InvalidGrant)
		r.refused(t, c1, byCode(code), oauth.InvalidGrant)
	}
	other.mustExchange(t, c1, byRefresh(fresh))
	set, err := f.keys.GetKeySet(t.Context(), &tokenv1.GetKeySetRequest{})
	if err != nil || len(set.GetKeys()) != 1 || set.GetPrimaryKeyId() == keyID {
		t.Errorf("GetKeySet() = %d keys, %v, want the new one alone", len(set.GetKeys()), err)
	}
	if keys := f.listKeys(t, "seal"); len(keys) != 2 || keys[1].GetState() != tokenv1.KeyState_KEY_STATE_RETIRED {
		t.Errorf("keys = %v, want the active and the retired one", keys)
	}
}

// A key that has leaked is ended although a next one waits for its time: that
// one takes over now.
func TestLeakedKeyIsEndedWhileANextOneWaits(t *testing.T) {
	f := newFixture(t)
	leaked := f.listKeys(t, "seal")[0].GetKeyId()
	old := f.signedIn(t)
	if err := f.rotate(t, "seal"); err != nil {
		t.Fatal(err)
	}
	next := f.listKeys(t, "seal")[0]
	resp, err := f.admin.RotateKeys(t.Context(), &tokenv1.RotateKeysRequest{AtOnce: true})
	if err != nil || len(resp.GetKeys()) != 3 {
		t.Fatalf("RotateKeys() = %v, %v, want a key of each purpose", resp, err)
	}
	if got := resp.GetKeys()[0]; got.GetKeyId() != next.GetKeyId() || got.GetState() != tokenv1.KeyState_KEY_STATE_ACTIVE ||
		!got.GetActivateTime().AsTime().Before(next.GetActivateTime().AsTime()) {
		t.Errorf("RotateKeys() = %v, want the next key, active", got)
	}
	for purpose, want := range map[string]int{"seal": 2, "RS256": 2, "ES256": 2} {
		keys := f.listKeys(t, purpose)
		if len(keys) != want || keys[0].GetState() != tokenv1.KeyState_KEY_STATE_ACTIVE || keys[1].GetState() != tokenv1.KeyState_KEY_STATE_FORMER {
			t.Errorf("keys = %v, want an active and a former one", keys)
		}
	}
	fresh := f.signedIn(t).GetRefreshToken()
	if _, err := f.retire(t, leaked); err != nil {
		t.Fatal(err)
	}
	f.refused(t, c1, byRefresh(old.GetRefreshToken()), oauth.InvalidGrant)
	f.mustExchange(t, c1, byRefresh(fresh))
}

// restricted is what introspection knows of what was restricted.
func (f *fixture) restricted(t *testing.T) *coherent.State {
	t.Helper()
	batch, err := coherenttest.Load(t.Context(), f.log)
	if err != nil {
		t.Fatal(err)
	}
	state := coherent.NewState(0)
	for _, e := range batch.Entries {
		state.Join(e.KeepUntil, e.Restriction)
	}
	return state
}

func TestN290_RetiredSigningKeyLeavesTheKeySet(t *testing.T) {
	f := newFixture(t)
	old := f.listKeys(t, "ES256")[0].GetKeyId()
	f.rotateAtOnce(t, "ES256")
	if !strings.Contains(f.published(t), old) {
		t.Error("the former key is not published")
	}
	if _, err := f.retire(t, old); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(f.published(t), old) {
		t.Error("the retired key is published")
	}
}

// A successor that the client lost is sealed with a key that was retired since:
// its predecessor, under another key, does not bring it back.
func TestSuccessorUnderARetiredKeyIsDead(t *testing.T) {
	f := newFixture(t)
	first := f.signedIn(t).GetRefreshToken()
	f.rotateAtOnce(t, "seal")
	lost := f.listKeys(t, "seal")[0].GetKeyId()
	f.mustExchange(t, c1, byRefresh(first))
	f.mustExchange(t, c1, byRefresh(first))
	f.rotateAtOnce(t, "seal")
	if _, err := f.retire(t, lost); err != nil {
		t.Fatal(err)
	}
	f.refused(t, c1, byRefresh(first), oauth.InvalidGrant)
}

// Whichever replica is first rotates for all; the keys follow each other without
// a gap.
func TestKeysRotateBySchedule(t *testing.T) {
	keys := token.Keys{RotationPeriod: 300 * time.Millisecond, PublishLead: 50 * time.Millisecond}
	first := newFixture(t, func(s *setting) { s.keys = keys })
	replicas := []*fixture{first, first.replica(t)}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	ended := make(chan error, len(replicas))
	for _, r := range replicas {
		go func() { ended <- r.service.Run(ctx) }()
	}
	for len(first.listKeys(t, "ES256")) < 4 || len(first.listKeys(t, "seal")) < 4 {
		if ctx.Err() != nil {
			t.Fatal("keys are not rotated")
		}
		replicas[1].signedIn(t)
	}
	stop()
	for range replicas {
		if err := <-ended; err != nil {
			t.Errorf("Run() = %v", err)
		}
	}
	made := first.listKeys(t, "ES256")
	for i, k := range made[1:] {
		successor := made[i]
		if d := successor.GetActivateTime().AsTime().Sub(k.GetActivateTime().AsTime()); d < keys.RotationPeriod {
			t.Errorf("a key is used for %v, want %v at least", d, keys.RotationPeriod)
		}
	}
}

func TestWakeReadsTheKeys(t *testing.T) {
	f := newFixture(t)
	other := f.replica(t)
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- other.service.Run(ctx) }()
	f.rotateAtOnce(t, "ES256")
	kid := f.listKeys(t, "ES256")[0].GetKeyId()
	if strings.Contains(other.published(t), kid) {
		t.Error("the new key is known before anybody said so")
	}
	other.service.Wake()
	other.service.Wake()
	for !strings.Contains(other.published(t), kid) {
		if ctx.Err() != nil {
			t.Fatal("the keys are not read")
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Run() = %v", err)
	}
}

func TestKeyAges(t *testing.T) {
	f := newFixture(t)
	f.rotateAtOnce(t, "seal")
	f.offset = time.Hour
	ages := f.service.KeyAges()
	for _, purpose := range []string{"seal", "RS256", "ES256"} {
		if age := ages[purpose]; len(ages) != 3 || age < time.Hour || age > time.Hour+time.Minute {
			t.Errorf("age of %s = %v, want an hour", purpose, age)
		}
	}
	if ages := token.New(token.Config{}, token.Deps{}).KeyAges(); len(ages) != 0 {
		t.Errorf("KeyAges() before Load = %v", ages)
	}
}

func TestRefreshReadsTheRestoreEpoch(t *testing.T) {
	epoch := int64(3)
	f := newFixture(t, func(s *setting) {
		s.stores.RestoreEpoch = func(context.Context) (int64, error) { return epoch, nil }
	})
	for _, want := range []int64{3, 9} {
		epoch = want
		if err := f.service.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := f.open(t, f.signedIn(t).GetAccessToken()).RestoreEpoch; got != want {
			t.Errorf("restore epoch = %d, want %d", got, want)
		}
	}
}
