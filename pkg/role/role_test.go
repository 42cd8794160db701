package role_test

import (
	"testing"

	"github.com/chancery-auth/chancery/pkg/role"
)

func TestParseReadsWhatStringWrites(t *testing.T) {
	for _, want := range []role.Role{role.Viewer, role.Member, role.Admin} {
		if got, err := role.Parse(want.String()); err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v", want, got, err)
		}
	}
}

func TestParseRefusesEverythingElse(t *testing.T) {
	for _, name := range []string{"", "none", "Admin", "admin ", "owner", "3", role.Role(4).String()} {
		if got, err := role.Parse(name); err == nil || got != role.None {
			t.Errorf("Parse(%q) = %v, %v, want none and an error", name, got, err)
		}
	}
}

func TestNumbersAreFixed(t *testing.T) {
	for want, r := range []role.Role{role.None, role.Viewer, role.Member, role.Admin} {
		if int(r) != want {
			t.Errorf("%v = %d, want %d: sealed tokens hold the number", r, r, want)
		}
	}
}

func TestMinIsTheLesser(t *testing.T) {
	const unknown = role.Admin + 1
	tests := []struct{ a, b, want role.Role }{
		{role.Admin, role.Viewer, role.Viewer},
		{role.Member, role.Admin, role.Member},
		{role.Member, role.Member, role.Member},
		{role.Admin, role.None, role.None},
		{role.Admin, unknown, role.None},
		{unknown, unknown, role.None},
	}
	for _, tt := range tests {
		if got := role.Min(tt.a, tt.b); got != tt.want {
			t.Errorf("Min(%v, %v) = %v, want %v", tt.a, tt.b, got, tt.want)
		}
		if got := role.Min(tt.b, tt.a); got != tt.want {
			t.Errorf("Min(%v, %v) = %v, want %v", tt.b, tt.a, got, tt.want)
		}
	}
}

func TestValidIsWhatCanBeHeld(t *testing.T) {
	for r, want := range map[role.Role]bool{
		role.None: false, role.Viewer: true, role.Member: true, role.Admin: true, role.Admin + 1: false,
	} {
		if got := r.Valid(); got != want {
			t.Errorf("%v.Valid() = %v, want %v", r, got, want)
		}
	}
}

func TestNoneReadsAsNone(t *testing.T) {
	if got := role.None.String(); got != "none" {
		t.Errorf("None.String() = %q, want none", got)
	}
}
