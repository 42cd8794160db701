// Package browser ties requests to one browser: by its cookies, and by what its forms
// carry.
//
// It decides nothing about sessions: what a cookie is worth is the authorize service's
// to say. The one thing to get right is that another site can neither read nor set what
// a form is checked against.
package browser

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chancery-auth/chancery/gateway/internal/edge"
	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// Cookies. The __Host- prefix has browsers refuse one that is set by another
// host, or not Secure.
const (
	Session = "__Host-session"
	// SignIn binds the sign-in page to its browser where there is neither a transaction
	// nor a session to bind it to.
	SignIn = "__Host-signin"
	// Once makes a form count once.
	Once = "__Host-once"

	bindingPrefix = "__Host-tx-"
	// devicePrefix begins the cookies by which the directory knows a browser as that
	// of a user, one for each. They outlive sessions, and let nobody in.
	devicePrefix = "__Host-device-"
	// most is how many transactions one browser may have open, and of how many users
	// it is known.
	most = 5
	// maxDeviceBytes is the longest handle that a directory takes.
	maxDeviceBytes = 256
	// deviceAge is longer than a directory remembers a device, in seconds.
	deviceAge = 365 * 24 * 60 * 60
	// maxUserAgent is enough for a person to recognise a session.
	maxUserAgent = 256
	// maxFetchDest is more than the longest destination that there is.
	maxFetchDest = 32
)

// cookies are the cookies of a request in the order in which the browser has them
// (RFC 6265 §5.4: the oldest first), without those that come twice: one of the
// two is somebody else's.
func cookies(r *http.Request) []*http.Cookie {
	all := r.Cookies()
	count := make(map[string]int, len(all))
	for _, c := range all {
		count[c.Name]++
	}
	var single []*http.Cookie
	for _, c := range all {
		if count[c.Name] == 1 {
			single = append(single, c)
		}
	}
	return single
}

// Of returns what ties r to one browser.
func Of(r *http.Request) *authorizev1.Browser {
	b := &authorizev1.Browser{
		AddressBlock: edge.InfoOf(r.Context()).AddressBlock,
		UserAgent:    shorten(r.UserAgent(), maxUserAgent),
		FetchDest:    shorten(r.Header.Get("Sec-Fetch-Dest"), maxFetchDest),
	}
	for _, c := range cookies(r) {
		switch {
		case c.Name == Session:
			b.Session = c.Value
		case strings.HasPrefix(c.Name, bindingPrefix) && len(b.Bindings) < 2*most:
			b.Bindings = append(b.Bindings, c.Value)
		case strings.HasPrefix(c.Name, devicePrefix) && len(b.Devices) < 2*most && len(c.Value) <= maxDeviceBytes:
			b.Devices = append(b.Devices, c.Value)
		}
	}
	return b
}

// shorten cuts s to at most n bytes of valid UTF-8 without control characters.
func shorten(s string, n int) string {
	s = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == utf8.RuneError {
			return -1
		}
		return c
	}, s)
	for len(s) > n {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// nameOf tells the cookie of what from others with the prefix.
func nameOf(prefix, what string) string {
	sum := sha256.Sum256([]byte(what))
	return prefix + hex.EncodeToString(sum[:4])
}

// Cookie returns the value of a cookie, empty if this browser has none.
func Cookie(r *http.Request, name string) string {
	for _, c := range cookies(r) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// Binding returns the binding of a transaction, empty if this browser has none.
func Binding(r *http.Request, transaction string) string {
	return Cookie(r, nameOf(bindingPrefix, transaction))
}

// Bind gives the browser the cookie of a new transaction. Where it has too many,
// the oldest ones go.
func Bind(w http.ResponseWriter, r *http.Request, transaction, binding string, lifetime time.Duration) {
	name := nameOf(bindingPrefix, transaction)
	makeRoom(w, r, bindingPrefix, name)
	set(w, name, binding, int(lifetime.Seconds()))
}

// Unbind takes the cookie of a transaction.
func Unbind(w http.ResponseWriter, transaction string) { Drop(w, nameOf(bindingPrefix, transaction)) }

// keepDevice gives the browser the handle by which the directory knows it as that of
// a user, if there is one. Where it has too many, the oldest ones go.
func keepDevice(w http.ResponseWriter, r *http.Request, handle string) {
	if handle == "" {
		return
	}
	name := nameOf(devicePrefix, handle)
	makeRoom(w, r, devicePrefix, name)
	set(w, name, handle, deviceAge)
}

// makeRoom drops the oldest cookies with the prefix, so that with the one of that
// name there are no more than may be.
func makeRoom(w http.ResponseWriter, r *http.Request, prefix, name string) {
	var others []string
	for _, c := range cookies(r) {
		if strings.HasPrefix(c.Name, prefix) && c.Name != name {
			others = append(others, c.Name)
		}
	}
	for len(others) >= most {
		Drop(w, others[0])
		others = others[1:]
	}
}

// SetForm gives a cookie a new value that forms are bound to, and returns the value.
// Nothing needs it on a request that comes from another site.
func SetForm(w http.ResponseWriter, name string) string {
	value := rand.Text() + rand.Text()
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return value
}

// Drop takes a cookie.
func Drop(w http.ResponseWriter, name string) { set(w, name, "", -1) }

// set sets a cookie of ours. maxAge is in seconds; zero lasts as long as the browser
// runs.
func set(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: maxAge, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}
