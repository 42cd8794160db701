package credential_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/oauth"
	"github.com/chancery-auth/chancery/pkg/preset"
	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/seal"
	"github.com/chancery-auth/chancery/pkg/secret"
	sealv1 "github.com/chancery-auth/chancery/proto/chancery/seal/v1"
)

const issuer = "https://as.test"

var prefixes = preset.Prefixes{AccessToken: "chat", RefreshToken: "chrt", Code: "chac"}

func ring(t testing.TB, issuer string, key seal.Key) *seal.Ring {
	t.Helper()
	r, err := seal.NewRing(issuer, key.ID, key)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newSealer(t testing.TB) *credential.Sealer {
	t.Helper()
	return credential.NewSealer(ring(t, issuer, seal.NewKey()), prefixes)
}

func id(n byte) uuid.UUID { return uuid.UUID{15: n} }

// accessToken has every field set to a value of its own.
func accessToken() credential.AccessToken {
	return credential.AccessToken{
		ClientID: "c1", ClientVersion: 1, ClientScopeVersion: 2,
		Sub: "u1", SubjectVersion: 3,
		GrantID: id(4), GrantVersion: 5, FamilyID: id(6), SessionID: id(7),
		Scope: oauth.Scope{"openid", "workspace:viewer", "workspace:admin", "project:member"}, Audience: []string{"https://api.example", "https://b.example"},
		IssueTime:    time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		ExpireTime:   time.Date(2030, 1, 1, 1, 0, 0, 0, time.UTC),
		RestoreEpoch: 8,
		Resources: credential.Resources{
			Workspaces: []credential.Workspace{{ID: id(9), Role: role.Viewer, MembershipVersion: 10, Scopes: credential.Mask{1 << 1}}, {ID: id(11), Role: role.Admin}},
			Projects:   []credential.Project{{ID: id(12), WorkspaceID: id(13), Role: role.Member, MembershipVersion: 14, ProjectVersion: 15, Scopes: credential.Mask{1 << 3}}},
		},
		Required: credential.Workspace{ID: id(16), Role: role.Member, MembershipVersion: 17},
	}
}

func code() credential.AuthorizationCode {
	return credential.AuthorizationCode{
		ID: id(1), ClientID: "c1", Sub: "u1", SubjectVersion: 2, GrantID: id(3), SessionID: id(5),
		Origin:      credential.Origin{ClientIdentity: [32]byte{1, 31: 2}, GrantVersion: 4, WorkspaceID: id(6)},
		RedirectURI: "https://app.example/cb", CodeChallenge: strings.Repeat("c", 43), Nonce: "n",
		Scope: oauth.Scope{"openid"}, Resource: []string{"https://api.example"},
		AuthTime:   time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		IssueTime:  time.Date(2030, 1, 1, 0, 0, 1, 0, time.UTC),
		ExpireTime: time.Date(2030, 1, 1, 0, 1, 1, 0, time.UTC),
	}
}

func TestAccessTokenOpensAsSealed(t *testing.T) {
	digest := accessToken()
	digest.Resources, digest.ResourcesDigest = credential.Resources{}, []byte(strings.Repeat("d", 32))
	client := credential.AccessToken{ClientID: "c1", IssueTime: digest.IssueTime, ExpireTime: digest.ExpireTime}
	tests := map[string]credential.AccessToken{
		"everything": accessToken(), "resources by digest": digest, "a client's own, without scope": client,
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSealer(t)
			text, err := s.SealAccessToken(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.OpenAccessToken(text)
			if err != nil {
				t.Fatal(err)
			}
			if got.ID == [16]byte{} || got.KeyID != s.Primary() {
				t.Errorf("ID = %x, KeyID = %d, want one and %d", got.ID, got.KeyID, s.Primary())
			}
			want.ID, want.KeyID = got.ID, got.KeyID
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("OpenAccessToken() (-sealed +opened):\n%s", diff)
			}
		})
	}
}

