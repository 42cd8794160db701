package grant

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/chancery-auth/chancery/pkg/page"
)

// Description is a grant as a page shows it.
type Description struct {
	Grant Grant
	// Choices are those of the granted scope, with what is shared now.
	Choices
}

// Describe returns a page of the subject's live grants, the newest first, and the
// token of the next page; on the last page that is empty. A grant that lives
// throughout is on exactly one page. Fails with fault.Invalid, also for a token
// of another subject's pages, and with fault.NotFound for an unknown subject.
func (e *Evaluator) Describe(ctx context.Context, sub string, p Page) (list []Description, next string, err error) {
	pages := grantsOf(sub)
	before, err := pages.Parse(p.Token)
	if err != nil {
		return nil, "", err
	}
	mine, err := e.Directory.Shareable(ctx, sub)
	if err != nil {
		return nil, "", fmt.Errorf("list resources of subject: %w", err)
	}
	size := page.Size(p.Size)
	// One more tells whether there is another page.
	grants, err := e.Grants.Newest(ctx, sub, cursorOf(before), size+1)
	if err != nil {
		return nil, "", fmt.Errorf("list grants: %w", err)
	}
	grants, next = page.Cut(pages, grants, size, Grant.cursor)
	for _, g := range grants {
		list = append(list, Description{Grant: g, Choices: e.choices(g.Scope, &g, mine)})
	}
	return list, next, nil
}

// grantsOf is the list of one subject's grants, whose pages are no other's. A sub
// may hold what a token cannot.
func grantsOf(sub string) page.List {
	digest := sha256.Sum256([]byte(sub))
	return page.List("grants-of-" + base64.RawURLEncoding.EncodeToString(digest[:]))
}
