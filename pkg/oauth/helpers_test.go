package oauth_test

import (
	"errors"
	"testing"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

// wantCode fails the test unless err has the code want, or is nil as want is.
func wantCode(t *testing.T, err error, want oauth.ErrorCode) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("got %v, want no refusal", err)
		}
		return
	}
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}
