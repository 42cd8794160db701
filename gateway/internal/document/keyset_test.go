package document

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	tokenv1 "github.com/chancery-auth/chancery/proto/chancery/token/v1"
)

// owner is a token service that has a key set to be kept for a while, or fails.
type owner struct {
	tokenv1.TokenServiceClient
	document string
	keep     time.Duration
	err      error
}

func (o *owner) GetJwks(context.Context, *tokenv1.GetJwksRequest, ...grpc.CallOption) (*httpbody.HttpBody, error) {
	extension, err := anypb.New(durationpb.New(o.keep))
	if err != nil {
		return nil, err
	}
	return &httpbody.HttpBody{Data: []byte(o.document), Extensions: []*anypb.Any{extension}}, o.err
}

func newKeySet(o *owner, now func() time.Time) *KeySet {
	return &KeySet{Token: o, Now: now}
}

func get(k *KeySet) *http.Response {
	w := httptest.NewRecorder()
	if err := k.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil)); err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	return w.Result()
}

// N203: clients keep the key set for as long as the token service says, and for
// five minutes at most.
func TestN203_KeySetIsKeptForAsLongAsItHolds(t *testing.T) {
	for keep, want := range map[time.Duration]string{
		2 * time.Minute: "public, max-age=120", 1500 * time.Millisecond: "public, max-age=1",
		time.Hour: "public, max-age=300", 0: "public, max-age=0", -time.Second: "public, max-age=0",
	} {
		got := get(newKeySet(&owner{document: "{}", keep: keep}, func() time.Time { return time.Unix(0, 0) }))
		if cached := got.Header.Get("Cache-Control"); got.StatusCode != 200 || cached != want || got.Header.Get("ETag") == "" {
			t.Errorf("kept for %v: %d, Cache-Control = %q, ETag = %q, want %q", keep, got.StatusCode, cached, got.Header.Get("ETag"), want)
		}
	}
}

// N203: a gateway that has lost the token service shows no key set that clients
// may not keep any more: it lacks the key that signs now.
func TestN203_StaleKeySetIsNotServed(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	o := &owner{document: `{"keys":[]}`, keep: time.Minute}
	k := newKeySet(o, func() time.Time { return now })
	if got := get(k); got.StatusCode != 200 {
		t.Fatalf("status = %d", got.StatusCode)
	}
	o.err = errors.New("away")
	for _, tt := range []struct {
		later  time.Duration
		status int
		cached string
	}{
		{0, 200, "public, max-age=60"},
		{20 * time.Second, 200, "public, max-age=40"},
		{time.Minute - 1, 200, "public, max-age=0"},
		{time.Minute, 503, ""},
	} {
		now = time.Unix(1_800_000_000, 0).Add(tt.later)
		if got := get(k); got.StatusCode != tt.status || got.Header.Get("Cache-Control") != tt.cached {
			t.Errorf("after %v: %d, %q, want %d, %q", tt.later, got.StatusCode, got.Header.Get("Cache-Control"), tt.status, tt.cached)
		}
	}
	o.err = nil
	if got := get(k); got.StatusCode != 200 || got.Header.Get("Cache-Control") != "public, max-age=60" {
		t.Errorf("once it is back: %d, %q", got.StatusCode, got.Header.Get("Cache-Control"))
	}
}
