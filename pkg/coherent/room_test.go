package coherent

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/role"
)

// What belongs to a client fills its share and no more, and only that client is
// unknown then.
func TestN309_AClientFillsNoMoreThanItsShare(t *testing.T) {
	s := NewState(64 * share * price)
	until := ended.Add(time.Hour)
	for name, r := range map[string]func() Restriction{
		"token":  func() Restriction { return Token(uuid.New()) },
		"family": func() Restriction { return Family(uuid.New(), FamilyEnded) },
		"grant":  func() Restriction { return Grant(uuid.New(), 2) },
	} {
		for n := range 64 {
			if !s.Join(until, r().Of(name)) || s.Unknown(name) {
				t.Fatalf("%s %d finds no room", name, n)
			}
		}
		if !s.Join(until.Add(time.Minute), r().Of(name)) || !s.Unknown(name) {
			t.Errorf("the %s beyond the share is not noticed", name)
		}
		if s.Unknown("other") || s.Unknown("") {
			t.Error("another client is unknown")
		}
	}
	if !s.Join(until, Token(id).Of("other")) || s.Unknown("other") {
		t.Error("another client has no room")
	}
	// A restriction that is there already takes no room.
	if !s.Join(until, Token(id).Of("other")) || s.Stats() != 64*3+1 {
		t.Errorf("%d entries", s.Stats())
	}
	s.expire(until.Add(time.Second))
	if !s.Unknown("token") {
		t.Error("known before what was lost has run out")
	}
	s.expire(until.Add(2 * time.Minute))
	if s.Unknown("token") || s.room.losers() != 0 {
		t.Error("unknown after what was lost has run out")
	}
	if used := s.room.used.Load(); used != 0 || len(s.room.number) != 0 {
		t.Errorf("%d bytes are in use by nothing, %d clients", used, len(s.room.number))
	}
	if !s.Join(until.Add(time.Hour), Token(id).Of("token")) || s.room.client(s.room.number["token"]) != "token" {
		t.Error("a client that was gone finds no room")
	}
}

// Stats is how many entries there are.
func (s *State) Stats() int64 { return s.room.entries.Load() }

// Clients that fill the room together leave the reserve to what belongs to none.
func TestN309_WhatBelongsToNoClientHasAReserve(t *testing.T) {
	s := NewState(1000 * price)
	for n := 0; s.room.losers() == 0; n++ {
		s.Join(ended, Grant(uuid.New(), 2).Of(fmt.Sprint("client", n%50)))
	}
	if free := s.room.limit - s.room.used.Load(); free < s.room.limit/share-textPrice {
		t.Errorf("%d bytes are left of %d", free, s.room.limit)
	}
	if !s.Join(ended, Subject("sub", 1), Client("client", Deleted), Membership("sub", id, 1, role.None),
		Project(id, 1), SealingKey(7), Session(id), Restore(1)) {
		t.Error("what belongs to no client finds no room")
	}
}

// A restriction of a release that did not say whose it is concerns anybody.
func TestN309_AnEntryOfNobodyThatFindsNoRoomConcernsAll(t *testing.T) {
	s := NewState(price)
	if !s.Join(ended, Grant(id, 1)) || s.Join(ended, Grant(other, 1)) {
		t.Error("want room for one, and no more")
	}
}

// More clients than can be noted are everybody.
func TestLostClientsAreBounded(t *testing.T) {
	s := NewState(price)
	for n := range maxLost {
		if !s.Join(ended, Grant(uuid.New(), 1).Of(fmt.Sprint(n))) {
			t.Fatalf("client %d is not noted", n)
		}
	}
	if s.Join(ended, Grant(id, 1).Of("one more")) {
		t.Error("one more is said to be noted")
	}
}

