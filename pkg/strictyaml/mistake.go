package strictyaml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Mistake is one thing that is wrong with a file.
type Mistake struct {
	// Key is the key it is about, such as nats.servers[0]; empty for the file
	// as a whole.
	Key string `json:"key,omitempty"`
	// Line and Column start at 1. A key that is missing has those of the section
	// it belongs to; what is not in the file at all has 0.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Message says what is expected. It shows no secret.
	Message string `json:"message"`
}

// Mistakes is the error of a file that is wrong: never empty, by line.
type Mistakes struct {
	File string
	List []Mistake
}

// Error is one line for each mistake, "file:line:column: key: message".
func (m *Mistakes) Error() string {
	lines := make([]string, 0, len(m.List))
	for _, each := range m.List {
		lines = append(lines, each.In(m.File))
	}
	return strings.Join(lines, "\n")
}

// In is the mistake as a line, in the form that editors jump to.
func (m Mistake) In(file string) string {
	message := m.Message
	if m.Key != "" {
		message = m.Key + ": " + message
	}
	if m.Line == 0 {
		return fmt.Sprintf("%s: %s", file, message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", file, m.Line, m.Column, message)
}

// Document is a file that was read: where its keys are, and what is wrong with
// it. The zero value is a file without keys. It is not safe for concurrent use
// while mistakes are noted.
type Document struct {
	path     string
	at       map[string]position // of each key that the file has
	mistakes []Mistake
}

type position struct{ line, column int }

// Anew is the document without the mistakes noted so far.
func (d *Document) Anew() *Document { return &Document{path: d.path, at: d.at} }

// Has says whether the file has a key.
func (d *Document) Has(key string) bool {
	_, ok := d.at[key]
	return ok
}

// Wrong notes a mistake about key.
func (d *Document) Wrong(key, format string, args ...any) {
	at := d.find(key)
	d.mistakes = append(d.mistakes, Mistake{
		Key: key, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...),
	})
}

// Unfit notes a mistake that is not in the file.
func (d *Document) Unfit(format string, args ...any) {
	d.mistakes = append(d.mistakes, Mistake{Message: fmt.Sprintf(format, args...)})
}

// Rule notes err about key, unless it is nil, or the key is known to be wrong
// anyway.
func (d *Document) Rule(key string, err error) {
	if err != nil && !d.Failed(key) {
		d.Wrong(key, "%v", err)
	}
}

// Failed says whether there is a mistake about key, or about something in it.
func (d *Document) Failed(key string) bool {
	return slices.ContainsFunc(d.mistakes, func(m Mistake) bool {
		rest, ok := strings.CutPrefix(m.Key, key)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// Len is how many mistakes are noted so far.
func (d *Document) Len() int { return len(d.mistakes) }

// Err is the mistakes noted so far as [*Mistakes], nil for none.
func (d *Document) Err() error {
	if len(d.mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(d.mistakes, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Key, b.Key))
	})
	return &Mistakes{File: d.path, List: d.mistakes}
}

// find is where key is, or else the section that lacks it.
func (d *Document) find(key string) position {
	for {
		if at, ok := d.at[key]; ok {
			return at
		}
		end := strings.LastIndexAny(key, ".[")
		if end < 0 {
			return position{1, 1}
		}
		key = key[:end]
	}
}
