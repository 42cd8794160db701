//go:build size

package size

import (
	"fmt"
	"testing"
)

// report prints the line of a scenario: its name, and its figures.
func report(t *testing.T, name, format string, figures ...any) {
	t.Helper()
	t.Logf("size: %s: %s", name, fmt.Sprintf(format, figures...))
}
