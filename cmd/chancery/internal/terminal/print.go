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

// List is each of list in JSON.
func List[M proto.Message](list []M) ([]json.RawMessage, error) {
	encoded := make([]json.RawMessage, 0, len(list))
	for _, m := range list {
		each, err := asJSON(m)
		if err != nil {
			return nil, err
		}
		encoded = append(encoded, each)
	}
	return encoded, nil
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
