package arch_test

import (
	"cmp"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var spec = flag.Bool("spec", false, "print which line cites which section")

const sectionNumber = `(?:[0-9]+(?:\.[0-9]+)*|[A-Z](?:\.[0-9]+)*)`

var (
	// document names what is cited.
	document = regexp.MustCompile(`\b(?:RFC [1-9][0-9]{3,4}|OAuth 2\.1|OAuth 2\.0 Form Post Response Mode|` +
		`(?:OIDC|OpenID Connect) (?:Core|Discovery|(?:Dynamic Client )?Registration|RP Metadata Choices|Session Management|` +
		`RP-Initiated Logout|Front-Channel Logout|Back-Channel Logout)(?: 1\.0)?|` +
		`FAPI 2\.0(?: Security Profile| Attacker Model| Message Signing)?|` +
		`WebAuthn(?: Level [23])?|W3C Trace Context|NIST SP 800-63B|(?:SECURITY|DESIGN|PERFORMANCE)\.md|draft-[a-z0-9-]+[a-z0-9])$`)
	// short makes one row of the two ways to name a document of OpenID Connect.
	short = strings.NewReplacer("OpenID Connect ", "OIDC ", "Dynamic Client ", "", " 1.0", "")
	// section is what has to follow a section sign.
	section = regexp.MustCompile(`^§` + sectionNumber)
	// another is what may stand between two sections of one document.
	another = regexp.MustCompile(`^(?:,| and| or|, and|, or| to)? $`)
	// appendix is cited without a section sign.
	appendix = regexp.MustCompile(`\b(RFC [1-9][0-9]{3,4}) (Appendix ` + sectionNumber + `)`)
	// unsigned is a section cited in a way that no reader of the table finds.
	unsigned = regexp.MustCompile(`(?i)\bRFC[- ]?[0-9]{4,5},? (?:section|sect\.|sec\.|s\.) ?[0-9]|\bsections? [0-9.]+ of RFC`)
	// wrapped is a line break inside a comment, which a citation may span.
	wrapped = regexp.MustCompile(`\n[ \t]*(?://|--|#) ?`)
)

// citation is a place in the tree that names a section of a document.
type citation struct {
	section string // "RFC 7636 §4.6"
	file    string
	line    int
}

func TestCitations(t *testing.T) {
	var all []citation
	for _, file := range citingFiles(t) {
		text, err := os.ReadFile(filepath.Join("../..", file))
		if err != nil {
			t.Fatal(err)
		}
		found, problems := citations(file, string(text))
		for _, problem := range problems {
			t.Error(problem)
		}
		all = append(all, found...)
	}
	if *spec {
		if _, err := os.Stdout.WriteString(table(all)); err != nil {
			t.Fatal(err)
		}
	}
}

// citingFiles lists the sources that are written by hand.
func citingFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS("../.."), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return skipFolder(path)
		case slices.Contains([]string{".go", ".proto", ".sql", ".yaml"}, filepath.Ext(path)) &&
			!strings.HasSuffix(path, ".pb.go") && !strings.HasSuffix(path, ".pb.gw.go"):
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// skipFolder leaves out what is not ours, and this test with its bad examples.
func skipFolder(path string) error {
	hidden := strings.HasPrefix(path, ".") && path != "."
	if hidden || slices.Contains([]string{"bin", "data", "pkg/arch", "proto/third_party"}, path) {
		return fs.SkipDir
	}
	return nil
}

// citations finds every citation in text, and says what is wrong with those
// that it cannot parse.
func citations(file, text string) (found []citation, problems []string) {
	text = joinWrapped(text)
	line := func(offset int) int {
		return 1 + strings.Count(text[:offset], "\n") + strings.Count(text[:offset], joint)
	}
	for _, at := range unsigned.FindAllStringIndex(text, -1) {
		problems = append(problems, fmt.Sprintf("%s:%d: %q: the form is RFC 7636 §4.6", file, line(at[0]), text[at[0]:at[1]]))
	}
	for _, at := range appendix.FindAllStringSubmatchIndex(text, -1) {
		found = append(found, citation{text[at[2]:at[3]] + " " + text[at[4]:at[5]], file, line(at[0])})
	}

	last, end := "", 0 // the document of the section before, and where that ended
	for offset := range text {
		if !strings.HasPrefix(text[offset:], "§") || strings.HasPrefix(text[offset:], "§…") {
			continue
		}
		number := section.FindString(text[offset:])
		before := plain(text[end:offset])
		if !another.MatchString(before) {
			last = short.Replace(document.FindString(strings.TrimSuffix(before, " ")))
		}
		if number == "" || last == "" {
			problems = append(problems, fmt.Sprintf("%s:%d: cannot parse the citation at %q", file, line(offset), excerpt(text, offset)))
			continue
		}
		found = append(found, citation{last + " " + number, file, line(offset)})
		end = offset + len(number)
	}
	return found, problems
}

// joint stands for a line break inside a comment, so that lines can be counted
// after joining.
const joint = "\x00"

func joinWrapped(text string) string { return wrapped.ReplaceAllString(text, joint) }

func plain(text string) string { return strings.ReplaceAll(text, joint, " ") }

// excerpt is the text around offset, on one line.
func excerpt(text string, offset int) string {
	from, to := max(0, offset-24), min(len(text), offset+12)
	return strings.ToValidUTF8(strings.ReplaceAll(plain(text[from:to]), "\n", " "), "")
}

// table has one row a section: where it is implemented, then where tested.
func table(all []citation) string {
	slices.SortFunc(all, func(a, b citation) int {
		return cmp.Or(cmp.Compare(a.section, b.section), cmp.Compare(rank(a), rank(b)),
			cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line))
	})
	var rows strings.Builder
	for i, c := range all {
		if i == 0 || c.section != all[i-1].section {
			fmt.Fprintf(&rows, "\n%-38s", c.section)
		}
		fmt.Fprintf(&rows, " %s:%d", c.file, c.line)
	}
	return strings.TrimPrefix(rows.String(), "\n") + "\n"
}

