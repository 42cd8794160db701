package client

import (
	"context"
	"fmt"

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
