package client

import (
	"cmp"
	"time"

	"github.com/chancery-auth/chancery/pkg/preset"
	registryv1 "github.com/chancery-auth/chancery/proto/chancery/registry/v1"
)

// Refresh is how refresh tokens of a client rotate.
type Refresh struct {
	// Rotation is "always", "threshold" or "never". With the second, a token is replaced
	// once the part Threshold of its lifetime has passed.
	Rotation  string
	Threshold float64
	// Grace is how long the predecessor of a token that was not used yet is good, and
	// Window how long any predecessor is; zero for strict.
	Grace, Window time.Duration
	// Unasked: the client has refresh tokens without the scope offline_access.
	Unasked bool
}

// lifetimesOf are those of the client's access and refresh tokens: its own, else
// those of its kind, else the preset's.
func lifetimesOf(m *registryv1.Client, p preset.Preset) (access, refresh time.Duration) {
	kind := p.Clients.Kind(m.GetClientKind())
	access = cmp.Or(m.GetAccessTokenLifetime().AsDuration(), kind.AccessToken, p.Lifetimes.AccessToken)
	refresh = cmp.Or(m.GetRefreshTokenLifetime().AsDuration(), kind.RefreshToken, p.Lifetimes.RefreshToken)
	return access, refresh
}

func refreshOf(m *registryv1.Client, p preset.Preset) Refresh {
	r := Refresh{Rotation: p.Refresh.Confidential, Threshold: p.Refresh.Threshold, Grace: p.Refresh.Grace, Unasked: p.Refresh.Unasked}
	if Public(m) {
		r.Rotation = p.Refresh.Public
	}
	r.Rotation = cmp.Or(m.GetRefreshRotation(), r.Rotation)
	if m.RefreshGrace != nil {
		r.Grace = m.GetRefreshGrace().AsDuration()
	}
	if r.Window = windowOf(m, p); r.Window > 0 {
		r.Grace = 0
	}
	return r
}

// windowOf is the client's window, else that of its kind, else the preset's; zero
// for strict.
func windowOf(m *registryv1.Client, p preset.Preset) time.Duration {
	if m.RefreshWindow != nil {
		return m.GetRefreshWindow().AsDuration()
	}
	switch w := cmp.Or(p.Clients.Kind(m.GetClientKind()).Window, p.Refresh.Window); w {
	case preset.WindowStrict:
		return 0
	case preset.WindowAuto:
		return usualWindow(m, p)
	default:
		return time.Duration(w)
	}
}

// longestUsualWindow bounds the window that nobody has asked for.
const longestUsualWindow = 30 * time.Minute

// usualWindow is the window of clients that often run as several processes, beside
// half an access token's life: they all refresh by then. It is no longer than a
// refresh token lives. A client with a grace of its own has already
// said what reuse leads to after it.
func usualWindow(m *registryv1.Client, p preset.Preset) time.Duration {
	several := m.GetClientKind() == preset.KindMCP || native(m)
	if !several || m.RefreshGrace != nil || p.Refresh.Grace == 0 {
		return 0
	}
	access, refresh := lifetimesOf(m, p)
	return min(longestUsualWindow, access/2, refresh)
}
