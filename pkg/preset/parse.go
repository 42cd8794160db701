package preset

import (
	"io"
	"reflect"
	"strings"

	"github.com/chancery-auth/chancery/pkg/role"
	"github.com/chancery-auth/chancery/pkg/strictyaml"
)

// Parse reads a preset over [Default]: keys that are left out are as there, except
// the name, and a list replaces the whole list. File is the path that mistakes
// name, and that the path of the logo is relative to. Fails with
// [*strictyaml.Mistakes]: unknown keys, and everything that contradicts itself, all
// at once.
func Parse(file string, content []byte) (Preset, error) {
	p := Default()
	p.Name = ""
	doc := strictyaml.Decode(file, content, &p, scalars())
	checker{p, doc}.check()
	if err := doc.Err(); err != nil {
		return Preset{}, err
	}
	return p, nil
}

// Print writes p as a file with every key and what it means. [Parse] reads it back
// as the same.
func Print(w io.Writer, p Preset) error {
	printer := strictyaml.Printer{W: w, Scalars: scalars(), Comments: true, Skip: absent}
	return printer.Print(&p)
}

// Keys are all keys of a preset, such as lifetimes and lifetimes.code.
func Keys() []string { return strictyaml.Keys(reflect.TypeFor[Preset](), scalars()) }

// absent leaves out what an item of a list does not have.
func absent(key string, value reflect.Value) bool {
	return strings.Contains(key, "].") && value.IsZero()
}

// scalars are the types of a preset that have a form of their own.
func scalars() strictyaml.Scalars {
	level := strictyaml.OneOf(role.Viewer.String(), role.Member.String(), role.Admin.String())
	level.Parse = func(text string) (any, error) { return role.Parse(text) }
	return strictyaml.Scalars{
		reflect.TypeFor[role.Role](): level,
		reflect.TypeFor[Window]():    windowForm(),
		reflect.TypeFor[Kind](): strictyaml.OneOf(
			string(Identity), string(API), string(Workspace), string(Project), string(Client)),
		reflect.TypeFor[RegistrationMode](): strictyaml.OneOf(
			string(RegistrationOff), string(RegistrationToken), string(RegistrationOpen)),
	}
}
