package page

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/secret"
)

// NameCursor is the place behind an item of a list in order of name. The zero
// value is the place before the first.
type NameCursor struct {
	// Name is what the list is ordered by: text without control characters.
	Name string
	ID   string // a UUID, for items of one name
}

// NameToken returns the place in its form for a caller, as [List.Token] does.
func (l List) NameToken(c NameCursor) string {
	place := fmt.Sprintf("%s %s %s ", l, c.ID, c.Name)
	return base64.RawURLEncoding.EncodeToString([]byte(place + secret.Checksum(place)))
}

// ParseName is the inverse of [List.NameToken]; the empty token is the place
// before the first item. Fails with fault.Invalid.
func (l List) ParseName(token string) (NameCursor, error) {
	if token == "" {
		return NameCursor{}, nil
	}
	c, ok := l.parseName(token)
	if !ok {
		return NameCursor{}, notOurs()
	}
	return c, nil
}

func (l List) parseName(token string) (NameCursor, bool) {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return NameCursor{}, false
	}
	parts := strings.SplitN(string(decoded), " ", 3)
	if len(parts) != 3 {
		return NameCursor{}, false
	}
	if id, err := uuid.Parse(parts[1]); err != nil || id.String() != parts[1] {
		return NameCursor{}, false
	}
	// The name may have spaces, and the checksum has none.
	end := strings.LastIndexByte(parts[2], ' ')
	if end < 0 {
		return NameCursor{}, false
	}
	name := parts[2][:end]
	// What no database takes for text was never a name.
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return NameCursor{}, false
	}
	c := NameCursor{Name: name, ID: parts[1]}
	return c, l.NameToken(c) == token
}

func notOurs() error {
	return fault.New(fault.Invalid, "page_token must be the next_page_token of the page before")
}

// CutByName is [Cut] for a list in order of name.
func CutByName[T any](l List, items []T, size int, cursor func(T) NameCursor) (page []T, next string) {
	if len(items) <= size {
		return items, ""
	}
	page = items[:size]
	return page, l.NameToken(cursor(page[size-1]))
}
