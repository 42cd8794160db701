// Package http1 lets through requests of HTTP/1.1 that have one reading (RFC 9112).
// net/http reads more than one server would: lines that end in a line feed alone,
// folded lines, a length beside a transfer coding. A proxy in front of it may find
// another request in them.
//
// It knows heads and lengths, and nothing of what they mean. The one thing to get
// right is that net/http gets no byte after a request before it is known where that
// request ends.
package http1

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
)

const (
	// maxHead is more than the server reads of one head, which it refuses by itself.
	maxHead  = 64 << 10
	readSize = 4 << 10
	headEnd  = "\r\n\r\n"
	// malformed is what net/http answers with 400 before it closes the connection.
	malformed = "malformed\r\n\r\n"
	// unbounded is the length of a body whose end nobody here looks for.
	unbounded = -1
)

var errMalformed = errors.New("request has more than one reading")

// conn passes requests on to the server that reads from it. One that has more than
// one reading is replaced by one that has none.
type conn struct {
	net.Conn
	read   []byte // of the connection, and not passed on
	seen   int    // bytes of read that are known to be of a head
	ready  []byte // to be passed on
	body   int64  // bytes of the body that are yet to be passed on, or unbounded
	ending bool   // nothing comes after ready
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	for len(c.ready) == 0 && c.body == 0 && !c.ending {
		if err := c.nextHead(); err != nil {
			return 0, err
		}
	}
	switch {
	case len(c.ready) > 0:
		n := copy(p, c.ready)
		c.ready = c.ready[n:]
		return n, nil
	case c.ending:
		return 0, io.EOF
	}
	return c.readBody(p)
}

func (c *conn) readBody(p []byte) (n int, err error) {
	if c.body != unbounded {
		p = p[:min(int64(len(p)), c.body)]
	}
	if len(c.read) > 0 {
		n = copy(p, c.read)
		c.read = c.read[n:]
	} else {
		n, err = c.Conn.Read(p)
	}
	if c.body != unbounded {
		c.body -= int64(n)
	}
	return n, err
}

// nextHead makes the next head ready. It may be called again after an error: the
// server interrupts it by a deadline.
func (c *conn) nextHead() error {
	// RFC 9112 §2.2 has empty lines before a request ignored.
	for bytes.HasPrefix(c.read, []byte("\r\n")) {
		c.read = c.read[2:]
	}
	// Those that were half of something are looked at again.
	from := max(0, c.seen-len(headEnd)+1)
	whole, end := false, len(c.read)
	if i := bytes.Index(c.read[from:], []byte(headEnd)); i >= 0 {
		whole, end = true, from+i+len(headEnd)
	}
	length, err := int64(0), checkLineEnds(c.read[:end], from)
	if whole && err == nil {
		length, err = bodyLength(string(c.read[:end-len(headEnd)]))
	}
	c.seen = end
	switch {
	case err != nil:
		c.ready, c.ending = []byte(malformed), true
	case whole && length == unbounded:
		// The connection ends with a body whose end nobody here looks for.
		c.ready = append(bytes.Clone(c.read[:end-len("\r\n")]), "Connection: close"+headEnd...)
		c.read, c.body, c.seen = c.read[end:], unbounded, 0
	case whole:
		c.ready, c.read, c.body, c.seen = c.read[:end], c.read[end:], length, 0
	case len(c.read) > maxHead:
		c.ready, c.ending = c.read, true
	default:
		more := make([]byte, readSize)
		n, err := c.Conn.Read(more)
		c.read = append(c.read, more[:n]...)
		return err
	}
	return nil
}

// checkLineEnds wants each line to end in both characters (RFC 9112 §2.2), beginning at
// a byte of the head. A carriage return at the end may be half of one.
func checkLineEnds(head []byte, from int) error {
	for i := from; i < len(head); i++ {
		switch {
		case head[i] == '\n' && (i == 0 || head[i-1] != '\r'),
			head[i] == '\r' && i+1 < len(head) && head[i+1] != '\n':
			return errMalformed
		}
	}
	return nil
}

// bodyLength is that of the body that follows a head (RFC 9112 §6.3).
func bodyLength(head string) (int64, error) {
	request, fields, _ := strings.Cut(head, "\r\n")
	var lengths, codings []string
	for line := range strings.SplitSeq(fields, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		switch {
		case strings.HasPrefix(line, " "), strings.HasPrefix(line, "\t"):
			return 0, errMalformed // RFC 9112 §5.2
		case strings.EqualFold(name, "Content-Length"):
			lengths = append(lengths, value)
		case strings.EqualFold(name, "Transfer-Encoding"):
			codings = append(codings, value)
		}
	}
	switch {
	case len(lengths)+len(codings) > 1:
		return 0, errMalformed
	case len(lengths) == 1:
		// Without a sign, which ParseUint knows none of.
		length, err := strconv.ParseUint(lengths[0], 10, 62)
		if err != nil {
			return 0, errMalformed
		}
		return int64(length), nil
	case len(codings) == 0:
		return 0, nil
	case !strings.EqualFold(codings[0], "chunked"), !strings.HasSuffix(request, " HTTP/1.1"):
		return 0, errMalformed
	}
	return unbounded, nil
}

// CloseWrite has the client read the answer to what is not read to its end.
func (c *conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}
