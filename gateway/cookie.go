package gateway

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
	sessionCookie = "__Host-session"
	// signInCookie binds the sign-in page to its browser where there is neither a
	// transaction nor a session to bind it to.
	signInCookie = "__Host-signin"
	// onceCookie makes a form count once.
	onceCookie    = "__Host-once"
	bindingPrefix = "__Host-tx-"
	// maxBindings is how many transactions one browser may have open.
	maxBindings = 5
	// devicePrefix begins the cookies by which the directory knows a browser as that
	// of a user, one for each. They outlive sessions, and let nobody in.
	devicePrefix = "__Host-device-"
	// maxDevices is of how many users one browser is known.
	maxDevices = 5
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

// browserOf is what ties r to one browser.
func browserOf(r *http.Request) *authorizev1.Browser {
	b := &authorizev1.Browser{
		AddressBlock: edge.InfoOf(r.Context()).AddressBlock,
		UserAgent:    shorten(r.UserAgent(), maxUserAgent),
		FetchDest:    shorten(r.Header.Get("Sec-Fetch-Dest"), maxFetchDest),
	}
	for _, c := range cookies(r) {
		switch {
		case c.Name == sessionCookie:
			b.Session = c.Value
		case strings.HasPrefix(c.Name, bindingPrefix) && len(b.Bindings) < 2*maxBindings:
			b.Bindings = append(b.Bindings, c.Value)
		case strings.HasPrefix(c.Name, devicePrefix) && len(b.Devices) < 2*maxDevices && len(c.Value) <= maxDeviceBytes:
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

// bindingName is the name of the cookie that binds a browser to transaction.
func bindingName(transaction string) string { return nameOf(bindingPrefix, transaction) }

// nameOf tells the cookie of what from others with the prefix.
func nameOf(prefix, what string) string {
	sum := sha256.Sum256([]byte(what))
	return prefix + hex.EncodeToString(sum[:4])
}

// bindingOf returns the binding of transaction, empty if this browser has none.
func bindingOf(r *http.Request, transaction string) string {
	return cookieOf(r, bindingName(transaction))
}

// cookieOf returns the value of a cookie, empty if this browser has none.
func cookieOf(r *http.Request, name string) string {
	for _, c := range cookies(r) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// bind gives the browser the cookie of a new transaction. Where it has too many,
// the oldest ones go.
func bind(w http.ResponseWriter, r *http.Request, transaction, binding string, lifetime time.Duration) {
	makeRoom(w, r, bindingPrefix, bindingName(transaction), maxBindings)
	setCookie(w, bindingName(transaction), binding, int(lifetime.Seconds()))
}

// keepDevice gives the browser the handle by which the directory knows it as that of
// a user, if there is one. Where it has too many, the oldest ones go.
func keepDevice(w http.ResponseWriter, r *http.Request, handle string) {
	if handle == "" {
		return
	}
	name := nameOf(devicePrefix, handle)
	makeRoom(w, r, devicePrefix, name, maxDevices)
	setCookie(w, name, handle, deviceAge)
}

// makeRoom drops the oldest cookies with the prefix, so that with the one of that
// name there are at most as many as given.
func makeRoom(w http.ResponseWriter, r *http.Request, prefix, name string, most int) {
	var others []string
	for _, c := range cookies(r) {
		if strings.HasPrefix(c.Name, prefix) && c.Name != name {
			others = append(others, c.Name)
		}
	}
	for len(others) >= most {
		dropCookie(w, others[0])
		others = others[1:]
	}
}

// setFormCookie gives a cookie a new value that forms are bound to, and returns
// the value. Nothing needs it on a request that comes from another site.
func setFormCookie(w http.ResponseWriter, name string) string {
	value := rand.Text() + rand.Text()
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/",
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	return value
}

// setCookie sets a cookie of ours. maxAge is in seconds; zero lasts as long as
// the browser runs.
func setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func dropCookie(w http.ResponseWriter, name string) { setCookie(w, name, "", -1) }
