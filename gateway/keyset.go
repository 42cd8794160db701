package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"sync/atomic"

	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// document is a public JSON document that clients may keep for a while.
type document struct {
	content []byte
	etag    string
}

// documentCache is how long clients keep a document.
const documentCache = "public, max-age=300"

func newDocument(content []byte) *document {
	sum := sha256.Sum256(content)
	return &document{content: content, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// ServeHTTP implements http.Handler.
func (d *document) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", documentCache)
	h.Set("ETag", d.etag)
	if r.Header.Get("If-None-Match") == d.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(d.content) // A client that is gone needs no answer.
}

// keySet serves the public keys (RFC 7517 §5). While the token service is away
// it serves what it last had: tokens signed before can still be verified.
type keySet struct {
	token tokenv1.TokenServiceClient
	fail  func(http.ResponseWriter, *http.Request, error)
	last  atomic.Pointer[document]
}

var errNoKeySet = errors.New("key set of the token service is no JSON document")

// ServeHTTP implements http.Handler.
func (k *keySet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := k.refresh(r)
	doc := k.last.Load()
	if doc == nil {
		k.fail(w, r, err)
		return
	}
	doc.ServeHTTP(w, r)
}

func (k *keySet) refresh(r *http.Request) error {
	resp, err := k.token.GetJwks(r.Context(), &tokenv1.GetJwksRequest{})
	switch {
	case err != nil:
		return err
	case !json.Valid(resp.GetData()):
		return errNoKeySet
	}
	k.last.Store(newDocument(resp.GetData()))
	return nil
}
