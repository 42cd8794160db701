package subject_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/coherent"
	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/secret"
	"github.com/chancery-auth/chancery/services/directory/internal/directorytest"
	"github.com/chancery-auth/chancery/services/directory/internal/password"
	"github.com/chancery-auth/chancery/services/directory/internal/subject"
)

// published remembers what was published.
type published struct{ restrictions []coherent.Restriction }

func (p *published) Publish(_ context.Context, rs ...coherent.Restriction) {
	p.restrictions = append(p.restrictions, rs...)
}

func newDirectory(t *testing.T) (*subject.Directory, *published) {
	t.Helper()
	hints := new(published)
	hasher := password.NewHasher(password.Options{
		Params: password.Params{MemoryKiB: 8, Time: 1, Threads: 1}, Slots: 1, KDF: password.Argon2id,
	})
	return &subject.Directory{Subjects: directorytest.SQLite(t).Subjects, Hasher: hasher, Hints: hints}, hints
}

// example is a subject that Create accepts.
func example() subject.New {
	return subject.New{Username: "ada", Password: secret.Wrap("correct horse"), Claims: map[string]any{"name": "Ada"}}
}

func TestCreate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*subject.New)
		want   error
	}{
		{"as it is", func(*subject.New) {}, nil},
		{"no claims", func(n *subject.New) { n.Claims = nil }, nil},
		{"no user name", func(n *subject.New) { n.Username = "" }, fault.Invalid},
		{"password of 7 bytes", func(n *subject.New) { n.Password = secret.Wrap("1234567") }, fault.Invalid},
		{"password of 1025 bytes", func(n *subject.New) { n.Password = secret.Wrap(strings.Repeat("a", 1025)) }, fault.Invalid},
		{"sub among the claims", func(n *subject.New) { n.Claims["sub"] = "x" }, fault.Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, _ := newDirectory(t)
			n := example()
			tt.change(&n)
			got, err := d.Create(t.Context(), n)
			if !errors.Is(err, tt.want) {
				t.Fatalf("Create() = %v, want %v", err, tt.want)
			}
			if err == nil && uuid.Validate(got.Sub) != nil {
				t.Errorf("Create() gives sub %q, want a UUID", got.Sub)
			}
		})
	}
}

func TestOneNameInTwoUnicodeFormsIsOneUser(t *testing.T) {
	d, _ := newDirectory(t)
	n := example()
	n.Username = "zo\u00eb"
	created, err := d.Create(t.Context(), n)
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	n.Username = "zoe\u0308"
	if _, err := d.Create(t.Context(), n); !errors.Is(err, fault.AlreadyExists) {
		t.Errorf("Create(in NFD) = %v, want %v", err, fault.AlreadyExists)
	}
	if got, err := d.Find(t.Context(), "", n.Username); err != nil || got.Sub != created.Sub {
		t.Errorf("Find(in NFD) = %v, %v, want the user", got, err)
	}
}

func TestFind(t *testing.T) {
	d, _ := newDirectory(t)
	created, err := d.Create(t.Context(), example())
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	for _, tt := range []struct {
		name, sub, username string
		want                error
	}{
		{"by sub", created.Sub, "", nil},
		{"by user name", "", "ada", nil},
		{"sub comes first", created.Sub, "bob", nil},
		{"by neither", "", "", fault.Invalid},
		{"unknown sub", uuid.NewString(), "", fault.NotFound},
		{"unknown sub with a known name", uuid.NewString(), "ada", fault.NotFound},
		{"sub in upper case (N281)", strings.ToUpper(created.Sub), "", fault.NotFound},
		{"sub in braces", "{" + created.Sub + "}", "", fault.NotFound},
		{"sub with NUL", created.Sub + "\x00", "", fault.NotFound},
		{"user name in other case (N281)", "", "Ada", fault.NotFound},
		{"user name with NUL", "", "ada\x00", fault.NotFound},
		{"user name that is no UTF-8", "", "ada\xff", fault.NotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := d.Find(t.Context(), tt.sub, tt.username)
			if !errors.Is(err, tt.want) {
				t.Fatalf("Find() = %v, want %v", err, tt.want)
			}
			if err == nil {
				if diff := cmp.Diff(created, got); diff != "" {
					t.Errorf("Find() differs (-created +found):\n%s", diff)
				}
			}
		})
	}
}

