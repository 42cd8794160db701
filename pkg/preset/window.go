package preset

import (
	"fmt"
	"time"

	"github.com/chancery-auth/chancery/pkg/strictyaml"
)

// Window is how reuse of a refresh token is judged: for how long after its
// replacement a token yields the one in use; or [WindowAuto], or [WindowStrict].
type Window time.Duration

const (
	// WindowAuto leaves it to what the client is.
	WindowAuto Window = 0
	// WindowStrict knows no window: reuse ends the authorization.
	WindowStrict Window = -1
)

// LongestWindow bounds for how long a stolen token that was replaced could be of
// use.
const LongestWindow = 24 * time.Hour

// The words for windows that are no durations.
const (
	windowAuto   = "auto"
	windowStrict = "strict"
)

// String is the window as [Parse] reads it.
func (w Window) String() string {
	switch w {
	case WindowAuto:
		return windowAuto
	case WindowStrict:
		return windowStrict
	}
	return strictyaml.Short(time.Duration(w))
}

// check refuses a window that is too short to mean anything, or too long.
func (w Window) check() error {
	if w == WindowAuto || w == WindowStrict {
		return nil
	}
	return strictyaml.Within(time.Duration(w), time.Second, LongestWindow)
}

// fits refuses a window longer than the refresh tokens of those who have it: the
// one in use could expire before it is replaced.
func (w Window) fits(lifetime time.Duration) error {
	if time.Duration(w) <= lifetime {
		return nil
	}
	return fmt.Errorf("the window, %s, is longer than refresh tokens live, %s", w, strictyaml.Short(lifetime))
}

// windowForm is how windows are read and written.
func windowForm() strictyaml.Scalar {
	return strictyaml.Scalar{
		Want: "auto, strict, or a duration with its unit, such as 20m", Text: true,
		Parse: func(text string) (any, error) {
			switch text {
			case windowAuto:
				return WindowAuto, nil
			case windowStrict:
				return WindowStrict, nil
			}
			d, err := time.ParseDuration(text)
			if err == nil && Window(d) <= WindowAuto {
				err = strictyaml.Within(d, time.Second, LongestWindow)
			}
			return Window(d), err
		},
	}
}
