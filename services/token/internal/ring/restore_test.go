package ring_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/credential"
)

// A restored database has forgotten what was redeemed since the backup.
func TestN285_CodesFromBeforeARestoreAreRefused(t *testing.T) {
	const restored = 1_800_000_000
	tests := []struct {
		name  string
		epoch int64
		issue int64
		want  error
	}{
		{"before the restore", restored, restored - 1, credential.ErrInvalid},
		{"in its second", restored, restored, nil},
		{"after it", restored, restored + 1, nil},
		{"never restored", 0, restored - 1, nil},
	}
	r := newWorld(t).replica(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r.epoch.Store(tt.epoch)
			r.refresh(t)
			text, err := r.SealCode(credential.AuthorizationCode{ID: uuid.New(), GrantID: uuid.New(), IssueTime: time.Unix(tt.issue, 0)})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.OpenCode(t.Context(), text); !errors.Is(err, tt.want) {
				t.Errorf("OpenCode() = %v, want %v", err, tt.want)
			}
		})
	}
}
