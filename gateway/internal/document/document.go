// Package document has the public documents: metadata, keys, and the description of
// what programs can call.
//
// All but the keys are made once, from the configuration. The one thing to get right
// is that a document names what is offered, and nothing else.
package document

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/protobuf/types/known/durationpb"

	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// Document is a public JSON document that clients may keep for a while.
type Document struct {
	content []byte
	etag    string
	keep    time.Duration // how long; whole seconds count
	time    time.Time     // as of when; zero for one that does not change
}

// documentKeep bounds how long clients keep a document.
const documentKeep = 5 * time.Minute

func newDocument(content []byte) *Document {
	sum := sha256.Sum256(content)
	return &Document{content: content, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, keep: documentKeep}
}

// ServeHTTP implements http.Handler.
func (d *Document) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", d.keep/time.Second))
	h.Set("ETag", d.etag)
	if r.Header.Get("If-None-Match") == d.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(d.content) // A client that is gone needs no answer.
}

// KeySet serves the public keys (RFC 7517 §5). While the token service is away
// it serves what it last had, for as long as clients may keep it: after that the
// set may hold a key that was retired, and lack one that signs.
type KeySet struct {
	Token tokenv1.TokenServiceClient
	Now   func() time.Time
	last  atomic.Pointer[Document]
}

var errNoKeySet = errors.New("key set of the token service is no JSON document")

// Serve is an answer.Handler.
func (k *KeySet) Serve(w http.ResponseWriter, r *http.Request) error {
	doc, err := k.fetch(r)
	if err != nil {
		if doc = k.remembered(); doc == nil {
			return err
		}
	}
	doc.ServeHTTP(w, r)
	return nil
}

func (k *KeySet) fetch(r *http.Request) (*Document, error) {
	// Before the request leaves: the answer may be as old as that.
	sent := k.Now()
	resp, err := k.Token.GetJwks(r.Context(), &tokenv1.GetJwksRequest{})
	switch {
	case err != nil:
		return nil, err
	case !json.Valid(resp.GetData()):
		return nil, errNoKeySet
	}
	doc := newDocument(resp.GetData())
	doc.keep, doc.time = keepOf(resp), sent
	k.last.Store(doc)
	return doc, nil
}

// keepOf is how long the token service lets a key set be kept.
func keepOf(resp *httpbody.HttpBody) time.Duration {
	for _, extension := range resp.GetExtensions() {
		var keep durationpb.Duration
		if extension.UnmarshalTo(&keep) == nil {
			return max(0, min(keep.AsDuration(), documentKeep))
		}
	}
	return documentKeep
}

// remembered is the last key set for the rest of its time; nil when that is over.
func (k *KeySet) remembered() *Document {
	last := k.last.Load()
	if last == nil {
		return nil
	}
	age := k.Now().Sub(last.time)
	if age < 0 || age >= last.keep {
		return nil
	}
	doc := *last
	doc.keep -= age
	return &doc
}
