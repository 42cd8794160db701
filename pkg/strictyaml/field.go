package strictyaml

import "reflect"

// field is a key of a section.
type field struct {
	key, help string
	file      bool // the text is a path
	index     []int
}

// fieldsOf lists the keys of a section, those of an embedded struct as its own.
func fieldsOf(t reflect.Type) []field {
	var list []field
	for f := range t.Fields() {
		if f.Anonymous {
			for _, inner := range fieldsOf(f.Type) {
				inner.index = append([]int{f.Index[0]}, inner.index...)
				list = append(list, inner)
			}
			continue
		}
		if key, ok := f.Tag.Lookup("yaml"); ok {
			_, file := f.Tag.Lookup("file")
			list = append(list, field{key: key, help: f.Tag.Get("help"), file: file, index: f.Index})
		}
	}
	return list
}

// join is the key of what is at name in the section at key.
func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}