// rank puts tests behind what they test.
func rank(c citation) int {
	if strings.HasSuffix(c.file, "_test.go") {
		return 1
	}
	return 0
}

func TestCitationForms(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string // empty if the form is refused
	}{
		{"RFC", "// RFC 7636 §4.6.", []string{"RFC 7636 §4.6"}},
		{"two sections", "// RFC 6749 §5.2 or §4.1.2.1 says", []string{"RFC 6749 §5.2", "RFC 6749 §4.1.2.1"}},
		{"two documents", `"RFC 7636 §4.3, RFC 9700 §2.1.1"`, []string{"RFC 7636 §4.3", "RFC 9700 §2.1.1"}},
		{"wrapped", "\t// as in RFC 9700\n\t// §4.14.2", []string{"RFC 9700 §4.14.2"}},
		{"OIDC", "(OIDC Core §3.1.2.1)", []string{"OIDC Core §3.1.2.1"}},
		{"OIDC by its long name", "OpenID Connect Discovery 1.0 §3", []string{"OIDC Discovery §3"}},
		{"the form of a citation", `"OAuth 2.1 §…"`, []string{}},
		{"the draft", "OAuth 2.1 §2.3.1", []string{"OAuth 2.1 §2.3.1"}},
		{"appendix", "RFC 7636 Appendix B", []string{"RFC 7636 Appendix B"}},
		{"no section at all", "RFC 7662 and time.RFC3339", []string{}},
		{"no document", "see §4.6", nil},
		{"no space", "RFC7636 §4.6", nil},
		{"no number", "RFC 7636 §", nil},
		{"section of another sentence", "RFC 7636 §4.6 is stricter than §4.3", nil},
		{"unknown document", "OpenID Discovery 1.0 §3", nil},
		{"section in words", "RFC 7636 section 4.6", nil},
		{"the other way round", "section 4.6 of RFC 7636", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found, problems := citations("x.go", tt.text)
			if refused := tt.want == nil; refused != (len(problems) > 0) {
				t.Fatalf("problems = %q, want refused %v", problems, refused)
			}
			var got []string
			for _, c := range found {
				got = append(got, c.section)
			}
			if tt.want != nil && !slices.Equal(got, tt.want) {
				t.Errorf("citations = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCitationLines(t *testing.T) {
	found, _ := citations("a.go", "package a\n\n// RFC 9700\n// §4.14.2 and\n// RFC 7636 §4.6.\nvar x = 1 // RFC 7009 §2\n")
	tested, _ := citations("a_test.go", "// RFC 7636 §4.6.\n")
	want := "RFC 7009 §2                            a.go:6\n" +
		"RFC 7636 §4.6                          a.go:5 a_test.go:1\n" +
		"RFC 9700 §4.14.2                       a.go:4\n"
	if got := table(append(tested, found...)); got != want {
		t.Errorf("table =\n%s\nwant\n%s", got, want)
	}
}
