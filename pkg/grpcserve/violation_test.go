package grpcserve_test

import (
	"errors"
	"strings"
	"testing"

	"buf.build/go/protovalidate"

	"github.com/chancery-auth/chancery/pkg/grpcserve"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// What is left out is called so, and not counted.
func TestViolationSaysWhatIsRequired(t *testing.T) {
	for want, client := range map[string]*registryv1.Client{
		"client.client_name: is required":                          {},
		"client.client_name: must be at most 120 characters":       {ClientName: strings.Repeat("n", 121)},
		"client.redirect_uris: must contain no more than 20 items": {ClientName: "n", RedirectUris: make([]string, 21)},
	} {
		var invalid *protovalidate.ValidationError
		if err := protovalidate.Validate(&registryv1.CreateClientRequest{Client: client}); !errors.As(err, &invalid) {
			t.Errorf("Validate() = %v, want a violation", err)
		} else if got := grpcserve.Violation(invalid); got != want {
			t.Errorf("violation is %q, want %q", got, want)
		}
	}
}
