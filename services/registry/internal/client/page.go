package client

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/chancery-auth/chancery/pkg/page"
)

// clients is the list that page tokens are of.
const clients page.List = "clients"

// List returns a page of clients, oldest first, and the token of the next page;
// on the last page that is empty. A size of 0 is 100. A client that exists
// throughout is on exactly one page, whatever is created or deleted meanwhile.
// Fails with fault.Invalid.
func (r *Registrar) List(ctx context.Context, size int, token string) (list []Client, next string, err error) {
	after, err := clients.Parse(token)
	if err != nil {
		return nil, "", err
	}
	size = page.Size(size)
	// One more tells whether there is another page.
	list, err = r.Clients.List(ctx, Cursor{CreateTime: after.CreateTime, ClientID: after.ID}, size+1)
	if err != nil {
		return nil, "", fmt.Errorf("list clients: %w", err)
	}
	list, next = page.Cut(clients, list, size, func(c Client) page.Cursor {
		return page.Cursor{CreateTime: c.CreateTime, ID: c.ClientID}
	})
	return list, next, nil
}

// ListPublic returns a page of the public clients whose name or description has
// each word of the query, by name, and the token of the next page of the same
// query; on the last page that is empty. A size of 0 is 100. Fails with
// fault.Invalid.
func (r *Registrar) ListPublic(ctx context.Context, query string, size int, token string) (found []Client, next string, err error) {
	wanted := words(query)
	list := publicClients(wanted)
	after, err := list.ParseName(token)
	if err != nil {
		return nil, "", err
	}
	size = page.Size(size)
	found, err = r.Clients.ListPublic(ctx, wanted, NamePlace{SortKey: after.Name, ClientID: after.ID}, size+1)
	if err != nil {
		return nil, "", fmt.Errorf("list public clients: %w", err)
	}
	found, next = page.CutByName(list, found, size, func(c Client) page.NameCursor {
		return page.NameCursor{Name: c.SortKey(), ID: c.ClientID}
	})
	return found, next, nil
}

// publicClients is the list of what has the words: a page token of another query
// is one of another list.
func publicClients(words []string) page.List {
	digest := sha256.Sum256([]byte(strings.Join(words, " ")))
	return page.List("public_clients:" + hex.EncodeToString(digest[:16]))
}
