package page_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/page"
	"github.com/chancery-auth/chancery/pkg/secret"
)

const (
	list = page.List("subjects")
	id   = "0b8f0d6e-6c5f-4b0e-8f1d-2f6f3c1f7a10"
)

var cursor = page.Cursor{CreateTime: time.UnixMicro(1_700_000_000_123_456).UTC(), ID: id}

func TestTokenNamesItsPlace(t *testing.T) {
	got, err := list.Parse(list.Token(cursor))
	if err != nil || got != cursor {
		t.Errorf("Parse(Token()) = %v, %v, want %v", got, err, cursor)
	}
}

func TestEmptyTokenIsTheBeginning(t *testing.T) {
	got, err := list.Parse("")
	if err != nil || got != (page.Cursor{}) {
		t.Errorf("Parse(empty) = %v, %v", got, err)
	}
}

// encoded makes a token whose checksum is right, whatever it says.
func encoded(place string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(place + secret.Checksum(place)))
}

func TestN217_PageTokenOfAnotherListOrMakingIsRefused(t *testing.T) {
	good := list.Token(cursor)
	if good != encoded("subjects 1700000000123456 "+id+" ") {
		t.Fatalf("Token() = %q is not what the cases below are variations of", good)
	}
	tests := map[string]string{
		"of another list":       page.List("workspaces").Token(cursor),
		"flipped":               flip(good),
		"cut":                   good[:len(good)-1],
		"with a byte more":      good + "A",
		"padded":                good + "==",
		"SQL":                   "' OR 1=1 --",
		"no UUID":               encoded("subjects 1700000000123456 1 "),
		"UUID in upper case":    encoded("subjects 1700000000123456 " + strings.ToUpper(id) + "  "),
		"no number":             encoded("subjects x " + id + " "),
		"number with a sign":    encoded("subjects +1700000000123456 " + id + " "),
		"before the epoch":      encoded("subjects -1 " + id + " "),
		"after the year 9999":   encoded("subjects 253402300800000000 " + id + " "),
		"more than a number":    encoded("subjects 99999999999999999999 " + id + " "),
		"without checksum":      base64.RawURLEncoding.EncodeToString([]byte("subjects 1700000000123456 " + id + " ")),
		"a place and a half":    encoded("subjects 1700000000123456 " + id + " x "),
		"nothing but separator": encoded("   "),
	}
	for name, token := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := list.Parse(token); !errors.Is(err, fault.Invalid) {
				t.Errorf("Parse(%q) = %v, %v, want %v", token, got, err, fault.Invalid)
			}
		})
	}
}

func flip(token string) string {
	b := []byte(token)
	if b[10]++; b[10] == 'z'+1 {
		b[10] = 'a'
	}
	return string(b)
}

// Whatever is accepted is the one token of its place.
func FuzzParse(f *testing.F) {
	f.Add(list.Token(cursor))
	f.Add(encoded("subjects 0 " + id + " "))
	f.Fuzz(func(t *testing.T, token string) {
		got, err := list.Parse(token)
		if err == nil && token != "" && list.Token(got) != token {
			t.Errorf("Parse(%q) = %v, whose token is %q", token, got, list.Token(got))
		}
	})
}

func TestCut(t *testing.T) {
	at := func(id string) page.Cursor { return page.Cursor{CreateTime: cursor.CreateTime, ID: id} }
	for _, tt := range []struct {
		items, want []string
		next        string
	}{
		{nil, nil, ""},
		{[]string{"a", "b"}, []string{"a", "b"}, ""},
		{[]string{"a", "b", "c"}, []string{"a", "b"}, list.Token(at("b"))},
	} {
		got, next := page.Cut(list, tt.items, 2, at)
		if strings.Join(got, "") != strings.Join(tt.want, "") || next != tt.next {
			t.Errorf("Cut(%v) = %v, %q, want %v, %q", tt.items, got, next, tt.want, tt.next)
		}
	}
}

func TestSizeZeroIs100(t *testing.T) {
	for asked, want := range map[int]int{0: 100, 1: 1, 1000: 1000} {
		if got := page.Size(asked); got != want {
			t.Errorf("Size(%d) = %d, want %d", asked, got, want)
		}
	}
}
