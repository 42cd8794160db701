package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/chancery-auth/chancery/pkg/fault"
)

func TestWrappedFaultKeepsItsKind(t *testing.T) {
	kinds := []fault.Kind{
		fault.Invalid, fault.NotFound, fault.AlreadyExists, fault.Conflict,
		fault.Denied, fault.Exhausted, fault.Unavailable,
	}
	for _, kind := range kinds {
		err := fmt.Errorf("update client: %w", fault.New(kind, "message"))
		for _, other := range kinds {
			if got := errors.Is(err, other); got != (kind == other) {
				t.Errorf("errors.Is(%v, %v) = %v", err, other, got)
			}
		}
	}
}

func TestKindsReadDifferently(t *testing.T) {
	seen := map[string]fault.Kind{}
	for kind := fault.Kind(0); kind <= fault.Unavailable+1; kind++ {
		text := kind.Error()
		if other, ok := seen[text]; ok {
			t.Errorf("kinds %d and %d both read %q", other, kind, text)
		}
		seen[text] = kind
	}
}

func TestMessageCanBeAskedFor(t *testing.T) {
	err := fmt.Errorf("create user: %w", fault.Because(fault.AlreadyExists, "the username is taken", io.EOF))
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatalf("errors.As(%v) found no *fault.Error", err)
	}
	if want := "the username is taken"; f.Message != want {
		t.Errorf("Message = %q, want %q", f.Message, want)
	}
}

func TestCauseIsForTheLogOnly(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		text   string
		causes bool
	}{
		{"with a cause", fault.Because(fault.Unavailable, "try again", io.EOF), "unavailable: try again: EOF", true},
		{"with a nil cause", fault.Because(fault.Unavailable, "try again", nil), "unavailable: try again", false},
		{"without", fault.New(fault.Unavailable, "try again"), "unavailable: try again", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.err.Error(); got != tt.text {
				t.Errorf("Error() = %q, want %q", got, tt.text)
			}
			if got := errors.Is(tt.err, io.EOF); got != tt.causes {
				t.Errorf("errors.Is(err, cause) = %v, want %v", got, tt.causes)
			}
		})
	}
}
