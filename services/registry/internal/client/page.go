package client

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
const pageTokenKind = "clients"

// List returns a page of clients, oldest first, and the token of the next page;
// on the last page that is empty. A size of 0 is 100. A client that exists
// throughout is on exactly one page, whatever is created or deleted meanwhile.
// Fails with fault.Invalid.
func (r *Registrar) List(ctx context.Context, size int, token string) (page []Client, next string, err error) {
	var after Cursor
	if token != "" {
		if after, err = parsePageToken(token); err != nil {
			return nil, "", err
		}
	}
	if size == 0 {
		size = defaultPageSize
	}
	// One more tells whether there is another page.
	page, err = r.Clients.List(ctx, after, size+1)
	if err != nil {
		return nil, "", fmt.Errorf("list clients: %w", err)
	}
	if len(page) > size {
		page = page[:size]
		next = pageToken(page[size-1])
	}
	return page, next, nil
}

// pageToken names the place behind last. It holds nothing that whoever may list
// clients does not know, so a checksum is enough: it refuses what was cut or
// made up by mistake.
func pageToken(last Client) string {
	place := fmt.Sprintf("%s %d %s ", pageTokenKind, last.CreateTime.UnixMicro(), last.ClientID)
	return base64.RawURLEncoding.EncodeToString([]byte(place + secret.Checksum(place)))
}

func parsePageToken(token string) (Cursor, error) {
	cursor, ok := cursorOf(token)
	if !ok {
		return Cursor{}, fault.New(fault.Invalid, "page_token must be the next_page_token of the page before")
	}
	return cursor, nil
}

func cursorOf(token string) (Cursor, bool) {
	decoded, err := base64.RawURLEncoding.DecodeString(token)
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
	if _, err := uuid.Parse(parts[2]); err != nil {
		return Cursor{}, false
	}
	last := Client{CreateTime: time.UnixMicro(micros).UTC(), ClientID: parts[2]}
	// There is one way to write each place, kind and checksum included.
	return Cursor{CreateTime: last.CreateTime, ClientID: last.ClientID}, pageToken(last) == token
}
