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
	// rpcBlock is a method of a contract with its options.
	rpcBlock = regexp.MustCompile(`(?ms)^  rpc (\w+)\([^{]*\{(.*?)^  \}`)
	// coded is a name in a table or a list.
	coded = regexp.MustCompile("`(\\w+)`")
	// restrictionFunction is one that makes a restriction.
	restrictionFunction = regexp.MustCompile(`(?m)^func ([A-Z]\w+)\([^)]*\) Restriction \{`)
)

// takings is what the documentation says of the methods that change something.
type takings struct {
	taking       []string // in the table
	restrictions []string // in the table
	harmless     []string // in the list of those that take nothing
}

// TestN305_N306_WhateverTakesSomethingAwayIsInTheTable holds the table of
// docs/architecture.md against the contracts. A new method that changes something
// needs a row there with the restriction that it writes, or a place in the list of
// those that take nothing away.
func TestN305_N306_WhateverTakesSomethingAwayIsInTheTable(t *testing.T) {
	methods := changingMethods(t)
	if len(methods) < 40 {
		t.Errorf("%d methods change something: the test does not see them", len(methods))
	}
	source, err := os.ReadFile("../coherent/restriction.go")
	if err != nil {
		t.Fatal(err)
	}
	var restrictions []string
	for _, m := range restrictionFunction.FindAllStringSubmatch(string(source), -1) {
		restrictions = append(restrictions, m[1])
	}
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, mistake := range readTakings(string(page)).mistakes(methods, restrictions) {
		t.Errorf("docs/architecture.md, What takes something away: %s", mistake)
	}
}

// changingMethods are those of all contracts that do not say that they change
// nothing.
func changingMethods(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../proto/chancery/*/v1/*_service.proto")
	if err != nil || len(files) == 0 {
		t.Fatalf("contracts: %v, %v", files, err)
	}
	var methods []string
	for _, file := range files {
		contract, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		blocks := rpcBlock.FindAllStringSubmatch(string(contract), -1)
		if len(blocks) != len(rpcLine.FindAllString(string(contract), -1)) {
			t.Errorf("%s has methods without options: each names its callers", file)
		}
		for _, m := range blocks {
			if !strings.Contains(m[2], "NO_SIDE_EFFECTS") {
				methods = append(methods, m[1])
			}
		}
	}
	return methods
}

// readTakings reads the section of the page.
func readTakings(page string) takings {
	_, section, _ := strings.Cut(page, "\n## What takes something away\n")
	section, _, _ = strings.Cut(section, "\n## ")
	table, list, _ := strings.Cut(section, "take nothing away")
	list, _, _ = strings.Cut(list, "\n\nA ")
	var read takings
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, "|"); len(cells) == 5 {
			read.taking = append(read.taking, names(cells[2])...)
			read.restrictions = append(read.restrictions, names(cells[3])...)
		}
	}
	read.harmless = names(list)
	return read
}

// names are the words of a text that are set as code.
func names(text string) (found []string) {
	for _, m := range coded.FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// mistakes says how the section differs from the methods that change something,
// and from the restrictions that there are.
func (r takings) mistakes(methods, restrictions []string) (mistakes []string) {
	for _, m := range methods {
		takes, harmless := slices.Contains(r.taking, m), slices.Contains(r.harmless, m)
		switch {
		case !takes && !harmless:
			mistakes = append(mistakes, m+" changes something, and is in neither the table nor the list: what does it take away, and which restriction says so?")
		case takes && harmless:
			mistakes = append(mistakes, m+" is in both the table and the list")
		}
	}
	for _, m := range slices.Concat(r.taking, r.harmless) {
		if !slices.Contains(methods, m) {
			mistakes = append(mistakes, m+" is no method that changes something")
		}
	}
	for _, name := range r.restrictions {
		// A row may say which method it leaves a part to.
		if !slices.Contains(restrictions, name) && !slices.Contains(r.taking, name) {
			mistakes = append(mistakes, name+" is no restriction of pkg/coherent")
		}
	}
	for _, name := range restrictions {
		if !slices.Contains(r.restrictions, name) {
			mistakes = append(mistakes, "nothing writes the restriction "+name)
		}
	}
	return mistakes
}

func TestMistakesOfTheTable(t *testing.T) {
	const page = "# Page\n\n## What takes something away\n\n| What | By | Restriction |\n| --- | --- | --- |\n" +
		"| a user | `Disable`; `chancery x` | `Subject` |\n| an app | `Delete`, `Update` | `Client` by `Delete` |\n\n" +
		"These take nothing away:\n\n- one: `Create`,\n  `Enable`\n\nA last `Word`.\n\n## Next\n\n| a | `Else` | `Other` |\n"
	for name, tt := range map[string]struct {
		methods, restrictions string
		want                  string // in the one mistake; empty: none
	}{
		"as it is":                   {"Disable Delete Update Create Enable", "Subject Client", ""},
		"a method that is new":       {"Disable Delete Update Create Enable Purge", "Subject Client", "Purge changes something"},
		"a method that is gone":      {"Disable Delete Update Enable", "Subject Client", "Create is no method"},
		"a restriction that is new":  {"Disable Delete Update Create Enable", "Subject Client Grant", "nothing writes the restriction Grant"},
		"a restriction that is gone": {"Disable Delete Update Create Enable", "Client", "Subject is no restriction"},
	} {
		got := readTakings(page).mistakes(strings.Fields(tt.methods), strings.Fields(tt.restrictions))
		if wrong := len(got) == 1 && tt.want != "" && strings.Contains(got[0], tt.want); wrong != (tt.want != "") || len(got) > 1 {
			t.Errorf("%s: mistakes are %q, want %q", name, got, tt.want)
		}
	}
	both := strings.Replace(page, "`Create`", "`Create`, `Delete`", 1)
	if got := readTakings(both).mistakes(strings.Fields("Disable Delete Update Create Enable"), strings.Fields("Subject Client")); len(got) != 1 || !strings.Contains(got[0], "Delete is in both") {
		t.Errorf("in both: mistakes are %q", got)
	}
}
