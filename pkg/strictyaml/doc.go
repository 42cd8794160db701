// Package strictyaml reads YAML files into structs, and tells everything that is
// wrong with one at once, each mistake with its line.
//
// A key is a field with the tags `yaml:"name"` and `help:"what it means"`; with
// the tag `file:""` its text is a path, relative to the file. Unknown keys, keys
// that come twice, values of another kind, anchors and second documents are
// mistakes. What a value means beyond its form is for the caller to check, who
// notes mistakes of its own in the same [Document].
//
// [Printer] writes such a struct as a file that loads as the same, with what each
// key means.
package strictyaml
