package strictyaml_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chancery-auth/chancery/pkg/strictyaml"
)

type colour string

type names []string

// file has a field of each kind.
type file struct {
	Name    string        `yaml:"name" help:"A name."`
	Path    string        `yaml:"path" file:"" help:"A path."`
	Colour  colour        `yaml:"colour" help:"A colour."`
	Pause   time.Duration `yaml:"pause" help:"A pause."`
	Count   int           `yaml:"count" help:"A count."`
	Part    float64       `yaml:"part" help:"A part."`
	On      bool          `yaml:"on" help:"A switch."`
	Names   names         `yaml:"names" help:"A list of texts."`
	Section section       `yaml:"section" help:"A section."`
	Items   []item        `yaml:"items" help:"A list of sections."`
	hidden  int
}

type section struct {
	inner
	Own string `yaml:"own" help:"Of the section."`
}

type inner struct {
	Shared string `yaml:"shared" help:"Of an embedded struct."`
}

type item struct {
	Key  string   `yaml:"key" help:"A key."`
	Tags []string `yaml:"tags" help:"Some tags."`
}

func scalars() strictyaml.Scalars {
	return strictyaml.Scalars{reflect.TypeFor[colour](): strictyaml.OneOf("red", "green", "blue")}
}

const every = `name: a
path: b/c
colour: red
pause: 1h30m
count: 3
part: 0.5
"on": true
names: [x, "y z"]
section: {shared: s, own: o}
items:
  - key: k
    tags: [t]
  - key: l
`

func read(content string) (file, []string) {
	f := file{Count: 7, Names: names{"before"}, hidden: 1}
	err := strictyaml.Decode("dir/f", []byte(content), &f, scalars()).Err()
	var found *strictyaml.Mistakes
	if errors.As(err, &found) {
		return f, strings.Split(found.Error(), "\n")
	}
	return f, nil
}

func TestEveryKindIsRead(t *testing.T) {
	got, mistakes := read(every)
	want := file{
		Name: "a", Path: "dir/b/c", Colour: "red", Pause: 90 * time.Minute, Count: 3, Part: 0.5, On: true, Names: names{"x", "y z"},
		Section: section{inner{"s"}, "o"}, Items: []item{{"k", []string{"t"}}, {Key: "l"}}, hidden: 1,
	}
	if !reflect.DeepEqual(got, want) || mistakes != nil {
		t.Errorf("Decode() = %+v, %q, want %+v", got, mistakes, want)
	}
}

func TestWhatIsLeftOutStaysAndAListReplaces(t *testing.T) {
	if got, _ := read("name: a\n"); got.Count != 7 || !cmp.Equal(got.Names, names{"before"}) {
		t.Errorf("Decode() = %+v, want what was there", got)
	}
	if got, _ := read("names: []\n"); got.Names != nil {
		t.Errorf("names are %v, want none", got.Names)
	}
}

func TestMistakesHaveTheirLine(t *testing.T) {
	for _, tt := range []struct{ name, content, want string }{
		{"unknown", "nam: a", "dir/f:1:1: nam: unknown key: did you mean name?"},
		{"unknown in an item", "items:\n  - {key: a}\n  - {kay: b}", "dir/f:3:6: items[1].kay: unknown key: did you mean key?"},
		{"not exported", "hidden: 1", "dir/f:1:1: hidden: unknown key: known here: name, path"},
		{"twice", "name: a\nname: b", "dir/f:2:1: name: is there twice"},
		{"another word", "colour: pink", "dir/f:1:9: colour: want red, green or blue"},
		{"number for a word", "colour: 3", "dir/f:1:9: colour: want red, green or blue, got a number"},
		{"no unit", "pause: 5", "dir/f:1:8: pause: want a duration"},
		{"fraction", "count: 0.5", "dir/f:1:8: count: want a whole number"},
		{"not a number", "part: NaN", "dir/f:1:7: part: want a number"},
		{"yes", "on: yes", "dir/f:1:5: on: want true or false"},
		{"text for a list", "names: a", "dir/f:1:1: names: want a list, got text"},
		{"section for text", "name: {a: b}", "dir/f:1:1: name: want text, got keys with values (put text with a colon into quotes)"},
		{"anchor", "name: &x a", "dir/f:1:1: name: want text, got an anchor, alias or tag"},
		{"list for the file", "- a", "dir/f:1:1: want keys with values, got a list"},
		{"second document", "name: a\n---\nname: b", "dir/f:3:1: a second document"},
		{"not UTF-8", "name: \xe9", "dir/f:1:1: not text in UTF-8"},
		{"NUL", "name: a\x00", "dir/f:1:1: not text in UTF-8"},
		{"not YAML", "name: [", "dir/f:1:7: not YAML: "},
	} {
		if _, got := read(tt.content); len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
			t.Errorf("%s: mistakes are %q, want one that begins with %q", tt.name, got, tt.want)
		}
	}
}

