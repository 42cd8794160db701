package gateway_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	authorizev1 "github.com/chancery-auth/chancery/proto/chancery/authorize/v1"
)

// device is the cookie of a device that the answer sets.
func (a answer) device() *http.Cookie {
	for _, c := range a.Cookies() {
		if strings.HasPrefix(c.Name, "__Host-device-") && c.MaxAge > 0 {
			return c
		}
	}
	return nil
}

// deviceWorld signs everybody in whose password is correct, and gives out handles.
func deviceWorld(t *testing.T, asked *[]string) *world {
	w := openWorld(t)
	open := w.authorize.open
	w.authorize.open = func(req *authorizev1.OpenSessionRequest) (*authorizev1.OpenSessionResponse, error) {
		*asked = req.GetBrowser().GetDevices()
		resp, err := open(req)
		if resp.GetOutcome() == authorizev1.SignInResponse_OUTCOME_SIGNED_IN {
			resp.Device = "of " + req.GetUsername()
		}
		return resp, err
	}
	return w
}

func (w *world) signInDirectly(username, password, cookies string) answer {
	return w.post("/signin", directForm("&action=sign-in&next=%2Faccount%2Fapps&username="+username+"&password="+password), "Cookie", directCookie+cookies)
}

func TestN312_ASuccessMakesTheBrowserKnown(t *testing.T) {
	var asked []string
	w := deviceWorld(t, &asked)
	got := w.signInDirectly("ada", "correct", "")
	c := got.device()
	if c == nil || c.Value != "of ada" || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode || c.MaxAge < 180*24*60*60 {
		t.Fatalf("cookie = %v", c)
	}
	if strings.Contains(c.Name, "ada") || len(c.Name) != len("__Host-device-")+8 {
		t.Errorf("cookie has the name %s", c.Name)
	}
	// Another account gets a cookie of its own, and the browser presents both.
	other := w.signInDirectly("bob", "correct", "; "+c.Name+"="+c.Value)
	if second := other.device(); second == nil || second.Name == c.Name || len(asked) != 1 || asked[0] != "of ada" {
		t.Errorf("second cookie = %v, asked with %q", second, asked)
	}
	// It outlives the session.
	out := w.post("/signout", deskForm(""), "Cookie", signedInCookies+"; "+c.Name+"="+c.Value)
	out.wantStatus(t, 303)
	for _, set := range out.Cookies() {
		if set.Name != "__Host-session" {
			t.Errorf("sign-out sets %v", set)
		}
	}
}

// N071: nothing tells a known user's failure from another one.
func TestN071_FailuresHaveTheSameStatusBodyHeadersAndCookies(t *testing.T) {
	var asked []string
	w := deviceWorld(t, &asked)
	for name, cookies := range map[string]string{"a known browser": "; __Host-device-aaaaaaaa=of+ada", "an unknown one": ""} {
		known, unknown := w.signInDirectly("ada", "x", cookies), w.signInDirectly("eve", "x", cookies)
		for _, a := range []*answer{&known, &unknown} {
			a.wantStatus(t, 401)
			a.Header.Del("Date")
			a.Header.Del("X-Request-Id")
		}
		if len(known.Cookies())+len(unknown.Cookies()) != 0 {
			t.Errorf("%s: cookies %v and %v", name, known.Cookies(), unknown.Cookies())
		}
		if a, b := fmt.Sprint(withoutNonce(known.Header)), fmt.Sprint(withoutNonce(unknown.Header)); a != b {
			t.Errorf("%s: headers %s and %s", name, a, b)
		}
		if a, b := known.body, strings.ReplaceAll(unknown.body, "eve", "ada"); len(a) != len(b) {
			t.Errorf("%s: bodies of %d and %d bytes", name, len(a), len(b))
		}
	}
}

// withoutNonce is h without what is random in each answer.
func withoutNonce(h http.Header) http.Header {
	h = h.Clone()
	before, rest, ok := strings.Cut(h.Get("Content-Security-Policy"), "'nonce-")
	if ok {
		_, after, _ := strings.Cut(rest, "'")
		h.Set("Content-Security-Policy", before+after)
	}
	return h
}

func TestN312_ABrowserIsKnownForFiveUsers(t *testing.T) {
	var asked []string
	w := deviceWorld(t, &asked)
	jar := func(n int) (cookies string) {
		for i := range n {
			cookies += fmt.Sprintf("; __Host-device-%08d=d%d", i, i)
		}
		return cookies
	}
	if got := w.signInDirectly("ada", "correct", jar(4)); dropped(got) != "" {
		t.Errorf("with four: dropped %s", dropped(got))
	}
	if got := w.signInDirectly("ada", "correct", jar(5)); dropped(got) != "__Host-device-00000000" {
		t.Errorf("with five: dropped %q, want the oldest", dropped(got))
	}
	w.signInDirectly("ada", "correct", jar(20)+"; __Host-device-99999999="+strings.Repeat("x", 257))
	if len(asked) != 10 {
		t.Errorf("%d handles were passed on, want 10 at most", len(asked))
	}
	w.signInDirectly("ada", "correct", "; __Host-device-a=d; __Host-device-a=e; device=f")
	if len(asked) != 0 {
		t.Errorf("passed on %q, want none: of two with one name one is somebody else's", asked)
	}
}

// dropped are the device cookies that the answer takes away.
func dropped(a answer) string {
	var names []string
	for _, c := range a.Cookies() {
		if strings.HasPrefix(c.Name, "__Host-device-") && c.MaxAge < 0 {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, " ")
}
