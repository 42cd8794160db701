package http1_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/chancery-auth/chancery/gateway/internal/http1"
)

// stream is a connection that brings what a reader has.
type stream struct {
	net.Conn
	io.Reader
}

func (s stream) Read(p []byte) (int, error) { return s.Reader.Read(p) }

// once is a listener with one connection.
type once struct {
	net.Listener
	conn net.Conn
}

func (l once) Accept() (net.Conn, error) { return l.conn, nil }

// through is what the server gets of what a client sends.
func through(t testing.TB, sent io.Reader) net.Conn {
	t.Helper()
	c, err := http1.Listen(new(http.Server), once{conn: stream{Reader: sent}}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const refused = "malformed\r\n\r\n"

func TestN243_RequestsHaveOneReading(t *testing.T) {
	const get, post = "GET / HTTP/1.1\r\nHost: a\r\n", "POST / HTTP/1.1\r\nHost: a\r\n"
	for _, tt := range []struct{ name, sent, want string }{
		{"no body", get + "\r\n", get + "\r\n"},
		{"body", post + "Content-Length: 3\r\n\r\na\nb", post + "Content-Length: 3\r\n\r\na\nb"},
		{"body and the next request", post + "content-length:3 \r\n\r\na=b" + get + "\r\n", post + "content-length:3 \r\n\r\na=b" + get + "\r\n"},
		{"a line before the request", "\r\n" + get + "\r\n", get + "\r\n"},
		{"a colon in a value", get + "X: a:b\r\n\r\n", get + "X: a:b\r\n\r\n"},
		{"chunks end the connection", post + "Transfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", post + "Transfer-Encoding: Chunked\r\nConnection: close\r\n\r\n1\r\na\r\n0\r\n\r\n"},
		{"half a head", get, ""},

		{"a line feed alone", "GET / HTTP/1.1\nHost: a\r\n\r\n", refused},
		{"line feeds alone", "GET / HTTP/1.1\nHost: a\n\n", refused},
		{"a line feed alone at the end", get + "\n", refused},
		{"a line feed first", "\n" + get + "\r\n", refused},
		{"a carriage return alone", get + "X: a\rY: b\r\n\r\n", refused},
		{"two carriage returns", get + "X: a\r\r\n\r\n", refused},
		{"a folded field", get + "X: a\r\n b\r\n\r\n", refused},
		{"a field folded by a tab", get + "X: a\r\n\tb\r\n\r\n", refused},
		{"length and coding", post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refused},
		{"coding and length", post + "transfer-encoding: chunked\r\nCONTENT-LENGTH: 3\r\n\r\n0\r\n\r\n", refused},
		{"two lengths", post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\na=bc", refused},
		{"one length twice", post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\na=b", refused},
		{"a list of lengths", post + "Content-Length: 3, 3\r\n\r\na=b", refused},
		{"no length", post + "Content-Length:\r\n\r\na=b", refused},
		{"a length with a sign", post + "Content-Length: +3\r\n\r\na=b", refused},
		{"a negative length", post + "Content-Length: -3\r\n\r\na=b", refused},
		{"a length beyond all", post + "Content-Length: 9223372036854775808\r\n\r\na=b", refused},
		{"a length in hex", post + "Content-Length: 0x3\r\n\r\na=b", refused},
		{"an unknown coding", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", refused},
		{"codings", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", refused},
		{"two codings", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", refused},
		{"chunks in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", refused},
		{"the second of two", get + "\r\n" + get + "X: a\r\n b\r\n\r\n" + get + "\r\n", get + "\r\n" + refused},
		{"after a body", post + "Content-Length: 1\r\n\r\naGET / HTTP/1.1\n\n", post + "Content-Length: 1\r\n\r\na" + refused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for how, sent := range map[string]io.Reader{
				"at once": strings.NewReader(tt.sent), "byte by byte": iotest.OneByteReader(strings.NewReader(tt.sent)),
			} {
				got, err := io.ReadAll(through(t, sent))
				if string(got) != tt.want || err != nil {
					t.Errorf("%s: the server reads %q, %v, want %q", how, got, err, tt.want)
				}
			}
		})
	}
}

// A head that is too long is for the server to refuse, which reads no further.
func TestN013_LongHeadsAreLeftToTheServer(t *testing.T) {
	sent := "GET / HTTP/1.1\r\nX: " + strings.Repeat("a", 1<<20)
	got, err := io.ReadAll(through(t, strings.NewReader(sent)))
	if err != nil || !strings.HasPrefix(sent, string(got)) || len(got) < 36<<10 || len(got) > 128<<10 {
		t.Errorf("the server reads %d bytes, %v", len(got), err)
	}
}

// interrupted brings each part after an error of its own.
type interrupted struct{ parts []string }

func (r *interrupted) Read(p []byte) (int, error) {
	if len(r.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.parts[0])
	r.parts = r.parts[1:]
	return n, os.ErrDeadlineExceeded
}

// A server interrupts a read by a deadline, and goes on with it later.
func TestAReadGoesOnAfterADeadline(t *testing.T) {
	c := through(t, &interrupted{[]string{"POST / HTTP/1.1\r\nContent-", "Length: 2\r\n\r\na", "b"}})
	const want = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"
	var got []byte
	deadlines := 0
	for {
		b := make([]byte, 100)
		n, err := c.Read(b)
		got = append(got, b[:n]...)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			deadlines++
		} else if err != nil {
			break
		}
	}
	if string(got) != want || deadlines != 3 {
		t.Errorf("the server reads %q after %d deadlines, want %q after 3", got, deadlines, want)
	}
}

// What the server gets is what came, as far as it has one reading.
func FuzzConn(f *testing.F) {
	for _, seed := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na=bGET / HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n", "\r\n\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		got, err := io.ReadAll(through(t, bytes.NewReader(sent)))
		if err != nil {
			t.Fatalf("Read() = %v", err)
		}
		again, err := io.ReadAll(through(t, iotest.OneByteReader(bytes.NewReader(sent))))
		if err != nil || !bytes.Equal(again, got) {
			t.Errorf("byte by byte the server reads %q, %v, and at once %q", again, err, got)
		}
		r := bufio.NewReader(bytes.NewReader(got))
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return // the server answers 400, and reads no further
			}
			if len(req.TransferEncoding) > 0 {
				if !req.Close {
					t.Errorf("the connection of %q goes on after chunks", sent)
				}
				return
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil {
				return // the client has not sent it all
			}
		}
	})
}
