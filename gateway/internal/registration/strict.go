// Package registration is the JSON of dynamic client registration (RFC 7591 §3,
// RFC 7592 §3): what clients say of themselves, and what they are told.
//
// It decides nothing but what was said. The one thing to get right is that a
// request has one reading (RFC 8259 §4): what another parser would read
// differently is refused, not guessed.
package registration

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/chancery-auth/chancery/pkg/oauth"
)

// maxDepth is above what a JWK Set within client metadata has.
const maxDepth = 8

func refuse(description string) error {
	return oauth.Refuse(oauth.InvalidClientMetadata, description)
}

// members returns the members of the object that body is. Names count byte for
// byte. Fails with invalid_client_metadata.
func members(body []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(body) {
		return nil, refuse("the body must be UTF-8")
	}
	var object map[string]json.RawMessage
	// One value and nothing after it. The literal null is no object.
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return nil, refuse("the body must be one JSON object")
	}
	if err := checkStructure(body); err != nil {
		return nil, err
	}
	return object, nil
}

// checkStructure looks at every object of body, whose syntax is right: at those
// that nobody reads, too. It needs no stack of ours, so that depth costs nothing.
func checkStructure(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // of any size: nobody reads them
	var open []level
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return refuse("the body must be one JSON object")
		}
		if len(open) > 0 && !open[len(open)-1].take(token) {
			return refuse("the body must not have a member twice")
		}
		switch token {
		case json.Delim('{'):
			open = append(open, level{names: map[string]bool{}, atName: true})
		case json.Delim('['):
			open = append(open, level{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
		if len(open) > maxDepth {
			return refuse("the body must not be nested deeper than 8 levels")
		}
	}
}

// level is an object or array that is being read.
type level struct {
	// names are those that an object has so far; nil for an array.
	names map[string]bool
	// atName says that the next token is a name, or the end.
	atName bool
}

// take notes a token of the level. It says no to a name that was there before.
func (l *level) take(token json.Token) bool {
	name, isText := token.(string)
	switch {
	case l.names == nil:
		return true
	case l.atName && isText:
		l.atName = false
		if l.names[name] {
			return false
		}
		l.names[name] = true
	default:
		// The value, or what begins it: a name follows.
		l.atName = true
	}
	return true
}

// errNotText is for text that has no form of its own in UTF-8, such as half of a
// surrogate pair, which the decoder replaces, and for NUL, which the stores
// behind would refuse.
var errNotText = errors.New("not text")

func checkText(s string) error {
	for _, r := range s {
		if r == utf8.RuneError || r == 0 {
			return errNotText
		}
	}
	return nil
}