func TestRestrictionSaysWhoseItIs(t *testing.T) {
	for _, r := range every() {
		want := ""
		if slices.Contains([]Kind{KindToken, KindGrant, KindFamily}, r.Kind) {
			want = "client"
		}
		if got := r.Of("client").client(); got != want {
			t.Errorf("kind %d belongs to %q, want %q", r.Kind, got, want)
		}
		if r.Of("").client() != "" {
			t.Errorf("kind %d of nobody belongs to somebody", r.Kind)
		}
		s := NewState(0)
		s.Join(ended, r.Of("client"))
		if got := s.entries(); len(got) != 1 || got[0].name() != r.Of("client").name() {
			t.Errorf("kind %d comes back as %v", r.Kind, got)
		}
	}
	if got := Token(id).InFamily(other, "client").client(); got != "client" {
		t.Errorf("a token of a family belongs to %q", got)
	}
}

// The end of a family is for good, whatever epoch comes later.
func TestN309_AnEndedFamilyStaysEnded(t *testing.T) {
	for name, rs := range map[string][]Restriction{
		"end last":  {Family(id, 1_800_000_000), Family(id, FamilyEnded)},
		"end first": {Family(id, FamilyEnded), Family(id, 1_800_000_000)},
	} {
		s := NewState(0)
		s.Join(ended, rs...)
		if got := s.FamilyEpoch(id); got != Deleted {
			t.Errorf("%s: FamilyEpoch() = %d", name, got)
		}
	}
}

// A year of hourly changes, each kept for a day: what is held does not grow.
func TestN310_SupersededVersionsAreForgotten(t *testing.T) {
	const year, kept, most = 365 * 24, 24*time.Hour + 10*time.Minute, 25
	s := NewState(0)
	for n := range year {
		at := ended.Add(time.Duration(n) * time.Hour)
		s.Join(at.Add(kept), Membership("sub", id, int64(n+1), role.Role(n%3)))
		s.Join(at.Add(kept), ClientScope("client", int64(n+1), fmt.Sprintf("openid s%d", n%100)))
		s.expire(at)
		if members, scopes := len(s.members.find(member{"sub", id})), len(s.scopes.find("client")); members > most || scopes > most {
			t.Fatalf("hour %d: %d versions of a membership, %d of a client", n, members, scopes)
		}
	}
	if got := s.Role("sub", id, role.Admin, year-1); got != role.Role((year-1)%3) {
		t.Errorf("Role() = %s after the last change", got)
	}
	s.expire(ended.Add(year*time.Hour + kept))
	if used := s.room.used.Load(); used != 0 {
		t.Errorf("%d bytes are in use by nothing", used)
	}
}

// One client that is edited very often within the life of a token.
func TestN310_ManyEditsTakeBoundedRoom(t *testing.T) {
	s := NewState(0)
	const edits = 10_000
	for n := range edits {
		s.Join(ended, ClientScope("client", int64(n+1), fmt.Sprintf("openid a%d b%d", n%97, n)))
	}
	if got := len(s.scopes.find("client")); got > maxVersions {
		t.Errorf("%d versions", got)
	}
	for _, after := range []int64{0, edits / 2, edits - 1} {
		left, some := "openid a50 b50 a96 b9999", false
		s.ClientScopes("client", after, func(scope string) { left, some = scopeOfBoth(left, scope), true })
		if !some || after == edits-1 && left != scopeOfBoth("openid a50 b50 a96 b9999", fmt.Sprintf("openid a%d b%d", (edits-1)%97, edits-1)) || after < edits-1 && left != "openid" {
			t.Errorf("after %d: %q is left", after, left)
		}
	}
	none := false
	s.ClientScopes("client", edits, func(string) { none = true })
	if none {
		t.Error("what was sealed after the last edit is narrowed")
	}
}

// A forged hint that is short-lived and strict must not make what it implies go early.
func TestHintThatImpliesARowKeepsItsTime(t *testing.T) {
	s := NewState(0)
	s.Join(ended.Add(time.Hour), Membership("sub", id, 5, role.Viewer))
	s.Join(ended, Membership("sub", id, 9, role.None))
	s.expire(ended.Add(time.Minute))
	if got := s.Role("sub", id, role.Admin, 4); got.Valid() && got > role.Viewer {
		t.Errorf("Role() = %s before the row has run out", got)
	}
}
