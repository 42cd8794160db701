package accesstoken

import (
	"context"
	"errors"

	"github.com/maypok86/otter/v2"

	"github.com/chancery-auth/chancery/pkg/credential"
	"github.com/chancery-auth/chancery/pkg/seal"
	"github.com/chancery-auth/chancery/pkg/secret"
)

// maxRemembered is how many opened tokens are kept, of about 1 KiB each. A token
// that is not among them costs some microseconds to open again.
const maxRemembered = 1 << 17

// Opener opens access tokens. It is safe for concurrent use.
type Opener struct {
	keys *Keys
	// opened is by the digest of the text, so that memory holds no bearer token.
	// An entry never goes stale: a text opens to one thing or to nothing, and
	// that its key was retired is judged by the id in it.
	opened *otter.Cache[secret.Digest, *Token]
}

// NewOpener returns an opener for tokens under keys.
func NewOpener(keys *Keys) *Opener {
	return &Opener{
		keys:   keys,
		opened: otter.Must(&otter.Options[secret.Digest, *Token]{MaximumSize: maxRemembered}),
	}
}

// Open returns the token that text is. It reads the key set anew if text names
// a key that is not in it, and does no I/O otherwise. Fails with
// credential.ErrInvalid for what is no access token; any other error means that
// nobody can say now.
func (o *Opener) Open(ctx context.Context, text string) (*Token, error) {
	if len(text) > seal.MaxTextLength {
		return nil, credential.ErrInvalid
	}
	digest := secret.DigestOf(text)
	if t, ok := o.opened.GetIfPresent(digest); ok {
		return t, nil
	}
	t, err := o.open(ctx, text)
	if err != nil {
		return nil, err
	}
	o.opened.Set(digest, t)
	return t, nil
}

func (o *Opener) open(ctx context.Context, text string) (*Token, error) {
	t, err := o.try(text)
	if !errors.Is(err, seal.ErrUnknownKey) {
		return t, err
	}
	if err := o.keys.reload(ctx); err != nil {
		return nil, err
	}
	return o.try(text)
}

// try opens text with the keys at hand. Without any, every key is unknown.
func (o *Opener) try(text string) (*Token, error) {
	sealer := o.keys.current.Load()
	if sealer == nil {
		return nil, seal.ErrUnknownKey
	}
	t, err := sealer.OpenAccessToken(text)
	if err != nil {
		return nil, err
	}
	return newToken(t), nil
}
