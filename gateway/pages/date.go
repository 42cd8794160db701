package pages

import (
	"fmt"
	"strings"
	"time"
)

// date writes the day of t, in UTC, as the sentence "date" does: its {0} is the
// day, {1} the month's name, {2} the year. Fails with errSentence.
func (c catalogue) date(t time.Time) (string, error) {
	t = t.UTC()
	pattern, known := c["date"]
	month, named := c[fmt.Sprintf("month.%d", t.Month())]
	if !known || !named {
		return "", fmt.Errorf("%w: date", errSentence)
	}
	return strings.NewReplacer(
		"{0}", fmt.Sprint(t.Day()), "{1}", month, "{2}", fmt.Sprint(t.Year())).Replace(pattern), nil
}

// instant is t as the datetime attribute has it.
func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
