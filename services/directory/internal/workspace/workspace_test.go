package workspace_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/chancery-auth/chancery/pkg/fault"
	"github.com/chancery-auth/chancery/services/directory/internal/workspace"
)

func TestCheckName(t *testing.T) {
	for _, tt := range []struct {
		what, name string
		want       error
	}{
		{"plain", "Research", nil},
		{"other scripts", "\u7814\u7a76 \u05de\u05d7\u05e7\u05e8 \U0001F469\u200D\U0001F52C", nil},
		{"120 characters", strings.Repeat("\u00e9", 120), nil},
		{"121 characters", strings.Repeat("\u00e9", 121), fault.Invalid},
		{"empty", "", fault.Invalid},
		{"spaces", " \u00a0", fault.Invalid},
		{"control character", "a\x00", fault.Invalid},
		{"line separator", "a\u2028b", fault.Invalid},
		{"right-to-left override", "a\u202eb", fault.Invalid},
		{"no UTF-8", "a\xff", fault.Invalid},
	} {
		t.Run(tt.what, func(t *testing.T) {
			if err := workspace.CheckName(tt.name); !errors.Is(err, tt.want) {
				t.Errorf("CheckName(%+q) = %v, want %v", tt.name, err, tt.want)
			}
		})
	}
}
