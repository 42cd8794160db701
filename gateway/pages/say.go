package pages

import (
	"errors"
	"fmt"
	"strings"
)

// catalogue is every sentence of the pages, by key. "{0}", "{1}" stand for
// names, which templates set apart from the sentence.
type catalogue map[string]string

// segment is a piece of a sentence: either ours, or a name put into it.
type segment struct {
	Text string
	Name bool
}

var errSentence = errors.New("sentence is not in the catalogue, or has other places for names")

// say returns the sentence of key with names in its places. Keeping the two
// apart lets the template isolate each name: one written right to left must
// not reorder the words around it. Fails with errSentence.
func (c catalogue) say(key string, names ...string) ([]segment, error) {
	rest, ok := c[key]
	if !ok {
		return nil, fmt.Errorf("%w: %s", errSentence, key)
	}
	var out []segment
	for i, name := range names {
		before, after, ok := strings.Cut(rest, fmt.Sprintf("{%d}", i))
		if !ok {
			return nil, fmt.Errorf("%w: %s", errSentence, key)
		}
		out = append(out, segment{Text: before}, segment{Text: plain(name), Name: true})
		rest = after
	}
	if strings.Contains(rest, "{") {
		return nil, fmt.Errorf("%w: %s", errSentence, key)
	}
	return append(out, segment{Text: rest}), nil
}