func TestTwoAccessTokensDiffer(t *testing.T) {
	s := newSealer(t)
	first, err1 := s.SealAccessToken(accessToken())
	second, err2 := s.SealAccessToken(accessToken())
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	a, err1 := s.OpenAccessToken(first)
	b, err2 := s.OpenAccessToken(second)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if first == second || a.ID == b.ID {
		t.Errorf("two tokens are %q and %q, with ids %x and %x", first, second, a.ID, b.ID)
	}
}

func TestCodeOpensAsSealed(t *testing.T) {
	bare := code()
	bare.CodeChallenge, bare.Nonce, bare.Scope, bare.Resource = "", "", nil, nil
	for name, want := range map[string]credential.AuthorizationCode{"everything": code(), "no more than it must": bare} {
		s := newSealer(t)
		text, err := s.SealCode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.OpenCode(text)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: OpenCode() (-sealed +opened):\n%s", name, diff)
		}
	}
}

func TestRefreshTokenIsTheSameStringEachTime(t *testing.T) {
	s := newSealer(t)
	want := credential.RefreshToken{FamilyID: id(1), Generation: 7, KeyID: s.Primary()}
	first, err1 := s.SealRefreshToken(want)
	second, err2 := s.SealRefreshToken(want)
	next, err3 := s.SealRefreshToken(credential.RefreshToken{FamilyID: id(1), Generation: 8, KeyID: s.Primary()})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if first != second {
		t.Errorf("one generation has two texts: %q, %q", first, second)
	}
	if first == next {
		t.Error("two generations have one text")
	}
	got, err := s.OpenRefreshToken(first)
	if err != nil || got != want {
		t.Errorf("OpenRefreshToken() = %+v, %v, want %+v", got, err, want)
	}
}

func TestRefreshTokenUnderAnUnknownKeyIsNotSealed(t *testing.T) {
	s := newSealer(t)
	if text, err := s.SealRefreshToken(credential.RefreshToken{FamilyID: id(1), KeyID: s.Primary() + 1}); err == nil {
		t.Errorf("SealRefreshToken() = %q under a key that is not there", text)
	}
}

func TestOldKeysOpenAndTheNewOneSeals(t *testing.T) {
	older, newer := seal.NewKey(), seal.NewKey()
	before := credential.NewSealer(ring(t, issuer, older), prefixes)
	both, err := seal.NewRing(issuer, newer.ID, older, newer)
	if err != nil {
		t.Fatal(err)
	}
	after := credential.NewSealer(both, prefixes)
	text, err := before.SealAccessToken(accessToken())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := after.OpenAccessToken(text); err != nil || got.KeyID != older.ID {
		t.Errorf("OpenAccessToken() = key %d, %v, want %d", got.KeyID, err, older.ID)
	}
	if after.Primary() != newer.ID {
		t.Errorf("Primary() = %d, want %d", after.Primary(), newer.ID)
	}
}

// texts are one credential of each kind from s.
func texts(t *testing.T, s *credential.Sealer) (access, redeemable, refresh string) {
	t.Helper()
	access, err1 := s.SealAccessToken(accessToken())
	redeemable, err2 := s.SealCode(code())
	refresh, err3 := s.SealRefreshToken(credential.RefreshToken{FamilyID: id(1), KeyID: s.Primary()})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return access, redeemable, refresh
}

// opened are the errors with which s opens text as each kind.
func opened(s *credential.Sealer, text string) map[string]error {
	_, access := s.OpenAccessToken(text)
	_, code := s.OpenCode(text)
	_, refresh := s.OpenRefreshToken(text)
	return map[string]error{"access": access, "code": code, "refresh": refresh}
}