// Some editors begin a file with a byte order mark.
func TestByteOrderMarkIsNoPartOfAKey(t *testing.T) {
	if got, mistakes := read("\uFEFFname: é"); got.Name != "é" || mistakes != nil {
		t.Errorf("%+v, mistakes are %q", got, mistakes)
	}
}

func TestOwnMistakesAreNotedOnceAndInOrder(t *testing.T) {
	var f file
	doc := strictyaml.Decode("f", []byte("section:\n  own: x\ncount: many\n"), &f, scalars())
	doc.Rule("count", errors.New("want more")) // it is wrong anyway
	doc.Rule("section.own", errors.New("want another"))
	doc.Rule("section.shared", errors.New("is required"))
	doc.Rule("name", nil)
	doc.Unfit("a flag is wrong")
	want := "f: a flag is wrong\nf:1:1: section.shared: is required\nf:2:8: section.own: want another\nf:3:8: count: want a whole number"
	if got := doc.Err(); got == nil || got.Error() != want {
		t.Errorf("Err() =\n%v\nwant\n%s", got, want)
	}
	if !doc.Has("section.own") || doc.Has("section.shared") || !doc.Failed("section") || doc.Failed("name") {
		t.Error("Has or Failed are wrong")
	}
	if again := doc.Anew(); again.Err() != nil || again.Len() != 0 || !again.Has("count") {
		t.Errorf("Anew() has %v", again.Err())
	}
}

func TestPrintedFileIsTheSame(t *testing.T) {
	want, _ := read(every)
	want.Path = "/abs"
	for _, comments := range []bool{false, true} {
		var b bytes.Buffer
		p := strictyaml.Printer{W: &b, Scalars: scalars(), Comments: comments}
		if err := p.Print(&want); err != nil {
			t.Fatal(err)
		}
		got, mistakes := read(b.String())
		if !reflect.DeepEqual(got, want) || mistakes != nil {
			t.Errorf("printed and read again: %+v, %q\n%s", got, mistakes, b.String())
		}
	}
}

// What an item lacks is explained with the first, so that nobody has to look for
// one that has it.
func TestFirstItemExplainsAll(t *testing.T) {
	f := file{Items: []item{{Key: "k"}, {Key: "l"}}}
	var b bytes.Buffer
	p := strictyaml.Printer{
		W: &b, Scalars: scalars(), Comments: true,
		Skip: func(key string, v reflect.Value) bool { return strings.HasPrefix(key, "items[") && v.IsZero() },
	}
	if err := p.Print(&f); err != nil {
		t.Fatal(err)
	}
	want := "items:\n  -\n    # A key.\n    key: \"k\"\n    # Some tags.\n    # tags:\n  -\n    key: \"l\"\n"
	if !strings.Contains(b.String(), want) {
		t.Errorf("%q is not in\n%s", want, b.String())
	}
}

func TestKeysAreInOrder(t *testing.T) {
	want := []string{
		"name", "path", "colour", "pause", "count", "part", "on", "names", "section", "section.shared", "section.own",
		"items", "items.key", "items.tags",
	}
	if diff := cmp.Diff(want, strictyaml.Keys(reflect.TypeFor[file](), scalars())); diff != "" {
		t.Errorf("Keys():\n%s", diff)
	}
}

func TestTextIsQuotedWhereItCouldBeSomethingElse(t *testing.T) {
	for text, want := range map[string]string{
		"plain": "plain", "/a/b.c": "/a/b.c", "": `""`, "12": `"12"`, "1e3": `"1e3"`, "true": `"true"`, "No": `"No"`,
		"a b": `"a b"`, "#a": `"#a"`, "a: b": `"a: b"`, "{a}": `"{a}"`, "a:": `"a:"`, "x": `"x"`,
	} {
		if got := strictyaml.Quote(text); got != want {
			t.Errorf("Quote(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestWithinHasBothEnds(t *testing.T) {
	for value, want := range map[int]bool{0: false, 1: true, 3: true, 4: false} {
		if err := strictyaml.Within(value, 1, 3); (err == nil) != want {
			t.Errorf("Within(%d, 1, 3) = %v", value, err)
		}
	}
	if err := strictyaml.Within(2*time.Hour, 0, time.Hour); err == nil || err.Error() != "want from 0s to 1h" {
		t.Errorf("Within() = %v", err)
	}
}

func TestNearestIsAWordThatCanBeMeant(t *testing.T) {
	words := []string{"authorize", "token", "gateway"}
	for text, want := range map[string]string{"tokn": "token", "gatewy": "gateway", "authorise": "authorize", "xyz": "", "": ""} {
		if got := strictyaml.Nearest(text, words); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", text, got, want)
		}
	}
}
