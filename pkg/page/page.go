// Package page cuts lists into pages by the last key of the page before, so
// that what exists throughout is on exactly one page, whatever is added or
// deleted meanwhile.
package page

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/secret"
)

const (
	defaultSize = 100
	// maxMicros is the end of the year 9999: databases refuse later instants.
	maxMicros = 253402300799999999
)

// List names the list that a token belongs to: the token of one list is not
// taken for one of another. It holds no space.
type List string

// Cursor is the place behind an item of a list in order of creation. The zero
// value is the place before the first.
type Cursor struct {
	CreateTime time.Time // in microseconds
	ID         string    // a UUID, for items that were created at one instant
}

// Token returns the place in its form for a caller. It holds nothing that who
// may read the list does not know, so a checksum is enough: it refuses what was
// cut or made up by mistake.
func (l List) Token(c Cursor) string {
	place := fmt.Sprintf("%s %d %s ", l, c.CreateTime.UnixMicro(), c.ID)
	return base64.RawURLEncoding.EncodeToString([]byte(place + secret.Checksum(place)))
}

// Parse is the inverse of [List.Token]; the empty token is the place before the
// first item. Fails with fault.Invalid.
func (l List) Parse(token string) (Cursor, error) {
	if token == "" {
		return Cursor{}, nil
	}
	c, ok := l.parse(token)
	if !ok {
		return Cursor{}, notOurs()
	}
	return c, nil
}

func (l List) parse(token string) (Cursor, bool) {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return Cursor{}, false
	}
	parts := strings.Split(string(decoded), " ")
	if len(parts) != 4 {
		return Cursor{}, false
	}
	micros, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || micros < 0 || micros > maxMicros {
		return Cursor{}, false
	}
	if err := uuid.Validate(parts[2]); err != nil {
		return Cursor{}, false
	}
	c := Cursor{CreateTime: time.UnixMicro(micros).UTC(), ID: parts[2]}
	// One spelling for each place, and the name of the list and the checksum
	// with it.
	return c, l.Token(c) == token
}

// Size returns how many items a page has for the size asked for: 100 for zero.
func Size(asked int) int {
	if asked == 0 {
		return defaultSize
	}
	return asked
}

// Cut makes a page of at most size items out of one more, which tells whether
// there is another page, and the token of that; on the last page it is empty.
func Cut[T any](l List, items []T, size int, cursor func(T) Cursor) (page []T, next string) {
	if len(items) <= size {
		return items, ""
	}
	page = items[:size]
	return page, l.Token(cursor(page[size-1]))
}
