package edge

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// The limits of a request.
const (
	maxLineBytes   = 8 << 10
	maxHeaders     = 100
	maxHeaderBytes = 32 << 10
	maxBodyBytes   = 64 << 10
)

// check is one rule of the edge. It returns why it says no, or nil.
type check struct {
	name string // what holds once it has passed
	run  func(http.ResponseWriter, *http.Request, *Route) *Refusal
}

// checks is every rule in its order: the first that says no answers. What costs
// most, reading the body, comes last.
func checks() []check {
	return []check{
		{"the method is the route's", methodAllowed},
		{"the headers are few and short", headersSmall},
		{"the body is not encoded", bodyPlain},
		{"the body is short", bodyShort},
	}
}

func methodAllowed(w http.ResponseWriter, r *http.Request, route *Route) *Refusal {
	if slices.Contains(route.Methods, r.Method) || route.Head && r.Method == http.MethodHead {
		return nil
	}
	allowed := route.Methods
	if route.Head {
		allowed = slices.Concat(allowed, []string{http.MethodHead})
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return &Refusal{http.StatusMethodNotAllowed, "the method is not allowed here"}
}

// requestLineShort comes before all checks, and holds for paths that are no route's.
func requestLineShort(r *http.Request) *Refusal {
	if len(r.Method)+len(r.RequestURI)+len(r.Proto)+2 > maxLineBytes {
		return &Refusal{http.StatusRequestURITooLong, "the address is longer than 8 KiB"}
	}
	return nil
}

// headersSmall counts exactly; the server's own limit leaves some slack.
func headersSmall(_ http.ResponseWriter, r *http.Request, _ *Route) *Refusal {
	n, size := 0, 0
	for name, values := range r.Header {
		n += len(values)
		for _, v := range values {
			size += len(name) + len(v) + len(": \r\n")
		}
	}
	if n > maxHeaders || size > maxHeaderBytes {
		return &Refusal{http.StatusRequestHeaderFieldsTooLarge, "the request has more than 100 headers or 32 KiB of them"}
	}
	return nil
}

// bodyPlain refuses compressed bodies, whose size is not what it seems.
func bodyPlain(_ http.ResponseWriter, r *http.Request, _ *Route) *Refusal {
	for _, coding := range r.Header.Values("Content-Encoding") {
		if !strings.EqualFold(coding, "identity") {
			return &Refusal{http.StatusBadRequest, "the body must not have a content coding"}
		}
	}
	return nil
}

// bodyShort reads the body, so that its limit holds for one of unknown length
// too, and a handler gets all of it or is not called.
func bodyShort(w http.ResponseWriter, r *http.Request, route *Route) *Refusal {
	limit := cmp.Or(route.Body, maxBodyBytes)
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	if r.ContentLength > limit {
		return bodyTooLong(w, limit)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	switch {
	case err != nil:
		return &Refusal{http.StatusBadRequest, "the body did not arrive"}
	case int64(len(body)) > limit:
		return bodyTooLong(w, limit)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	return nil
}

func bodyTooLong(w http.ResponseWriter, limit int64) *Refusal {
	w.Header().Set("Connection", "close")
	return &Refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is longer than %d KiB", limit>>10)}
}
