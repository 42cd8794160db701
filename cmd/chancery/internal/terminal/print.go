package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// JSON writes v as one line of JSON.
func JSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// Proto writes m as one line of JSON with the names of the contracts.
func Proto(w io.Writer, m proto.Message) error {
	encoded, err := asJSON(m)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", encoded)
	return err
}

// asJSON is m in JSON. protojson varies its white space on purpose.
func asJSON(m proto.Message) (json.RawMessage, error) {
	encoded, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, encoded); err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return compact.Bytes(), nil
}

// Output is where a command writes what it has found.
type Output struct {
	io.Writer
	// JSON says that programs read it, and not people.
	JSON bool
}

// List writes a list: for programs below its name, for people in columns.
func List[T any](o Output, name, heading string, list []T, row func(T) []string) error {
	if o.JSON {
		encoded := make([]any, 0, len(list))
		for _, each := range list {
			if m, ok := any(each).(proto.Message); ok {
				text, err := asJSON(m)
				if err != nil {
					return err
				}
				encoded = append(encoded, text)
			} else {
				encoded = append(encoded, each)
			}
		}
		return JSON(o, map[string]any{name: encoded})
	}
	rows := make([][]string, 0, len(list))
	for _, each := range list {
		rows = append(rows, row(each))
	}
	return Table(o, heading, rows)
}

// Table writes rows below a heading, in columns.
func Table(w io.Writer, heading string, rows [][]string) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.ReplaceAll(heading, " ", "\t"))
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}