func TestN131_OneKindDoesNotPassAsAnother(t *testing.T) {
	s := newSealer(t)
	access, code, refresh := texts(t, s)
	for kind, text := range map[string]string{"access": access, "code": code, "refresh": refresh} {
		for _, prefix := range []string{"chat_", "chac_", "chrt_"} {
			// Under every prefix, with the checksum that belongs to it.
			body := text[5 : len(text)-secret.ChecksumLength]
			dressed := prefix + body + secret.Checksum(prefix+body)
			for as, err := range opened(s, dressed) {
				if ok := as == kind && dressed == text; ok != (err == nil) {
					t.Errorf("%s token dressed as %s opens as %s: %v", kind, prefix, as, err)
				} else if !ok && !errors.Is(err, credential.ErrInvalid) {
					t.Errorf("%s as %s: error %v is not ErrInvalid", kind, as, err)
				}
			}
		}
	}
}

func TestN131_AnotherIssuersOrKeysDoNotOpen(t *testing.T) {
	key := seal.NewKey()
	ours := credential.NewSealer(ring(t, issuer, key), prefixes)
	twin := credential.NewSealer(ring(t, issuer, key), prefixes)
	otherIssuer := credential.NewSealer(ring(t, issuer+"/", key), prefixes)
	otherRoot := seal.NewKey()
	otherRoot.ID = key.ID
	otherKey := credential.NewSealer(ring(t, issuer, otherRoot), prefixes)
	unknownKey := newSealer(t)
	access, code, refresh := texts(t, ours)
	for _, text := range []string{access, code, refresh} {
		if got := failures(opened(twin, text)); got != 2 {
			t.Errorf("the same key refuses %q as %d kinds, want 2", text, got)
		}
		for name, s := range map[string]*credential.Sealer{"issuer": otherIssuer, "key": otherKey, "key id": unknownKey} {
			if got := failures(opened(s, text)); got != 3 {
				t.Errorf("another %s refuses %q as %d kinds, want 3", name, text, got)
			}
		}
	}
}

func failures(errs map[string]error) int {
	n := 0
	for _, err := range errs {
		if errors.Is(err, credential.ErrInvalid) {
			n++
		}
	}
	return n
}

func TestN121_N149_ChangedTextDoesNotOpen(t *testing.T) {
	s := newSealer(t)
	access, code, refresh := texts(t, s)
	for _, text := range []string{access, code, refresh} {
		for _, changed := range changes(text) {
			if got := failures(opened(s, changed)); got != 3 {
				t.Fatalf("%q, changed from %q, opens", changed, text)
			}
		}
	}
}

// changes are what can go wrong with text, with the old checksum and with one
// that was made anew.
func changes(text string) []string {
	body := text[:len(text)-secret.ChecksumLength]
	sum := text[len(body):]
	var list []string
	for i := range body {
		for bit := range 8 {
			b := []byte(body)
			b[i] ^= 1 << bit
			list = append(list, string(b)+sum, string(b)+secret.Checksum(string(b)))
		}
		list = append(list, text[:i], body[:i]+secret.Checksum(body[:i]), body[:i]+"\n"+body[i:]+sum, body[:i]+"\r"+body[i:]+sum)
	}
	half := 5 + (len(body)-5)/2
	swapped := body[:5] + body[half:] + body[5:half]
	return append(list, "", body, text+"A", body+"AAAA"+secret.Checksum(body+"AAAA"), swapped+secret.Checksum(swapped),
		body+"="+secret.Checksum(body+"="), " "+text, text+" ", strings.ToUpper(text), text+text)
}

