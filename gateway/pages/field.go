package pages

import "fmt"

// fieldView is a text field with its complaints. Label and help are the
// sentences "field.NAME" and "field.NAME.hint".
type fieldView struct {
	Field  Field
	Value  string
	Errors []FieldError
	// Lines is the height of a field of several lines; 0 for one line.
	Lines int
	// Code says that the value is for machines: addresses, not prose.
	Code bool
	// Password is what a password manager may fill in (autocomplete), for a field
	// that does not show what is typed.
	Password string
	// HintName is what stands in the place of a name in the help; empty if it has none.
	HintName string
}

const (
	areaLines        = 3
	addressAreaLines = 5
)

func newField(e *FormError, field Field, value string) fieldView {
	return fieldView{Field: field, Value: value, Errors: fieldErrors(e, field)}
}

func newArea(e *FormError, field Field, value string) fieldView {
	return fieldView{Field: field, Value: value, Errors: fieldErrors(e, field), Lines: areaLines}
}

func newPasswordField(e *FormError, field Field, autocomplete, hintName string) fieldView {
	return fieldView{Field: field, Errors: fieldErrors(e, field), Password: autocomplete, HintName: hintName}
}

func newAddressField(e *FormError, field Field, value string) fieldView {
	return fieldView{Field: field, Value: value, Errors: fieldErrors(e, field), Code: true}
}

func newAddressArea(e *FormError, field Field, value string) fieldView {
	return fieldView{Field: field, Value: value, Errors: fieldErrors(e, field), Lines: addressAreaLines, Code: true}
}

// optionsView is a choice of one among words of ours. Value v reads as the
// sentences "WORDS.v" and "WORDS.v.hint".
type optionsView struct {
	Field  Field
	Words  string
	Value  string
	Values []string
	Err    *FormError
}

func newOptions(e *FormError, field Field, words string, value any, values ...string) optionsView {
	return optionsView{Field: field, Words: words, Value: fmt.Sprint(value), Values: values, Err: e}
}

// copyableView is text with a button that copies it.
type copyableView struct {
	// ID is of the element that holds the text, once on the page.
	ID   string
	Text string
	// What is the sentence that says what is copied.
	What string
}

func newCopyable(id, text, what string) copyableView {
	return copyableView{ID: id, Text: text, What: what}
}
