package database

import (
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/google/uuid"

	"github.com/chancery-auth/chancery/pkg/sqlite"
)

// Args are the values of a statement by name: "id" for @id. They are its only
// argument.
type Args map[string]any

// Null reads a column that may be NULL, and leaves the zero value of what into
// points to where it is.
func Null(into any) any { return null{into} }

type null struct{ into any }

// Form writes and reads a field in another form than its own, to and from which the
// functions convert. A pointer as Column is NULL where it is nil.
func Form[Field, Column any](field *Field, to func(Field) Column, from func(Column) Field) any {
	return form[Field, Column]{field, to, from}
}

type form[Field, Column any] struct {
	field *Field
	to    func(Field) Column
	from  func(Column) Field
}

// formed is a [Form], of whatever types.
type formed interface {
	value() any
	// column returns what to read the column into, and what then sets the field.
	column() (into any, set func())
}

func (f form[_, _]) value() any { return f.to(*f.field) }

func (f form[_, Column]) column() (into any, set func()) {
	column := new(Column)
	return column, func() { *f.field = f.from(*column) }
}

// NullZero writes NULL for a zero value.
func NullZero[T comparable](value T) any {
	var zero T
	if value == zero {
		return nil
	}
	return value
}

// reader returns what a driver can read into in place of into, and what brings that
// there. It returns into itself and nil where the driver reads into it.
type reader func(into any) (target any, finish func() error)

// scan reads a row.
func scan(row Row, into []any, as reader) error {
	targets := make([]any, len(into))
	var finish []func() error
	for i, each := range into {
		target, f := read(each, as)
		if targets[i] = target; f != nil {
			finish = append(finish, f)
		}
	}
	if err := row.Scan(targets...); err != nil {
		return err
	}
	for _, f := range finish {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func read(into any, as reader) (target any, finish func() error) {
	if f, ok := into.(formed); ok {
		column, set := f.column()
		target, finish := read(column, as)
		return target, func() error {
			if finish != nil {
				if err := finish(); err != nil {
					return err
				}
			}
			set()
			return nil
		}
	}
	n, ok := into.(null)
	if !ok {
		return as(into)
	}
	// The driver reads into a pointer to what it reads of a column that is never NULL.
	inner, finishInner := as(n.into)
	pointer := reflect.New(reflect.TypeOf(inner))
	return pointer.Interface(), func() error {
		if pointer.Elem().IsNil() {
			reflect.ValueOf(n.into).Elem().SetZero()
			return nil
		}
		reflect.ValueOf(inner).Elem().Set(pointer.Elem().Elem())
		if finishInner == nil {
			return nil
		}
		return finishInner()
	}
}

// utc is the reader of PostgreSQL.
func utc(into any) (any, func() error) {
	t, ok := into.(*time.Time)
	if !ok {
		return into, nil
	}
	return t, func() error { *t = t.UTC(); return nil }
}

// fromLite is the reader of SQLite.
func fromLite(into any) (any, func() error) {
	switch into := into.(type) {
	case *time.Time:
		var micros int64
		return &micros, func() error { *into = sqlite.FromTime(micros); return nil }
	case *time.Duration:
		var micros int64
		return &micros, func() error { *into = time.Duration(micros) * time.Microsecond; return nil }
	case *[]string:
		var list []byte
		return &list, func() error { return unmarshal(list, into) }
	case *[]uuid.UUID:
		var list []byte
		return &list, func() error { return unmarshalBytes(list, into, uuid.FromBytes) }
	case *[][]byte:
		var list []byte
		return &list, func() error {
			return unmarshalBytes(list, into, func(b []byte) ([]byte, error) { return b, nil })
		}
	default:
		return into, nil
	}
}

func unmarshal(list []byte, into any) error {
	if err := json.Unmarshal(list, into); err != nil {
		return fmt.Errorf("read list: %w", err)
	}
	return nil
}

// unmarshalBytes reads a list of hexadecimal texts.
func unmarshalBytes[T any](list []byte, into *[]T, of func([]byte) (T, error)) error {
	var texts []string
	if err := unmarshal(list, &texts); err != nil {
		return err
	}
	*into = make([]T, len(texts))
	for i, text := range texts {
		bytes, err := hex.DecodeString(text)
		if err != nil {
			return fmt.Errorf("read list: %w", err)
		}
		if (*into)[i], err = of(bytes); err != nil {
			return fmt.Errorf("read list: %w", err)
		}
	}
	return nil
}

// liteArgs returns args as the driver of SQLite takes them.
func liteArgs(args []any) ([]any, error) {
	values := make([]any, 0, len(args))
	for _, arg := range args {
		named, ok := arg.(Args)
		if !ok {
			value, err := toLite(arg)
			if err != nil {
				return nil, err
			}
			values = append(values, value)
			continue
		}
		for name, arg := range named {
			value, err := toLite(arg)
			if err != nil {
				return nil, err
			}
			values = append(values, sql.Named(name, value))
		}
	}
	return values, nil
}

func toLite(arg any) (any, error) {
	switch arg := arg.(type) {
	case formed:
		return toLite(arg.value())
	case time.Time:
		return sqlite.Time(arg), nil
	case time.Duration:
		return arg.Microseconds(), nil
	case uuid.UUID:
		return arg[:], nil
	case []string:
		list, err := json.Marshal(notNil(arg))
		return string(list), err
	case []int64:
		list, err := json.Marshal(notNil(arg))
		return string(list), err
	case []uuid.UUID:
		return hexadecimal(arg, func(id uuid.UUID) []byte { return id[:] })
	case [][]byte:
		return hexadecimal(arg, func(b []byte) []byte { return b })
	default:
		if to, ok := pointed(arg); ok {
			return toLite(to)
		}
		return arg, nil
	}
}

// pointed returns what arg points to, if it does.
func pointed(arg any) (any, bool) {
	v := reflect.ValueOf(arg)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return nil, false
	}
	return v.Elem().Interface(), true
}

// hexadecimal is the inverse of unmarshalBytes.
func hexadecimal[T any](list []T, of func(T) []byte) (any, error) {
	texts := make([]string, len(list))
	for i, each := range list {
		texts[i] = hex.EncodeToString(of(each))
	}
	return toLite(texts)
}