func TestUnknownRoleIsNone(t *testing.T) {
	r := credential.Resources{Workspaces: []credential.Workspace{{ID: id(1), Role: role.Admin}, {ID: id(2), Role: role.Admin + 1}, {ID: id(3), Role: 255}}}
	stored, err := r.Marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := credential.UnmarshalResources(stored)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []role.Role{role.Admin, role.None, role.None} {
		if got.Workspaces[i].Role != want {
			t.Errorf("role %d comes back as %s, want %s", r.Workspaces[i].Role, got.Workspaces[i].Role, want)
		}
	}
	// A number that fits no Role must not wrap round to one.
	stored, err = proto.Marshal(&sealv1.Resources{Workspaces: []*sealv1.Workspace{{Id: make([]byte, 16), Role: 256 + uint32(role.Admin)}}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := credential.UnmarshalResources(stored); err != nil || got.Workspaces[0].Role != role.None {
		t.Errorf("role 259 comes back as %v, %v, want none", got, err)
	}
}

func TestResourcesComeBack(t *testing.T) {
	want := accessToken().Resources
	stored, err := want.Marshal(accessToken().Scope)
	if err != nil {
		t.Fatal(err)
	}
	got, err := credential.UnmarshalResources(stored)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("UnmarshalResources() (-stored +read):\n%s", diff)
	}
	for _, garbage := range []string{"\x0a", "\x0a\x02\x0a\x00", "garbage"} {
		if _, err := credential.UnmarshalResources([]byte(garbage)); err == nil {
			t.Errorf("UnmarshalResources(%q) is no error", garbage)
		}
	}
}

func TestWhatWouldNotOpenAgainIsNotSealed(t *testing.T) {
	s := newSealer(t)
	var refused, sealed bool
	for n := 1000; n < 2000; n++ {
		c, a := code(), accessToken()
		c.Nonce, a.Audience = strings.Repeat("n", n), []string{strings.Repeat("a", n)}
		c.RedirectURI, a.Sub = "", ""
		code, codeErr := s.SealCode(c)
		access, accessErr := s.SealAccessToken(a)
		errs := failing(codeErr, accessErr)
		sealed, refused = sealed || len(errs) == 0, refused || len(errs) == 2
		for _, err := range errs {
			if !errors.Is(err, credential.ErrTooLong) {
				t.Fatalf("with %d bytes: %v, want ErrTooLong", n, err)
			}
		}
		if _, err := s.OpenCode(code); codeErr == nil && err != nil {
			t.Fatalf("code with a nonce of %d bytes was sealed and does not open", n)
		}
		if _, err := s.OpenAccessToken(access); accessErr == nil && err != nil {
			t.Fatalf("access token with an audience of %d bytes was sealed and does not open", n)
		}
	}
	if !sealed || !refused {
		t.Errorf("sealed is %v, refused is %v: want the limit between", sealed, refused)
	}
}

func failing(errs ...error) []error {
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

func TestEightResourcesTravelInTheToken(t *testing.T) {
	for workspaces := range 10 {
		for projects := range 10 {
			r := credential.Resources{Workspaces: make([]credential.Workspace, workspaces), Projects: make([]credential.Project, projects)}
			if got, want := r.Inline(), workspaces+projects <= 8; got != want {
				t.Errorf("Inline() with %d and %d = %v", workspaces, projects, got)
			}
		}
	}
}

func FuzzOpenAccessToken(f *testing.F) {
	key := seal.Key{ID: 1, Root: [32]byte{1}}
	s := credential.NewSealer(ring(f, issuer, key), prefixes)
	text, err := s.SealAccessToken(accessToken())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add("")
	f.Add("chat_")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := s.OpenAccessToken(text)
		if err != nil {
			if !errors.Is(err, credential.ErrInvalid) || !cmp.Equal(token, credential.AccessToken{}) {
				t.Errorf("OpenAccessToken(%q) = %+v, %v", text, token, err)
			}
			return
		}
		// What opens was sealed here, and so holds what can be sealed again.
		again, err := s.SealAccessToken(token)
		if err != nil {
			t.Fatal(err)
		}
		reopened, err := s.OpenAccessToken(again)
		token.ID, token.KeyID = reopened.ID, reopened.KeyID
		if err != nil || !cmp.Equal(token, reopened) {
			t.Errorf("%+v comes back as %+v, %v", token, reopened, err)
		}
	})
}

func BenchmarkOpenAccessToken(b *testing.B) {
	s := newSealer(b)
	text, err := s.SealAccessToken(accessToken())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.OpenAccessToken(text); err != nil {
			b.Fatal(err)
		}
	}
}
