package arch_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// testFunction is the declaration of a test or fuzz target.
	testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	// namedTest is one that the table of cases names.
	namedTest = regexp.MustCompile("`((?:Test|Fuzz)\\w+)` ([\\w/]+)")
	// caseRow is a row of the table.
	caseRow = regexp.MustCompile(`^\| (N[0-9]{3}) \|`)
	// caseNumber is one in the name of a test: TestN042_..., TestN001_N002_...
	caseNumber = regexp.MustCompile(`(?:Test|_)(N[0-9]{3})`)
)

// TestSecurityCases holds docs/security-cases.md against the tests: it names no
// test that is not there, and leaves out none that has a case's number.
func TestSecurityCases(t *testing.T) {
	rows := caseRows(t)
	tests := testsByFolder(t)
	for number, row := range rows {
		for _, m := range namedTest.FindAllStringSubmatch(row, -1) {
			if !tests[m[2]][m[1]] {
				t.Errorf("%s names %s in %s, which is not there", number, m[1], m[2])
			}
		}
	}
	for folder, names := range tests {
		for name := range names {
			for _, m := range caseNumber.FindAllStringSubmatch(name, -1) {
				if row, ok := rows[m[1]]; ok && !strings.Contains(row, "`"+name+"` "+folder) {
					t.Errorf("the row of %s lacks %s in %s", m[1], name, folder)
				}
			}
		}
	}
}

// caseRows are the rows of the page by number.
func caseRows(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/security-cases.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]string)
	for line := range strings.Lines(string(page)) {
		if m := caseRow.FindStringSubmatch(line); m != nil {
			rows[m[1]] = line
		}
	}
	if len(rows) < 301 {
		t.Errorf("%d cases, want 301", len(rows))
	}
	return rows
}

// testsByFolder are the tests of the tree.
func testsByFolder(t *testing.T) map[string]map[string]bool {
	t.Helper()
	tests := make(map[string]map[string]bool)
	for _, p := range packages(t) {
		files, err := filepath.Glob(filepath.Join("../..", p.path(), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		tests[p.path()] = make(map[string]bool)
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range testFunction.FindAllStringSubmatch(string(text), -1) {
				tests[p.path()][m[1]] = true
			}
		}
	}
	return tests
}