func TestDisablePublishesItsRestriction(t *testing.T) {
	d, hints := newDirectory(t)
	created, err := d.Create(t.Context(), example())
	if err != nil {
		t.Fatalf("Create() = %v", err)
	}
	if _, err := d.Disable(t.Context(), created.Sub); err != nil {
		t.Fatalf("Disable() = %v", err)
	}
	if got, err := d.Enable(t.Context(), created.Sub); err != nil || got.Disabled {
		t.Errorf("Enable() = %+v, %v", got, err)
	}
	want := []coherent.Restriction{coherent.Subject(created.Sub, 2)}
	if diff := cmp.Diff(want, hints.restrictions); diff != "" {
		t.Errorf("published differs (-want +got):\n%s", diff)
	}
	for _, sub := range []string{uuid.NewString(), "x", ""} {
		if _, err := d.Disable(t.Context(), sub); !errors.Is(err, fault.NotFound) {
			t.Errorf("Disable(%q) = %v, want %v", sub, err, fault.NotFound)
		}
		if _, err := d.Enable(t.Context(), sub); !errors.Is(err, fault.NotFound) {
			t.Errorf("Enable(%q) = %v, want %v", sub, err, fault.NotFound)
		}
	}
}

func TestParseUsername(t *testing.T) {
	for _, tt := range []struct {
		name, username, want string
		err                  error
	}{
		{"plain", "ada", "ada", nil},
		{"case and spaces stay", " Ada L ", " Ada L ", nil},
		{"NFD becomes NFC", "zoe\u0308", "zo\u00eb", nil},
		{"compatibility forms stay", "\ufb01", "\ufb01", nil},
		{"256 bytes", strings.Repeat("a", 256), strings.Repeat("a", 256), nil},
		{"257 bytes", strings.Repeat("a", 257), "", fault.Invalid},
		{"256 bytes once composed", strings.Repeat("e\u0308", 128), strings.Repeat("\u00eb", 128), nil},
		{"258 bytes in 129 characters", strings.Repeat("\u00eb", 129), "", fault.Invalid},
		{"empty", "", "", fault.Invalid},
		{"NUL", "a\x00", "", fault.Invalid},
		{"line feed", "a\n", "", fault.Invalid},
		{"DEL", "a\x7f", "", fault.Invalid},
		{"C1 control", "a\u0085", "", fault.Invalid},
		{"no UTF-8", "a\xff", "", fault.Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := subject.ParseUsername(tt.username)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Errorf("ParseUsername(%+q) = %+q, %v, want %+q, %v", tt.username, got, err, tt.want, tt.err)
			}
		})
	}
}

// A stored form is its own stored form: who signs in with it is found.
func FuzzParseUsername(f *testing.F) {
	f.Add("zoe\u0308")
	f.Add("a\x00")
	f.Fuzz(func(t *testing.T, name string) {
		once, err := subject.ParseUsername(name)
		if err != nil {
			return
		}
		if twice, err := subject.ParseUsername(once); err != nil || twice != once {
			t.Errorf("ParseUsername(%+q) = %+q, then %+q, %v", name, once, twice, err)
		}
	})
}

func TestParseClaims(t *testing.T) {
	claim := func(name string, value any) map[string]any { return map[string]any{name: value} }
	for _, tt := range []struct {
		name   string
		claims map[string]any
		want   error
	}{
		{"none", nil, nil},
		{"text", claim("name", "Ada"), nil},
		{"text as a number", claim("name", float64(1)), fault.Invalid},
		{"text as null", claim("name", nil), fault.Invalid},
		{"a language", claim("name#nl", "Ada"), nil},
		{"a language as a number", claim("name#nl", float64(1)), fault.Invalid},
		{"email_verified", claim("email_verified", true), nil},
		{"email_verified as text", claim("email_verified", "true"), fault.Invalid},
		{"phone_number_verified as text", claim("phone_number_verified", "false"), fault.Invalid},
		{"updated_at", claim("updated_at", float64(1700000000)), nil},
		{"updated_at as text", claim("updated_at", "2023"), fault.Invalid},
		{"address", claim("address", map[string]any{"country": "NL"}), nil},
		{"address as text", claim("address", "NL"), fault.Invalid},
		{"another claim", claim("https://example.com/team", []any{"a", nil}), nil},
		{"no name", claim("", "x"), fault.Invalid},
		{"sub", claim("sub", "x"), fault.Invalid},
		{"sub in a language", claim("sub#nl", "x"), fault.Invalid},
		{"sub in other case", claim("Sub", "x"), nil},
		{"iss", claim("iss", "x"), fault.Invalid},
		{"cnf", claim("cnf", map[string]any{}), fault.Invalid},
		{"16 KiB", claim("x", strings.Repeat("a", 16384-len(`{"x":""}`))), nil},
		{"16 KiB and a byte", claim("x", strings.Repeat("a", 16385-len(`{"x":""}`))), fault.Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := subject.ParseClaims(tt.claims); !errors.Is(err, tt.want) {
				t.Errorf("ParseClaims() = %v, want %v", err, tt.want)
			}
		})
	}
}
