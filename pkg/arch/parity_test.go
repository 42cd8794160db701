package arch_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// factRow is a row of docs/parity.md: number, fact, tests, state.
	factRow = regexp.MustCompile(`^\| ([RF][0-9]{2}) \| (.+) \| (.+) \| (.+) \|$`)
	// factNumbers are those at the beginning of the name of a fact in a test.
	factNumbers = regexp.MustCompile(`"((?:[RF][0-9]{2} )+)`)
)

// TestParity holds docs/parity.md against the tests: every fact has one that is
// there and holds, and every fact that a test counts has a row.
func TestParity(t *testing.T) {
	page, err := os.ReadFile("../../docs/parity.md")
	if err != nil {
		t.Fatal(err)
	}
	tests, counted := testsByFolder(t), countedFacts(t)
	var rows []string
	for line := range strings.Lines(string(page)) {
		m := factRow.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		number, cell, state := m[1], m[3], m[4]
		rows = append(rows, number)
		if state != "holds" {
			t.Errorf("the state of %s is %q", number, state)
		}
		named := namedTest.FindAllStringSubmatch(cell, -1)
		if len(named) == 0 {
			t.Errorf("%s has no test", number)
		}
		for _, n := range named {
			if !tests[n[2]][n[1]] {
				t.Errorf("%s names %s in %s, which is not there", number, n[1], n[2])
			}
		}
		if !slices.Contains(counted, number) {
			t.Errorf("no test has the number %s", number)
		}
	}
	for _, number := range counted {
		if !slices.Contains(rows, number) {
			t.Errorf("%s has no row", number)
		}
	}
}

// countedFacts are the numbers of the facts that end-to-end tests have.
func countedFacts(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../e2e/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var numbers []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range factNumbers.FindAllStringSubmatch(string(text), -1) {
			numbers = append(numbers, strings.Fields(m[1])...)
		}
	}
	return numbers
}
