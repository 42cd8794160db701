package client_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/services/registry/internal/client"
)

func publish(t *testing.T, r *client.Registrar, names ...string) {
	t.Helper()
	for _, name := range names {
		c := web()
		c.ClientName, c.Visibility = name, client.Public
		create(t, r, c)
	}
}

func TestPublicClientsAreFoundByWords(t *testing.T) {
	r := newRegistrar(t)
	publish(t, r, "Photo Album", "Álbum", "Map Maker")
	create(t, r, web())
	for query, want := range map[string][]string{
		"":                {"Map Maker", "Photo Album", "Álbum"},
		"  \t":            {"Map Maker", "Photo Album", "Álbum"},
		"ALBUM photo":     {"Photo Album"},
		"A\u0301LBUM":     {"Álbum"},
		"map\x00maker":    {"Map Maker"},
		"photo maker":     nil,
		"%":               nil,
		"' OR 1=1 --":     nil,
		"example":         nil,
		"\u202eredirects": nil,
	} {
		list, next, err := r.ListPublic(t.Context(), query, 0, "")
		var got []string
		for _, c := range list {
			got = append(got, c.ClientName)
		}
		if err != nil || next != "" || !slices.Equal(got, want) {
			t.Errorf("ListPublic(%q) = %q, %q, %v, want %q", query, got, next, err, want)
		}
	}
}

func TestN217_PageTokenIsOfItsQuery(t *testing.T) {
	r := newRegistrar(t)
	long := strings.Repeat("🦊", 119)
	publish(t, r, "a one", "a two", "a three", "b", long+"1", long+"2", long+"3")
	_, token, err := r.ListPublic(t.Context(), "a", 1, "")
	if err != nil || token == "" {
		t.Fatalf("ListPublic() = %q, %v", token, err)
	}
	if list, _, err := r.ListPublic(t.Context(), " A ", 1, token); err != nil || len(list) != 1 || list[0].ClientName != "a three" {
		t.Errorf("ListPublic(second page) = %v, %v", list, err)
	}
	_, clients, err := r.List(t.Context(), 1, "")
	if err != nil {
		t.Fatal(err)
	}
	for query, bad := range map[string]string{"b": token, "": token, "a": clients, "A": token + "A", "a ": "' OR 1=1 --"} {
		if _, _, err := r.ListPublic(t.Context(), query, 1, bad); !errors.Is(err, fault.Invalid) {
			t.Errorf("ListPublic(%q, %q) = %v, want %v", query, bad, err, fault.Invalid)
		}
	}
	if _, _, err := r.List(t.Context(), 1, token); !errors.Is(err, fault.Invalid) {
		t.Errorf("List(token of another list) = %v, want %v", err, fault.Invalid)
	}
	walk(t, r, "🦊", 3)
	walk(t, r, "", 7)
}

// walk wants every client of the query on one page each.
func walk(t *testing.T, r *client.Registrar, query string, want int) {
	t.Helper()
	seen := map[string]bool{}
	for token, pages := "", 0; ; pages++ {
		list, next, err := r.ListPublic(t.Context(), query, 1, token)
		if err != nil || len(list) != 1 || pages > want {
			t.Fatalf("ListPublic(%q) = %v, %v", query, list, err)
		}
		// As much as a request carries.
		if len(next) > 512 {
			t.Errorf("page token has %d bytes", len(next))
		}
		seen[list[0].ClientID] = true
		if token = next; token == "" {
			break
		}
	}
	if len(seen) != want {
		t.Errorf("pages of %q have %d clients, want %d", query, len(seen), want)
	}
}

// A sort key is text that begins as the folded name does, and fits in a token.
func FuzzSortKey(f *testing.F) {
	f.Add("Straße")
	f.Add(strings.Repeat("İ", 120))
	f.Fuzz(func(t *testing.T, name string) {
		if !utf8.ValidString(name) {
			return
		}
		c := client.Client{ClientName: name}
		key := c.SortKey()
		if len(key) > 256 || !utf8.ValidString(key) || !strings.HasPrefix(c.SearchText(), key) {
			t.Errorf("SortKey(%q) = %q", name, key)
		}
	})
}
