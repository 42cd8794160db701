package grant

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/pkg/secret"
)

const defaultPageSize = 100

// pageTokenKind keeps the page token of another list from being taken for one
// of this.
const pageTokenKind = "grants"

// Page says which part of a list is wanted.
type Page struct {
	Size  int    // 0 is 100
	Token string // of the page; empty for the first
}

// List returns a page of live grants, oldest first, and the token of the next
// page; on the last page that is empty. A grant that lives throughout is on
// exactly one page, whatever is granted or revoked meanwhile. Fails with
// fault.Invalid.
func (k *Keeper) List(ctx context.Context, of Filter, p Page) (page []Grant, next string, err error) {
	after, ok := cursorOf(p.Token)
	if !ok {
		return nil, "", fault.New(fault.Invalid, "page_token must be the next_page_token of the page before")
	}
	size := p.Size
	if size == 0 {
		size = defaultPageSize
	}
	// One more tells whether there is another page.
	page, err = k.Grants.List(ctx, of, after, size+1)
	if err != nil {
		return nil, "", fmt.Errorf("list grants: %w", err)
	}
	if len(page) > size {
		page = page[:size]
		last := page[size-1]
		next = Cursor{CreateTime: last.CreateTime, ID: last.ID}.token()
	}
	return page, next, nil
}

// token holds nothing that whoever may list grants does not know, so a checksum
// is enough: it refuses what was cut, or made up by mistake.
func (c Cursor) token() string {
	place := fmt.Sprintf("%s %d %s ", pageTokenKind, c.CreateTime.UnixMicro(), c.ID)
	return base64.RawURLEncoding.EncodeToString([]byte(place + secret.Checksum(place)))
}

// cursorOf is the inverse of token. The empty token is the start.
func cursorOf(token string) (Cursor, bool) {
	if token == "" {
		return Cursor{}, true
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return Cursor{}, false
	}
	parts := strings.Split(string(decoded), " ")
	if len(parts) != 4 {
		return Cursor{}, false
	}
	micros, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return Cursor{}, false
	}
	id, err := uuid.Parse(parts[2])
	if err != nil {
		return Cursor{}, false
	}
	c := Cursor{CreateTime: time.UnixMicro(micros).UTC(), ID: id}
	// One spelling for each place, kind and checksum with it.
	return c, c.token() == token
}
