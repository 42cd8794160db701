// Package terminal is how a command talks to people, and to scripts.
package terminal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Streams are what a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// To returns where a command writes that was asked for JSON, or not.
func (s Streams) To(json bool) Output { return Output{s.Out, json} }

// Confirm asks the person at the terminal. Scripts have nobody to ask, and say
// --yes.
func Confirm(s Streams, what string) error {
	file, ok := s.In.(*os.File)
	if !ok || !terminal(file) {
		return errors.New("there is no terminal to ask at: say --yes")
	}
	fmt.Fprintf(s.Err, "%s Continue? [y/N] ", what)
	answer, err := bufio.NewReader(file).ReadString('\n')
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return errors.New("nothing was changed")
	}
	return nil
}

// terminal reports whether somebody may sit at file.
func terminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
