package admin

import (
	"strings"
	"testing"

	eventv1 "github.com/chancery-auth/chancery/proto/chancery/event/v1"
)

// Whoever can write to the stream must not be able to write to the terminal.
func TestEventRowMovesNoCursor(t *testing.T) {
	row := strings.Join(eventRow(&eventv1.Event{Type: "key.created", Sub: "a\x1b[2J\nb", Caller: "\u009b1m", ClientId: "\u202ec"}), " ")
	if strings.ContainsAny(row, "\x1b\n\u009b\u202e") {
		t.Errorf("row %q", row)
	}
}
