package config

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

// source is where a configuration came from.
type source struct {
	path     string
	lookup   Lookup
	at       map[string]position // of each key that the file has
	mistakes []Mistake
}

type position struct{ line, column int }

// wrong notes a mistake about key.
func (s *source) wrong(key, format string, args ...any) {
	at := s.find(key)
	s.mistakes = append(s.mistakes, Mistake{
		Key: key, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...),
	})
}

// unfit notes a mistake that is not in the file.
func (s *source) unfit(format string, args ...any) {
	s.mistakes = append(s.mistakes, Mistake{Message: fmt.Sprintf(format, args...)})
}

// find is where key is, or else the section that lacks it.
func (s *source) find(key string) position {
	for {
		if at, ok := s.at[key]; ok {
			return at
		}
		end := strings.LastIndexAny(key, ".[")
		if end < 0 {
			return position{1, 1}
		}
		key = key[:end]
	}
}

// failed says whether there is a mistake about key, or about something in it.
func (s *source) failed(key string) bool {
	return slices.ContainsFunc(s.mistakes, func(m Mistake) bool {
		rest, ok := strings.CutPrefix(m.Key, key)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// err is the mistakes noted so far, nil for none.
func (s *source) err() error {
	if len(s.mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(s.mistakes, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Key, b.Key))
	})
	return &Mistakes{File: s.path, List: s.mistakes}
}

// nearest is the word of list that text may have been meant for, empty for none.
func nearest(text string, list []string) string {
	best, least := "", max(1, len(text)/3)+1
	for _, word := range list {
		if d := distance(text, word); d < least {
			best, least = word, d
		}
	}
	return best
}

// distance is how many characters have to be put in, left out or changed to get
// from a to b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
