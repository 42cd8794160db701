package page_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/page"
)

func TestNameTokenNamesItsPlace(t *testing.T) {
	for _, name := range []string{"example", "", "two words ", "  ", "名前 🦊", strings.Repeat("a", 256)} {
		want := page.NameCursor{Name: name, ID: id}
		got, err := list.ParseName(list.NameToken(want))
		if err != nil || got != want {
			t.Errorf("ParseName(NameToken()) = %v, %v, want %v", got, err, want)
		}
	}
	if got, err := list.ParseName(""); err != nil || got != (page.NameCursor{}) {
		t.Errorf("ParseName(empty) = %v, %v", got, err)
	}
}

func TestN217_NameTokenOfAnotherListOrMakingIsRefused(t *testing.T) {
	good := list.NameToken(page.NameCursor{Name: "a b", ID: id})
	if good != encoded("subjects "+id+" a b ") {
		t.Fatalf("NameToken() = %q is not what the cases below are variations of", good)
	}
	for name, token := range map[string]string{
		"of another list":    page.List("workspaces").NameToken(page.NameCursor{Name: "a b", ID: id}),
		"by creation":        list.Token(cursor),
		"flipped":            flip(good),
		"cut":                good[:len(good)-1],
		"with a byte more":   good + "A",
		"padded":             good + "==",
		"SQL":                "' OR 1=1 --",
		"no UUID":            encoded("subjects 1 a b "),
		"UUID in braces":     encoded("subjects {" + id + "} a b "),
		"NUL in the name":    encoded("subjects " + id + " a\x00b "),
		"line in the name":   encoded("subjects " + id + " a\nb "),
		"no UTF-8":           encoded("subjects " + id + " a\xff "),
		"no name":            encoded("subjects " + id + " "),
		"without a checksum": base64.RawURLEncoding.EncodeToString([]byte("subjects " + id + " a b 000000")),
		"one separator":      encoded("subjects "),
		"no separator":       encoded("subjects"),
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := list.ParseName(token); !errors.Is(err, fault.Invalid) {
				t.Errorf("ParseName(%q) = %v, %v, want %v", token, got, err, fault.Invalid)
			}
		})
	}
	if _, err := list.Parse(good); !errors.Is(err, fault.Invalid) {
		t.Errorf("Parse(token by name) = %v, want %v", err, fault.Invalid)
	}
}

// Whatever is accepted is the one token of its place.
func FuzzParseName(f *testing.F) {
	f.Add(list.NameToken(page.NameCursor{Name: "a b", ID: id}))
	f.Add(encoded("subjects " + id + "  "))
	f.Fuzz(func(t *testing.T, token string) {
		got, err := list.ParseName(token)
		if err == nil && token != "" && list.NameToken(got) != token {
			t.Errorf("ParseName(%q) = %v, whose token is %q", token, got, list.NameToken(got))
		}
	})
}

func TestCutByName(t *testing.T) {
	at := func(name string) page.NameCursor { return page.NameCursor{Name: name, ID: id} }
	for _, tt := range []struct {
		items, want []string
		next        string
	}{
		{nil, nil, ""},
		{[]string{"a", "b"}, []string{"a", "b"}, ""},
		{[]string{"a", "b", "c"}, []string{"a", "b"}, list.NameToken(at("b"))},
	} {
		got, next := page.CutByName(list, tt.items, 2, at)
		if strings.Join(got, "") != strings.Join(tt.want, "") || next != tt.next {
			t.Errorf("CutByName(%v) = %v, %q, want %v, %q", tt.items, got, next, tt.want, tt.next)
		}
	}
}
